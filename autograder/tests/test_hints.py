"""A known mistake is recognised by its values, on this student's inputs, and nothing else is."""

from typing import Any

import numpy as np
import pytest

from autograder.course import Course
from autograder.exercise import Exercise
from autograder.hints import planted_student
from autograder.inputs import Seed
from autograder.judge import Bench, grade_function
from autograder.mistake import planted
from autograder.result import FunctionResult
from autograder.student import LocalBackend, Student

SEEDS = [Seed(b"a seed", str(number)) for number in range(5)]


@pytest.fixture
def scaling(toy: Course) -> Exercise:
    return toy.exercise("vol1_toys/scale")


def grade(exercise: Exercise, function: str, seed: Seed = SEEDS[0], **names: Any) -> FunctionResult:
    student = Student(LocalBackend({**vars(exercise.solution), **names}))
    return grade_function(exercise, function, Bench(lambda: student), seed)


def named(result: FunctionResult) -> set[str]:
    return {c.mistake for c in result.checks if c.mistake}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("mistake", "written"),
    [
        ("adds", lambda x, factor: factor + x),
        ("divides", lambda x, factor: x * (1 / factor)),
        ("transposes", lambda x, factor: np.array([list(column) for column in (factor * x).T])),
        ("widens", lambda x, factor: factor * x.astype(float)),
    ],
)
def test_a_mistake_written_in_another_way_is_recognised(
    scaling: Exercise, seed: Seed, mistake: str, written: Any
) -> None:
    assert named(grade(scaling, "scale", seed, scale=written)) == {mistake}


def test_the_hint_stands_at_every_check_that_the_mistake_fails_and_at_no_other(
    scaling: Exercise,
) -> None:
    result = grade(scaling, "scale", scale=lambda x, factor: x.astype(float) * factor)
    hints = {c.name: c.hint for c in result.checks}
    assert hints.pop("keeps_dtype") == "The result is float64 for float32 numbers."
    assert set(hints.values()) == {""}


def test_a_wrong_answer_that_nobody_declared_has_no_hint(scaling: Exercise) -> None:
    result = grade(scaling, "scale", scale=lambda x, factor: x * factor**2)
    assert result.status == "failed"
    assert named(result) == set()


def test_an_answer_that_is_nearly_a_mistake_is_not_that_mistake(scaling: Exercise) -> None:
    assert named(grade(scaling, "scale", scale=lambda x, factor: x + factor * 1.01)) == set()


def test_a_mistake_on_some_inputs_only_is_not_that_mistake(scaling: Exercise) -> None:
    def sometimes(x: Any, factor: Any) -> Any:
        return x + factor if len(x) == 3 else x * factor

    assert named(grade(scaling, "scale", scale=sometimes)) == set()


def test_a_right_answer_is_never_explained(scaling: Exercise) -> None:
    result = grade(scaling, "scale")
    assert {c.hint + c.mistake for c in result.checks} == {""}


def test_nothing_is_computed_before_something_failed(
    scaling: Exercise, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*args: Any) -> Any:
        raise AssertionError("a mistake was run for a right answer")

    monkeypatch.setattr(scaling, "planted", never)
    assert grade(scaling, "scale").status == "passed"


def test_a_stub_is_not_explained(scaling: Exercise) -> None:
    def scale(x: Any, factor: Any) -> Any:
        raise NotImplementedError("scale is yours to write")

    assert named(grade(scaling, "scale", scale=scale)) == set()


def test_a_mistake_that_also_has_a_fault_in_the_dtype_is_still_recognised(
    scaling: Exercise,
) -> None:
    both = grade(scaling, "scale", scale=lambda x, factor: x.astype(float) + factor)
    assert named(both) == {"adds"}


def test_two_errors_of_one_kind_are_told_apart_by_their_hints(scaling: Exercise) -> None:
    scaling.slip("scale_backward", "negated", "dout * factor", "-dout * factor", "The sign.")
    result = grade(scaling, "scale_backward", scale_backward=lambda dout, factor: -factor * dout)
    assert named(result) == {"negated"}


def test_an_object_that_makes_a_mistake_is_recognised(toy: Course) -> None:
    exercise = toy.exercise("vol1_toys/counter")

    class Counter:
        def __init__(self, values: Any, step: float) -> None:
            self.mine, self.step, self.calls = np.array(values), step, 0

        def add(self, amount: float) -> int:
            self.mine = self.mine + self.step * amount
            self.calls += 1
            return self.calls

    assert named(grade(exercise, "Counter", Counter=Counter)) == {"works_on_a_copy"}


def test_a_mistake_that_keeps_state_between_objects_is_recognised(toy: Course) -> None:
    hint = "All objects share one count; each needs its own."
    exercise = toy.exercise("vol1_toys/counter")
    old = "self.calls += 1\n        return self.calls"
    new = 'Counter.all = getattr(Counter, "all", 0) + 1\n        return Counter.all'
    exercise.slip("Counter", "one_count", old, new, hint)
    for _ in range(2):
        wrong = planted(exercise.solution, exercise.mistakes[-1])
        assert named(grade(exercise, "Counter", **wrong)) == {"one_count"}


def test_a_planted_mistake_leaves_the_reference_as_it_is(scaling: Exercise) -> None:
    before = dict(vars(scaling.solution))
    wrong = planted_student(scaling, scaling.mistakes[0])
    assert wrong.scale(np.ones(2), 3.0).tolist() == [4.0, 4.0]
    assert scaling.solution.scale(np.ones(2), 3.0).tolist() == [3.0, 3.0]
    assert vars(scaling.solution) == before


def test_a_planted_mistake_is_fresh_each_time(scaling: Exercise) -> None:
    first, second = (scaling.planted(scaling.mistakes[0]) for _ in range(2))
    assert first["scale"] is not second["scale"]


def test_texts_bytes_and_tokens_are_recognised_exactly() -> None:
    from autograder.hints import _same

    for value in ("text", b"\xff", [1, 2], [(1, 2)], {256: b"th"}, ("a", [b"b"])):
        assert _same(value, value)
    for one, other in (
        ("a", "b"),
        (b"a", b"b"),
        (b"a", "a"),
        ([1, 2], [1, 3]),
        ([1], [1, 2]),
        ({256: b"th"}, {256: b"ht"}),
        ({256: b"th"}, {257: b"th"}),
    ):
        assert not _same(one, other)
