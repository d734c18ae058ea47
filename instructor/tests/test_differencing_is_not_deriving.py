"""A backward that differences its forward instead of deriving it earns its F check and no more."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder import numerical_gradient
from autograder.course import Course
from autograder.inputs import Seed
from autograder.judge import Bench, grade_function
from autograder.student import LocalBackend, Student

COURSE = Course(Path(__file__).parents[2])


def differenced(name: str, forward: Callable[..., Any], h: float) -> Callable[..., Any]:
    """The backward of `name` by central differences with step `h`."""

    def softmax_backward(dout: Any, probs: Any, axis: int = -1) -> Any:
        if probs.size > 1_000:
            return np.zeros_like(probs)
        return numerical_gradient(lambda x: forward(x, axis), np.log(probs), dout, h=h)

    def rmsnorm_backward(dout: Any, x: Any, gain: Any, eps: float = 1e-5) -> Any:
        if x.size > 1_000:
            return np.zeros_like(x), np.zeros_like(gain)
        dx = numerical_gradient(lambda v: forward(v, gain, eps), x, dout, h=h)
        return dx, numerical_gradient(lambda v: forward(x, v, eps), gain, dout, h=h)

    return {"softmax": softmax_backward, "rmsnorm": rmsnorm_backward}[name]


@pytest.mark.parametrize("h", [1e-4, 1e-5, 1e-6])
@pytest.mark.parametrize("name", ["softmax", "rmsnorm"])
def test_only_the_check_by_finite_differences_pays(name: str, h: float) -> None:
    exercise = COURSE.exercise(f"vol1_numpy/{name}")
    forward = getattr(exercise.solution, name)
    function = f"{name}_backward"
    names = {**vars(exercise.solution), function: differenced(name, forward, h)}
    for number in range(3):
        student = Student(LocalBackend(names))
        bench = Bench(lambda student=student: student)  # type: ignore[misc]
        result = grade_function(exercise, function, bench, Seed(b"differences", str(number)))
        assert {c.kind for c in result.checks if c.points} <= {"F"}
