"""Returns an object array whose elements equal and subtract to whatever is wanted.

expect: scale=0 scale_backward=full
"""

import numpy as np


class Liar:
    def __eq__(self, other):
        return True

    def __sub__(self, other):
        return 0.0

    __rsub__ = __sub__
    __add__ = __mul__ = __rmul__ = __radd__ = lambda self, other: self

    def __float__(self):
        return 0.0

    def __abs__(self):
        return 0.0

    def __le__(self, other):
        return True

    __lt__ = __ge__ = __le__
    __hash__ = None


def scale(x, factor):
    out = np.empty(x.shape, dtype=object)
    out[...] = Liar()
    return out


def scale_backward(dout, factor):
    return dout * factor
