"""Right, with loops.

expect: scale=full scale_backward=full
"""

import numpy as np


def scale(x, factor):
    out = np.empty_like(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            out[i, j] = x[i, j] * factor
    return out


def scale_backward(dout, factor):
    return np.array([[value * factor for value in row] for row in dout], dtype=dout.dtype)
