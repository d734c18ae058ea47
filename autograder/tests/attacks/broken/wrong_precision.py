"""Computes in float16, and in float32 whatever came in.

expect: scale=0 scale_backward=0
"""

import numpy as np


def scale(x, factor):
    return x.astype(np.float16) * np.float16(factor)


def scale_backward(dout, factor):
    return (dout.astype(np.float32) * np.float32(factor)).astype(np.float32)
