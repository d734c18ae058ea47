"""Ends with exit(), as scripts do.

expect: scale=full scale_backward=full
"""

import sys

def scale(x, factor):
    return x * factor

def scale_backward(dout, factor):
    return dout * factor

if not sys.flags.interactive:
    sys.exit(0)
