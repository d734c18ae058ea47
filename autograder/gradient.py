"""Central finite differences: the gradient that nobody derived by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
STEP = 1e-5
# Right gradients agree with differences to about 2e-10 of the largest entry in float64 at unit
# scale; the weakest planted mistake errs by 4e-2.
RTOL = 1e-6


def numerical_gradient(
    f: Callable[[Floats], Any], x: Floats, dout: Any, *, h: float = STEP
) -> Floats:
    """Differentiate sum(f(x) * dout) with respect to `x`, one element at a time.

    Args:
        f: Maps an array shaped like `x` to an array shaped like `dout`, or to a tuple of arrays
            when `dout` is a tuple.
        x: (...). Differences are taken in float64 whatever its dtype.
        dout: Weights of the outputs, random rather than ones.
        h: Half the distance between the two evaluations.

    Returns:
        (...), float64, shaped like `x`.

    Source:
        Griewank and Walther 2008, section 1.1: the error of a central difference is O(h**2).
    """
    at = np.array(x, dtype=np.float64)
    out = np.empty_like(at)
    for index in np.ndindex(at.shape):
        saved = at[index]
        at[index] = saved + h
        above = weighted_sum(f(at.copy()), dout)
        at[index] = saved - h
        below = weighted_sum(f(at.copy()), dout)
        at[index] = saved
        out[index] = (above - below) / (2.0 * h)
    return out


def directional_derivative(
    f: Callable[[Floats], Any], x: Floats, direction: Floats, dout: Any, *, h: float = STEP
) -> float:
    """Differentiate sum(f(x) * dout) along `direction`, in two evaluations."""
    at, step = np.asarray(x, dtype=np.float64), h * np.asarray(direction, dtype=np.float64)
    return (weighted_sum(f(at + step), dout) - weighted_sum(f(at - step), dout)) / (2.0 * h)


def weighted_sum(out: Any, dout: Any) -> float:
    """sum(out * dout) in float64, over all parts when they are tuples."""
    if isinstance(dout, (tuple, list)):
        return sum(weighted_sum(o, d) for o, d in zip(out, dout, strict=True))
    return float(np.vdot(np.asarray(out, dtype=np.float64), np.asarray(dout, dtype=np.float64)))
