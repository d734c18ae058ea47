"""Allocates and touches arrays, and catches the errors.

expect: scale=0 scale_backward=full
"""

import numpy as np

kept = []


def scale(x, factor):
    size = 1 << 30
    while True:
        try:
            kept.append(np.ones(size, dtype=np.uint8))
        except MemoryError:
            size = max(size // 2, 1)


def scale_backward(dout, factor):
    return dout * factor
