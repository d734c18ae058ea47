"""Grading one exercise of one submission in the sandbox, from a read module to a result."""

import ast
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .attachment import Attached
from .build import version
from .course import Course, has_torch
from .errors import (
    IsolationError,
    StudentDied,
    StudentError,
    StudentOverMemory,
    StudentRaised,
    StudentTimedOut,
)
from .exercise import Exercise
from .inputs import Seed
from .judge import Bench, Killed, elapsed_since, grade_function, lost, status_of
from .percent import Page
from .racing import all_right, not_run, run_race
from .report.escape import one_line
from .result import CheckResult, ExerciseResult, FunctionResult, RaceResult
from .selfcheck import run_visible
from .served import Served
from .source import SourceCell, StudentModule
from .student import Student

if TYPE_CHECKING:
    from .sandbox.libraries import Arrays

# Seconds that loading one module may take in all, over every worker it is loaded into.
LOADING = 20.0
# Seconds for a call that does next to nothing.
LOOKUP = 2.5


def grade_module(
    course: Course,
    exercise: Exercise,
    page: Page,
    module: StudentModule,
    sandbox: Any,
    seed: Seed,
    *,
    alone: Callable[[], AbstractContextManager[Any]] = nullcontext,
    only: str = "",
    attached: Attached | None = None,
) -> ExerciseResult:
    """Run all checks on one read module; a failure of ours gives *not graded*, never a zero.

    With `only`, the checks of that function, no visible check for what fails and no race.
    `attached` are the numbers that were handed in beside the module.
    """
    start = time.perf_counter()
    desk = _Desk(course, exercise, module, sandbox)
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
    bench = Bench(desk.open, alone, attached=attached)
    try:
        functions = tuple(
            _function(exercise, page, module, f, desk, bench, seed, visible=not only)
            for f in page.functions
            if only in ("", f)
        )
        bench.close()  # a race starts afresh
        races = () if only else _races(course, exercise, page, desk, seed, functions)
    except Exception as error:  # ours: no student code runs in this process
        reason = str(error)
        if not isinstance(error, (IsolationError, Killed)):
            reason = f"A check of ours raises {type(error).__name__}: {one_line(reason)}"
        return replace(blank, status="not_graded", reason=reason, seconds=elapsed_since(start))
    finally:
        bench.close()
    points = sum(f.points for f in functions)
    stopped = tuple(f"{c.label} {_stops(e)} when it is loaded." for c, e in desk.errors.items())
    blank = replace(blank, notices=(*blank.notices, *stopped))
    seconds = elapsed_since(start)
    return replace(blank, points=points, functions=functions, races=races, seconds=seconds)


class _Desk:
    """Opens workers with one student's module, within a budget of seconds for loading.

    A cell that stalls or ends the worker is left out of later ones; `errors` remembers why.
    """

    def __init__(
        self, course: Course, exercise: Exercise, module: StudentModule, sandbox: Any
    ) -> None:
        self.exercise, self.sandbox = exercise, sandbox
        self.cells = list(module.cells)
        self.installed = libraries_for(course, exercise, module)
        self.errors: dict[SourceCell, StudentError] = {}
        self.left = LOADING
        self.given = course.given() if any("starter_code" in c.source for c in self.cells) else {}
        self.own_gradients = course.rules(module.exercise).own_gradients
        self.served = Served()
        self.earlier = {
            e.local: self.served.callback(course.reference(e.exercise, e.name))
            for e in module.earlier
        }

    def open(self) -> Student:
        """A fresh worker.

        Raises:
            StudentTimedOut: Loading has used up its budget.
        """
        from .sandbox import Limits

        if self.left <= 0:
            raise StudentTimedOut("loading takes too long")
        start = time.perf_counter()
        self.served.worker = None
        worker = self.sandbox.open(
            self.cells,
            arrays=self.exercise.arrays,
            installed=self.installed,
            earlier=self.earlier,
            given=self.given,
            own_gradients=self.own_gradients,
            limits=Limits(memory=self.exercise.memory, files=self.exercise.scratch),
        )
        self.left -= time.perf_counter() - start
        for cell, error in worker.load_errors.items():
            self.errors.setdefault(cell, error)
            if isinstance(error, (StudentTimedOut, StudentDied)):
                self.cells = [c for c in self.cells if c != cell]
        self.served.worker = worker
        return Student(worker)


def _races(
    course: Course,
    exercise: Exercise,
    page: Page,
    desk: _Desk,
    seed: Seed,
    functions: tuple[FunctionResult, ...],
) -> tuple[RaceResult, ...]:
    """The races of an exercise, if all of it is right; a worker of its own for either side."""
    if not all_right(functions):
        return tuple(map(not_run, exercise.races))
    found = []
    for race in exercise.races:
        # Opened within the race: nothing that goes wrong there may cost a grade.
        own, theirs = Bench(desk.open), Bench(lambda: _reference(course, exercise, desk).open())
        try:
            found.append(run_race(race, page.slug, own, theirs, seed))
        finally:
            own.close()
            theirs.close()
    return tuple(found)


def _reference(course: Course, exercise: Exercise, desk: _Desk) -> _Desk:
    """Where workers with the reference are opened, read like a submission; never a student's."""
    from .submission import RawFile, read_module

    slug = exercise.slug
    source = course.root / "solutions" / f"{slug}.py"
    file = RawFile(source.name, source.name, source.read_bytes())
    module = read_module(file, course.stub(slug), course.rules(slug))
    return _Desk(course, exercise, module, desk.sandbox)


def libraries_for(course: Course, exercise: Exercise, module: StudentModule) -> "Arrays":
    """The libraries a worker gets: PyTorch, which starts slowly, if it may be and is imported."""
    allowed = "torch" not in course.rules(exercise.slug).forbidden_modules and has_torch()
    names = ("torch", "safetensors")  # the second is there where the first is
    wanted = allowed and any(imports(c.source, name) for c in module.cells for name in names)
    return "torch" if wanted else exercise.arrays


def imports(source: str, library: str) -> bool:
    """Does this source, as far as it can be read, import a library?"""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError):
        return False
    names = [a.name for n in nodes if isinstance(n, ast.Import) for a in n.names]
    names += [n.module or "" for n in nodes if isinstance(n, ast.ImportFrom) and not n.level]
    return any(name.partition(".")[0] == library for name in names)


def _function(
    exercise: Exercise,
    page: Page,
    module: StudentModule,
    function: str,
    desk: "_Desk",
    bench: Bench,
    seed: Seed,
    *,
    visible: bool,
) -> FunctionResult:
    if function in module.forbidden:
        return lost(exercise, function, "failed", module.forbidden[function])
    if function in module.broken:
        return lost(exercise, function, "raised", module.broken[function])
    missing = _missing(function, desk, bench)
    if missing:
        return lost(exercise, function, *missing)
    result = grade_function(exercise, function, bench, seed)
    if visible and result.status in ("failed", "raised"):
        result = replace(result, visible=(_visible(exercise, page, function, bench),))
    if result.status != "passed":
        bench.close()  # what it did to its process is not the next function's business
    return result


def _missing(function: str, desk: "_Desk", bench: Bench) -> tuple[Any, str] | None:
    """Status and sentence if the module, once loaded, does not define `function`."""
    fresh = bench.student is None
    try:
        getattr(bench.seat(LOOKUP), function)
    except StudentRaised:
        for cell, error in desk.errors.items():
            why = f"{cell.label} {_stops(error)} when it is loaded: {function} is missing."
            return status_of(error), why
        return "not_attempted", f"There is no function named {function}."
    except StudentError as error:
        bench.close()
        if not fresh:  # perhaps spoiled by the function before
            return _missing(function, desk, bench)
        return status_of(error), f"The module cannot be loaded: it {_stops(error)}."
    return None


def _stops(error: StudentError) -> str:
    if isinstance(error, StudentRaised):
        return f"stops with {error.exception}"
    if isinstance(error, StudentTimedOut):
        return "takes too long"
    if isinstance(error, StudentOverMemory):
        return "needs more memory than it is given"
    return "ends the process"


def _visible(exercise: Exercise, page: Page, function: str, bench: Bench) -> CheckResult:
    """The visible check, from the pristine source: its inputs are public, so it shows values."""
    visible = getattr(exercise.solution, f"visible_{function}")
    bench.close()  # a fresh worker: one that has seen hidden inputs could show them here
    status, message = run_visible(visible, bench.seat(LOOKUP))
    return CheckResult(
        name=f"visible_{function}",
        kind="V",
        title=(visible.__doc__ or "").strip().split("\n")[0],
        status=status,  # type: ignore[arg-type]
        points=0.0,
        max_points=0.0,
        message=message,
    )
