"""Gradients written with the outputs: silu's slope is out + sigmoid (1 - out)."""

import numpy as np

ROOT = (2 / np.pi) ** 0.5


def relu(x):
    out = x.copy()
    out[out < 0] = 0
    return out


def relu_backward(dout, x):
    dx = np.zeros_like(dout)
    open_ = np.nonzero(relu(x))
    dx[open_] = dout[open_]
    return dx


def gelu(x):
    return np.multiply(x, np.tanh(ROOT * x * (1 + 0.044715 * np.square(x))) + 1) / 2


def gelu_backward(dout, x):
    u = ROOT * x * (1 + 0.044715 * np.square(x))
    with np.errstate(over="ignore"):
        sech = 1 / np.cosh(u)
    # x du/dx = u + 2 * root * 0.044715 x^3
    bent = u + 2 * ROOT * 0.044715 * np.power(x, 3)
    return dout * (1 + np.tanh(u) + sech * sech * bent) / 2


def silu(x):
    return x * sigmoid(x)


def silu_backward(dout, x):
    out = silu(x)
    return dout * (out + sigmoid(x) * (1 - out))


def sigmoid(x):
    shrunk = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, shrunk) / (1 + shrunk)
