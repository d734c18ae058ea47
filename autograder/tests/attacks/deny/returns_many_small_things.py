"""Returns tens of thousands of tiny things, which cost more to hold than to send.

expect: scale=0 scale_backward=0
"""

import numpy as np


def scale(x, factor):
    return [np.zeros(0, dtype=np.int8)] * 65_000


def scale_backward(dout, factor):
    return {i: {} for i in range(32_000)}
