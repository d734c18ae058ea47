"""The worker's side of what is lent: functions and objects of ours that change arrays in place.

Only values cross to the supervisor and back. So each call brings home which arrays were changed
there, and they are changed here: the student's code sees what it would see without a wall between.
Except where two arrays of one call share memory: there they are two.
"""

from collections.abc import Callable, Iterable, Iterator, ValuesView
from typing import Any

import numpy as np

from ..student import depart

# Called with positional and keyword arguments: the result, and an array or None for each array.
Ask = Callable[[tuple[Any, ...], dict[str, Any]], tuple[Any, list[Any]]]


def borrowed(ask: Ask) -> Callable[..., Any]:
    """A function of ours as student code calls it."""

    def ours(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = listed(args), listed(kwargs)
        sent, named = _departed(args, kwargs)
        result, changes = ask(sent, named)
        theirs = list(_arrays((args, kwargs), (sent, named)))
        _write(theirs, changes)
        if isinstance(result, Borrowed):
            object.__getattribute__(result, "_lent")["held"] = theirs
        return result

    return ours


class Borrowed:
    """An object of ours as student code uses it: public methods, and numbers to get and set.

    `held` are the student's own arrays among those it was made with.
    """

    def __init__(self, ask: Ask) -> None:
        object.__setattr__(self, "_lent", {"ask": ask, "held": []})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        is_method, value = self._use(name, "get", (), {})
        if not is_method:
            return value
        return lambda *args, **kwargs: self._use(name, "call", args, kwargs)

    def __setattr__(self, name: str, value: Any) -> None:
        self._use(name, "set", (value,), {})

    def _use(self, name: str, how: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        lent = object.__getattribute__(self, "_lent")
        args, kwargs = listed(args), listed(kwargs)
        sent, named = _departed(args, kwargs)
        held = [depart(array) for array in lent["held"]]
        (result, again), changes = lent["ask"]((held, name, how, sent, named), {})
        theirs = _arrays((args, kwargs), (sent, named))
        _write([*lent["held"], *theirs], changes)  # in the order in which they were sent
        _write(lent["held"], again)
        return result


def listed(value: Any) -> Any:
    """Values as the wire knows them: what is gone through becomes a list, a dtype its name."""
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return np.dtype(value).name
    if isinstance(value, (ValuesView, Iterator)):
        value = list(value)
    if isinstance(value, dict):
        return {name: listed(item) for name, item in value.items()}
    if isinstance(value, list):
        return [listed(item) for item in value]
    if isinstance(value, tuple):
        return tuple(listed(item) for item in value)
    return value


def _departed(args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return tuple(depart(a) for a in args), {k: depart(v) for k, v in kwargs.items()}


def _arrays(value: Any, sent: Any) -> Iterator[Any]:
    """What went out as an array, in order."""
    if isinstance(sent, np.ndarray):
        yield value
    elif isinstance(sent, dict):
        for name, item in sent.items():
            yield from _arrays(value[name], item)
    elif isinstance(sent, (list, tuple)):
        for item, gone in zip(value, sent, strict=True):
            yield from _arrays(item, gone)


def _write(arrays: list[Any], changes: Iterable[Any]) -> None:
    for array, change in zip(arrays, changes, strict=True):
        if change is not None and isinstance(array, np.ndarray):
            array[...] = change
