"""Right, with a pool of threads where they may be had, which is no crime.

expect: scale=full scale_backward=full
review: yes
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np


def scale(x, factor):
    try:
        with ThreadPoolExecutor(2) as pool:
            return np.stack(list(pool.map(lambda row: row * factor, x)))
    except RuntimeError:
        return x * factor


def scale_backward(dout, factor):
    return dout * factor
