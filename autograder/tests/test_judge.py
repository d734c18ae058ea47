"""Scoring: statuses, points, gates, and messages without anything a student should not see."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from autograder.course import Course
from autograder.errors import (
    StudentDied,
    StudentError,
    StudentMisbehaved,
    StudentOverMemory,
    StudentRaised,
    StudentTimedOut,
)
from autograder.exercise import Exercise
from autograder.inputs import Seed
from autograder.judge import Bench, Killed, grade_function, lost
from autograder.result import CheckResult, FunctionResult
from autograder.student import LocalBackend, Ref, Student

SEED = Seed(b"a seed", "ada")


@pytest.fixture
def scaling(toy: Course) -> Exercise:
    return toy.exercise("vol1_toys/scale")


def grade(exercise: Exercise, function: str = "scale", **names: Any) -> FunctionResult:
    student = Student(LocalBackend({**vars(exercise.solution), **names}))
    return grade_function(exercise, function, Bench(lambda: student), SEED)


def by_name(result: FunctionResult) -> dict[str, CheckResult]:
    return {c.name: c for c in result.checks}


class Breaks(LocalBackend):
    """A worker that answers `answers` calls and then fails with `error` at each."""

    def __init__(self, names: dict[str, Any], error: StudentError, answers: int = 0) -> None:
        super().__init__(names)
        self.error, self.answers, self.deadline, self.alive = error, answers, 0.0, True

    def call(self, target: Ref, args: tuple[Any, ...], kwargs: dict[str, Any], keep: bool) -> Any:
        self.use_up()
        return super().call(target, args, kwargs, keep)

    def trial(self, target: Ref, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.use_up()
        return super().trial(target, args, kwargs)

    def use_up(self) -> None:
        if self.answers <= 0:
            self.alive = isinstance(self.error, StudentRaised)
            raise self.error
        self.answers -= 1


# Points


def test_the_reference_gets_every_point_and_says_nothing(scaling: Exercise) -> None:
    result = grade(scaling)
    assert (result.status, result.points, result.max_points) == ("passed", 7.0, 7.0)
    assert {c.status for c in result.checks} == {"passed"}
    assert {c.message + c.hint + c.mistake for c in result.checks} == {""}


def test_a_stub_gets_nothing_and_is_not_attempted(scaling: Exercise) -> None:
    def scale(x: Any, factor: Any) -> Any:
        raise NotImplementedError("scale is yours to write")

    result = grade(scaling, scale=scale)
    assert (result.status, result.points) == ("not_attempted", 0.0)
    assert {c.status for c in result.checks} == {"not_attempted"}
    assert {c.message for c in result.checks} == {"Not attempted yet."}


def test_a_wrong_dtype_costs_its_own_point_only(scaling: Exercise) -> None:
    result = grade(scaling, scale=lambda x, factor: np.asarray(x, np.float64) * factor)
    assert result.points == 6.0
    assert by_name(result)["keeps_dtype"].status == "failed"
    assert result.status == "failed"


def test_properties_and_edges_pay_only_once_the_values_are_right(scaling: Exercise) -> None:
    def right_in_one_dtype(x: Any, factor: Any) -> Any:
        return x * factor if x.dtype == np.float32 else 2 * x * factor

    result = grade(scaling, scale=right_in_one_dtype)
    kept = by_name(result)["keeps_dtype"]
    assert (kept.status, kept.points) == ("passed", 0.0)
    assert kept.message == "Counts once the values are right."
    assert result.points == 0.0


def test_values_and_gradients_pay_each_on_their_own(scaling: Exercise) -> None:
    calls = []

    def right_after_three(dout: Any, factor: Any) -> Any:
        calls.append(1)
        return dout * factor if len(calls) > 1 else dout

    result = grade(scaling, "scale_backward", scale_backward=right_after_three)
    found = by_name(result)
    assert found["matches_reference"].points == 0.0
    assert found["matches_finite_differences"].points == 2.0
    assert result.points == 2.0


def test_a_gate_that_fails_takes_all_points_and_says_which(toy: Course) -> None:
    exercise = toy.exercise("vol1_toys/scale")

    def stays_finite(student: Student, x: Any, factor: Any) -> Any:
        """The result is finite."""
        return np.isfinite(student.scale(np.where(x > 0, x, np.nan), factor)).all()

    exercise.satisfies("scale", gate=True)(stays_finite)
    result = grade(exercise)
    found = by_name(result)
    assert result.points == 0.0
    assert result.max_points == 7.0
    assert found["stays_finite"].gate
    assert (found["matches_reference"].status, found["matches_reference"].points) == ("passed", 0.0)
    said = "No points while this fails: The result is finite."
    assert found["matches_reference"].message == said


def test_a_gate_that_passes_changes_nothing(toy: Course) -> None:
    exercise = toy.exercise("vol1_toys/scale")
    exercise.matches_reference("scale", name="first", gate=True)
    result = grade(exercise)
    assert (result.points, result.max_points) == (7.0, 7.0)


def test_a_function_that_cannot_be_run_keeps_its_rows(scaling: Exercise) -> None:
    result = lost(scaling, "scale", "raised", "cell 3 is not Python.")
    assert (result.points, result.max_points, result.status) == (0.0, 7.0, "raised")
    assert [c.name for c in result.checks] == [c.name for c in scaling.checks_of("scale")]
    assert {(c.message, c.points) for c in result.checks} == {("cell 3 is not Python.", 0.0)}


# Messages


def test_a_hidden_check_tells_neither_inputs_nor_values(scaling: Exercise) -> None:
    for wrong in (lambda x, f: x, lambda x, f: x[:1], lambda x, f: None, lambda x, f: x * np.nan):
        for check in grade(scaling, scale=wrong).checks:
            assert not any(sign.isdigit() for sign in check.message.replace("float32", ""))
            assert "yours" not in check.message


def test_the_text_of_an_exception_is_never_repeated(scaling: Exercise) -> None:
    def scale(x: Any, factor: Any) -> Any:
        raise ValueError(f"the factor is {factor}")

    result = grade(scaling, scale=scale)
    assert result.status == "raised"
    assert {c.message for c in result.checks} == {"It raised ValueError."}


@pytest.mark.parametrize(
    "answer", [None, "text", 3.0, (), [1.0], {"a": 1.0}, object(), np.array("a"), 0.0, np.inf]
)
def test_a_strange_answer_fails_and_never_stops_the_grading(toy: Course, answer: Any) -> None:
    exercise = toy.exercise("vol1_toys/scale")

    def uses_the_answer(student: Student, x: Any, factor: Any) -> Any:
        """Check code does something with what came back."""
        got = student.scale(x, factor)
        return int(1 / got[0, 0] + 1 / got), got.sum()

    def divides(student: Student, x: Any, factor: Any) -> Any:
        """Check code divides by what came back."""
        return 1.0 / student.scale(x, factor), int(student.scale(x, factor))

    exercise.satisfies("scale", points=1)(uses_the_answer)
    exercise.satisfies("scale", points=1)(divides)
    result = grade(exercise, scale=lambda x, factor: answer)
    assert result.points == 0.0
    assert {c.status for c in result.checks} <= {"failed", "raised"}
    assert all(c.message.endswith(".") and "0" not in c.message for c in result.checks)


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (StudentTimedOut("slow"), "timed_out", "It took too long: over 2.5 times the budget"),
        (StudentOverMemory("full"), "over_memory", "It needs more memory than it is given."),
        (StudentDied("gone"), "raised", "It ended the process instead of returning."),
        (StudentMisbehaved("odd"), "failed", "Its answer is not one that can be read"),
        (StudentRaised("KeyError", detail="secret"), "raised", "It raised KeyError."),
    ],
)
def test_what_student_code_does_to_itself_has_a_status_and_a_sentence(
    scaling: Exercise, error: StudentError, status: str, message: str
) -> None:
    bench = Bench(lambda: Student(Breaks(vars(scaling.solution), error)))
    result = grade_function(scaling, "scale", bench, SEED)
    assert result.points == 0.0
    assert {c.status for c in result.checks} == {status}
    assert all(c.message.startswith(message) for c in result.checks)


def test_a_bug_in_check_code_is_not_blamed_on_the_student(toy: Course) -> None:
    exercise = toy.exercise("vol1_toys/scale")

    def is_broken(student: Student, x: Any) -> Any:
        """Check code that has a bug."""
        raise RuntimeError("a bug in the checks file")

    exercise.satisfies("scale", points=1)(is_broken)
    with pytest.raises(RuntimeError, match="a bug in the checks file"):
        grade(exercise)


# Workers


def test_a_worker_that_died_is_replaced_for_the_next_check(scaling: Exercise) -> None:
    opened: list[Student] = []

    def open_student() -> Student:
        error = StudentDied("gone")
        backend = Breaks(vars(scaling.solution), error, answers=1 if not opened else 1000)
        opened.append(Student(backend))
        return opened[-1]

    result = grade_function(scaling, "scale", Bench(open_student), SEED)
    assert len(opened) == 2
    assert [c.status for c in result.checks] == ["raised", "passed", "passed", "passed"]


def test_a_worker_that_lives_is_used_for_every_check(scaling: Exercise) -> None:
    opened: list[int] = []

    def open_student() -> Student:
        opened.append(1)
        return Student(LocalBackend(vars(scaling.solution)))

    bench = Bench(open_student)
    grade_function(scaling, "scale", bench, SEED)
    grade_function(scaling, "scale_backward", bench, SEED)
    assert opened == [1]


def test_calls_get_the_published_budget_and_some_slack(scaling: Exercise) -> None:
    backend = Breaks(vars(scaling.solution), StudentTimedOut("slow"), answers=1000)
    grade_function(scaling, "scale", Bench(lambda: Student(backend)), SEED)
    assert backend.deadline == 2.5


def killed() -> StudentDied:
    error = StudentDied("killed")
    error.signal = 9  # type: ignore[attr-defined]
    return error


def test_a_worker_killed_from_outside_gets_a_second_chance(scaling: Exercise) -> None:
    answers = iter([0, 1000])

    def open_student() -> Student:
        return Student(Breaks(vars(scaling.solution), killed(), next(answers)))

    result = grade_function(scaling, "scale", Bench(open_student), SEED)
    assert (result.status, result.points) == ("passed", 7.0)


def test_a_worker_killed_from_outside_twice_is_nobody_s_zero(scaling: Exercise) -> None:
    bench = Bench(lambda: Student(Breaks(vars(scaling.solution), killed())))
    with pytest.raises(Killed, match="killed from outside in matches_reference of scale"):
        grade_function(scaling, "scale", bench, SEED)


def test_a_check_that_timed_out_is_tried_again_alone_and_then_passes(scaling: Exercise) -> None:
    quiet: list[str] = []

    @contextmanager
    def alone() -> Iterator[None]:
        quiet.append("in")
        yield
        quiet.append("out")

    def open_student() -> Student:
        answers = 1000 if quiet == ["in"] else 0
        return Student(Breaks(vars(scaling.solution), StudentTimedOut("slow"), answers))

    result = grade_function(scaling, "scale", Bench(open_student, alone), SEED)
    assert quiet == ["in", "out"]
    assert (result.status, result.points) == ("passed", 7.0)


def test_after_two_time_outs_the_other_checks_are_not_waited_for(scaling: Exercise) -> None:
    opened: list[int] = []

    def open_student() -> Student:
        opened.append(1)
        return Student(Breaks(vars(scaling.solution), StudentTimedOut("slow")))

    result = grade_function(scaling, "scale", Bench(open_student), SEED)
    assert {c.status for c in result.checks} == {"timed_out"}
    assert len(opened) == 3
    assert result.status == "timed_out"


# Inputs


def test_two_students_get_different_inputs_and_one_student_the_same_twice(
    scaling: Exercise,
) -> None:
    seen: dict[str, list[Any]] = {"ada": [], "bob": [], "again": []}
    for who, inputs in seen.items():

        def scale(x: Any, factor: Any, inputs: list[Any] = inputs) -> Any:
            inputs.append(x)
            return x * factor

        student = Student(LocalBackend({"scale": scale}))
        seed = Seed(b"a seed", "ada" if who == "again" else who)
        grade_function(scaling, "scale", Bench(lambda student=student: student), seed)  # type: ignore[misc]
    assert np.array_equal(seen["ada"][0], seen["again"][0])
    assert not np.array_equal(seen["ada"][0], seen["bob"][0])


def test_a_class_is_graded_through_handles(toy: Course) -> None:
    exercise = toy.exercise("vol1_toys/counter")
    result = grade(exercise, "Counter")
    assert (result.status, result.points) == ("passed", 6.0)

    class Forgets(exercise.solution.Counter):  # type: ignore[misc, name-defined]
        def add(self, amount: float) -> int:
            self.calls = 0
            return int(super().add(amount))

    result = grade(exercise, "Counter", Counter=Forgets)
    assert result.points == 0.0
    assert by_name(result)["two_counters_share_nothing"].status == "passed"
