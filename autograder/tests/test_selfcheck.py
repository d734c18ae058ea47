"""Visible checks: quiet where right, one sentence where not, never a traceback."""

from typing import Any

import numpy as np
import pytest

from autograder.build import build
from autograder.course import Course
from autograder.selfcheck import Check, NotPassed, ask_my_checker, raises, run_visible
from autograder.student import LocalBackend, Student

X = np.array([[1.0, 2.0], [3.0, 4.0]])


def student(**names: Any) -> Student:
    return Student(LocalBackend(names))


def visible(mine: Student, check: Check) -> None:
    """One worked number."""
    check.close(mine.scale(X, 2.0), 2 * X, "scale(x, 2)")


def not_written(x: Any, factor: Any) -> Any:
    raise NotImplementedError("scale is yours to write")


def from_my_notebook(source: str) -> Student:
    names: dict[str, Any] = {}
    exec(compile(source, "cell 4", "exec"), names)
    return student(**names)


def test_what_is_right_passes_without_a_word() -> None:
    assert run_visible(visible, student(scale=lambda x, f: x * f)) == ("passed", "")


def test_what_is_wrong_is_told_with_place_values_and_factor() -> None:
    assert run_visible(visible, student(scale=lambda x, f: x * f * f)) == (
        "failed",
        "scale(x, 2) differs in 4 of 4 elements; worst at scale(x, 2)[1, 1]: yours 16, expected 8 "
        "(yours is 2 times the expected value everywhere)",
    )


def test_a_stub_is_not_attempted_and_says_whose_it_is() -> None:
    mine = student(scale=not_written)
    assert run_visible(visible, mine) == ("not_attempted", "scale is yours to write")


def test_a_stub_is_not_attempted_where_an_error_is_expected_too() -> None:
    def expects(mine: Student, check: Check) -> None:
        check.raises(ValueError, mine.scale, X, None)

    assert run_visible(expects, student(scale=not_written))[0] == "not_attempted"


def test_an_exception_is_told_with_its_place_and_text() -> None:
    mine = from_my_notebook("def scale(x, factor):\n\n    return x * fcator\n")
    assert run_visible(visible, mine) == (
        "raised",
        "NameError at cell 4, line 3: name 'fcator' is not defined",
    )


def test_a_function_that_is_missing_is_told() -> None:
    status, message = run_visible(visible, student())
    assert (status, message) == ("raised", "NameError: scale is not defined")


@pytest.mark.parametrize("answer", [None, "text", (), {}, 0.0, [[1.0], [1.0, 2.0]]])
def test_whatever_comes_back_check_code_ends_in_a_sentence(answer: Any) -> None:
    def uses(mine: Student, check: Check) -> None:
        got = mine.scale(X, 2.0)
        check.close(1.0 / got[0, 0], 0.5, "the inverse")

    status, message = run_visible(uses, student(scale=lambda x, f: answer))
    assert status == "failed"
    assert message.startswith("the result is not of the kind that is asked for")


def test_a_division_by_an_answer_of_zero_ends_in_a_sentence() -> None:
    def divides(mine: Student, check: Check) -> None:
        check.close(1.0 / mine.scale(X, 2.0), 0.5, "the inverse")

    status, message = run_visible(divides, student(scale=lambda x, f: 0.0))
    assert status == "failed"
    assert message.startswith("the result is not of the kind that is asked for")


def test_warnings_of_numpy_stay_silent() -> None:
    def overflows(mine: Student, check: Check) -> None:
        check.close(mine.scale(np.array([1e308]), 100.0), [np.inf], "a large one")

    assert run_visible(overflows, student(scale=lambda x, f: x * f)) == ("passed", "")


# What a check compares with


def test_close_takes_lists_numbers_and_tuples() -> None:
    check = Check()
    check.close(X, [[1.0, 2.0], [3.0, 4.0]], "x")
    check.close(3, 3.0, "three")
    check.close((X, 2.0), (X, 2.0), "x, two")
    with pytest.raises(NotPassed, match="two differs in 1 of 1 element"):
        check.close((X, 2.0), (X, 3.0), "x, two")


def test_close_has_a_tolerance_for_numbers_that_were_rounded_by_hand() -> None:
    Check().close(0.33333, 1 / 3, "a third", rtol=1e-4)
    with pytest.raises(NotPassed, match="a third differs"):
        Check().close(0.33333, 1 / 3, "a third")


def test_gradient_accepts_the_gradient_and_says_what_expected_means() -> None:
    dout = np.array([[1.0, -1.0], [0.5, 2.0]])
    Check().gradient(2 * X * dout, lambda v: v * v, X, dout, "dx")
    with pytest.raises(NotPassed, match="opposite sign everywhere") as caught:
        Check().gradient(-2 * X * dout, lambda v: v * v, X, dout, "dx")
    said = "expected is what finite differences of your own forward give"
    assert str(caught.value).endswith(said)


def test_true_says_the_sentence_it_is_given() -> None:
    Check().true(X > 0, "everything is positive")
    with pytest.raises(NotPassed, match="some are not above 1"):
        Check().true(X > 1, "some are not above 1")


def picky(x: Any) -> Any:
    if x is None:
        raise ValueError("x is None")
    return x


def test_raises_accepts_the_error_that_is_asked_for_and_names_another() -> None:
    check, mine = Check(), student(picky=picky)
    check.raises(ValueError, mine.picky, None)
    with pytest.raises(NotPassed, match=r"^nothing was raised, expected ValueError$"):
        check.raises(ValueError, mine.picky, 1.0)
    with pytest.raises(NotPassed, match=r"^raised ValueError, expected TypeError$"):
        check.raises(TypeError, mine.picky, None)


def test_hidden_checks_ask_if_an_error_is_raised() -> None:
    mine = student(picky=picky)
    assert raises(ValueError, mine.picky, None)
    assert not raises(ValueError, mine.picky, x=1.0)
    assert not raises(TypeError, mine.picky, None)


def test_a_checker_that_is_not_there_yet_is_a_sentence(
    toy: Course, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build(toy)
    monkeypatch.chdir(toy.root)
    inputs = (np.ones((2, 3)),)
    ask_my_checker("vol1_toys/scale", np.exp, np.multiply, inputs, ("dx",))
    assert "your check_gradient says nothing yet (AttributeError: " in capsys.readouterr().out


def test_same_compares_texts_tokens_and_dicts_as_they_are() -> None:
    check = Check()
    for value in ("a\n", b"\xff", [1, 2], [(1, 2)], {256: b"th"}, 7, []):
        check.same(value, value, "it")
    with pytest.raises(NotPassed, match=r"^tokens\[1\]: yours 3, expected 2$"):
        check.same([1, 3], [1, 2], "tokens")
    with pytest.raises(NotPassed, match=r"^vocab\[256\]: yours b'ht', expected b'th'$"):
        check.same({256: b"ht"}, {256: b"th"}, "vocab")
