"""Returns arrays in other memory layouts: transposed, strided, reversed, read-only.

expect: scale=full scale_backward=full
"""

import numpy as np


def scale(x, factor):
    out = np.asfortranarray(x * factor)
    out.setflags(write=False)
    return out


def scale_backward(dout, factor):
    wide = np.zeros((dout.shape[0] * 2, dout.shape[1] * 3), dtype=dout.dtype)
    out = wide[::-2, ::3]
    out[...] = dout * factor
    return out
