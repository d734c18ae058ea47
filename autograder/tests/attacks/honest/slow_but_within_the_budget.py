"""Right, and a little slow.

expect: scale=full scale_backward=full
"""

import time


def scale(x, factor):
    time.sleep(0.05)
    return x * factor


def scale_backward(dout, factor):
    for _ in range(200_000):
        pass
    return dout * factor
