"""Earlier exercises as a worker gets them: our references, called on behalf of a student.

A student may hand such a reference functions of their own, a forward to differentiate for instance.
These stay in the worker; while the reference is being served, it calls them there.
"""

import builtins
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from .errors import StudentRaised
from .student import Callback, Ref

# Elements that a reference is called with on behalf of a student; in a vector so many without a
# look at what becomes of them: an outer product of a vector is its square.
MOST, MOST_IN_VECTOR = 1 << 20, 1 << 11
PIECE = 64
# References within functions of the student's within references; more is a loop.
DEEPEST = 4


class Served:
    """References of earlier exercises for one worker at a time.

    Attributes:
        worker: The worker that the functions which are handed over live in; None while it loads.
    """

    def __init__(self) -> None:
        self.worker: Any = None
        self._depth = 0

    def callback(self, reference: Callable[..., Any]) -> Callback:
        """`reference` as a worker may call it."""

        def call(*args: Any, **kwargs: Any) -> Any:
            if self._depth >= DEEPEST:
                raise RecursionError("references call one another in a loop")
            self._depth += 1
            try:
                return reference(
                    *map(self._ours, args), **{k: self._ours(v) for k, v in kwargs.items()}
                )
            finally:
                self._depth -= 1

        def accepts(*args: Any, **kwargs: Any) -> bool:
            return modest(reference, *args, **kwargs)

        return Callback(call, accepts=accepts)

    def _ours(self, value: Any) -> Any:
        """A function of the student's as one that can be called here; other values as they are."""
        if not isinstance(value, Ref) or self.worker is None:
            return value
        worker = self.worker

        def theirs(*args: Any, **kwargs: Any) -> Any:
            try:
                return worker.call(value, args, kwargs, False)
            except StudentRaised as error:  # the student's code may catch it, as it would locally
                kind = getattr(builtins, error.exception, Exception)
                # What ends a process (SystemExit, KeyboardInterrupt) would end ours here.
                raise (kind if issubclass(kind, Exception) else Exception)() from None

        return theirs


def modest(reference: Callable[..., Any], *args: Any, **kwargs: Any) -> bool:
    """Are these arguments small enough for the supervisor to compute with?"""
    leaves = list(_leaves((args, kwargs)))
    counts = [abs(leaf) for leaf in leaves if type(leaf) is int]  # perhaps a length
    if sum(map(np.size, leaves)) > MOST or max(counts, default=0) > MOST:
        return False
    if all(np.ndim(leaf) != 1 or np.size(leaf) <= MOST_IN_VECTOR for leaf in leaves):
        return True
    pieces, named = _pieces(args), _pieces(kwargs)
    if any(isinstance(leaf, Ref) for leaf in leaves):
        return False
    try:
        with np.errstate(all="ignore"):
            result = reference(*pieces, **named)
    except Exception:
        return False
    given = sum(map(np.size, _leaves((pieces, named))))
    return sum(map(np.size, _leaves(result))) <= 2 * given


def _pieces(value: Any) -> Any:
    """The arguments with every long vector cut short; the same cut where lengths are equal."""
    if isinstance(value, (tuple, list)):
        return type(value)(map(_pieces, value))
    if isinstance(value, dict):
        return {name: _pieces(item) for name, item in value.items()}
    return value[:PIECE].copy() if np.ndim(value) == 1 and len(value) > PIECE else value


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, (tuple, list)):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, (dict, SimpleNamespace)):
        for item in (value if isinstance(value, dict) else vars(value)).values():
            yield from _leaves(item)
    else:
        yield value
