"""Returns views of an argument that it has changed.

expect: scale=6 scale_backward=full
"""

import numpy as np


def scale(x, factor):
    if x.flags.writeable:
        x[...] = x * factor
        return x[:]
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
