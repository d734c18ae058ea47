"""Softmax by way of its logarithm: log p = x - logsumexp(x)."""

import numpy as np


def softmax(x, axis=-1):
    largest = np.max(x, axis=axis, keepdims=True)
    log_sum = largest + np.log(np.sum(np.exp(x - largest), axis=axis, keepdims=True))
    return np.exp(x - log_sum)


def softmax_jacobian(probs):
    # d log p_i / d x_j = (i == j) - p_j, and d p_i = p_i d log p_i.
    d_log = np.where(np.eye(len(probs), dtype=bool), 1 - probs, -probs)
    return probs[:, np.newaxis] * d_log


def softmax_backward(dout, probs, axis=-1):
    # The gradient by log p, then back through x - logsumexp(x).
    d_log = dout * probs
    return d_log - probs * np.sum(d_log, axis=axis, keepdims=True)
