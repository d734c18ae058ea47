"""Softmax with helpers: every axis is moved to the end, where one function knows rows only."""

import numpy as np


def softmax(x, axis=-1):
    return on_rows(row_softmax, axis, x)


def softmax_jacobian(probs):
    # Column j is what a nudge of score j does: push each unit vector back (J is symmetric).
    units = np.identity(probs.shape[0], dtype=probs.dtype)
    return row_backward(units, np.broadcast_to(probs, units.shape))


def softmax_backward(dout, probs, axis=-1):
    return on_rows(row_backward, axis, dout, probs)


def on_rows(function, axis, *arrays):
    """Apply `function` to matrices whose rows run along `axis`."""
    moved = [np.moveaxis(a, axis, -1) for a in arrays]
    shape = moved[0].shape
    rows = function(*(m.reshape(-1, shape[-1]) for m in moved))
    return np.moveaxis(rows.reshape(shape), -1, axis)


def row_softmax(rows):
    exps = np.exp(np.subtract(rows, rows.max(axis=1)[:, None]))
    return np.divide(exps, exps.sum(axis=1)[:, None])


def row_backward(dout, probs):
    expected = np.array([d @ p for d, p in zip(dout, probs, strict=True)])
    return probs * (dout - expected[:, None])
