"""Which variables of a reference could be taken for each other: same kind, same shapes."""

import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any

import numpy as np

from ..exercise import Exercise
from ..inputs import Seed
from ..judge import Bench, grade_function
from ..student import LocalBackend, Student

SCALARS = (bool, int, float, np.generic)


Groups = dict[str, tuple[str, ...]]


def alike(exercise: Exercise, functions: tuple[str, ...]) -> dict[tuple[str, int], Groups]:
    """Per function of the solution, for each variable those like it in every call of the checks.

    Runs the checks on the reference and looks at its variables whenever a function returns.
    """
    path = str(exercise.solution.__file__)
    seen: dict[tuple[str, int], dict[str, list[Any]]] = {}

    def look(frame: FrameType, event: str, _: Any) -> None:
        if event != "return" or frame.f_code.co_filename != path:
            return
        kinds = seen.setdefault((frame.f_code.co_name, frame.f_code.co_firstlineno), {})
        for name, value in frame.f_locals.items():
            kinds.setdefault(name, []).append(_kind(value))

    sys.setprofile(look)
    try:
        for function in functions:
            student = Student(LocalBackend(vars(exercise.solution), arrays=exercise.arrays))
            grade_function(exercise, function, Bench(lambda s=student: s), Seed(b"alike"))  # type: ignore[misc]
    finally:
        sys.setprofile(None)
    return {where: _groups(kinds) for where, kinds in seen.items()}


def _groups(kinds: Mapping[str, list[Any]]) -> Groups:
    known = {name: found for name, found in kinds.items() if None not in found}
    return {
        name: tuple(other for other in known if other != name and known[other] == known[name])
        for name in known
    }


def _kind(value: Any) -> Any:
    """What makes two values alike; None for what is neither an array nor a number."""
    if isinstance(value, SCALARS):
        return "bool" if isinstance(value, bool) else "number"
    shape = getattr(value, "shape", None)
    return tuple(shape) if shape is not None else None
