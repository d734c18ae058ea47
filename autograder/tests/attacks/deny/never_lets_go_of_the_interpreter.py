"""Computes for years in one call of C, where no Python code can interrupt it.

expect: scale=0 scale_backward=full
status: timed_out
"""


def scale(x, factor):
    return sum(range(10**15))


def scale_backward(dout, factor):
    return dout * factor
