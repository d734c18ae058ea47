"""RMSNorm as a chain of small steps, each undone by its own derivative in reverse order."""

import numpy as np


def rmsnorm(x, gain, eps=1e-5):
    return _steps(x, eps)[-1] * gain


def rmsnorm_backward(dout, x, gain, eps=1e-5):
    shifted, root, inverse, x_hat = _steps(x, eps)
    d_x_hat = dout * gain
    dgain = np.add.reduce(dout * x_hat, axis=tuple(range(dout.ndim - 1)))
    # x_hat = x * inverse
    dx = d_x_hat * inverse
    d_inverse = np.sum(d_x_hat * x, axis=-1, keepdims=True)
    # inverse = 1 / root, root = sqrt(shifted)
    d_root = -d_inverse / np.square(root)
    d_shifted = d_root * 0.5 / np.sqrt(shifted)
    # shifted = sum(square) / n + eps, square = x * x
    d_square = np.broadcast_to(d_shifted / x.shape[-1], x.shape)
    return dx + 2 * x * d_square, dgain


def _steps(x, eps):
    square = np.square(x)
    shifted = np.sum(square, axis=-1, keepdims=True) / x.shape[-1] + eps
    root = np.sqrt(shifted)
    inverse = np.reciprocal(root)
    return shifted, root, inverse, x * inverse
