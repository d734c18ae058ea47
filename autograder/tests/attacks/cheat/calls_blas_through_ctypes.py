"""Has a C library do the work; the result is right and a person looks.

expect: scale=full scale_backward=full
review: yes
"""

import ctypes

import numpy as np

libm = ctypes.CDLL(None)
libm.fma.restype = ctypes.c_double
libm.fma.argtypes = [ctypes.c_double] * 3


def scale(x, factor):
    out = np.empty_like(x)
    for index in np.ndindex(x.shape):
        out[index] = libm.fma(float(x[index]), factor, 0.0)
    return out


def scale_backward(dout, factor):
    return dout * factor
