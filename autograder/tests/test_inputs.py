"""What a function is called with: named shapes, reproducible per student, in the right dtype."""

from typing import Any

import numpy as np
import pytest

from autograder.case import Case
from autograder.errors import CourseError
from autograder.inputs import Seed, array, constant, derived, draw, integers, parameters

SIZES = {"B": 2, "T": 3}
INPUTS = {
    "x": array("B T"),
    "wide": array("B 4", mean=5.0, scale=0.1),
    "ids": integers("B T", "T", low=1),
    "coin": integers("50", 2),
    "eps": constant(1e-2),
    "double": derived(lambda x: 2.0 * x),
    "both": derived(lambda double, T, rng: (double + T, {"noise": rng.normal(size=T)})),
}
SEED = Seed(b"a secret of sixteen bytes", "ada", "00ff")


def drawn(*names: str, seed: Seed = SEED, dtype: str = "float64", **sizes: int) -> dict[str, Any]:
    return draw(names, INPUTS, {**SIZES, **sizes}, seed.generator("toys", "f"), dtype)


def test_shapes_are_named_by_sizes_and_numbers() -> None:
    got = drawn("x", "wide", "ids", "coin")
    assert [v.shape for v in got.values()] == [(2, 3), (2, 4), (2, 3), (50,)]
    assert drawn("x", B=5)["x"].shape == (5, 3)


def test_floats_have_the_mean_and_the_scale_that_are_declared() -> None:
    wide = drawn("wide", B=2000)["wide"]
    assert abs(wide.mean() - 5.0) < 0.01
    assert abs(wide.std() - 0.1) < 0.01


def test_floats_are_standard_normal_unless_something_else_is_declared() -> None:
    x = drawn("x", B=4000)["x"]
    assert abs(x.mean()) < 0.05
    assert abs(x.std() - 1.0) < 0.05


def test_integers_stay_within_their_bounds_and_reach_them() -> None:
    ids = drawn("ids", B=100)["ids"]
    assert ids.dtype == np.int64
    assert set(np.unique(ids)) == {1, 2}
    assert set(np.unique(drawn("coin")["coin"])) == {0, 1}


def test_float32_values_are_the_float64_ones_rounded_and_integers_stay_integers() -> None:
    wide, narrow = drawn("x", "both", "ids"), drawn("x", "both", "ids", dtype="float32")
    assert narrow["x"].dtype == np.float32
    assert np.array_equal(narrow["x"], wide["x"].astype(np.float32))
    assert narrow["both"][0].dtype == narrow["both"][1]["noise"].dtype == np.float32
    assert narrow["ids"].dtype == np.int64


def test_derived_inputs_are_made_from_the_very_inputs_that_are_passed() -> None:
    got = drawn("x", "double", "both")
    assert np.array_equal(got["double"], 2.0 * got["x"])
    assert np.array_equal(got["both"][0], got["double"] + 3)


def test_an_input_can_be_derived_from_one_that_is_not_passed() -> None:
    assert list(drawn("double")) == ["double"]


def test_a_size_can_be_asked_for_by_name() -> None:
    assert drawn("T", "eps") == {"T": 3, "eps": 1e-2}


def test_the_same_student_and_source_get_the_same_numbers_again() -> None:
    again = Seed(b"a secret of sixteen bytes", "ada", "00ff")
    assert np.array_equal(drawn("x")["x"], drawn("x", seed=again)["x"])


@pytest.mark.parametrize(
    "other",
    [
        Seed(b"another secret of sixteen", "ada", "00ff"),
        Seed(b"a secret of sixteen bytes", "bob", "00ff"),
        Seed(b"a secret of sixteen bytes", "ada", "00fe"),
        Seed(b"a secret of sixteen bytes", "ada00", "ff"),
    ],
)
def test_another_secret_student_or_source_gets_other_numbers(other: Seed) -> None:
    assert not np.array_equal(drawn("x")["x"], drawn("x", seed=other)["x"])


def test_another_case_gets_other_numbers() -> None:
    one, two = SEED.generator("toys", "f", "0"), SEED.generator("toys", "f", "1")
    assert one.normal() != two.normal()


def test_a_secret_is_named_without_being_told() -> None:
    secret = b"a secret of sixteen bytes"
    assert SEED.secret_id == Seed(secret).secret_id != Seed(b"another").secret_id
    assert len(SEED.secret_id) == 12
    assert secret.hex()[:12] != SEED.secret_id


def test_a_name_that_is_declared_nowhere_is_named() -> None:
    with pytest.raises(CourseError, match="'gain' is neither an input nor a size; add it to"):
        drawn("gain")


def test_a_size_that_is_missing_in_a_shape_is_named() -> None:
    with pytest.raises(CourseError, match="the shape 'B V' uses 'V', which is not in sizes="):
        draw(("x",), {"x": array("B V")}, SIZES, SEED.generator("f"), "float64")


def test_inputs_that_are_derived_from_each_other_are_named() -> None:
    circle = {"a": derived(lambda b: b), "b": derived(lambda a: a)}
    with pytest.raises(CourseError, match="'a' is derived from itself"):
        draw(("a",), circle, {}, SEED.generator("f"), "float64")


def test_parameters_leave_self_out() -> None:
    class Toy:
        def f(self, x: int, *, y: int = 0) -> None: ...

    assert parameters(Toy.f) == ("x", "y")


def case(**options: Any) -> Case:
    return Case(INPUTS, SIZES, "float64", options.pop("seed", SEED), ("toys", "f", "check", "0"))


def test_a_case_draws_once_and_gives_the_same_values_again() -> None:
    one = case()
    assert one.values(("x",))["x"] is one.values(("x",))["x"]
    assert np.array_equal(one.values(("x",))["x"], case().values(("x",))["x"])


def test_check_code_gets_its_random_generator_in_the_same_state_every_time() -> None:
    one = case()
    first, again = one.values(("x", "rng")), one.values(("x", "rng"))
    assert first["rng"].normal() == again["rng"].normal()


def test_the_generator_of_check_code_does_not_repeat_the_numbers_of_its_inputs() -> None:
    values = case().values(("x", "rng"))
    assert not np.isclose(values["rng"].normal(), values["x"]).any()


def test_what_a_case_expects_is_kept_with_the_time_it_took() -> None:
    one = case()
    one.expect(lambda: 42)
    assert one.want == 42
    assert one.seconds >= 0.0
