"""Computes in extended precision: right numbers of a type that nobody asked for.

expect: scale=6 scale_backward=5
"""

import numpy as np


def scale(x, factor):
    return x.astype(np.longdouble) * np.longdouble(factor)


def scale_backward(dout, factor):
    return dout.astype(np.longdouble) * factor
