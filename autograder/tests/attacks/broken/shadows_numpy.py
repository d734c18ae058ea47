"""Uses the name of NumPy for something else, further down in the file.

expect: scale=0 scale_backward=full
"""

import numpy as np


def scale(x, factor):
    return np.multiply(x, factor)


def scale_backward(dout, factor):
    return dout * factor

np = [1, 2, 3]
