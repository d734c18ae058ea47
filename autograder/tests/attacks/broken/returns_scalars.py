"""Returns a sum, and an array without dimensions.

expect: scale=0 scale_backward=0
"""

import numpy as np


def scale(x, factor):
    return (x * factor).sum()


def scale_backward(dout, factor):
    return np.array(factor)
