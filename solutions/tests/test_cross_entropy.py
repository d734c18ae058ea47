"""Cross-entropy against numbers worked by hand, its properties, and PyTorch."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol1_numpy.cross_entropy import cross_entropy, cross_entropy_backward

Floats = NDArray[np.floating[Any]]
CASES = [((5,), 3, -100), ((2, 4), 5, -100), ((3, 3), 3, 1), ((2, 2, 3), 4, -1)]


def drawn(shape: tuple[int, ...], V: int, ignore_index: int) -> tuple[Floats, Any]:
    """Logits, and targets of which some, but not all, are `ignore_index`."""
    rng = np.random.default_rng(V)
    targets = rng.integers(V, size=shape)
    targets.flat[::3] = ignore_index
    targets.flat[1] = (ignore_index + 1) % V
    return 3.0 * rng.standard_normal((*shape, V)), targets


def test_worked_numbers_of_the_forward() -> None:
    logits = np.log([[1.0, 1.0, 2.0], [5.0, 2.0, 1.0]])
    assert cross_entropy(logits, np.array([2, 1])) == pytest.approx(1.5 * np.log(2.0))
    assert cross_entropy(logits, np.array([0, -100])) == pytest.approx(2.0 * np.log(2.0))
    assert cross_entropy(logits, np.array([0, 2]), ignore_index=0) == pytest.approx(np.log(8.0))


def test_worked_numbers_of_the_backward() -> None:
    logits = np.log([[1.0, 1.0, 2.0], [5.0, 2.0, 1.0]])
    want = [[0.125, 0.125, -0.25], [0.3125, -0.375, 0.0625]]
    np.testing.assert_allclose(cross_entropy_backward(logits, np.array([2, 1])), want)


def test_equal_logits_cost_ln_of_the_number_of_words() -> None:
    targets = np.array([[0, 3], [9, 9]])
    assert cross_entropy(np.full((2, 2, 10), -7.0), targets) == pytest.approx(np.log(10.0))


def test_an_error_of_a_thousand_costs_a_thousand_and_moves_two_logits() -> None:
    logits = np.array([[0.0, 1000.0, 0.0]], dtype=np.float32)
    assert cross_entropy(logits, np.array([2])) == 1000.0
    assert cross_entropy_backward(logits, np.array([2])).tolist() == [[0.0, 1.0, -1.0]]


def test_nothing_that_counts_costs_nothing() -> None:
    logits, targets = np.ones((2, 3, 4)), np.full((2, 3), -100)
    assert cross_entropy(logits, targets) == 0.0
    assert not cross_entropy_backward(logits, targets).any()


def test_rows_of_the_gradient_sum_to_zero_and_ignored_ones_are_zero() -> None:
    logits, targets = drawn((2, 4), 5, -100)
    dlogits = cross_entropy_backward(logits, targets)
    np.testing.assert_allclose(dlogits.sum(axis=-1), np.zeros((2, 4)), atol=1e-15)
    assert not dlogits[targets == -100].any()
    assert dlogits[targets != -100].all()


def test_the_dtype_of_the_gradient_is_kept() -> None:
    logits, targets = drawn((2, 4), 5, -100)
    assert cross_entropy_backward(logits.astype(np.float32), targets).dtype == np.float32


@pytest.mark.parametrize(("shape", "V", "ignore_index"), CASES)
def test_values_and_gradients_are_those_of_pytorch(
    shape: tuple[int, ...], V: int, ignore_index: int
) -> None:
    torch = pytest.importorskip("torch")
    logits, targets = drawn(shape, V, ignore_index)
    leaf = torch.tensor(logits, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(
        leaf.reshape(-1, V), torch.tensor(targets).reshape(-1), ignore_index=ignore_index
    )
    loss.backward()
    assert cross_entropy(logits, targets, ignore_index) == pytest.approx(loss.item(), abs=1e-10)
    dlogits = cross_entropy_backward(logits, targets, ignore_index)
    np.testing.assert_allclose(dlogits, leaf.grad.numpy(), rtol=0, atol=1e-10)
