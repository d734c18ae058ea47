"""Finite differences agree with gradients that are known exactly."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.gradient import RTOL, directional_derivative, numerical_gradient, weighted_sum

RNG = np.random.default_rng(11)
QUICK = settings(max_examples=60, deadline=None, database=None)


@QUICK
@given(st.integers(0, 2**32), st.integers(1, 5), st.floats(0.1, 10.0))
def test_the_gradient_of_a_random_quadratic_is_right(seed: int, n: int, dout: float) -> None:
    rng = np.random.default_rng(seed)
    a, b, x = rng.normal(size=(n, n)), rng.normal(size=n), rng.normal(size=n)
    found = numerical_gradient(lambda v: v @ a @ v + b @ v, x, dout)
    exact = dout * ((a + a.T) @ x + b)
    scale = max(np.abs(exact).max(), dout)
    assert np.abs(found - exact).max() < 1e-8 * scale


def test_a_hand_worked_gradient_keeps_the_shape_of_x() -> None:
    x = np.array([[1.0, 2.0], [3.0, -1.0]])
    dout = np.array([[1.0, -1.0], [0.5, 2.0]])
    found = numerical_gradient(lambda v: v * v, x, dout)
    assert np.allclose(found, [[2.0, -4.0], [3.0, -4.0]], rtol=RTOL)


def test_results_without_axes_and_arguments_without_axes_work() -> None:
    found = numerical_gradient(np.exp, np.array(0.5), 2.0)
    assert found.shape == ()
    assert np.isclose(found, 2.0 * np.exp(0.5), rtol=RTOL)


def test_float32_arguments_are_differenced_in_float64() -> None:
    seen = []

    def square(v: Any) -> Any:
        seen.append(v.dtype)
        return v * v

    x = np.array([0.3, -0.7], dtype=np.float32)
    found = numerical_gradient(square, x, np.array([1.0, 1.0], dtype=np.float32))
    assert set(seen) == {np.dtype(np.float64)}
    assert np.allclose(found, 2.0 * x.astype(np.float64), rtol=RTOL)


def test_integers_are_differenced_too_instead_of_rounding_the_step_away() -> None:
    assert np.allclose(numerical_gradient(lambda v: v**2, np.array([3]), 1.0), [6.0], rtol=RTOL)


def test_the_argument_stays_as_it_is_even_if_the_function_writes_into_its_own() -> None:
    x = np.array([1.0, 2.0])

    def careless(v: Any) -> Any:
        out = v.sum()
        v[:] = 0.0
        return out

    assert np.allclose(numerical_gradient(careless, x, 1.0), [1.0, 1.0], rtol=RTOL)
    assert x.tolist() == [1.0, 2.0]


def test_several_results_are_weighted_by_a_tuple() -> None:
    x = np.array([1.0, -2.0])
    douts = (np.array([1.0, 0.5]), np.array(3.0))
    found = numerical_gradient(lambda v: (v**2, v.sum()), x, douts)
    assert np.allclose(found, [2.0 + 3.0, -2.0 + 3.0], rtol=RTOL)


def test_a_number_of_results_other_than_of_weights_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        numerical_gradient(lambda v: (v,), np.ones(2), (np.ones(2), np.ones(2)))


@QUICK
@given(st.integers(0, 2**32))
def test_a_directional_derivative_is_the_gradient_along_the_direction(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, direction, dout = (rng.normal(size=(2, 3)) for _ in range(3))
    slope = directional_derivative(np.sin, x, direction, dout)
    assert np.isclose(slope, np.sum(np.cos(x) * dout * direction), rtol=1e-6, atol=1e-8)


def test_a_weighted_sum_adds_in_float64() -> None:
    many = np.full(1000, 0.1, dtype=np.float16)
    assert np.isclose(weighted_sum(many, np.ones(1000)), 1000 * float(np.float16(0.1)), rtol=1e-12)
    assert weighted_sum((many[:1], 2.0), (10.0, 3.0)) == pytest.approx(float(many[0]) * 10 + 6.0)


def test_pytorch_agrees() -> None:
    torch = pytest.importorskip("torch")
    x, dout = RNG.normal(size=(2, 3)), RNG.normal(size=(2, 3))
    tensor = torch.tensor(x, requires_grad=True)
    (torch.tanh(tensor).cumsum(0) * torch.tensor(dout)).sum().backward()
    found = numerical_gradient(lambda v: np.tanh(v).cumsum(0), x, dout)
    assert np.allclose(found, tensor.grad.numpy(), rtol=RTOL, atol=1e-9)
