"""Linear with tensordot, which is told the axes to sum over; the bias is one more weight."""

import numpy as np


def linear(x, w, b=None):
    if b is not None:  # an input that is always 1, whose weights are the bias
        ones = np.ones((*x.shape[:-1], 1), dtype=x.dtype)
        x, w = np.concatenate([x, ones], axis=-1), np.vstack([w, b])
    return np.tensordot(x, w, axes=([-1], [0]))


def linear_backward(dout, x, w):
    leading = list(range(dout.ndim - 1))
    dx = np.tensordot(dout, w, axes=([-1], [1]))
    dw = np.tensordot(x, dout, axes=(leading, leading))
    return dx, dw, np.add.reduce(dout, axis=tuple(leading))
