"""Right, with results of subclasses of arrays: matrices, masked arrays, records.

expect: scale=full scale_backward=full
"""

import warnings

import numpy as np


class Named(np.ndarray):
    name = ""

    def __array_finalize__(self, other):
        self.name = getattr(other, "name", "")


def scale(x, factor):
    out = (x * factor).view(Named)
    out.name = "out"
    return out


def scale_backward(dout, factor):
    return np.ma.masked_array(dout * factor, mask=False)
