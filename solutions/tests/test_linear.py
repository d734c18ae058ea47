"""Linear layers against numbers worked by hand, their properties, and PyTorch."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol1_numpy.linear import linear, linear_backward

Floats = NDArray[np.floating[Any]]
CASES = [((5,), 2, 3), ((2, 4), 3, 5), ((3, 3), 3, 3), ((2, 3, 4), 5, 1)]


def drawn(tokens: tuple[int, ...], d_in: int, d_out: int) -> tuple[Floats, ...]:
    rng = np.random.default_rng(d_in)
    shapes = ((*tokens, d_in), (d_in, d_out), (d_out,), (*tokens, d_out))
    return tuple(rng.standard_normal(shape) for shape in shapes)


def test_worked_numbers_of_the_forward() -> None:
    x, w = np.array([[2.0, -1.0]]), np.array([[1.0, 0.5, 3.0], [4.0, 2.0, -1.0]])
    assert linear(x, w).tolist() == [[-2.0, -1.0, 7.0]]
    assert linear(x, w, np.array([1.0, 2.0, 3.0])).tolist() == [[-1.0, 1.0, 10.0]]


def test_worked_numbers_of_the_backward() -> None:
    x, w = np.array([[2.0], [3.0]]), np.array([[5.0, -1.0]])
    dx, dw, db = linear_backward(np.array([[1.0, 2.0], [0.0, 4.0]]), x, w)
    assert dx.tolist() == [[3.0], [-4.0]]
    assert dw.tolist() == [[2.0, 16.0]]
    assert db.tolist() == [1.0, 6.0]


def test_repeating_the_batch_doubles_the_gradients_of_the_weights_only() -> None:
    x, w, _, dout = drawn((2, 4), 3, 5)
    dx, dw, db = linear_backward(dout, x, w)
    again, dw_twice, db_twice = linear_backward(np.tile(dout, (2, 1, 1)), np.tile(x, (2, 1, 1)), w)
    np.testing.assert_array_equal(again, np.tile(dx, (2, 1, 1)))
    np.testing.assert_allclose(dw_twice, 2 * dw)
    np.testing.assert_allclose(db_twice, 2 * db)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept(dtype: type[np.floating[Any]]) -> None:
    x, w, b, dout = (a.astype(dtype) for a in drawn((2, 4), 3, 5))
    results = (linear(x, w), linear(x, w, b), *linear_backward(dout, x, w))
    assert [r.dtype for r in results] == [np.dtype(dtype)] * 5


@pytest.mark.parametrize(("tokens", "d_in", "d_out"), CASES)
def test_values_and_gradients_are_those_of_pytorch(
    tokens: tuple[int, ...], d_in: int, d_out: int
) -> None:
    torch = pytest.importorskip("torch")
    x, w, b, dout = drawn(tokens, d_in, d_out)
    leaves = [torch.tensor(a, requires_grad=True) for a in (x, w, b)]
    out = torch.nn.functional.linear(leaves[0], leaves[1].T, leaves[2])
    out.backward(torch.tensor(dout))
    np.testing.assert_allclose(linear(x, w, b), out.detach().numpy(), rtol=0, atol=1e-10)
    for got, leaf in zip(linear_backward(dout, x, w), leaves, strict=True):
        np.testing.assert_allclose(got, leaf.grad.numpy(), rtol=0, atol=1e-10)
