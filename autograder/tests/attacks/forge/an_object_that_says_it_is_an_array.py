"""Returns objects that only claim to be arrays, through every protocol there is.

One becomes an array with right numbers on the way out, and right numbers are right; the other does
not become anything.

expect: scale=full scale_backward=0
review: yes
"""

import numpy as np


class Says:
    def __init__(self, array):
        self.array = array
        self.__array_interface__ = array.__array_interface__
        self.shape, self.dtype = array.shape, array.dtype

    def __array__(self, dtype=None, copy=None):
        return self.array

    @property
    def __class__(self):
        return np.ndarray

    def __len__(self):
        return len(self.array)

    def __getitem__(self, key):
        return self.array[key]


def scale(x, factor):
    return Says(x * factor)


class Torch:
    __module__ = "torch"

    def detach(self):
        return self

    cpu = float = detach
    dtype = "torch.bfloat16"

    def numpy(self):
        return Says(np.zeros(1))


def scale_backward(dout, factor):
    return Torch()
