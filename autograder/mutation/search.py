"""Looking for an input on which a mutant that got through differs from the reference."""

import dataclasses
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator

from ..bodies import double
from ..compare import difference
from ..errors import StudentError
from ..exercise import Exercise, signature
from ..inputs import Array, Seed, draw
from ..student import Student
from .make import Mutant
from .run import grade_mutant, read

if TYPE_CHECKING:
    from ..pool import Grader

TRIES, OTHER_SEEDS, LARGEST = 300, 20, 7
SCALES = (1.0, 1e-6, 1e-3, 30.0, 1e3, 1e6)
# What the same formula in the same precision may differ by, relative to the largest entry.
LOOSE = {"float64": 1e-9, "float32": 1e-3}


def hole(grader: "Grader", slug: str, mutant: Mutant) -> str:
    """Where `mutant`, which got every point, is wrong after all; "" if no place is found.

    Tries many sizes and scales, then the checks with other students' inputs.
    """
    found = differing_input(grader, slug, mutant)
    if found:
        return found
    for number in range(OTHER_SEEDS):
        fate = grade_mutant(grader, slug, mutant.function, mutant.source, b"search %d" % number)
        if fate.state != "survived":
            families = fate.families or "another function's checks"
            return f"other students' inputs catch it ({families}): whom it gets by is luck"
    return ""


def differing_input(grader: "Grader", slug: str, mutant: Mutant) -> str:
    """Sizes, scale and dtype at which the mutant and the reference differ; "" if none is found."""
    exercise, _ = grader.loaded(slug)
    if inspect.isclass(getattr(exercise.solution, mutant.function)):
        return ""  # objects have histories, not inputs
    if "rng" in inspect.signature(getattr(exercise.solution, mutant.function)).parameters:
        return ""  # what we draw with cannot be sent
    module = read(grader, slug, mutant.source)
    if module is None:
        return ""
    worker: Any = None
    rng = np.random.default_rng(0)
    try:
        for number in range(TRIES):
            if worker is None or not worker.alive:
                earlier = {
                    e.local: grader.course.reference(e.exercise, e.name) for e in module.earlier
                }
                worker = grader.sandbox.open(module.cells, arrays=exercise.arrays, earlier=earlier)
            found = _differs(exercise, mutant.function, Student(worker), rng, number)
            if found:
                return found
    finally:
        if worker is not None:
            worker.close()
    return ""


def _differs(
    exercise: Exercise, function: str, student: Student, rng: Generator, number: int
) -> str:
    checks = exercise.checks_of(function)
    check = checks[number % len(checks)]
    if number < len(SCALES) * len(checks):
        sizes = dict(check.sizes[0])
    else:
        sizes = {name: int(rng.integers(1, LARGEST)) for name in check.sizes[0]}
    scale, dtype = SCALES[number % len(SCALES)], ("float64", "float32")[number // 7 % 2]
    inputs = {
        name: dataclasses.replace(s, scale=(s.scale or 1.0) * scale) if isinstance(s, Array) else s
        for name, s in check.inputs.items()
    }
    plain, named = signature(exercise.solution, function, inputs)
    drawn = Seed(b"search").generator(str(number))
    with np.errstate(all="ignore"):
        try:
            values = draw((*plain, *named), inputs, sizes, drawn, dtype)
            args = tuple(values[n] for n in plain)
            kwargs = {} if number % 2 else {n: values[n] for n in named}  # defaults, too
            want = getattr(exercise.solution, function)(*_copies(args), **kwargs)
        except Exception:
            return ""  # no sizes that fit together
    where = f"sizes {sizes}, scale {scale:g}, {dtype}" + (
        "" if kwargs or not named else ", defaults"
    )
    try:
        target = getattr(student, function)
        got, after, _ = student.trial(target, *args, **kwargs)
    except StudentError as error:
        return f"{where}: it ends with {error}"
    found = difference(got, want, "the result", rtol=LOOSE[dtype], dtype=_dtype(want))
    if found:
        return f"{where}: {found.detail}"
    changed = any(
        isinstance(a, np.ndarray) and not np.array_equal(a, b, equal_nan=True)
        for a, b in zip(args, after, strict=True)
    )
    return f"{where}: an argument is changed" if changed else ""


def _copies(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(a.copy() if isinstance(a, np.ndarray) else double(a) for a in args)


def _dtype(value: Any) -> str:
    """The dtype of a result, of the first one if there are several; "" if it is no array."""
    first = value[0] if isinstance(value, (tuple, list)) and value else value
    return str(first.dtype) if isinstance(first, np.ndarray) else ""
