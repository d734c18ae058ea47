"""Differentiates by a complex step, which is exact and needs no derivation: a person looks.

expect: scale=full scale_backward=full
review: yes
"""

import numpy as np


def scale(x, factor):
    return x * factor

def scale_backward(dout, factor):
    x = np.ones(dout.shape) + 1e-20j
    return (dout * (scale(x, factor).imag / 1e-20)).astype(dout.dtype)
