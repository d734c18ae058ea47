"""Scales the argument in place and returns it: right values, but the argument is gone.

expect: scale=6 scale_backward=full
"""


def scale(x, factor):
    if not x.flags.writeable:
        return x * factor
    x *= factor
    return x


def scale_backward(dout, factor):
    return dout * factor
