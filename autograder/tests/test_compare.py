"""Agreement within tolerance, and sentences that say what, where and the likely factor."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from autograder.compare import RTOL, difference, likely

RNG = np.random.default_rng(7)
WANT = RNG.normal(size=(3, 4))
SQUARE = RNG.normal(size=(4, 4))
FLOATS = st.sampled_from([np.float64, np.float32, np.float16]).flatmap(
    lambda dtype: arrays(dtype, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)
QUICK = settings(max_examples=150, deadline=None, database=None)


def detail(got: Any, want: Any, name: str = "dx", **options: Any) -> str:
    found = difference(got, want, name, **options)
    assert found is not None
    return found.detail


def category(got: Any, want: Any, name: str = "dx", **options: Any) -> str:
    found = difference(got, want, name, **options)
    assert found is not None
    return found.category


# Agreement


@QUICK
@given(FLOATS)
def test_every_array_agrees_with_itself_wherever_it_is_not_finite(x: Any) -> None:
    assert difference(x.copy(), x) is None


@QUICK
@given(st.data())
def test_any_two_arrays_agree_or_get_a_sentence_and_never_a_warning(data: st.DataObject) -> None:
    shape = data.draw(array_shapes(min_dims=0, max_dims=2, max_side=3))
    got, want = (data.draw(arrays(np.float64, shape)) for _ in range(2))
    found = difference(got, want, "dx")
    if found is None:
        assert np.array_equal(np.isfinite(got), np.isfinite(want))
    else:
        assert found.detail.startswith("dx ")


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_rounding_of_the_dtype_is_allowed_and_ten_times_the_tolerance_is_not(dtype: str) -> None:
    want = WANT.astype(dtype).astype(np.float64)
    near = (want * (1 + 0.1 * RTOL[dtype])).astype(dtype)
    far = want.copy()
    far[0, 0] += 10 * RTOL[dtype] * np.abs(want).max()
    assert difference(near, want) is None
    assert difference(far.astype(dtype), want) is not None


def test_errors_are_judged_relative_to_the_largest_entry_and_not_to_each() -> None:
    want = np.array([1000.0, 1e-9])
    assert difference(np.array([1000.0, 2e-9]), want) is None
    assert difference(np.array([1000.0 + 1e-5, 1e-9]), want) is not None


def test_where_zero_is_expected_small_noise_passes_and_a_small_value_does_not() -> None:
    assert difference(np.full(3, 1e-13), np.zeros(3)) is None
    assert difference(np.full(3, 1e-8), np.zeros(3)) is not None


def test_a_tolerance_that_is_given_replaces_the_one_of_the_dtype() -> None:
    assert difference(WANT * (1 + 1e-4), WANT, rtol=1e-3) is None
    assert difference(WANT * (1 + 1e-4), WANT) is not None


def test_python_numbers_and_arrays_without_axes_agree() -> None:
    assert difference(2.0, np.float64(2.0)) is None
    assert difference(np.array(2), 2.0) is None
    assert difference([1.0, 2.0], np.array([1.0, 2.0])) is None


def test_integers_and_truth_values_are_compared_without_a_float_dtype_in_the_way() -> None:
    assert difference(np.array([1, 2]), np.array([1, 2]), dtype="float64") is None
    assert difference(np.array([True, False]), np.array([True, False]), dtype="float32") is None


def test_none_and_text_agree_with_themselves_only() -> None:
    assert difference(None, None) is None
    assert difference("a", "a") is None
    assert category("a", "b") == "dx is wrong."


# What is said when they do not agree


def test_the_worst_element_is_named_with_both_values() -> None:
    got = WANT.copy()
    got[1, 2] += 1.0
    got[0, 0] += 0.5
    said = detail(got, WANT)
    assert said == (
        f"dx differs in 2 of 12 elements; worst at dx[1, 2]: "
        f"yours {got[1, 2]:.6g}, expected {WANT[1, 2]:.6g}"
    )


def test_one_number_has_no_index_and_one_element_is_singular() -> None:
    assert detail(1.0, 2.0, "loss") == (
        "loss differs in 1 of 1 element; worst at loss: yours 1, expected 2"
    )


def test_a_category_has_neither_a_value_nor_an_index() -> None:
    for got in (2 * WANT, WANT[:2], np.full_like(WANT, np.nan), None, "12", (WANT,)):
        assert not any(sign.isdigit() for sign in category(got, WANT))


@pytest.mark.parametrize(
    ("got", "pattern"),
    [
        (2 * WANT, "yours is 2 times the expected value everywhere"),
        (WANT / 4, "yours is 0.25 times the expected value everywhere"),
        (-3 * WANT, "yours is -3 times the expected value everywhere"),
        (-WANT, "yours has the opposite sign everywhere"),
        (np.zeros_like(WANT), "yours is 0 everywhere"),
        (WANT + 0.5, "yours is the expected value plus 0.5 everywhere"),
        (WANT - 2.0, "yours is the expected value plus -2 everywhere"),
        (
            WANT * np.array([[1.0], [2.0], [3.0]]),
            "the factor depends on axis 0 alone: look at a sum or mean there",
        ),
        (
            WANT * np.array([1.0, 2.0, 3.0, 4.0]),
            "the factor depends on axis 1 alone: look at a sum or mean there",
        ),
    ],
)
def test_the_likely_factor_is_named(got: Any, pattern: str) -> None:
    assert detail(got, WANT).endswith(f" ({pattern})")


def test_a_transposed_square_is_named() -> None:
    assert detail(SQUARE.T, SQUARE).endswith("(yours is the transpose of the expected array)")


def test_a_factor_that_depends_on_the_middle_axis_is_named() -> None:
    want = RNG.normal(size=(2, 3, 4))
    got = want * np.array([1.0, 2.0, 5.0]).reshape(1, 3, 1)
    assert "the factor depends on axis 1 alone" in detail(got, want)


def test_no_pattern_is_named_where_none_explains_everything() -> None:
    got = 2 * WANT
    got[0, 0] += 1.0
    assert "(" not in detail(got, WANT)


@pytest.mark.parametrize("rtol", [1e-6, 1e-9])
def test_an_error_just_above_the_tolerance_is_not_called_one_times_or_plus_zero(
    rtol: float,
) -> None:
    noise = np.where(np.arange(12).reshape(3, 4) % 2, 1.0, -1.0)
    got = WANT + 4 * rtol * np.abs(WANT).max() * noise
    said = detail(got, WANT, rtol=rtol)
    assert "1 times the expected" not in said
    assert "plus" not in said


def test_no_factor_is_invented_for_a_single_number() -> None:
    assert likely(np.array([6.0]), np.array([3.0])) == ""


def test_huge_and_tiny_numbers_give_a_sentence_and_not_an_overflow() -> None:
    assert "expected 1e+308" in detail(np.full((2, 2), -1e308), np.full((2, 2), 1e308))
    assert "yours 1e+308" in detail(np.full((2, 2), 1e308), np.full((2, 2), 5e-324))


# Values that are not finite


def test_nan_is_named_with_its_first_place() -> None:
    got = WANT.copy()
    got[1, 3] = got[2, 0] = np.nan
    assert category(got, WANT) == "dx is not finite where it should be."
    assert detail(got, WANT) == (
        f"dx is nan at dx[1, 3], expected {WANT[1, 3]:.6g}; 2 of 12 elements like this"
    )


def test_a_number_where_minus_infinity_is_expected_is_not_called_not_finite() -> None:
    got, want = np.array([1.0, 2.0]), np.array([-np.inf, 2.0])
    assert detail(got, want).endswith("worst at dx[0]: yours 1, expected -inf")
    assert category(got, want) != "dx is not finite where it should be."


@pytest.mark.parametrize("wrong", [np.inf, np.nan])
def test_the_wrong_infinity_is_named_at_its_own_place(wrong: float) -> None:
    want = np.array([1.0, -np.inf, 2.0, -np.inf])
    got = np.array([1.0, -np.inf, 2.0, wrong])
    said = detail(got, want)
    assert f"dx[3]: yours {wrong:.6g}, expected -inf" in said
    assert "1 of 4 elements" in said


# Shapes, dtypes, kinds, counts


def test_shapes_that_differ_are_named() -> None:
    assert category(WANT[:2], WANT) == "dx has the wrong shape."
    assert detail(WANT[:2], WANT) == "dx has shape (2, 4), expected (3, 4)"
    assert detail(WANT[None], WANT) == "dx has shape (1, 3, 4), expected (3, 4)"


def test_a_transposed_rectangle_is_named() -> None:
    said = "dx has shape (4, 3), expected (3, 4) (the last two axes are swapped)"
    assert detail(WANT.T, WANT) == said


def test_a_dtype_that_was_not_kept_is_named() -> None:
    narrow = WANT.astype(np.float32)
    assert category(narrow.astype(np.float64), narrow, dtype="float32") == (
        "dx has the wrong dtype."
    )
    assert detail(narrow.astype(np.float64), WANT, dtype="float32") == (
        "dx has dtype float64, expected float32"
    )


@pytest.mark.parametrize(
    ("got", "said"),
    [
        (None, "dx is None (is a return missing?)"),
        ("0.5", "dx is the text '0.5'"),
        ({"a": 1.0}, "dx is one dict"),
        ([[1.0], [1.0, 2.0]], "dx is a list of 2"),
        (np.array([None]), "dx is one array"),
        (1j, "dx is one complex"),
    ],
)
def test_what_is_no_array_of_numbers_is_called_what_it_is(got: Any, said: str) -> None:
    assert detail(got, np.ones(2)).startswith(said)
    assert category(got, np.ones(2)) in ("dx is wrong.", "dx is not an array of numbers.")


def test_too_few_results_are_counted_and_named() -> None:
    want = (WANT, WANT[0])
    assert category(WANT, want, "dx, dgain") == "It should return 2 results."
    assert detail(WANT, want, "dx, dgain") == "expected 2 results (dx, dgain), got one array"
    assert detail((WANT,), want, "dx, dgain") == "expected 2 results (dx, dgain), got 1 result"
    assert detail(None, want, "dx, dgain") == (
        "expected 2 results (dx, dgain), got None (is a return missing?)"
    )


def test_a_tuple_where_one_array_is_expected_is_called_a_tuple() -> None:
    assert "a tuple of 2" in detail((WANT, SQUARE), WANT)


def test_the_part_of_a_tuple_that_differs_is_named() -> None:
    want = (WANT, WANT[0])
    assert difference([WANT, WANT[0]], want, "dx, dgain") is None
    assert detail((WANT, 2 * WANT[0]), want, "dx, dgain").startswith("dgain differs in 4 of 4")
    assert detail((WANT, 2 * WANT[0]), want, "out").startswith("out[1] differs in 4 of 4")


def test_the_first_part_that_differs_is_the_one_that_is_named() -> None:
    assert detail((2 * WANT, None), (WANT, WANT), "dx, dgain").startswith("dx differs")
