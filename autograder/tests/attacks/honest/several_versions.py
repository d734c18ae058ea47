"""Right in the last of several versions, with earlier attempts left in.

expect: scale=full scale_backward=full
"""

import numpy as np


def scale(x, factor):
    raise NotImplementedError("scale is yours to write")


def scale(x, factor):
    return x + factor


def scale_v2(x, factor):
    return np.asarray(x) * factor


old = scale
scale = scale_v2


def scale_backward(dout, factor):
    return None


del scale_backward


def scale_backward(dout, factor):
    return dout * factor
