"""Grading one exercise of one submission in the sandbox, from a read module to a result."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np

from .build import version
from .course import Course
from .errors import IsolationError, StudentRaised
from .exercise import Exercise
from .inputs import Seed
from .judge import Bench, Killed, elapsed_since, grade_function, lost
from .percent import Page
from .result import CheckResult, ExerciseResult, FunctionResult
from .selfcheck import run_visible
from .source import StudentModule
from .student import Callback, Student


# Elements that an earlier exercise's reference is called with on behalf of a student.
MOST, MOST_IN_VECTOR = 1 << 20, 1 << 11


def grade_module(
    course: Course,
    exercise: Exercise,
    page: Page,
    module: StudentModule,
    sandbox: Any,
    seed: Seed,
    *,
    alone: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> ExerciseResult:
    """Run all checks on one read module; a failure of ours gives *not graded*, never a zero."""
    from .sandbox import Limits

    start = time.perf_counter()
    earlier = {
        e.local: Callback(course.reference(e.exercise, e.name), accepts=_modest)
        for e in module.earlier
    }

    def open_student() -> Student:
        worker = sandbox.open(
            module.cells,
            arrays=exercise.arrays,
            earlier=earlier,
            limits=Limits(memory=exercise.memory),
        )
        return Student(worker)

    blank = ExerciseResult(
        exercise=page.slug,
        title=page.title,
        version=version(page),
        status="graded",
        points=0.0,
        max_points=sum(float(exercise.points(f)) for f in page.functions),
        source=module.origin,
        source_sha256=module.sha256,
        notices=module.notices,
        review=module.review,
    )
    bench = Bench(open_student, alone)
    try:
        functions = tuple(_function(exercise, page, module, f, bench, seed) for f in page.functions)
    except (IsolationError, Killed) as error:
        return replace(blank, status="not_graded", reason=str(error), seconds=elapsed_since(start))
    finally:
        bench.close()
    points = sum(f.points for f in functions)
    return replace(blank, points=points, functions=functions, seconds=elapsed_since(start))


def _modest(*args: Any, **kwargs: Any) -> bool:
    """Are these arguments small enough for the supervisor to compute with?

    A result may be larger than its arguments: an outer product of a vector is its square.
    """
    sizes = [(np.ndim(a), np.size(a)) for a in (*args, *kwargs.values())]
    return all(size <= (MOST_IN_VECTOR if ndim == 1 else MOST) for ndim, size in sizes)


def _function(
    exercise: Exercise, page: Page, module: StudentModule, function: str, bench: Bench, seed: Seed
) -> FunctionResult:
    if function in module.forbidden:
        return lost(exercise, function, "failed", module.forbidden[function])
    if function in module.broken:
        return lost(exercise, function, "raised", module.broken[function])
    missing = _missing(function, bench)
    if missing:
        return lost(exercise, function, *missing)
    result = grade_function(exercise, function, bench, seed)
    if result.status in ("failed", "raised"):
        result = replace(result, visible=(_visible(exercise, page, function, bench),))
    return result


def _missing(function: str, bench: Bench) -> tuple[Any, str] | None:
    """Status and sentence if the module, once loaded, does not define `function`."""
    student = bench.seat(2.5)
    try:
        getattr(student, function)
    except StudentRaised:
        errors = getattr(student._backend, "load_errors", {})
        for label, error in errors.items():
            name = getattr(error, "exception", "") or "an error"
            return "raised", f"{label} stops with {name} when it is loaded: {function} is missing."
        return "not_attempted", f"There is no function named {function}."
    return None


def _visible(exercise: Exercise, page: Page, function: str, bench: Bench) -> CheckResult:
    """The visible check, from the pristine source: its inputs are public, so it shows values."""
    visible = getattr(exercise.solution, f"visible_{function}")
    status, message = run_visible(visible, bench.seat(2.5))
    return CheckResult(
        name=f"visible_{function}",
        kind="V",
        title=(visible.__doc__ or "").strip().split("\n")[0],
        status=status,  # type: ignore[arg-type]
        points=0.0,
        max_points=0.0,
        message=message,
    )
