"""Fills memory with small objects.

expect: scale=0 scale_backward=full
"""


def scale(x, factor):
    kept = []
    while True:
        kept.append([0] * 100_000)


def scale_backward(dout, factor):
    return dout * factor
