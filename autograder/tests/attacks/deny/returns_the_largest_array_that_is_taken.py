"""Returns an array as large as is taken every time, to fill the grader's memory with what it keeps.

expect: scale=0 scale_backward=0
"""

import numpy as np


def scale(x, factor):
    return np.ones((16 << 20) // 8 - 100)


def scale_backward(dout, factor):
    return [np.ones((8 << 20) // 8 - 100), np.ones((8 << 20) - 100, dtype=np.int8)]
