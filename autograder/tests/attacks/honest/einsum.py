"""Right, with einsum and tensordot.

expect: scale=full scale_backward=full
"""

import numpy as np


def scale(x, factor):
    return np.einsum("nm,->nm", x, x.dtype.type(factor))


def scale_backward(dout, factor):
    return np.tensordot(dout, np.eye(dout.shape[1], dtype=dout.dtype) * dout.dtype.type(factor), axes=1)
