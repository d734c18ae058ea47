"""Right, with vectorize, frompyfunc and apply_along_axis.

expect: scale=full scale_backward=full
"""

import numpy as np


def scale(x, factor):
    return np.vectorize(lambda v: v * factor, otypes=[x.dtype])(x)


def scale_backward(dout, factor):
    rows = np.frompyfunc(lambda v: v * factor, 1, 1)(dout).astype(dout.dtype)
    return np.apply_along_axis(lambda row: row, 1, rows)
