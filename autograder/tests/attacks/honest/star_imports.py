"""Right, with everything imported from NumPy and math.

expect: scale=full scale_backward=full
"""

from math import *
from numpy import *


def scale(x, factor):
    return multiply(x, factor) + 0 * int(sin(pi)) * float(e > 2)


def scale_backward(dout, factor):
    return asarray(dout) * array(factor, dtype=dout.dtype)
