"""Activations one entry at a time, with Python's own arithmetic."""

import math

import numpy as np


def relu(x):
    return one_by_one(lambda v: v if v > 0 else 0.0, x)


def relu_backward(dout, x):
    return one_by_one(lambda d, v: d if v > 0 else 0.0, dout, x)


def gelu(x):
    return one_by_one(lambda v: v / 2 * (1 + math.tanh(inner(v))), x)


def gelu_backward(dout, x):
    return one_by_one(gelu_slope, dout, x)


def silu(x):
    return one_by_one(lambda v: v * sigmoid(v), x)


def silu_backward(dout, x):
    return one_by_one(silu_slope, dout, x)


def one_by_one(function, *arrays):
    out = np.empty(arrays[0].shape, dtype=arrays[0].dtype)
    for index in np.ndindex(out.shape):
        out[index] = function(*(float(a[index]) for a in arrays))
    return out


def inner(v):
    return math.sqrt(2 / math.pi) * (v + 0.044715 * v**3)


def gelu_slope(d, v):
    t = math.tanh(inner(v))
    half_slope = (1 - t) * (1 + t) / 2
    return d * ((1 + t) / 2 + v * half_slope * math.sqrt(2 / math.pi) * (1 + 0.134145 * v**2))


def sigmoid(v):
    if v >= 0:
        return 1 / (1 + math.exp(-v))
    return math.exp(v) / (1 + math.exp(v))


def silu_slope(d, v):
    s = sigmoid(v)
    return d * s + d * v * s * (1 - s)
