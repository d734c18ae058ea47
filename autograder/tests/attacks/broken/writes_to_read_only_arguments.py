"""Works in place on a copy that is none.

expect: scale=6 scale_backward=full
"""

import numpy as np


def scale(x, factor):
    out = np.asarray(x)
    out *= factor
    return out


def scale_backward(dout, factor):
    return dout * factor
