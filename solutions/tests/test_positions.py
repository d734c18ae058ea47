"""Positions against numbers worked by hand, their properties, and PyTorch."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol1_numpy.positions import (
    add_positions,
    add_positions_backward,
    sinusoidal_positions,
)

Floats = NDArray[np.floating[Any]]
CASES = [(2, 3, 5, 4), (3, 3, 3, 3), (1, 1, 4, 2), (4, 2, 2, 1)]


def drawn(B: int, T: int, max_T: int, d_model: int) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(B)
    x, dout = rng.standard_normal((2, B, T, d_model))
    return x, rng.standard_normal((max_T, d_model)), dout


def test_worked_numbers_of_the_table() -> None:
    # sin and cos of 0, 1, 2, and of a tenth, hundredth, thousandth of them
    table = sinusoidal_positions(3, 8)
    assert table[0].tolist() == [0.0, 1.0] * 4
    want = [0.9092974268, -0.4161468365, 0.1986693308, 0.9800665778]
    np.testing.assert_allclose(table[2, :4], want, atol=1e-10)
    np.testing.assert_allclose(table[1, 4:], [0.0099998333, 0.9999500004, 0.0009999998, 0.9999995])


def test_worked_numbers_of_the_sum_and_its_gradients() -> None:
    x, table = np.array([[[1.0], [2.0]], [[3.0], [4.0]]]), np.array([[0.5], [0.25], [9.0]])
    assert add_positions(x, table).tolist() == [[[1.5], [2.25]], [[3.5], [4.25]]]
    dx, dtable = add_positions_backward(x, 3)
    assert dx.tolist() == x.tolist()
    assert dtable.tolist() == [[4.0], [6.0], [0.0]]


def test_one_matrix_takes_every_place_to_that_three_places_on() -> None:
    table = sinusoidal_positions(40, 6)
    step, *_ = np.linalg.lstsq(table[:20], table[3:23], rcond=None)
    np.testing.assert_allclose(table[:-3] @ step, table[3:], atol=1e-10)
    np.testing.assert_allclose(step @ step.T, np.eye(6), atol=1e-10)


def test_dx_is_a_new_array() -> None:
    _, _, dout = drawn(2, 3, 5, 4)
    dx, dtable = add_positions_backward(dout, 5)
    assert not np.shares_memory(dx, dout)
    assert not np.shares_memory(dtable, dout)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept(dtype: type[np.floating[Any]]) -> None:
    x, table, dout = (a.astype(dtype) for a in drawn(2, 3, 5, 4))
    results = (add_positions(x, table), *add_positions_backward(dout, 5))
    assert [r.dtype for r in results] == [np.dtype(dtype)] * 3


@pytest.mark.parametrize(("T", "d_model"), [(1, 2), (5, 6), (30, 16)])
def test_the_table_is_the_phase_of_complex_exponentials_in_pytorch(T: int, d_model: int) -> None:
    torch = pytest.importorskip("torch")
    speeds = torch.logspace(0, -1, d_model // 2 + 1, base=10000.0, dtype=torch.float64)[:-1]
    angles = torch.outer(torch.arange(T, dtype=torch.float64), speeds)
    want = torch.view_as_real(torch.polar(torch.ones_like(angles), angles)).flip(-1).flatten(1)
    np.testing.assert_allclose(sinusoidal_positions(T, d_model), want.numpy(), rtol=0, atol=1e-10)


@pytest.mark.parametrize(("B", "T", "max_T", "d_model"), CASES)
def test_values_and_gradients_are_those_of_pytorch(
    B: int, T: int, max_T: int, d_model: int
) -> None:
    torch = pytest.importorskip("torch")
    x, table, dout = drawn(B, T, max_T, d_model)
    leaves = [torch.tensor(a, requires_grad=True) for a in (x, table)]
    places = torch.arange(T).expand(B, T)
    out = leaves[0] + torch.nn.functional.embedding(places, leaves[1])
    out.backward(torch.tensor(dout))
    np.testing.assert_allclose(add_positions(x, table), out.detach().numpy(), rtol=0, atol=1e-10)
    for got, leaf in zip(add_positions_backward(dout, max_T), leaves, strict=True):
        np.testing.assert_allclose(got, leaf.grad.numpy(), rtol=0, atol=1e-10)
