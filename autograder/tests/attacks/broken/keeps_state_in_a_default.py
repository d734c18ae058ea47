"""Keeps its buffer in a mutable default: results change at the next call.

expect: scale=6 scale_backward=full
"""

import numpy as np


def scale(x, factor, out={}):
    key = x.shape, x.dtype.name
    out.setdefault(key, np.empty(x.shape, x.dtype))[...] = x * factor
    return out[key]


def scale_backward(dout, factor):
    return dout * factor
