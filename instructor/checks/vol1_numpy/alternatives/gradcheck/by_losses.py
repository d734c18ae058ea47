"""A loss as a function of its own; both sides are collected first and divided at the end."""

import itertools

import numpy as np


def total(out, dout):
    return float((np.asarray(out, dtype="float64") * np.asarray(dout, dtype="float64")).sum())


def shifted(x, place, amount):
    copy = np.array(x, dtype="float64", order="C")
    copy[place] += amount
    return copy


def numerical_gradient(f, x, dout, h=1e-5):
    places = list(itertools.product(*map(range, np.shape(x))))
    up = [total(f(shifted(x, place, h)), dout) for place in places]
    down = [total(f(shifted(x, place, -h)), dout) for place in places]
    return ((np.array(up) - np.array(down)) / (2.0 * h)).reshape(np.shape(x))


def largest(x):
    return float(np.linalg.norm(np.ravel(x).astype("float64"), np.inf))


def relative_error(a, b):
    gap = largest(np.asarray(a, dtype="float64") - np.asarray(b, dtype="float64"))
    return gap / max(1e-12, largest(a), largest(b))


def is_float(x):
    return x.dtype in (np.float32, np.float64)


def check_gradient(forward, backward, inputs, dout):
    inputs = [x.astype("float64") if is_float(x) else x for x in inputs]
    dout = np.asarray(dout).astype("float64")
    grads = backward(dout, *inputs)
    places = [i for i, x in enumerate(inputs) if is_float(x)]
    padded = [*grads, *[None] * (len(places) - len(grads))]
    return tuple(
        compared(forward, inputs, i, grad, dout) for i, grad in zip(places, padded, strict=True)
    )


def compared(forward, inputs, i, grad, dout):
    want = numerical_gradient(
        lambda v: forward(*[v if j == i else x for j, x in enumerate(inputs)]), inputs[i], dout
    )
    same_shape = grad is not None and np.shape(grad) == want.shape
    if not same_shape or np.isnan(grad).any() or np.isinf(grad).any():
        return np.inf
    return np.inf if not np.all(np.isfinite(want)) else relative_error(grad, want)
