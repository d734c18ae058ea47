"""Sampling against numbers worked by hand, its properties, and PyTorch."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol3_inference.sampling import draw, min_p, repetition_penalty, sample_probs

Floats = NDArray[np.floating[Any]]


def drawn(B: int, V: int) -> Floats:
    return 2.0 * np.random.default_rng(B + V).standard_normal((B, V))


def test_worked_numbers_of_each_knob() -> None:
    logits = np.log([[8.0, 4.0, 2.0, 2.0]])
    np.testing.assert_allclose(sample_probs(logits), [[0.5, 0.25, 0.125, 0.125]])
    np.testing.assert_allclose(sample_probs(logits, 0.5), np.array([[64, 16, 4, 4]]) / 88)
    np.testing.assert_allclose(sample_probs(logits, 1.0, 3), np.array([[4, 2, 1, 0]]) / 7)
    np.testing.assert_allclose(sample_probs(logits, 1.0, 0, 0.6), np.array([[2, 1, 0, 0]]) / 3)
    np.testing.assert_allclose(sample_probs(logits, 1.0, 0, 0.4), [[1.0, 0.0, 0.0, 0.0]])


def test_the_example_of_the_handout_keeps_one_or_two() -> None:
    logits = np.log([[0.3, 0.3, 0.1, 0.1, 0.1, 0.1]])
    # Of 0.5 and 0.5 the first reaches 0.5; of 0.3 and 0.3 it takes both.
    assert sample_probs(logits, 1.0, 2, 0.499).tolist() == [[1.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
    both = sample_probs(logits, 1.0, 0, 0.499)
    np.testing.assert_allclose(both, [[0.5, 0.5, 0, 0, 0, 0]])


def test_temperature_zero_and_ties() -> None:
    logits = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    assert sample_probs(logits, 0.0).tolist() == [[0, 1, 0], [1, 0, 0]]
    assert sample_probs(logits, 1.0, 2)[1].tolist() == [0.5, 0.5, 0.0]


def test_top_p_keeps_the_smallest_set_that_reaches_p() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        probs, p = sample_probs(drawn(1, 9)), float(rng.uniform(0.05, 0.95))
        kept = sample_probs(np.log(probs), 1.0, 0, p)[0] > 0
        assert probs[0, kept].sum() >= p - 1e-12
        assert probs[0, kept].sum() - probs[0, kept].min() < p
        assert probs[0, kept].min() >= probs[0, ~kept].max(initial=0.0)


def test_uniform_numbers_give_every_token_its_share_exactly() -> None:
    row = np.array([0.125, 0.0, 0.5, 0.375])
    u = (np.arange(800) + 0.5) / 800  # one number in each 1 / 800
    ids = draw(np.broadcast_to(row, (800, 4)), u)
    assert np.bincount(ids, minlength=4).tolist() == [100, 0, 400, 300]


def test_ends_of_pieces_and_sums_below_u() -> None:
    row = np.array([0.0, 0.25, 0.75, 0.0])
    assert [int(draw(row, np.array(u))) for u in (0.0, 0.25, 0.5)] == [1, 2, 2]
    assert int(draw(0.999 * row, np.array(0.9999))) == 2
    assert draw(np.full((2, 3, 4), 0.25), np.full((2, 3), 0.3)).dtype == np.int64


def test_the_penalty_lowers_both_signs_once() -> None:
    logits = np.array([[3.0, -3.0, 1.0]])
    out = repetition_penalty(logits, np.array([[0, 1, 1, 0]]), 1.5)
    assert out.tolist() == [[2.0, -4.5, 1.0]]


def test_min_p_keeps_what_reaches_its_share_of_the_best() -> None:
    probs = np.array([[0.5, 0.25, 0.125, 0.125]])
    np.testing.assert_allclose(min_p(probs, 0.3), np.array([[2, 1, 0, 0]]) / 3)
    np.testing.assert_allclose(min_p(probs, 0.25), probs)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept(dtype: type[np.floating[Any]]) -> None:
    logits = drawn(2, 5).astype(dtype)
    results = (
        sample_probs(logits, 0.7, 3, 0.9),
        repetition_penalty(logits, np.array([[0], [1]]), 1.2),
        min_p(sample_probs(logits), 0.1),
    )
    assert [r.dtype for r in results] == [np.dtype(dtype)] * 3


def test_values_are_those_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    logits = drawn(4, 11)
    z = torch.tensor(logits) / 0.8
    z = z.masked_fill(z < z.topk(6).values[:, -1:], -torch.inf)
    ranked, order = torch.softmax(z, -1).sort(-1, descending=True)
    ranked[ranked.cumsum(-1) - ranked >= 0.7] = 0
    want = torch.zeros_like(ranked).scatter(1, order, ranked / ranked.sum(-1, keepdim=True))
    got = sample_probs(logits, 0.8, 6, 0.7)
    np.testing.assert_allclose(got, want.numpy(), rtol=0, atol=1e-12)
