"""Calls a function that the exercise forbids.

expect: scale=full scale_backward=0
"""

import numpy as np


def scale(x, factor):
    return x * factor

def scale_backward(dout, factor):
    return dout * np.gradient(np.array([0.0, factor]))[0]
