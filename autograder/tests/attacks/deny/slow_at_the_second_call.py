"""Is right at once, and from the third call on takes forever.

expect: scale=0 scale_backward=full
status: timed_out
"""

import itertools

count = itertools.count()


def scale(x, factor):
    while next(count) > 1:
        pass
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
