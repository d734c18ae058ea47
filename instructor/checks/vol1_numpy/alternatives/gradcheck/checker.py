"""A class that moves one entry through an iterator; the step that is really taken divides."""

import numpy as np


class Point:
    """Inputs in float64, of which one entry at a time can be moved."""

    def __init__(self, inputs):
        self.inputs = [self.own(x) for x in inputs]

    @staticmethod
    def own(x):
        return np.array(x, dtype=np.float64) if np.asarray(x).dtype.kind == "f" else np.array(x)

    def floats(self):
        return [x for x in self.inputs if x.dtype == np.float64]

    def gradient(self, forward, x, dout, h):
        def loss():
            return (forward(*self.inputs) * np.asarray(dout, np.float64)).sum()

        grad = np.zeros(x.shape)
        with np.nditer(x, flags=["multi_index"], op_flags=["readwrite"]) as entries:
            for entry in entries:
                middle = float(entry)
                high, low = middle + h, middle - h
                entry[...] = high
                above = loss()
                entry[...] = low
                grad[entries.multi_index] = (above - loss()) / (high - low)
                entry[...] = middle
        return grad


def numerical_gradient(f, x, dout, h=1e-5):
    point = Point([x])
    return point.gradient(f, point.inputs[0], dout, h)


def relative_error(a, b):
    a, b = np.array([np.ravel(a), np.ravel(b)], dtype=np.float64)
    return np.max(np.abs(a - b)) / np.clip(np.max(np.abs([a, b])), 1e-12, None)


def check_gradient(forward, backward, inputs, dout):
    point = Point(inputs)
    dout = Point.own(dout)
    grads = dict(enumerate(backward(dout.copy(), *(x.copy() for x in point.inputs))))
    errors = [np.inf] * len(point.floats())
    for i, x in enumerate(point.floats()):
        given = np.asarray(grads.get(i), dtype=np.float64)
        want = point.gradient(forward, x, dout, 1e-5)
        if given.shape == want.shape and np.isfinite([given, want]).all():
            errors[i] = relative_error(given, want)
    return errors
