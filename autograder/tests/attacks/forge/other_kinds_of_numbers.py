"""Returns right values as complex and extended numbers: complex ones are no real numbers.

expect: scale=0 scale_backward=0
"""

import numpy as np


def scale(x, factor):
    return (x * factor).astype(complex)


def scale_backward(dout, factor):
    return np.array([[str(v) for v in row] for row in dout * factor])
