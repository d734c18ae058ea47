"""Returns half a million tiny arrays, which cost more to hold than to send.

expect: scale=0 scale_backward=0
"""

import numpy as np


def scale(x, factor):
    return [np.zeros(0, dtype=np.int8)] * 500_000


def scale_backward(dout, factor):
    return {i: {} for i in range(250_000)}
