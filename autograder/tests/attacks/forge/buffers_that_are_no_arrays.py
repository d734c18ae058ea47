"""Returns right bytes as memoryviews, ctypes arrays and the like: they are no arrays.

expect: scale=0 scale_backward=0
review: yes
"""

import array
import ctypes


def scale(x, factor):
    out = (x * factor).copy(order="C")
    kinds = [memoryview(out), out.tobytes(), bytearray(out.tobytes())]
    return kinds[x.shape[0] % 3]


def scale_backward(dout, factor):
    values = (dout * factor).ravel()
    if dout.shape[0] % 2:
        return array.array("d", values.tolist())
    return (ctypes.c_double * values.size)(*values)
