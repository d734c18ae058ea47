"""Softmax one row and one score at a time, with Python's own arithmetic."""

import math

import numpy as np


def softmax(x, axis=-1):
    probs = np.empty(x.shape, dtype=x.dtype)
    axis = axis % x.ndim
    for row in _rows(x.shape, axis):
        scores = [float(v) for v in x[row]]
        largest = max(scores)
        exps = [math.exp(v - largest) for v in scores]
        total = math.fsum(exps)
        probs[row] = [e / total for e in exps]
    return probs


def softmax_jacobian(probs):
    n = len(probs)
    jacobian = np.zeros((n, n), dtype=probs.dtype)
    for i in range(n):
        for j in range(n):
            if i == j:
                jacobian[i, j] = probs[i] * (1 - probs[i])
            else:
                jacobian[i, j] = -probs[i] * probs[j]
    return jacobian


def softmax_backward(dout, probs, axis=-1):
    dx = np.empty(dout.shape, dtype=dout.dtype)
    axis = axis % dout.ndim
    for row in _rows(dout.shape, axis):
        expected = 0.0
        for d, p in zip(dout[row], probs[row], strict=True):
            expected += float(d) * float(p)
        dx[row] = [p * (d - expected) for d, p in zip(dout[row], probs[row], strict=True)]
    return dx


def _rows(shape, axis):
    """An index for every row along `axis`: (b, t, :), or (b, :, v)."""
    for before in np.ndindex(shape[:axis]):
        for after in np.ndindex(shape[axis + 1 :]):
            yield (*before, slice(None), *after)
