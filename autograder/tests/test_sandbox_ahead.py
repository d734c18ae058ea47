"""Calls that are sent ahead give what the same calls give one by one."""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from autograder.errors import StudentDied, StudentRaised
from autograder.source import SourceCell
from autograder.student import Ask, Callback, Student, laid

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="isolation needs Linux")

SOURCE = """
import os
calls = 0
def double(x):
    global calls
    calls += 1
    return helper(x)
def count():
    return calls
def fussy(x):
    global calls
    calls += 1
    if x.size == 2:
        raise ValueError
    return x
def leave(x):
    if x.size == 2:
        os._exit(0)
    return x
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Any]:
    from autograder.sandbox import Sandbox

    with Sandbox("auto") as found:
        yield found


@pytest.fixture
def student(sandbox: Any) -> Iterator[Student]:
    helper = Callback(lambda x: 2.0 * x)
    worker = sandbox.open([SourceCell("c", SOURCE)], arrays="numpy", earlier={"helper": helper})
    yield Student(worker)
    worker.close()


def arrays(*sizes: int) -> list[Any]:
    return [np.arange(size, dtype=np.float64) for size in sizes]


def test_a_call_that_was_sent_ahead_is_not_made_again(student: Student) -> None:
    """Its callbacks are served although other calls already wait in the pipe."""
    xs = arrays(3, 4, 5)
    student.ask_ahead("double", iter([Ask((x,), {}) for x in xs]))
    assert student.count() == 3
    for x in xs:
        np.testing.assert_array_equal(student.double(x), 2.0 * x)
    assert student.count() == 3
    student.double(xs[-1])  # an answer is given out once
    assert student.count() == 4


def test_another_array_with_equal_numbers_is_another_call(student: Student) -> None:
    (x,) = arrays(3)
    student.ask_ahead("double", iter([Ask((x,), {})]))
    student.double(x.copy())
    assert student.count() == 2


def test_calls_that_are_skipped_do_not_shift_the_others(student: Student) -> None:
    xs = arrays(3, 4, 5)
    student.ask_ahead("double", iter([Ask((x,), {}) for x in xs]))
    np.testing.assert_array_equal(student.double(xs[2]), 2.0 * xs[2])
    assert student.count() == 3


def test_more_than_the_window_holds_is_answered_too(student: Student) -> None:
    xs = arrays(100_000, 10, 100_000, 100_000, 10)
    student.ask_ahead("double", iter([Ask((x,), {}) for x in xs]))
    for x in xs:
        np.testing.assert_array_equal(student.double(x), 2.0 * x)
    assert student.count() == 5


def test_a_trial_sent_ahead_is_found_by_layout(student: Student) -> None:
    (x,) = arrays(6)
    asks = [Ask((laid(x, layout),), {}, trial=True) for layout in ("C", "strided")]
    student.ask_ahead("double", iter(asks))
    before = student.count()
    result, after, later = student.trial(student.double, laid(x, "strided"))
    assert student.count() == before
    for got, want in ((result, 2 * x), (after[0], x), (later, 2 * x)):
        np.testing.assert_array_equal(got, want)


def test_an_exception_belongs_to_its_own_call(student: Student) -> None:
    xs = arrays(1, 2, 3)
    student.ask_ahead("fussy", iter([Ask((x,), {}) for x in xs]))
    assert student.fussy(xs[0]).size == 1
    with pytest.raises(StudentRaised, match="ValueError"):
        student.fussy(xs[1])
    assert student.fussy(xs[2]).size == 3
    assert student.count() == 3


def test_a_worker_that_ends_on_the_way_is_met_by_the_call_itself(student: Student) -> None:
    xs = arrays(1, 2, 3)
    student.ask_ahead("leave", iter([Ask((x,), {}) for x in xs]))
    assert not student._backend.alive  # type: ignore[attr-defined]
    with pytest.raises(StudentDied):
        student.leave(xs[0])
