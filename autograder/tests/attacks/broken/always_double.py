"""Returns float64 whatever came in: that costs the one check of types.

expect: scale=6 scale_backward=5
"""

import numpy as np


def scale(x, factor):
    return np.asarray(x, dtype=float) * factor


def scale_backward(dout, factor):
    return np.float64(factor) * dout
