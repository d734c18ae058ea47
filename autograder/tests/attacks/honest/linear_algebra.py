"""Right, with matrices, solvers and other roundabout ways.

expect: scale=full scale_backward=full
"""

import numpy as np
from numpy.linalg import solve


def scale(x, factor):
    return (x @ np.diag(np.full(x.shape[1], factor))).astype(x.dtype)


def scale_backward(dout, factor):
    return solve(np.eye(len(dout)) / factor, dout).astype(dout.dtype)
