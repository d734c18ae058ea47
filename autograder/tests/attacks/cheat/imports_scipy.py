"""Uses a library that the exercise forbids, by name in its own function.

expect: scale=full scale_backward=0
"""

import scipy.linalg


def scale(x, factor):
    return x * factor

def scale_backward(dout, factor):
    return scipy.linalg.blas.dscal(factor, dout)
