"""Right, with random numbers that cancel.

expect: scale=full scale_backward=full
"""

import random

import numpy as np

rng = np.random.default_rng(0)
np.random.seed(1)
random.seed(2)


def scale(x, factor):
    order = rng.permutation(len(x))
    out = np.empty_like(x)
    out[order] = x[order] * factor
    return out


def scale_backward(dout, factor):
    keep = np.random.rand(*dout.shape) < random.random()
    return np.where(keep, dout, dout) * factor
