"""Returns zeros, ones, the argument or its shape: knowing nothing earns nothing.

expect: scale=0 scale_backward=0
"""

import numpy as np


def scale(x, factor):
    return np.zeros_like(x)


def scale_backward(dout, factor):
    return dout
