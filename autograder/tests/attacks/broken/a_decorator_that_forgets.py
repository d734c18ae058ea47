"""Decorates one function with something that returns nothing.

expect: scale=0 scale_backward=full
"""


def timed(function):
    def inner(*args):
        return function(*args)


@timed
def scale(x, factor):
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
