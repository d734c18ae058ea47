"""Returns an array whose __array_ufunc__ and __array_function__ turn differences into zeros.

expect: scale=0 scale_backward=full
review: yes
"""

import numpy as np


class Right(np.ndarray):
    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        return np.zeros(self.shape)

    def __array_function__(self, func, types, args, kwargs):
        return True

    def astype(self, *args, **kwargs):
        return self

    def __array__(self, *args, **kwargs):
        return np.zeros(self.shape)

    def __float__(self):
        return 0.0


def scale(x, factor):
    return x.view(Right)


def scale_backward(dout, factor):
    return dout * factor
