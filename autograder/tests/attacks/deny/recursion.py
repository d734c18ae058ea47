"""Recurses without end, in Python and where the stack is C's.

expect: scale=0 scale_backward=0
"""

import sys


def scale(x, factor):
    return scale(x, factor)


class Deep:
    def __init__(self, inside):
        self.inside = inside

    def __repr__(self):
        return repr(self.inside)


def scale_backward(dout, factor):
    sys.setrecursionlimit(1 << 30)
    deep = Deep(None)
    deep.inside = deep
    return repr(deep)
