"""Computes with arrays of Python objects: they hold no numbers that can be sent.

expect: scale=0 scale_backward=0
"""

import numpy as np


def scale(x, factor):
    return x.astype(object) * factor


def scale_backward(dout, factor):
    return np.array([[v * factor for v in row] for row in dout.tolist()], dtype=object)
