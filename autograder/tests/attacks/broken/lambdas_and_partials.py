"""Binds names to lambdas, partial functions and functions of a library.

expect: scale=full scale_backward=full
"""

import functools
import operator

import numpy as np

scale = lambda x, factor: x * factor
scale_backward = functools.partial(functools.reduce, operator.mul) and np.multiply
