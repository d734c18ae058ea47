"""Recognising a known mistake: a submission that gives the very values a declared mistake gives.

The fingerprint of a mistake is everything its functions return when the ordinary checks run on
it with this student's inputs. Nothing is computed until a check has failed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .case import Case
from .compare import EXACT, RTOL
from .errors import CourseError, StudentError, StudentRaised
from .exact import SYMBOLS, are_symbols
from .exercise import Check, Exercise
from .mistake import Mistake
from .quiet import quiet
from .student import LocalBackend, Ref, Student

# A mistake's own values differ from another person's by rounding only; distinct mistakes differ
# by far more. Between the grading tolerance and the weakest mistake.
LOOSE = 100.0
CORE = ("R", "F", "P")


@dataclass(frozen=True)
class Trace:
    """What one check saw: did it pass, and every value that came back."""

    passed: bool
    values: tuple[Any, ...]
    answered: bool = True


# What mistakes do in checks with the inputs of one student: (function, mistake, check) to trace.
Known = dict[tuple[str, str, str], Trace]


def recognise(
    exercise: Exercise,
    checks: Sequence[Check],
    cases: Mapping[str, list[Case]],
    traces: Mapping[str, Trace],
    known: Known | None = None,
) -> tuple[Mistake | None, frozenset[str]]:
    """The declared mistake that explains `traces`, and the names of the checks it fails.

    A mistake explains a submission if it gives the same values in every value, gradient and
    property check; in the edge cases too when only edge cases failed. `known` keeps what mistakes
    do, for whoever grades again with the same inputs.
    """
    failed = {c.name for c in checks if not traces[c.name].passed}
    core = [c for c in checks if c.kind in CORE]
    compared = core if any(c.name in failed for c in core) else list(checks)
    if not failed or not all(traces[c.name].answered for c in compared):
        return None, frozenset()
    # What failed tells mistakes apart soonest.
    compared = sorted(compared, key=lambda check: check.name not in failed)
    for mistake in exercise.mistakes:
        if mistake.function != checks[0].function:
            continue
        does = _Does(exercise, mistake, cases, known)
        fails: set[str] = set()
        for check in compared:
            try:
                seen = does(check)
            except CourseError:
                break  # `verify` reports it; a student's result does not depend on it
            if seen.passed != (check.name not in failed) or not _same(
                seen.values, traces[check.name].values
            ):
                break
            if not seen.passed:
                fails.add(check.name)
        else:
            if fails:
                return mistake, frozenset(fails)
    return None, frozenset()


class _Does:
    """What a mistake does in a check, run once where `known` is given."""

    def __init__(
        self,
        exercise: Exercise,
        mistake: Mistake,
        cases: Mapping[str, list[Case]],
        known: Known | None,
    ) -> None:
        self.exercise, self.mistake, self.cases, self.known = exercise, mistake, cases, known

    @cached_property
    def student(self) -> Student:
        """Planted when first needed."""
        return planted_student(self.exercise, self.mistake)

    def __call__(self, check: Check) -> Trace:
        key = (self.mistake.function, self.mistake.name, check.name)
        if self.known is None:
            return trace(check, self.cases[check.name], self.student)
        if key not in self.known:
            self.known[key] = trace(check, self.cases[check.name], self.student)
        return self.known[key]


def planted_student(exercise: Exercise, mistake: Mistake) -> Student:
    """A student who makes exactly this mistake, in this process: the code is ours."""
    return Student(LocalBackend(exercise.planted(mistake), arrays=exercise.arrays))


def trace(check: Check, cases: Sequence[Case], student: Student) -> Trace:
    """Run a check on trusted code and record what it returns."""
    start = len(student.transcript)
    passed = True
    with quiet():
        for case in cases:
            check.prepare(case)
            try:
                passed = passed and check.body(student, case) is None
            except StudentError as error:
                student.transcript.append(what_was_raised(error))
                passed = False
            except Exception:
                passed = False
            if not passed:
                break
    return Trace(passed, tuple(student.transcript[start:]))


def what_was_raised(error: StudentError) -> str:
    """How an exception stands in a transcript."""
    return f"raised {error.builtin}" if isinstance(error, StudentRaised) else "no answer"


def _same(a: Any, b: Any) -> bool:
    if type(a) is type(b) and type(a) in SYMBOLS:
        return bool(a == b)
    if isinstance(a, Ref) or isinstance(b, Ref):
        return isinstance(a, Ref) and isinstance(b, Ref)
    if are_symbols(a) and are_symbols(b):
        return bool(a == b)
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, EXACT) or isinstance(b, EXACT):
        return type(a) is type(b) and bool(a == b)
    try:
        x, y = np.asarray(a), np.asarray(b)
    except (ValueError, TypeError):
        return False
    if x.shape != y.shape or x.dtype.kind not in "fiub" or y.dtype.kind not in "fiub":
        return False
    coarse = min(x.dtype.itemsize, y.dtype.itemsize) < 8 and "f" in (x.dtype.kind, y.dtype.kind)
    rtol = LOOSE * RTOL["float32" if coarse else "float64"]
    x, y = x.astype(np.float64), y.astype(np.float64)
    scale = float(np.max(np.abs(y[np.isfinite(y)]), initial=1e-3))
    with np.errstate(all="ignore"):
        gap = float(np.abs(x - y).max(initial=0.0))
    if np.isfinite(gap):  # the usual case, many times faster
        return gap <= rtol * scale
    return bool(np.allclose(x, y, rtol=0, atol=rtol * scale, equal_nan=True))
