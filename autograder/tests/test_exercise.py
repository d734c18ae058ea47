"""Declaring an exercise: data that runs nothing, and errors that say what to change."""

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from autograder import Exercise, array, constant, derived, integers
from autograder.errors import CourseError
from autograder.exercise import defined_in, result_names, signature
from autograder.inputs import Seed
from autograder.judge import Bench, grade_function
from autograder.result import FunctionResult
from autograder.student import LocalBackend, Student

SOURCE = '''
import numpy as np


def normalise(x, axis=-1, eps=1e-5):
    """Take the mean off.

    Returns:
        out: (N, M), dtype of `x`. Without a mean.
        mean: (N, 1).
    """
    mean = x.mean(axis=axis, keepdims=True)
    return x - mean, mean


def mask(T):
    """Returns:
        allowed: (T, T), bool.
    """
    return np.tri(T, dtype=bool)


def square(x):
    return x * x


def square_backward(dout, x):
    return 2 * x * dout


class Meter:
    def __init__(self, start):
        self.start = start
'''


def solution() -> ModuleType:
    module = ModuleType("toy_solution")
    exec(SOURCE, module.__dict__)
    return module


def exercise(**options: Any) -> Exercise:
    declared: dict[str, Any] = {
        "solution": solution(),
        "inputs": {"x": array("N M"), "dout": array("N M"), "T": integers("", 5, low=2)},
        "sizes": {"N": [2, 3], "M": [4, 3]},
        "difficulty": 1,
        "minutes": 5,
        **options,
    }
    return Exercise("vol1_toys/normalise", **declared)


def graded(one: Exercise, function: str, **names: Any) -> FunctionResult:
    """Grade the reference, some of its names replaced."""
    student = Student(LocalBackend({**vars(one.solution), **names}, arrays=one.arrays))
    return grade_function(one, function, Bench(lambda: student), Seed(b"seed"))


def statuses(result: FunctionResult) -> dict[str, str]:
    return {c.name: c.status for c in result.checks}


# Declaring


def test_points_are_the_sum_of_a_function_s_checks_in_the_order_of_declaration() -> None:
    one = exercise()
    one.matches_reference("square", points=3)
    one.keeps_dtype("square", points=1)
    one.matches_reference("normalise", points=4)
    one.leaves_inputs_alone("square", points=0.5)
    assert one.points("square") == 4.5
    assert one.points("normalise") == 4
    assert one.points("mask") == 0
    names = [c.name for c in one.checks_of("square")]
    assert names == ["matches_reference", "keeps_dtype", "leaves_inputs_alone"]


def test_declaring_calls_no_function_of_the_solution() -> None:
    module = solution()

    def explodes(*args: Any) -> Any:
        raise AssertionError("declaring must not run anything")

    module.square = module.square_backward = explodes  # type: ignore[attr-defined]
    one = exercise(solution=module, inputs={"x": array("N M"), "y": derived(explodes)})
    one.matches_reference("square", points=1)
    one.matches_finite_differences("square_backward", of="square", wrt=["x"], points=1)
    one.satisfies("square", points=1)(_a_property)
    assert one.points("square") == 2


def _a_property(student: Student, x: Any) -> Any:
    """A sentence that is
    broken over two lines."""
    return student.square(x), x * x


def test_the_docstring_of_check_code_is_the_sentence_that_students_read() -> None:
    one = exercise()
    one.satisfies("square", points=1)(_a_property)
    assert one.checks[0].title == "A sentence that is broken over two lines."
    assert one.checks[0].name == "_a_property"


def test_cases_take_the_sizes_one_after_the_other() -> None:
    one = exercise()
    one.matches_reference("square", points=1)
    one.matches_reference("square", points=1, name="small", sizes={"N": [1], "M": [1]})
    assert one.checks[0].sizes == ({"N": 2, "M": 4}, {"N": 3, "M": 3})
    assert one.checks[1].sizes == ({"N": 1, "M": 1},)


def test_sizes_of_different_lengths_are_refused() -> None:
    with pytest.raises(CourseError, match="every entry of sizes= needs the same number of values"):
        exercise(sizes={"N": [1, 2], "M": [1]})


def test_a_check_of_a_function_that_the_solution_lacks_is_refused() -> None:
    said = (
        "instructor/checks/vol1_toys/normalise.py: matches_reference checks cube, which the "
        "solution lacks"
    )
    with pytest.raises(CourseError, match=said):
        exercise().matches_reference("cube", points=1)


def test_finite_differences_of_a_function_that_the_solution_lacks_are_refused() -> None:
    with pytest.raises(CourseError, match="cube"):
        exercise().matches_finite_differences("square_backward", of="cube", wrt=["x"], points=1)


def test_a_gate_with_points_is_refused() -> None:
    with pytest.raises(CourseError, match="matches_reference of square is a gate; a gate has no"):
        exercise().matches_reference("square", points=1, gate=True)


def test_two_checks_of_one_name_are_refused() -> None:
    one = exercise()
    one.matches_reference("square", points=1)
    with pytest.raises(CourseError, match="two checks of square are called matches_reference"):
        one.matches_reference("square", points=1)


def test_check_code_without_a_docstring_is_refused() -> None:
    def silent(student: Student, x: Any) -> Any:
        return True

    with pytest.raises(CourseError, match="silent needs a docstring: the sentence that a student"):
        exercise().satisfies("square", points=1)(silent)


@pytest.mark.parametrize("declare", ["mistake", "null", "slip"])
def test_a_mistake_in_a_function_that_the_solution_lacks_is_refused(declare: str) -> None:
    def wrong(x: Any) -> Any:
        """It is wrong."""
        return x

    one = exercise()
    with pytest.raises(CourseError, match="sqaure, which the solution lacks"):
        if declare == "slip":
            one.slip("sqaure", "wrong", "x * x", "x", "It is wrong.")
        else:
            getattr(one, declare)("sqaure")(wrong)


def test_a_mistake_without_a_hint_is_refused() -> None:
    def silent(x: Any) -> Any:
        return x

    with pytest.raises(CourseError, match="silent needs a docstring"):
        exercise().mistake("square")(silent)


def test_a_class_that_inherits_its_docstring_has_no_hint() -> None:
    class Wrong(dict):  # type: ignore[type-arg]
        pass

    with pytest.raises(CourseError, match="Wrong needs a docstring"):
        exercise().mistake("Meter")(Wrong)


def test_the_hint_of_a_slip_is_one_line() -> None:
    one = exercise()
    one.slip("square", "adds", "x * x", "x + x", "It adds\n    where it\n    multiplies.")
    assert one.mistakes[0].hint == "It adds where it multiplies."


def test_the_public_names_are_where_the_package_says() -> None:
    import autograder

    for name in autograder.__all__:
        assert getattr(autograder, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        autograder.nothing  # noqa: B018


# Reading the solution


def test_parameters_with_defaults_are_passed_by_name_where_an_input_is_declared() -> None:
    module = solution()
    assert signature(module, "normalise", {"x": array("N")}) == (("x",), ())
    inputs = {"x": array("N"), "eps": constant(1e-2)}
    assert signature(module, "normalise", inputs) == (("x",), ("eps",))
    assert signature(module, "square_backward", {}) == (("dout", "x"), ())


def test_results_are_called_what_the_docstring_calls_them() -> None:
    module = solution()
    assert result_names(module, "normalise") == "out, mean"
    assert result_names(module, "mask") == "allowed"
    assert result_names(module, "square") == "square(...)"


def test_a_definition_is_found_with_its_decorators() -> None:
    source = "x = 1\n\n@staticmethod\ndef f():\n    return 1\n\nclass C:\n    pass\n"
    assert defined_in(source, "f") == (3, 5)
    assert defined_in(source, "C") == (7, 8)
    with pytest.raises(CourseError, match="the solution does not define g"):
        defined_in(source, "g")


# What the kinds of checks do


def test_a_function_that_returns_integers_or_truth_values_can_match_its_reference() -> None:
    one = exercise(inputs={"T": derived(lambda M: M)})
    one.matches_reference("mask", points=1)
    assert statuses(graded(one, "mask")) == {"matches_reference": "passed"}
    wrong = graded(one, "mask", mask=lambda T: np.tri(T, k=-1, dtype=bool))
    assert statuses(wrong) == {"matches_reference": "failed"}


def test_several_results_are_compared_by_name() -> None:
    one = exercise()
    one.matches_reference("normalise", points=1)
    assert graded(one, "normalise").points == 1

    def swaps(x: Any) -> Any:
        mean = x.mean(axis=-1, keepdims=True)
        return x - mean, mean[:, 0]

    (check,) = graded(one, "normalise", normalise=swaps).checks
    assert check.message == "mean has the wrong shape."


def test_inputs_of_one_check_can_be_replaced() -> None:
    seen: list[Any] = []
    one = exercise()
    one.matches_reference("normalise", points=1, x=array("N M", scale=1e3), axis=constant(0))

    def watches(x: Any, axis: int = -1) -> Any:
        seen.append((axis, float(np.abs(x).max())))
        return one.solution.normalise(x, axis=axis)

    assert graded(one, "normalise", normalise=watches).points == 1
    assert [axis for axis, _ in seen] == [0, 0]
    assert all(largest > 100 for _, largest in seen)


def test_finite_differences_accept_the_gradient_and_refuse_a_factor() -> None:
    one = exercise()
    one.matches_finite_differences("square_backward", of="square", wrt=["x"], points=2)
    assert graded(one, "square_backward").points == 2
    halved = graded(one, "square_backward", square_backward=lambda dout, x: x * dout)
    assert statuses(halved) == {"matches_finite_differences": "failed"}


def test_finite_differences_do_not_use_the_student_s_own_forward() -> None:
    one = exercise()
    one.matches_finite_differences("square_backward", of="square", wrt=["x"], points=2)
    assert graded(one, "square_backward", square=lambda x: 0 * x).points == 2


def test_finite_differences_by_several_inputs_give_several_results() -> None:
    module = solution()
    module.product_backward = lambda dout, x, y: (dout * y, dout * x)  # type: ignore[attr-defined]
    inputs = {"x": array("N"), "y": array("N"), "dout": array("N")}
    one = exercise(solution=module, inputs=inputs)
    one.matches_finite_differences(
        "product_backward", of=lambda x, y: x * y, wrt=["x", "y"], points=1
    )
    assert graded(one, "product_backward").points == 1
    swapped = graded(one, "product_backward", product_backward=lambda d, x, y: (d * x, d * y))
    assert swapped.points == 0


def test_a_float32_result_for_float32_arguments_is_asked_for() -> None:
    one = exercise()
    one.keeps_dtype("square", points=1)
    assert graded(one, "square").points == 1
    (check,) = graded(one, "square", square=lambda x: x.astype(np.float64) ** 2).checks
    assert (check.status, check.message) == ("failed", "square(...) has the wrong dtype.")


def test_the_reference_always_computes_in_float64() -> None:
    module, seen = solution(), set()

    def square(x: Any) -> Any:
        seen.add(x.dtype.name)
        return x * x

    module.square = square  # type: ignore[attr-defined]
    one = exercise(solution=module)
    one.keeps_dtype("square", points=1)
    assert graded(one, "square", square=lambda x: x * x).points == 1
    assert seen == {"float64"}


def test_a_property_in_float32_asks_for_float32_results() -> None:
    def holds(student: Student, x: Any) -> Any:
        """It holds."""
        return student.square(x), np.square(x, dtype=np.float64)

    one = exercise()
    one.satisfies("square", points=1, dtype="float32")(holds)
    assert graded(one, "square").points == 1
    (check,) = graded(one, "square", square=lambda x: x.astype(np.float64) ** 2).checks
    assert check.message == "The result has the wrong dtype."


def test_a_property_in_float32_may_give_counts_and_truth_values() -> None:
    def holds(student: Student, x: Any) -> Any:
        """It holds."""
        yield student.square(x).argmax(), np.square(x).argmax()
        yield (student.square(x) > 0, x.size), (x != 0, x.size)

    one = exercise()
    one.satisfies("square", points=1, dtype="float32")(holds)
    assert graded(one, "square").points == 1


def changes_x(x: Any) -> Any:
    x *= x
    return x


def writes_where_it_may_not(x: Any) -> Any:
    return x * x if x.flags.writeable else np.multiply(x, x, out=x)


def hands_x_back(x: Any) -> Any:
    return x


LAST: dict[tuple[int, ...], Any] = {}


def reuses_its_result(x: Any) -> Any:
    out = LAST.setdefault(x.shape, np.empty(x.shape))
    np.multiply(x, x, out=out)
    return out


@pytest.mark.parametrize(
    ("square", "message"),
    [
        (writes_where_it_may_not, "It raised ValueError."),
        (lambda x: changes_x(x) if x.flags.writeable else x * x, "An argument is changed by"),
        (lambda x: (x.view().reshape(-1) ** 2).reshape(x.shape), ""),
        (reuses_its_result, "The result is not a new array each time."),
    ],
)
def test_arguments_stay_and_results_are_new(square: Any, message: str) -> None:
    one = exercise()
    one.leaves_inputs_alone("square", points=1)
    (check,) = graded(one, "square", square=square).checks
    assert check.message.startswith(message)
    assert (check.status == "passed") is (not message)


def test_a_result_that_shares_memory_with_an_argument_is_refused() -> None:
    module = solution()
    module.same = lambda x: x.copy()  # type: ignore[attr-defined]
    one = exercise(solution=module)
    one.leaves_inputs_alone("same", points=1)
    assert graded(one, "same").points == 1
    (check,) = graded(one, "same", same=hands_x_back).checks
    assert check.message == "The result is not a new array each time."


def test_tensors_can_be_left_alone_too() -> None:
    torch = pytest.importorskip("torch")
    module = solution()
    module.twice = lambda x: x * 2  # type: ignore[attr-defined]
    one = exercise(solution=module, arrays="torch")
    one.leaves_inputs_alone("twice", points=1)
    assert statuses(graded(one, "twice")) == {"leaves_inputs_alone": "passed"}
    changed = graded(one, "twice", twice=lambda x: x.mul_(2))
    assert statuses(changed) == {"leaves_inputs_alone": "failed"}
    assert torch.is_tensor(module.twice(torch.ones(2)))


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (True, "passed"),
        (False, "failed"),
        (np.True_, "passed"),
        (np.False_, "failed"),
        ((1.0, 1.0), "passed"),
        ((1.0, 2.0), "failed"),
        ([(1.0, 1.0), True, (2.0, 2.0)], "passed"),
        ([(1.0, 1.0), (2.0, 3.0)], "failed"),
    ],
)
def test_check_code_gives_a_truth_value_a_pair_or_several(given: Any, status: str) -> None:
    one = exercise()

    def holds(student: Student) -> Any:
        """It holds."""
        return given

    one.satisfies("square", points=1)(holds)
    assert statuses(graded(one, "square")) == {"holds": status}


def test_check_code_may_yield_and_stops_at_the_first_difference() -> None:
    one, seen = exercise(), []

    def holds(student: Student, x: Any) -> Any:
        """It holds."""
        for factor in (1.0, 2.0, 3.0):
            seen.append(factor)
            yield factor, 1.0

    one.satisfies("square", points=1)(holds)
    assert statuses(graded(one, "square")) == {"holds": "failed"}
    assert seen == [1.0, 2.0]


def test_nothing_of_this_test_stays_among_the_modules() -> None:
    assert "toy_solution" not in sys.modules
