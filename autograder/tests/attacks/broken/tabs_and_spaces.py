"""Mixes tabs and spaces so that one function does not parse.

expect: scale=0 scale_backward=full
"""


def scale(x, factor):
    out = x * factor
	return out


def scale_backward(dout, factor):
    return dout * factor
