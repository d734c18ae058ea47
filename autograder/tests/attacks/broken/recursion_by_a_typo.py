"""Calls itself where it should have called NumPy.

expect: scale=0 scale_backward=full
"""


def multiply(x, factor):
    return multiply(x, factor)


def scale(x, factor):
    return multiply(x, factor)


def scale_backward(dout, factor):
    return dout * factor
