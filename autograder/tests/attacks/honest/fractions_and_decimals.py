"""Right, with exact arithmetic of the standard library.

expect: scale=full scale_backward=full
"""

from decimal import Decimal, getcontext
from fractions import Fraction

import numpy as np

getcontext().prec = 40


def scale(x, factor):
    exact = [[Fraction(float(v)) * Fraction(factor) for v in row] for row in x]
    return np.array([[float(v) for v in row] for row in exact], dtype=x.dtype)


def scale_backward(dout, factor):
    exact = [[Decimal(float(v)) * Decimal(factor) for v in row] for row in dout]
    return np.array(exact, dtype=float).astype(dout.dtype)
