"""Right, with operations in place on a copy.

expect: scale=full scale_backward=full
"""

import numpy as np


def scale(x, factor):
    out = x.copy()
    out *= factor
    return out


def scale_backward(dout, factor):
    dx = np.zeros_like(dout)
    dx += factor
    np.multiply(dx, dout, out=dx)
    return dx
