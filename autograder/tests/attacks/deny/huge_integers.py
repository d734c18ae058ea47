"""Computes with integers of hundreds of millions of digits.

expect: scale=0 scale_backward=full
"""


def scale(x, factor):
    return len(str(7 ** (7**10)))


def scale_backward(dout, factor):
    return dout * factor
