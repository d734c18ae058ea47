"""Defines a function twice: the last definition counts.

expect: scale=full scale_backward=0
"""

def scale(x, factor):
    return x + factor


def scale_backward(dout, factor):
    return dout * factor

def scale(x, factor):
    return x * factor

def scale_backward(dout, factor):
    return dout + factor
