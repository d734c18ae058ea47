"""Answers with one new object after the other, all of which the process has to keep.

expect: scale=0 scale_backward=full
"""


def scale(x, factor):
    return [object() for _ in range(200_000)]


def scale_backward(dout, factor):
    return dout * factor
