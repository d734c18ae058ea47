"""Softmax against numbers worked by hand, its properties, and PyTorch."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol1_numpy.softmax import softmax, softmax_backward, softmax_jacobian

Floats = NDArray[np.floating[Any]]
CASES = [((4,), -1), ((3, 3), 0), ((3, 5), -1), ((2, 4, 5), -1), ((2, 4, 5), 1), ((2, 4, 5), -3)]


def drawn(shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    x, dout = np.random.default_rng(len(shape)).standard_normal((2, *shape))
    return x, dout


def test_worked_numbers_of_the_forward() -> None:
    x = np.log([[1.0, 2.0, 5.0], [3.0, 3.0, 4.0]])
    np.testing.assert_allclose(softmax(x), [[0.125, 0.25, 0.625], [0.3, 0.3, 0.4]])
    np.testing.assert_allclose(softmax(x, axis=0)[:, :2], [[0.25, 0.4], [0.75, 0.6]])


def test_worked_numbers_of_the_jacobian() -> None:
    want = [[0.25, -0.125, -0.125], [-0.125, 0.1875, -0.0625], [-0.125, -0.0625, 0.1875]]
    assert softmax_jacobian(np.array([0.5, 0.25, 0.25])).tolist() == want


def test_worked_numbers_of_the_backward() -> None:
    # dout weighted by the probabilities: 0.5 * 4 - 0.25 * 4 = 1.
    dx = softmax_backward(np.array([4.0, 0.0, -4.0]), np.array([0.5, 0.25, 0.25]))
    assert dx.tolist() == [1.5, -0.25, -1.25]


def test_a_shift_of_a_row_changes_nothing_however_large() -> None:
    x, _ = drawn((3, 5))
    shifted = softmax(x + np.array([[1e4], [-1e4], [700.0]]))
    np.testing.assert_allclose(shifted, softmax(x), rtol=0, atol=1e-11)


def test_extreme_scores_give_exact_zeros_and_ones() -> None:
    assert softmax(np.array([3e3, -3e3, -1e308])).tolist() == [1.0, 0.0, 0.0]
    assert softmax(np.array([-3e3, -3e3])).tolist() == [0.5, 0.5]


def test_the_backward_is_dout_times_the_jacobian() -> None:
    x, dout = drawn((6,))
    probs = softmax(x)
    np.testing.assert_allclose(softmax_backward(dout, probs), dout @ softmax_jacobian(probs))


def test_rows_and_columns_of_the_jacobian_sum_to_zero() -> None:
    jacobian = softmax_jacobian(softmax(drawn((7,))[0]))
    for axis in (0, 1):
        np.testing.assert_allclose(jacobian.sum(axis=axis), np.zeros(7), atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept(dtype: type[np.floating[Any]]) -> None:
    x, dout = (a.astype(dtype) for a in drawn((4,)))
    probs = softmax(x)
    results = (probs, softmax_jacobian(probs), softmax_backward(dout, probs))
    assert [r.dtype for r in results] == [np.dtype(dtype)] * 3


@pytest.mark.parametrize(("shape", "axis"), CASES)
def test_values_and_gradients_are_those_of_pytorch(shape: tuple[int, ...], axis: int) -> None:
    torch = pytest.importorskip("torch")
    x, dout = drawn(shape)
    at = torch.tensor(x, requires_grad=True)
    out = torch.softmax(at, dim=axis)
    out.backward(torch.tensor(dout))
    probs = softmax(x, axis)
    np.testing.assert_allclose(probs, out.detach().numpy(), rtol=0, atol=1e-10)
    dx = softmax_backward(dout, probs, axis)
    np.testing.assert_allclose(dx, at.grad.numpy(), rtol=0, atol=1e-10)


def test_the_jacobian_is_that_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    x, _ = drawn((5,))
    want = torch.autograd.functional.jacobian(lambda v: torch.softmax(v, dim=-1), torch.tensor(x))
    np.testing.assert_allclose(softmax_jacobian(softmax(x)), want.numpy(), rtol=0, atol=1e-10)
