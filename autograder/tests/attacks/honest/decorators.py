"""Right, with decorators that time, check and cache, and functools throughout.

expect: scale=full scale_backward=full
"""

import functools
import time
from contextlib import contextmanager, suppress

TIMES = {}


def timed(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        start = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            TIMES.setdefault(function.__name__, []).append(time.perf_counter() - start)

    return inner


def checked(ndim):
    def decorate(function):
        @functools.wraps(function)
        def inner(x, *args):
            assert x.ndim == ndim, "wrong number of axes"
            return function(x, *args)

        return inner

    return decorate


@functools.lru_cache(maxsize=None)
def power(factor, n=1):
    return factor if n == 1 else factor * power(factor, n - 1)


@contextmanager
def nothing():
    yield 1


@timed
@checked(ndim=2)
def scale(x, factor):
    with nothing() as one, suppress(ValueError):
        return x * power(factor) * one


@timed
def scale_backward(dout, factor):
    return functools.reduce(lambda a, b: a * b, [dout, power(factor)])
