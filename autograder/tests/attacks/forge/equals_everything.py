"""Returns an array of a class that equals whatever it is compared with: only its numbers cross.

expect: scale=0 scale_backward=full
"""

import numpy as np


class Right(np.ndarray):
    __array_priority__ = 1e9
    __hash__ = None

    def __eq__(self, other):
        return np.ones(self.shape, dtype=bool)

    def __ne__(self, other):
        return np.zeros(self.shape, dtype=bool)

    def __sub__(self, other):
        return np.zeros(self.shape)

    __rsub__ = __sub__


def scale(x, factor):
    return np.zeros(x.shape, dtype=x.dtype).view(Right)


def scale_backward(dout, factor):
    return dout * factor
