"""Does not parse inside one function of a plain module.

expect: scale=0 scale_backward=full
"""


def scale(x, factor):
    return (x * factor


def scale_backward(dout, factor):
    return dout * factor
