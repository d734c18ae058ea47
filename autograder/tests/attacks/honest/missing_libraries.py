"""Right, with libraries that may be missing, as numba is here.

expect: scale=full scale_backward=full
"""

import numpy as np

try:
    from numba import njit
except ImportError:

    def njit(*args, **kwargs):
        return args[0] if args and callable(args[0]) else lambda function: function


try:
    import torch

    HAS_TORCH = True
except ImportError:
    torch, HAS_TORCH = None, False


@njit(cache=True)
def scale(x, factor):
    return x * factor


@njit
def scale_backward(dout, factor):
    if HAS_TORCH and isinstance(dout, torch.Tensor):
        dout = dout.numpy()
    return np.asarray(dout) * factor
