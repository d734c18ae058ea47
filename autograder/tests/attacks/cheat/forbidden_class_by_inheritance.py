"""Inherits from a class that this one exercise forbids, instead of calling it.

expect: scale=full scale_backward=0
"""

import numpy as np


def scale(x, factor):
    return x * factor

class Line(np.poly1d):
    pass

def scale_backward(dout, factor):
    return dout * dout.dtype.type(Line([factor, 0.0]).deriv()(0.0))
