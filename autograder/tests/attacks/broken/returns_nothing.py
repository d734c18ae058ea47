"""Prints its result, and forgets to return it.

expect: scale=0 scale_backward=0
"""


def scale(x, factor):
    print(x * factor)


def scale_backward(dout, factor):
    dx = dout * factor
    return
