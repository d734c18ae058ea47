"""Returns the result as a text.

expect: scale=0 scale_backward=0
"""


def scale(x, factor):
    return str(x * factor)


def scale_backward(dout, factor):
    return repr((dout * factor).tolist())
