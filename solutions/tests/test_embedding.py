"""Embeddings against numbers worked by hand, their properties, and PyTorch."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol1_numpy.embedding import embedding, embedding_backward

Floats = NDArray[np.floating[Any]]
CASES = [((6,), 4, 3), ((2, 5), 3, 4), ((3, 3), 3, 3), ((2, 2, 3), 7, 1)]


def drawn(shape: tuple[int, ...], vocab_size: int, d_model: int) -> tuple[Any, Floats, Floats]:
    rng = np.random.default_rng(vocab_size)
    table = rng.standard_normal((vocab_size, d_model))
    return rng.integers(vocab_size, size=shape), table, rng.standard_normal((*shape, d_model))


def test_worked_numbers_of_the_forward() -> None:
    table = np.array([[0.5, 1.5], [2.5, 3.5], [4.5, 5.5]])
    assert embedding(np.array([2, 2, 1]), table).tolist() == [[4.5, 5.5], [4.5, 5.5], [2.5, 3.5]]


def test_worked_numbers_of_the_backward() -> None:
    dout = np.array([[1.0, 2.0], [10.0, 20.0], [100.0, 200.0]])
    dtable = embedding_backward(dout, np.array([1, 3, 1]), 5)
    assert dtable.tolist() == [[0, 0], [101, 202], [0, 0], [10, 20], [0, 0]]


def test_the_result_is_no_view_of_the_table() -> None:
    ids, table, _ = drawn((2, 5), 3, 4)
    out = embedding(ids, table)
    before = out.copy()
    table[:] = 0.0
    np.testing.assert_array_equal(out, before)


def test_the_backward_is_the_transposed_one_hot_matrix_times_dout() -> None:
    ids, _, dout = drawn((2, 5), 3, 4)
    one_hot = np.eye(3)[ids.reshape(-1)]
    want = one_hot.T @ dout.reshape(-1, 4)
    np.testing.assert_allclose(embedding_backward(dout, ids, 3), want)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept(dtype: type[np.floating[Any]]) -> None:
    ids, table, dout = drawn((2, 5), 3, 4)
    results = embedding(ids, table.astype(dtype)), embedding_backward(dout.astype(dtype), ids, 3)
    assert [r.dtype for r in results] == [np.dtype(dtype)] * 2


@pytest.mark.parametrize(("shape", "vocab_size", "d_model"), CASES)
def test_values_and_gradients_are_those_of_pytorch(
    shape: tuple[int, ...], vocab_size: int, d_model: int
) -> None:
    torch = pytest.importorskip("torch")
    ids, table, dout = drawn(shape, vocab_size, d_model)
    leaf = torch.tensor(table, requires_grad=True)
    out = torch.nn.functional.embedding(torch.tensor(ids), leaf)
    out.backward(torch.tensor(dout))
    np.testing.assert_array_equal(embedding(ids, table), out.detach().numpy())
    dtable = embedding_backward(dout, ids, vocab_size)
    np.testing.assert_allclose(dtable, leaf.grad.numpy(), rtol=0, atol=1e-10)
