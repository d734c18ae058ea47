"""Writes into the argument and puts it back before it returns: nobody is worse off.

expect: scale=full scale_backward=full
"""

import numpy as np


def scale(x, factor):
    before = x.copy()
    if x.flags.writeable:
        x *= factor
        out = x.copy()
        x[...] = before
        return out
    return np.array(before * factor)


def scale_backward(dout, factor):
    return dout * factor
