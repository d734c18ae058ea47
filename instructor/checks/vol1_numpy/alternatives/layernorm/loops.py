"""LayerNorm one token at a time, with Python's own arithmetic; the three paths one by one."""

import math

import numpy as np


def layernorm(x, gain, bias, eps=1e-5):
    out = np.empty(x.shape, dtype=x.dtype)
    for token in np.ndindex(x.shape[:-1]):
        hats, _ = normalised(x[token], eps)
        for i, hat in enumerate(hats):
            out[(*token, i)] = gain[i] * hat + bias[i]
    return out


def layernorm_backward(dout, x, gain, eps=1e-5):
    n = x.shape[-1]
    dx = np.empty(x.shape, dtype=x.dtype)
    dgain, dbias = np.zeros(n, dtype=gain.dtype), np.zeros(n, dtype=gain.dtype)
    for token in np.ndindex(x.shape[:-1]):
        hats, root = normalised(x[token], eps)
        g = [float(d) * float(w) for d, w in zip(dout[token], gain, strict=True)]
        through_mean = sum(-v / root for v in g) / n
        through_root = sum(-v * hat / root for v, hat in zip(g, hats, strict=True))
        for j in range(n):
            dx[(*token, j)] = g[j] / root + through_mean + through_root * hats[j] / n
            dgain[j] += float(dout[token][j]) * hats[j]
            dbias[j] += dout[token][j]
    return dx, dgain, dbias


def normalised(token, eps):
    values = [float(v) for v in token]
    mean = math.fsum(values) / len(values)
    root = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values) + eps)
    return [(v - mean) / root for v in values], root
