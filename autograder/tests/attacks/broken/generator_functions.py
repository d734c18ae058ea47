"""Yields its result instead of returning it.

expect: scale=0 scale_backward=0
"""


def scale(x, factor):
    yield x * factor


def scale_backward(dout, factor):
    yield from dout * factor
