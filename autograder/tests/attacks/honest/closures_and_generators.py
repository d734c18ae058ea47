"""Right, with closures, generators and comprehensions.

expect: scale=full scale_backward=full
"""

import itertools

import numpy as np


def make(factor):
    count = 0

    def apply(value):
        nonlocal count
        count += 1
        return value * factor

    return apply


def rows(x, factor):
    apply = make(factor)
    yield from (apply(row) for row in x)


def scale(x, factor):
    return np.stack(list(rows(x, factor)))


def scale_backward(dout, factor):
    flat = itertools.chain.from_iterable(dout)
    return np.fromiter((v * factor for v in flat), dout.dtype, dout.size).reshape(dout.shape)
