"""Activations against numbers worked by hand, their properties, and PyTorch."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol1_numpy.activations import (
    gelu,
    gelu_backward,
    relu,
    relu_backward,
    silu,
    silu_backward,
)

Floats = NDArray[np.floating[Any]]
Forward = Callable[[Floats], Floats]
Backward = Callable[[Floats, Floats], Floats]
ALL = [
    pytest.param(relu, relu_backward, id="relu"),
    pytest.param(gelu, gelu_backward, id="gelu"),
    pytest.param(silu, silu_backward, id="silu"),
]
SHAPES = [(5,), (3, 3), (2, 4, 6), (1, 5, 2, 3)]


def test_worked_numbers_of_relu_and_its_slope_at_zero() -> None:
    x = np.array([-3.0, 0.0, 0.25])
    assert relu(x).tolist() == [0.0, 0.0, 0.25]
    assert relu_backward(np.array([5.0, 6.0, 7.0]), x).tolist() == [0.0, 0.0, 7.0]


def test_worked_numbers_of_silu() -> None:
    # The sigmoid of log 3 is 3/4, its slope 3/16.
    x = np.array([math.log(3.0)])
    np.testing.assert_allclose(silu(x), 0.75 * x, rtol=1e-15)
    np.testing.assert_allclose(silu_backward(np.array([16.0]), x), 12 + 3 * x, rtol=1e-15)


def test_gelu_where_tanh_is_one_half() -> None:
    # tanh u = 1/2 at u = log(3) / 2; x solves root(2 / pi) (x + 0.044715 x^3) = u.
    root = math.sqrt(2 / math.pi)
    x = next(
        r.real
        for r in np.roots([0.044715, 0.0, 1.0, -math.log(3.0) / (2 * root)])
        if abs(r.imag) < 1e-12
    )
    np.testing.assert_allclose(gelu(np.array([x])), [0.75 * x], rtol=1e-14)
    slope = 0.75 + 0.5 * x * 0.75 * root * (1 + 3 * 0.044715 * x**2)
    np.testing.assert_allclose(gelu_backward(np.array([2.0]), np.array([x])), [2 * slope])


def test_gelu_is_near_the_normal_distribution_function_but_not_equal() -> None:
    x = np.linspace(-5.0, 5.0, 201)
    exact = x * [0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x]
    assert 1e-4 < np.abs(gelu(x) - exact).max() < 5e-4


def test_silu_is_lowest_where_its_slope_vanishes() -> None:
    at = np.array([-1.2784645427610738])
    assert abs(silu_backward(np.ones(1), at)[0]) < 1e-15
    assert silu(at)[0] < min(silu(at - 1e-3)[0], silu(at + 1e-3)[0])


@pytest.mark.parametrize(("forward", "backward"), ALL)
def test_gates_and_slopes_of_both_sides_add_up_to_one(forward: Forward, backward: Backward) -> None:
    x, dout = np.random.default_rng(0).standard_normal((2, 3, 4))
    np.testing.assert_allclose(forward(x) - forward(-x), x, rtol=0, atol=1e-15)
    both = backward(dout, x) + backward(dout, -x)
    np.testing.assert_allclose(both, dout, rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("forward", "backward"), ALL)
def test_large_entries_are_finite_without_a_warning_and_the_dtype_is_kept(
    forward: Forward, backward: Backward, dtype: type[np.floating[Any]]
) -> None:
    x = np.array([-1e4, -100.0, 100.0, 1e4], dtype=dtype)
    out, dx = forward(x), backward(np.full_like(x, 3.0), x)
    assert out.tolist() == [0.0, 0.0, 100.0, 1e4]
    assert dx.tolist() == [0.0, 0.0, 3.0, 3.0]
    assert out.dtype == dx.dtype == np.dtype(dtype)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("forward", "backward"), ALL)
def test_values_and_gradients_are_those_of_pytorch(
    forward: Forward, backward: Backward, shape: tuple[int, ...], scale: float
) -> None:
    torch = pytest.importorskip("torch")
    x, dout = np.random.default_rng(len(shape)).standard_normal((2, *shape))
    x = scale * x
    x.reshape(-1)[0] = 0.0
    at = torch.tensor(x, requires_grad=True)
    options = {"approximate": "tanh"} if forward is gelu else {}
    out = getattr(torch.nn.functional, forward.__name__)(at, **options)
    out.backward(torch.tensor(dout))
    for ours, theirs in ((forward(x), out.detach()), (backward(dout, x), at.grad)):
        want = theirs.numpy()
        assert ours.shape == want.shape
        np.testing.assert_allclose(ours, want, rtol=0, atol=1e-10 * np.abs(want).max())
