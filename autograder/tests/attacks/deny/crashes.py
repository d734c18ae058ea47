"""Crashes in native code.

expect: scale=0 scale_backward=full
review: yes
"""

import ctypes


def scale(x, factor):
    return ctypes.string_at(1)


def scale_backward(dout, factor):
    return dout * factor
