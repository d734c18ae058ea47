"""Prints 20 MB and goes on to be right: what is too much is dropped, and costs nothing.

expect: scale=full scale_backward=full
"""

import sys


def scale(x, factor):
    line = "x" * 1023
    for _ in range(4_000 if x.shape[0] == 2 else 10):
        print(line)
        print(line, file=sys.stderr)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
