"""Returns arrays of a hundred megabytes for eight numbers.

expect: scale=0 scale_backward=full
"""

import numpy as np


def scale(x, factor):
    return np.ones(13_000_000)


def scale_backward(dout, factor):
    return dout * factor
