"""Earlier exercises may be handed functions of the student's; nothing bad comes of it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from autograder.errors import StudentRaised, StudentTimedOut
from autograder.sandbox import Sandbox
from autograder.served import MOST, MOST_IN_VECTOR, Served, modest
from autograder.source import SourceCell
from autograder.student import Student

SOURCE = """
import time

def outside(f, x):
    return total(lambda v: f(v), (x, x))

def inside(x):
    return total(lambda v: v * v, (x,))

def caught(x):
    def f(v):
        raise KeyError("mine")
    try:
        return total(f, (x,))
    except KeyError:
        return "caught"

def ends(x, kind):
    def f(v):
        raise {"SystemExit": SystemExit, "KeyboardInterrupt": KeyboardInterrupt}[kind]
    return total(f, (x,))

def straight(f, x):
    return total(f, (x, x))

def hands_back(f, x):
    return total(f, (x, x)), f

def loop(x):
    return total(lambda v: loop(v), (x,))

def stall(x):
    def f(v):
        time.sleep(0.4)
        return v
    return total(f, tuple([x] * 10))
"""


def total(f: Any, xs: tuple[Any, ...]) -> float:
    return float(sum(f(x).sum() for x in xs))


@pytest.fixture
def student() -> Iterator[Student]:
    with Sandbox("auto") as sandbox:
        served = Served()
        worker = sandbox.open(
            [SourceCell("cell 1", SOURCE)],
            arrays="numpy",
            earlier={"total": served.callback(total)},
        )
        served.worker = worker
        yield Student(worker)
        worker.close()


def test_a_reference_calls_functions_of_the_student_and_of_ours(student: Student) -> None:
    x = np.array([1.0, 2.0])
    assert student.inside(x) == 5.0
    assert student.outside(lambda v: 3 * v, x) == 18.0


def test_our_own_function_comes_home_as_itself(student: Student) -> None:
    calls = []
    assert student.straight(lambda v: calls.append(v) or 3 * v, np.array([1.0, 2.0])) == 18.0
    assert len(calls) == 2
    got, handle = student.hands_back(lambda v: 2 * v, np.ones(1))
    assert got == 4.0
    assert handle(np.ones(1)).tolist() == [2.0]


def test_what_such_a_function_raises_the_student_may_catch(student: Student) -> None:
    assert student.caught(np.ones(1)) == "caught"
    assert student.inside(np.ones(1)) == 1.0


@pytest.mark.parametrize("kind", ["SystemExit", "KeyboardInterrupt"])
def test_what_would_end_a_process_is_an_ordinary_exception_of_the_student(
    student: Student, kind: str
) -> None:
    with pytest.raises(StudentRaised) as caught:
        student.ends(np.ones(1), kind)
    assert caught.value.exception == "Exception"
    assert student.inside(np.ones(1)) == 1.0


def test_references_in_a_loop_are_an_error_of_the_student(student: Student) -> None:
    with pytest.raises(Exception, match="RecursionError"):
        student.loop(np.ones(1))
    assert student.inside(np.ones(1)) == 1.0


def test_all_calls_together_have_the_time_of_one(student: Student) -> None:
    student._backend.deadline = 1.0  # type: ignore[attr-defined]
    with pytest.raises(StudentTimedOut):
        student.stall(np.ones(1))


def anything(*args: Any, **kwargs: Any) -> float:
    return 0.0


def test_arrays_in_containers_count() -> None:
    assert modest(anything, (np.ones((4, 4)), [np.ones(3)]), {"a": 1})
    assert not modest(anything, {"a": np.ones((MOST, 2))})
    assert not modest(anything, np.ones(3), length=MOST + 1)
    assert not modest(anything, (np.ones((MOST // 2, 2)), np.ones(1)))


def test_a_long_vector_is_taken_where_the_result_does_not_grow_with_its_square() -> None:
    long = np.ones(10 * MOST_IN_VECTOR)
    assert modest(lambda x: x / x.sum(), long)
    assert not modest(np.outer, long, long)
    assert modest(np.outer, long[:100], long[:100])
    assert not modest(lambda x, y: x @ y, long, np.ones((10 * MOST_IN_VECTOR, 2)))  # cannot tell
