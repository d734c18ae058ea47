"""Reads its answer from a file that it hopes to have handed in as well.

expect: scale=0 scale_backward=full
review: yes
"""

import numpy as np


def scale(x, factor):
    return x * np.load("weights.npz")["one"] * factor


def scale_backward(dout, factor):
    return dout * factor
