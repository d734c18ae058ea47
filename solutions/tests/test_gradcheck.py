"""The checker against numbers worked by hand, its properties, and PyTorch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.figures.vol1_numpy import gradcheck as figure
from solutions.vol1_numpy.gradcheck import (
    TOLERANCE,
    check_gradient,
    numerical_gradient,
    relative_error,
)

Floats = NDArray[np.floating[Any]]


def product(x: Floats, w: Floats) -> Floats:
    return np.tanh(x @ w)


def product_backward(dout: Floats, x: Floats, w: Floats) -> tuple[Floats, Floats]:
    inner = dout * (1 - product(x, w) ** 2)
    return inner @ w.T, x.T @ inner


def drawn(seed: int = 0) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((3, 2)), rng.standard_normal((2, 4)), rng.standard_normal((3, 4))


def test_worked_quotients() -> None:
    # ((1 + 1)**3 - 0) / 2 = 4 at 1, and (1 - (-1)) / 2 = 1 at 0.
    got = numerical_gradient(lambda v: v**3, np.array([1.0, 0.0]), np.array([1.0, -2.0]), h=1.0)
    assert got.tolist() == [4.0, -2.0]


def test_worked_relative_errors() -> None:
    assert relative_error(np.array([3.0, -4.0]), np.array([3.0, -2.0])) == 0.5
    assert relative_error(np.array([1.0, 2.0]), np.array([-1.0, -2.0])) == 2.0
    assert relative_error(np.zeros(2), np.zeros(2)) == 0.0
    assert relative_error(np.array([5e-13]), np.zeros(1)) == pytest.approx(0.5)


def test_the_error_of_central_differences_falls_with_the_square_of_the_step() -> None:
    x, dout = np.array([0.7, -0.4]), np.array([1.0, 2.0])
    exact = np.exp(x) * dout
    errors = [np.abs(numerical_gradient(np.exp, x, dout, h) - exact) for h in (1e-2, 1e-3)]
    np.testing.assert_allclose(errors[0] / errors[1], 100.0, rtol=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_a_relative_error_is_symmetric_and_at_most_two_and_knows_no_units(seed: int) -> None:
    a, b = np.random.default_rng(seed).standard_normal((2, 4, 3))
    error = relative_error(a, b)
    assert 0 < error <= 2
    assert relative_error(b, a) == error
    assert relative_error(1e-6 * a, 1e-6 * b) == pytest.approx(error, rel=1e-12)


def test_a_view_is_differentiated_and_x_stays_as_it_is() -> None:
    x = np.arange(6.0).reshape(2, 3)
    x.flags.writeable = False
    dout = np.random.default_rng(1).standard_normal((3, 2))
    np.testing.assert_allclose(numerical_gradient(lambda v: v.T, x, dout), dout.T, rtol=1e-9)
    assert np.array_equal(x, np.arange(6.0).reshape(2, 3))


def test_float32_is_checked_in_float64() -> None:
    x, w, dout = (a.astype(np.float32) for a in drawn())
    assert numerical_gradient(lambda v: v @ w, x, dout).dtype == np.float64
    assert max(check_gradient(product, product_backward, (x, w), dout)) < 1e-9


WRONG: dict[str, Callable[[Floats, Floats], tuple[Any, ...]]] = {
    "wide": lambda dx, dw: (dx, dw[np.newaxis]),
    "short": lambda dx, dw: (dx,),
    "none": lambda dx, dw: (dx, None),
    "nan": lambda dx, dw: (dx, np.where(dw == dw.max(), np.nan, dw)),
    "inf": lambda dx, dw: (dx, np.where(dw == dw.max(), np.inf, dw)),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_compared_has_the_error_inf(kind: str) -> None:
    x, w, dout = drawn()
    errors = check_gradient(
        product, lambda *args: WRONG[kind](*product_backward(*args)), (x, w), dout
    )
    assert errors[0] < TOLERANCE
    assert errors[1] == np.inf


def test_a_forward_that_is_not_finite_cannot_be_checked() -> None:
    errors = check_gradient(
        lambda x: x * np.nan, lambda dout, x: (dout,), (np.ones(2),), np.ones(2)
    )
    assert errors == [np.inf]


def test_integers_keep_their_place_and_get_no_error() -> None:
    rng = np.random.default_rng(3)
    table, gain, ids = rng.standard_normal((4, 2)), rng.standard_normal(2), np.array([3, 1, 3])

    def backward(dout: Floats, table: Floats, ids: Any, gain: Floats) -> tuple[Floats, Floats]:
        dtable = np.zeros_like(table)
        np.add.at(dtable, ids, dout * gain)
        return dtable, 2 * (dout * table[ids]).sum(axis=0)

    errors = check_gradient(
        lambda table, ids, gain: table[ids] * gain,
        backward,
        (table, ids, gain),
        rng.standard_normal((3, 2)),
    )
    assert len(errors) == 2
    assert errors[0] < TOLERANCE
    assert errors[1] == pytest.approx(0.5)


def test_a_number_is_an_output_too() -> None:
    x, dout = np.array([[1.0, -3.0]]), np.array(0.5)
    errors = check_gradient(
        lambda x: float((x * x).sum()), lambda dout, x: (2 * dout * x,), (x,), dout
    )
    assert max(errors) < TOLERANCE


def test_numerical_gradients_agree_with_autograd() -> None:
    torch = pytest.importorskip("torch")
    x, w, dout = drawn(7)
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, w)]
    torch.tanh(tensors[0] @ tensors[1]).backward(torch.tensor(dout))
    for i, (array, tensor) in enumerate(zip((x, w), tensors, strict=True)):
        inputs = [x, w]

        def along(v: Floats, i: int = i, inputs: list[Floats] = inputs) -> Floats:
            return product(*inputs[:i], v, *inputs[i + 1 :])

        assert relative_error(numerical_gradient(along, array, dout), tensor.grad.numpy()) < 1e-9


def test_autograd_passes_and_a_broken_autograd_does_not() -> None:
    torch = pytest.importorskip("torch")

    def backward(dout: Floats, *inputs: Floats) -> tuple[Floats, ...]:
        tensors = [torch.tensor(a, requires_grad=True) for a in inputs]
        torch.tanh(tensors[0] @ tensors[1]).backward(torch.tensor(dout))
        return tuple(t.grad.numpy() for t in tensors)

    x, w, dout = drawn(11)
    assert max(check_gradient(product, backward, (x, w), dout)) < 1e-9
    halved = check_gradient(
        product, lambda *a: (backward(*a)[0], backward(*a)[1] / 2), (x, w), dout
    )
    assert halved[0] < 1e-9
    assert halved[1] == pytest.approx(0.5)


def test_the_figure_shows_what_the_handout_says() -> None:
    drawing = figure.draw()
    assert drawing == figure.draw()
    for words in ("central, float32", "one-sided, float64", "central, float64", "step h"):
        assert words in drawing
