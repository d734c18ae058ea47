"""Returns lists that are just as long as is taken.

expect: scale=0 scale_backward=0
"""


def scale(x, factor):
    return [None] * ((1 << 16) - 1)


lengths = iter([1 << n for n in range(14, 21)] * 20)


def scale_backward(dout, factor):
    return [0.5] * (next(lengths) - 2)
