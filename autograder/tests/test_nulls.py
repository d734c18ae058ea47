"""Solutions that know nothing: what they return, and that they earn nothing."""

from typing import Any

import numpy as np
import pytest

from autograder.course import Course
from autograder.exercise import Exercise
from autograder.inputs import Seed
from autograder.judge import Bench, grade_function
from autograder.nulls import null_solutions
from autograder.student import LocalBackend, Student

X = np.array([[1.0, 2.0], [3.0, 4.0]])


@pytest.fixture
def scaling(toy: Course) -> Exercise:
    return toy.exercise("vol1_toys/scale")


def functions(exercise: Exercise, function: str) -> dict[str, Any]:
    return {name: names[function] for name, names in null_solutions(exercise, function)}


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("zeros", [[0.0, 0.0], [0.0, 0.0]]),
        ("ones", [[1.0, 1.0], [1.0, 1.0]]),
        ("uniform", [[0.5, 0.5], [0.5, 0.5]]),
        ("twice the value", [[6.0, 12.0], [18.0, 24.0]]),
        ("the opposite", [[-3.0, -6.0], [-9.0, -12.0]]),
        ("x handed back", [[1.0, 2.0], [3.0, 4.0]]),
    ],
)
def test_each_null_solution_returns_what_its_name_says(
    scaling: Exercise, name: str, result: Any
) -> None:
    assert functions(scaling, "scale")[name](X, 3.0).tolist() == result


def test_a_null_solution_may_return_nothing(scaling: Exercise) -> None:
    assert functions(scaling, "scale")["nothing"](X, 3.0) is None


def test_there_is_one_that_hands_back_each_argument(scaling: Exercise) -> None:
    found = functions(scaling, "scale")
    assert "factor handed back" in found
    assert not found["factor handed back"](X, 3.0).any()
    assert "dout handed back" in functions(scaling, "scale_backward")


def test_what_is_handed_back_is_a_copy(scaling: Exercise) -> None:
    assert functions(scaling, "scale")["x handed back"](X, 3.0) is not X


def test_several_results_are_all_replaced(scaling: Exercise) -> None:
    scaling.solution.scale = lambda x, factor: (x, x[0])  # type: ignore[attr-defined]
    first, second = functions(scaling, "scale")["zeros"](X, 3.0)
    assert (first.shape, second.shape) == ((2, 2), (2,))
    assert not first.any() and not second.any()


def test_what_the_reference_changes_in_place_is_changed_by_null_solutions_too(
    scaling: Exercise,
) -> None:
    def doubles(params: list[Any], rate: float) -> None:
        for p in params:
            p *= 2.0

    scaling.solution.scale = doubles  # type: ignore[attr-defined]
    found = functions(scaling, "scale")
    for name, expected in (("zeros", 0 * X), ("ones", X**0), ("the opposite", -2 * X)):
        given = [X.copy(), np.array([5.0])]
        assert found[name](given, 0.1) is None
        assert np.array_equal(given[0], expected), name
    untouched = {"w": X.copy()}
    assert found["nothing"](untouched, 0.1) is None
    assert np.array_equal(untouched["w"], X)


def test_the_other_functions_of_the_module_stay_right(scaling: Exercise) -> None:
    _, names = next(iter(null_solutions(scaling, "scale")))
    assert names["scale_backward"](X, 3.0).tolist() == (3 * X).tolist()


def test_the_methods_of_a_class_do_nothing(toy: Course) -> None:
    found = functions(toy.exercise("vol1_toys/counter"), "Counter")
    assert list(found) == ["idle methods"]
    values = X.copy()
    assert found["idle methods"](values, 0.5).add(2.0) is None
    assert np.array_equal(values, X)


def test_null_solutions_that_an_author_declares_come_along(scaling: Exercise) -> None:
    def last_row(x: Any, factor: Any) -> Any:
        return x[-1:]

    scaling.null("scale")(last_row)
    assert functions(scaling, "scale")["last_row"](X, 3.0).tolist() == [[3.0, 4.0]]
    assert "last_row" not in functions(scaling, "scale_backward")


@pytest.mark.parametrize("slug", ["scale", "counter", "balance"])
def test_none_of_them_earns_a_point(toy: Course, slug: str) -> None:
    exercise = toy.exercise(f"vol1_toys/{slug}")
    for function in toy.page(f"vol1_toys/{slug}").functions:
        for name, names in null_solutions(exercise, function):
            student = Student(LocalBackend(names))
            bench = Bench(lambda student=student: student)  # type: ignore[misc]
            result = grade_function(exercise, function, bench, Seed(b"seed"))
            assert result.points == 0.0, name


def test_a_module_that_the_reference_fills_is_left_as_it_was(scaling: Exercise) -> None:
    torch = pytest.importorskip("torch")

    def fill(module: Any) -> None:
        with torch.no_grad():
            module.weight.fill_(7.0)

    scaling.solution.scale = fill  # type: ignore[attr-defined]
    layer = torch.nn.Linear(2, 2)
    before = layer.weight.detach().clone()
    assert functions(scaling, "scale")["zeros"](layer) is None
    assert torch.equal(layer.weight, before)


def test_a_text_is_answered_with_texts(scaling: Exercise) -> None:
    scaling.solution.scale = lambda x, factor: f"{x}!" * factor  # type: ignore[attr-defined]
    found = functions(scaling, "scale")
    assert found["x handed back"]("ab", 2) == "ab"
    assert found["zeros"]("ab", 2) == ""
    assert type(found["ones"]("ab", 2)) is str
