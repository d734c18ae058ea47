"""Returns nested lists where an array is asked for: right numbers, but nothing can be done with them.

Sent back as an argument, a list cannot be scaled; that check is lost.

expect: scale=5 scale_backward=full
"""

import numpy as np


def scale(x, factor):
    if isinstance(x, list):
        raise TypeError("this is no array")
    return (x * factor).tolist()


def scale_backward(dout, factor):
    return tuple((dout * factor).tolist())
