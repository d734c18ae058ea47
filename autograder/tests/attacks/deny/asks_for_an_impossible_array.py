"""Asks for an array of a petabyte: an ordinary MemoryError.

expect: scale=0 scale_backward=full
status: over_memory
"""

import numpy as np


def scale(x, factor):
    return np.zeros(1 << 47)


def scale_backward(dout, factor):
    return dout * factor
