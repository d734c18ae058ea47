"""Right, with assignment expressions, match, positional-only parameters, f-strings and exception groups.

expect: scale=full scale_backward=full
"""

import numpy as np


def scale(x, factor, /):
    match x:
        case np.ndarray(ndim=n) if n == 2:
            out = x * factor
        case [first, *rest]:
            out = np.array([first, *rest]) * factor
        case {"x": inner, **others}:
            out = inner
        case _ as other:
            raise TypeError(f"{other!r:>{20}} {n=}")
    return out


def scale_backward(dout, factor, *, check=True):
    try:
        if (size := dout.size) and check:
            pass
        if size < 0:
            raise ExceptionGroup("odd", [ValueError(size)])
    except* ValueError as group:
        print(group.exceptions)
    return (lambda d, /, f=factor, *, g=1: d * f * g)(dout)
