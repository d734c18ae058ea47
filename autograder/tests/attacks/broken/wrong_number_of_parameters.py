"""Takes too few arguments, and too many.

expect: scale=0 scale_backward=0
"""


def scale(x):
    return x


def scale_backward(dout, factor, x):
    return dout * factor
