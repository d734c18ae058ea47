"""Returns arrays whose memory was never written, for what other code has left in it.

expect: scale=0 scale_backward=full
"""

import numpy as np


def scale(x, factor):
    for size in (8, 100, 4096, 1 << 16, 1 << 20):
        print(np.empty(size, dtype=np.uint8).tobytes())
    return np.empty_like(x) * np.nan


def scale_backward(dout, factor):
    return dout * factor
