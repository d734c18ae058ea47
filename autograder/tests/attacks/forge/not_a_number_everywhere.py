"""Returns NaN and infinities, which compare false with everything and break careless tolerances.

expect: scale=0 scale_backward=0
"""

import numpy as np


def scale(x, factor):
    return np.full(x.shape, np.nan, dtype=x.dtype)


def scale_backward(dout, factor):
    return np.where(dout > 0, np.inf, -np.inf).astype(dout.dtype)
