"""Solutions that know nothing: what they earn must be nothing.

Each is made from the reference, whose results give shapes and dtypes, and returns no
information of its own: zeros, ones, a uniform row, an argument handed back, twice the value.
What the reference changes in place is filled in the same way.
"""

import copy
import inspect
from collections.abc import Callable, Iterator
from functools import lru_cache
from types import CodeType
from typing import Any

import numpy as np

from .exercise import Exercise
from .mistake import run_code

Make = Callable[[np.ndarray[Any, Any], tuple[Any, ...]], Any]


def null_solutions(exercise: Exercise, function: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names of modules in which `function` is replaced by a null solution, each with its name."""
    reference = getattr(exercise.solution, function)
    for declared in exercise.nulls:
        if declared.function == function:
            yield declared.name, _module(exercise, function, declared.replaced)
    if isinstance(reference, type):
        yield "idle methods", _module(exercise, function, _idle(reference))
        return
    yield "nothing", _module(exercise, function, lambda *args, **kwargs: None)
    if exercise.scratch:
        return  # made from the reference, the others would write its very files
    for name, make in _fills().items():
        yield name, _module(exercise, function, _filled(reference, make))
    for position, parameter in enumerate(inspect.signature(reference).parameters):
        yield f"{parameter} handed back", _module(exercise, function, _echo(reference, position))


def _fills() -> dict[str, Make]:
    return {
        "zeros": lambda out, args: np.zeros_like(out),
        "ones": lambda out, args: np.ones_like(out),
        "uniform": lambda out, args: np.full_like(out, 1.0 / (out.shape[-1] if out.ndim else 1)),
        "twice the value": lambda out, args: 2 * out,
        "the opposite": lambda out, args: -out,
    }


def _echo(reference: Callable[..., Any], position: int) -> Callable[..., Any]:
    def make(out: np.ndarray[Any, Any], args: tuple[Any, ...]) -> Any:
        given: Any = args[position] if position < len(args) else None
        if not isinstance(given, (list, tuple, dict)) and np.shape(given) == out.shape:
            return np.array(given)
        return np.zeros_like(out)

    return _filled(reference, make)


def _filled(reference: Callable[..., Any], make: Make) -> Callable[..., Any]:
    def null(*args: Any, **kwargs: Any) -> Any:
        spare = _copied((args, kwargs))
        result = reference(*spare[0], **spare[1])
        for given, changed in zip(_arrays((args, kwargs)), _arrays(spare), strict=True):
            if not np.array_equal(given, changed, equal_nan=True):
                given[...] = make(changed, args)
        if isinstance(result, (tuple, list)):
            return tuple(_one(r, args, make) for r in result)
        return _one(result, args, make)

    return null


def _copied(value: Any) -> Any:
    """Arrays and modules inside `value` copied: the reference works in place on the copies."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if hasattr(value, "named_parameters"):
        return copy.deepcopy(value)
    if isinstance(value, (tuple, list)):
        return type(value)(_copied(v) for v in value)
    return {k: _copied(v) for k, v in value.items()} if isinstance(value, dict) else value


def _arrays(value: Any) -> Iterator[np.ndarray[Any, Any]]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, (tuple, list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _arrays(item)


def _one(result: Any, args: tuple[Any, ...], make: Make) -> Any:
    if result is None:
        return None
    made = make(np.asarray(result), args)
    return made.item() if isinstance(result, (str, bytes)) and np.ndim(made) == 0 else made


def _idle(reference: type) -> type:
    """A subclass whose public methods all do nothing."""
    methods = {
        name: (lambda self, *args, **kwargs: None)
        for name, value in vars(reference).items()
        if inspect.isfunction(value) and not name.startswith("_")
    }
    return type(reference.__name__, (reference,), methods)


def _module(exercise: Exercise, function: str, replaced: Any) -> dict[str, Any]:
    path = str(exercise.solution.__file__)
    with open(path, encoding="utf-8") as file:
        names = run_code(_compiled(file.read(), path), exercise.solution)
    names[function] = replaced
    return names


@lru_cache(maxsize=2)
def _compiled(source: str, path: str) -> CodeType:
    """A solution is the same for every null solution and every seed."""
    return compile(source, path, "exec")
