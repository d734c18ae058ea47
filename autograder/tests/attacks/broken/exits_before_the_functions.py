"""Calls exit() before the functions: what stands behind it is never defined.

expect: scale=0 scale_backward=0
"""

import sys

sys.exit("done")


def scale(x, factor):
    return x * factor

def scale_backward(dout, factor):
    return dout * factor
