"""Returns arrays in the byte order of other machines: the same numbers.

expect: scale=full scale_backward=full
"""

import numpy as np


def scale(x, factor):
    return (x * factor).astype(x.dtype.newbyteorder(">"))


def scale_backward(dout, factor):
    return (dout * factor).byteswap().view(dout.dtype.newbyteorder())
