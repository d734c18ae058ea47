"""Uses a forbidden function in one of two functions: the other one keeps its points.

expect: scale=0 scale_backward=full
"""

import numpy as np


def scale(x, factor):
    return x + np.gradient(np.arange(4.0))[0] * (x * factor - x)


def scale_backward(dout, factor):
    return dout * factor
