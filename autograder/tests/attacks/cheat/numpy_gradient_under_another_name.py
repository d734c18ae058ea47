"""Calls a forbidden function through an alias of an alias.

expect: scale=full scale_backward=0
"""

import numpy as np
from numpy import gradient as slope

d = slope
numpy_of_mine = np


def scale(x, factor):
    return x * factor

def helper(y):
    return d(y)


def scale_backward(dout, factor):
    return dout * helper(numpy_of_mine.array([0.0, factor]))[0]
