"""Grading one exercise of one submission: run every check, score it, word it, recognise mistakes.

All code here is trusted. Student code is reached only through a `Student`.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from .attachment import Attached
from .case import Case
from .compare import Difference
from .errors import (
    StudentDied,
    StudentError,
    StudentForbidden,
    StudentMisbehaved,
    StudentOverFiles,
    StudentOverMemory,
    StudentRaised,
    StudentTimedOut,
)
from .exercise import Check, Exercise
from .hints import Known, Trace, recognise, what_was_raised
from .inputs import Seed
from .quiet import quiet
from .result import CheckResult, FunctionResult, Status
from .student import Ask, Student

# The published budget of a call is max(1 s, 20 times the reference); it is ended at 2.5 times that.
BUDGET, SLACK, LEAST = 20.0, 2.5, 1.0
NOT_RUN = "Not run yet: it takes long, and counts once the values are right."


# What check code of ours stumbles over when an answer is not of the kind that was asked for.
UNFIT = (
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
)


class Killed(Exception):
    """Something outside killed the worker, twice; the exercise is not graded."""


@dataclass
class Bench:
    """Where the student's code runs: opens workers, sets deadlines, remembers what timed out.

    Args:
        open_student: Starts a fresh worker with the student's module loaded.
        alone: Entered while a timed-out check is tried again with nothing else running.
        attached: The numbers that were handed in beside the module, if any.
    """

    open_student: Callable[[], Student]
    alone: Callable[[], AbstractContextManager[Any]] = nullcontext
    student: Student | None = None
    attached: Attached | None = None

    def seat(self, seconds: float) -> Student:
        """A live student whose calls may take `seconds`."""
        backend: Any = self.student._backend if self.student else None
        if self.student is None or not getattr(backend, "alive", True):
            self.close()
            self.student = self.open_student()
        backend = self.student._backend
        if hasattr(backend, "deadline"):
            backend.deadline = seconds
        return self.student

    def close(self) -> None:
        """End the worker, if there is one."""
        if self.student is not None:
            close = getattr(self.student._backend, "close", None)
            self.student.transcript.clear()
            self.student = None
            if close:
                close()


@dataclass(frozen=True)
class Outcome:
    """What running one check gave, before points and words."""

    status: Status
    trace: Trace
    difference: Difference | None = None
    error: StudentError | None = None


@dataclass
class Memo:
    """What stays the same when one function is graded again and again with the same seed.

    For `verify`, which grades every mistake; a submission is graded once.
    """

    cases: dict[str, dict[str, list[Case]]] = field(default_factory=dict)
    known: Known = field(default_factory=dict)


def grade_function(
    exercise: Exercise,
    function: str,
    bench: Bench,
    seed: Seed,
    memo: Memo | None = None,
    *,
    long: bool = True,
) -> FunctionResult:
    """Run all checks of one function and score them.

    Args:
        memo: What earlier calls with the same exercise and seed have drawn and found.
        long: Run those that take long, too.

    Raises:
        Killed: The worker was killed from outside twice in the same check.
    """
    checks = [c for c in exercise.checks_of(function) if long or not c.seconds]
    quick = [c for c in checks if not c.seconds]
    cases = memo.cases.get(function) if memo else None
    if cases is None:
        first = {c.shared or c.name: c for c in reversed(exercise.checks_of(function))}
        drawn = {name: draw_cases(exercise, check, seed) for name, check in first.items()}
        cases = {c.name: drawn[c.shared or c.name] for c in exercise.checks_of(function)}
    if memo:
        memo.cases[function] = cases
    outcomes: dict[str, Outcome] = {}
    ask_ahead(checks, cases, bench)
    slow = 0
    for check in checks:
        if slow >= 2:
            outcomes[check.name] = Outcome("timed_out", Trace(False, (), False))
            continue
        if check.seconds and (known := _without_running(check, checks, outcomes)):
            outcomes[check.name] = known
            continue
        outcome = run_check(check, cases[check.name], bench)
        if outcome.status == "timed_out" and not slow:
            with bench.alone():
                outcome = run_check(check, cases[check.name], bench)
        slow += outcome.status == "timed_out"
        outcomes[check.name] = outcome
    traces = {name: o.trace for name, o in outcomes.items()}
    mistake, explained = recognise(exercise, quick, cases, traces, memo.known if memo else None)
    results = [score(c, outcomes[c.name]) for c in checks]
    if mistake:
        results = [
            replace(r, hint=mistake.hint, mistake=mistake.name)
            if r.name in explained or (r.status == "failed" and r.kind != "E")
            else r
            for r in results
        ]
    return settle(function, results)


def _without_running(
    check: Check, checks: list[Check], outcomes: dict[str, Outcome]
) -> Outcome | None:
    """The outcome of a long check that need not be run, or not again."""
    main = outcomes.get(checks[0].name)
    if main and main.status != "passed":
        return replace(main, trace=Trace(False, (), False), difference=Difference(NOT_RUN, NOT_RUN))
    together = [outcomes[c.name] for c in checks if c.shared == check.shared and c.name in outcomes]
    return next((o for o in together if o.error), None)


def ask_ahead(checks: list[Check], cases: dict[str, list[Case]], bench: Bench) -> None:
    """Let the worker begin with the calls that are known; the checks then find the answers."""

    def asks() -> Iterator[Ask]:
        for check in checks:
            if check.asks is None:
                continue
            for case in cases[check.name]:
                check.prepare(case)
                yield from check.asks(case)

    # What goes wrong here, the checks meet again and say.
    with contextlib.suppress(StudentError), quiet():
        bench.seat(SLACK * LEAST).ask_ahead(checks[0].function, asks())


def draw_cases(exercise: Exercise, check: Check, seed: Seed) -> list[Case]:
    """The cases of a check; nothing is drawn before it is needed."""
    return [
        Case(
            check.inputs,
            sizes,
            check.dtype,
            seed,
            (exercise.slug, check.function, check.shared or check.name, str(i)),
        )
        for i, sizes in enumerate(check.sizes)
    ]


def run_check(check: Check, cases: list[Case], bench: Bench) -> Outcome:
    """Run one check; a worker killed from outside is replaced once."""
    outcome = _run_once(check, cases, bench)
    if _killed(outcome):
        outcome = _run_once(check, cases, bench)
        if _killed(outcome):
            raise Killed(f"the worker was killed from outside in {check.name} of {check.function}")
    return outcome


def _run_once(check: Check, cases: list[Case], bench: Bench) -> Outcome:
    if check.attached:
        return _weighed(check, cases, bench.attached)
    start = 0
    transcript: list[Any] = []
    try:
        for case in cases:
            with quiet():
                check.prepare(case)
                budget = max(LEAST, BUDGET * case.seconds, check.seconds)
                student = bench.seat(SLACK * budget)
                if student.transcript is not transcript:
                    transcript = student.transcript
                    start = len(transcript)
                found = _judged(check, student, case)
            if found:
                return Outcome("failed", Trace(False, tuple(transcript[start:])), found)
    except StudentError as error:
        answered = isinstance(error, (StudentRaised, StudentForbidden))
        values = (*transcript[start:], what_was_raised(error))
        if not answered:
            bench.close()
        # A traceback would keep alive whatever the frames it passed hold: large answers, say.
        error.__traceback__ = error.__context__ = error.__cause__ = None
        return Outcome(status_of(error), Trace(False, values, answered), None, error)
    return Outcome("passed", Trace(True, tuple(transcript[start:])))


def _weighed(check: Check, cases: list[Case], attached: Attached | None) -> Outcome:
    """Judge numbers that were handed in; no code of the student's has to do with it."""
    if attached is None:
        said = f"{check.attached} was not handed in beside your work."
        return Outcome("not_attempted", Trace(False, (), False), Difference(said, said))
    if attached.problem:
        found: Difference | None = Difference(attached.problem, attached.problem)
    else:
        with quiet():
            found = next((d for case in cases if (d := check.body(attached, case))), None)
    return Outcome("failed" if found else "passed", Trace(not found, (), False), found)


def _judged(check: Check, student: Student, case: Case) -> Difference | None:
    """Run check code; what trips over a strange answer is the answer's fault."""
    try:
        return check.body(student, case)
    except StudentError:
        raise
    except UNFIT as error:
        kind = type(error).__name__
        return Difference(
            "The result is not of the kind that is asked for.",
            f"the result is not of the kind that is asked for ({kind}: {error})",
        )


def _killed(outcome: Outcome) -> bool:
    return isinstance(outcome.error, StudentDied) and getattr(outcome.error, "signal", 0) == 9


def status_of(error: StudentError) -> Status:
    """The status of a check that ended with `error`."""
    if isinstance(error, StudentRaised):
        return "not_attempted" if error.exception == "NotImplementedError" else "raised"
    if isinstance(error, StudentTimedOut):
        return "timed_out"
    if isinstance(error, StudentOverMemory):
        return "over_memory"
    return "raised" if isinstance(error, StudentDied) else "failed"


def score(check: Check, outcome: Outcome) -> CheckResult:
    """Points and the sentence a student may read: no input, no value, no text of theirs."""
    points = check.points if outcome.status == "passed" else 0.0
    return CheckResult(
        name=check.name,
        kind=check.kind,
        title=check.title,
        status=outcome.status,
        points=float(points),
        max_points=float(check.points),
        message=_message(outcome, check.seconds),
        gate=check.gate,
    )


def _message(outcome: Outcome, seconds: float) -> str:
    if outcome.difference and (outcome.status != "not_attempted" or not outcome.error):
        return outcome.difference.category
    return said_of(outcome.error, outcome.status, seconds)


def said_of(error: StudentError | None, status: Status, seconds: float) -> str:
    """The sentence for what ended a call; `seconds` is its budget if it has one of its own."""
    if isinstance(error, StudentRaised):
        if error.exception == "NotImplementedError":
            return "Not attempted yet."
        return f"It raised {error.exception}."
    if isinstance(error, StudentForbidden):
        return "It has the library differentiate; here the gradient is yours to write."
    if isinstance(error, StudentOverMemory):
        return "It needs more memory than it is given."
    if isinstance(error, StudentMisbehaved):
        return "Its answer is not one that can be read: an unusual type, or far too large."
    if isinstance(error, StudentOverFiles):
        return "It writes more than its folder may hold."
    if isinstance(error, StudentDied):
        return "It ended the process instead of returning."
    if status == "timed_out":
        budget = f"{seconds:g} s" if seconds else "1 s or of 20 reference times"
        return f"It took too long: over 2.5 times the budget of {budget}."
    return ""


def settle(function: str, results: list[CheckResult]) -> FunctionResult:
    """Apply gates, and let properties and edge cases pay only on top of the main check."""
    gated = [r for r in results if r.gate and r.status != "passed"]
    main = results[0].status == "passed"
    settled: list[CheckResult] = []
    for result in results:
        if result.points and gated:
            title = gated[0].title
            result = replace(result, points=0.0, message=f"No points while this fails: {title}")
        elif result.points and result.kind in "PE" and not main:
            result = replace(result, points=0.0, message="Counts once the values are right.")
        settled.append(result)
    return FunctionResult(
        name=function,
        status=_overall(results),
        points=sum(r.points for r in settled),
        max_points=sum(r.max_points for r in settled),
        checks=tuple(settled),
    )


def _overall(results: list[CheckResult]) -> Status:
    """One status for the function: the first failure's, or passed."""
    found = [r.status for r in results if r.status != "passed"]
    if not found:
        return "passed"
    for status in ("over_memory", "timed_out"):
        if status in found:
            return status
    return found[0]


def lost(exercise: Exercise, function: str, status: Status, message: str) -> FunctionResult:
    """The result of a function that could not be run at all, with the reason."""
    checks = tuple(
        CheckResult(c.name, c.kind, c.title, status, 0.0, float(c.points), message, gate=c.gate)
        for c in exercise.checks_of(function)
    )
    return FunctionResult(function, status, 0.0, sum(c.max_points for c in checks), checks)


def elapsed_since(start: float) -> float:
    """Seconds since a `time.perf_counter()` reading, to the millisecond."""
    return round(time.perf_counter() - start, 3)
