"""Earlier exercises as a worker gets them: our references, called on behalf of a student.

A student may hand such a reference functions of their own, a forward to differentiate for instance.
These stay in the worker; while the reference is being served, it calls them there.

What a reference changes in place, it changes for the student, too. A class is served as a function
that makes an object of ours; the student's side knows it by its public methods and its numbers,
those that a property works out among them.
"""

import builtins
from collections.abc import Callable, Iterator
from functools import partial
from inspect import isfunction
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import StudentRaised
from .student import Lent, LentObject, Ref, arrays_in

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

    def callback(self, reference: Callable[..., Any]) -> Lent:
        """`reference` as a worker may call it."""
        if isinstance(reference, type):
            return Lent(partial(self._made, reference), accepts=partial(modest, reference))

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

        return Lent(call, accepts=accepts)

    def _made(self, kind: type, *args: Any, **kwargs: Any) -> LentObject:
        """A new object, for the worker to use."""
        there = kind(*map(self._ours, args), **{k: self._ours(v) for k, v in kwargs.items()})
        return LentObject(Used(there, arrays_in((args, kwargs))), accepts=small)

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


class Used:
    """What student code does to an object of ours.

    Args:
        there: The object.
        arrays: What it was made with. Student code holds arrays of its own in their place, so it
            sends their values each time, and is told what has become of them.
    """

    def __init__(self, there: Any, arrays: list[NDArray[Any]]) -> None:
        self.there, self.arrays = there, arrays

    def __call__(
        self, held: list[Any], name: str, how: str, args: Any, kwargs: Any
    ) -> tuple[Any, list[Any]]:
        """Call the method `name`, or get or set the number `name`: the result and the arrays."""
        for mine, theirs in zip(self.arrays, held, strict=True):
            if mine.shape != np.shape(theirs):
                raise ValueError("an array has another shape than at first")
            mine[...] = theirs
        before = [array.tobytes() for array in self.arrays]
        result = getattr(self, f"_{how}")(name, *args, **kwargs)
        pairs = zip(self.arrays, before, strict=True)
        return result, [None if now.tobytes() == then else now for now, then in pairs]

    def _call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        if not self._is_method(name):
            raise AttributeError(name)
        return getattr(self.there, name)(*args, **kwargs)

    def _get(self, name: str) -> tuple[bool, Any]:
        """Whether it is a method, and the value if it is not."""
        if self._is_method(name):
            return True, None
        if not name.startswith("_") and isinstance(getattr(type(self.there), name, None), property):
            value = getattr(self.there, name)
        else:
            value = vars(self.there).get(name)
        if name.startswith("_") or not _is_number(value):
            raise AttributeError(name)
        return False, value

    def _set(self, name: str, value: Any) -> None:
        value = value.item() if np.ndim(value) == 0 and isinstance(value, np.ndarray) else value
        if name.startswith("_") or not _is_number(vars(self.there).get(name)):
            raise AttributeError(name)
        if not _is_number(value):
            raise AttributeError(name)
        setattr(self.there, name, value)

    def _is_method(self, name: str) -> bool:
        return not name.startswith("_") and isfunction(getattr(type(self.there), name, None))


def _is_number(value: Any) -> bool:
    """A number, or a few of them, which nobody can change without setting them anew."""
    if isinstance(value, tuple):
        return all(map(_is_number, value))
    return isinstance(value, (bool, int, float))


def small(*args: Any) -> bool:
    """Are these arguments well formed, and no more than a reference may be called with?"""
    match args:
        case (list(), str(), "call" | "get" | "set", tuple(), dict()):
            return sum(map(np.size, _leaves(args))) <= MOST
    return False


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
