"""Flat copies, one column of the identity per step; errors by explicit loops."""

import math

import numpy as np


def numerical_gradient(f, x, dout, h=1e-5):
    x = np.asarray(x, dtype=np.float64)
    weights = np.asarray(dout, dtype=np.float64)
    slopes = []
    for step in h * np.eye(x.size):
        up = f(x + step.reshape(x.shape))
        down = f(x - step.reshape(x.shape))
        slopes.append(np.vdot(np.subtract(up, down), weights) / (h + h))
    return np.array(slopes).reshape(x.shape)


def relative_error(a, b):
    largest, size = 0.0, 1e-12
    for p, q in zip(np.ravel(a).tolist(), np.ravel(b).tolist(), strict=True):
        largest = max(largest, abs(p - q))
        size = max(size, abs(p), abs(q))
    return largest / size


def check_gradient(forward, backward, inputs, dout):
    arguments = []
    for x in inputs:
        arguments.append(np.array(x, float) if np.issubdtype(x.dtype, np.floating) else x.copy())
    weights = np.array(dout, float)
    gradients = list(backward(weights, *arguments))
    errors = []
    for i in range(len(arguments)):
        if not np.issubdtype(arguments[i].dtype, np.floating):
            continue

        def f(v, i=i):
            moved = list(arguments)
            moved[i] = v
            return forward(*moved)

        gradient = gradients.pop(0) if gradients else None
        if gradient is None or np.shape(gradient) != arguments[i].shape:
            errors.append(float("inf"))
            continue
        want = numerical_gradient(f, arguments[i], weights)
        finite = all(map(math.isfinite, [*np.ravel(gradient), *want.ravel()]))
        errors.append(relative_error(gradient, want) if finite else float("inf"))
    return errors
