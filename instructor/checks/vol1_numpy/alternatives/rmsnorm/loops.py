"""RMSNorm one token and one feature at a time, with Python's own arithmetic."""

import math

import numpy as np


def rmsnorm(x, gain, eps=1e-5):
    out = np.empty(x.shape, dtype=x.dtype)
    for token in np.ndindex(x.shape[:-1]):
        root = _root(x[token], eps)
        for i, value in enumerate(x[token]):
            out[(*token, i)] = gain[i] * value / root
    return out


def rmsnorm_backward(dout, x, gain, eps=1e-5):
    dx = np.empty(x.shape, dtype=x.dtype)
    dgain = np.zeros(gain.shape, dtype=gain.dtype)
    n = x.shape[-1]
    for token in np.ndindex(x.shape[:-1]):
        root = _root(x[token], eps)
        through_root = 0.0
        for i in range(n):
            through_root -= float(dout[token][i] * gain[i] * x[token][i]) / root**2
        for j in range(n):
            direct = dout[token][j] * gain[j] / root
            dx[(*token, j)] = direct + through_root * x[token][j] / (n * root)
            dgain[j] += dout[token][j] * x[token][j] / root
    return dx, dgain


def _root(token, eps):
    total = 0.0
    for value in token:
        total += float(value) ** 2
    return math.sqrt(total / len(token) + eps)
