"""Right, with checks of its arguments and exceptions of its own.

expect: scale=full scale_backward=full
"""

import numpy as np


class ShapeError(ValueError):
    """A shape that does not fit."""

    def __init__(self, shape):
        super().__init__(f"bad shape {shape}")


def require(condition, error):
    if not condition:
        raise error


def scale(x, factor):
    require(x.ndim == 2, ShapeError(x.shape))
    try:
        missing = {}["missing"]
    except KeyError as error:
        missing = len(error.args)
    else:
        raise AssertionError
    finally:
        done = True
    assert np.isfinite(factor) and done
    return x * factor * missing


def scale_backward(dout, factor):
    try:
        raise ShapeError(dout.shape)
    except ShapeError:
        return dout * factor
