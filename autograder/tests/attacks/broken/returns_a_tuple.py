"""Returns its result together with something else.

expect: scale=0 scale_backward=0
"""


def scale(x, factor):
    return x * factor, factor


def scale_backward(dout, factor):
    return (dout * factor,)
