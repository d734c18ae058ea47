"""Linear as a small layer that remembers its weights; the backward goes sequence by sequence."""

import numpy as np


class Layer:
    """Weights and a bias, and the gradients that gather in them."""

    def __init__(self, w, b):
        self.w, self.b = w, b
        self.dw, self.db = np.zeros_like(w), np.zeros_like(w[0])

    def forward(self, x):
        out = np.matmul(x, self.w)
        if self.b is not None:
            out += self.b[np.newaxis, :]
        return out

    def backward(self, dout, x):
        if dout.ndim > 2:
            return np.stack([self.backward(d, one) for d, one in zip(dout, x, strict=True)])
        self.dw += (dout.T @ x).T
        self.db += np.ones(len(dout), dtype=dout.dtype) @ dout
        return (self.w @ dout.T).T


def linear(x, w, b=None):
    return Layer(w, b).forward(x)


def linear_backward(dout, x, w):
    layer = Layer(w, None)
    dx = layer.backward(dout, x)
    return dx, layer.dw, layer.db
