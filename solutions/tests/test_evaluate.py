"""Evaluation against numbers worked by hand, its properties, PyTorch and measured bytes."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol1_numpy import llama
from solutions.vol1_numpy.multi_head import Config as Sizes
from solutions.vol3_inference.evaluate import (
    Config,
    Ints,
    latencies,
    model_bytes,
    perplexity,
    roofline,
)

Floats = NDArray[np.floating[Any]]


def last_two_decide(ids: Ints) -> Floats:
    """Logits from the last token and, if there is one, from the token before it."""
    table = np.random.default_rng(7).standard_normal((2, 5, 5))
    logits = table[0][ids]
    logits[:, 1:] += table[1][ids[:, :-1]]
    return logits


def test_a_chain_worked_by_hand() -> None:
    odds = np.log(np.array([[0.75, 0.25], [0.5, 0.5]]))
    found = perplexity(lambda ids: odds[ids], np.array([0, 0, 1, 0]), 2, 1)
    assert found == pytest.approx((0.75 * 0.25 * 0.5) ** (-1 / 3))


@pytest.mark.parametrize("max_T, stride", [(1, 1), (4, 4), (4, 1), (4, 3), (50, 50)])
def test_uniform_logits_give_the_vocabulary(max_T: int, stride: int) -> None:
    ids = np.arange(18) % 9
    found = perplexity(lambda x: np.full((*x.shape, 9), 2.5), ids, max_T, stride)
    assert found == pytest.approx(9.0)


def test_with_two_tokens_of_context_the_stride_no_longer_matters() -> None:
    """A stride of max_T - 1 gives each new token two to go by, and that is all this model uses."""
    ids = np.random.default_rng(0).integers(5, size=23)
    whole = perplexity(last_two_decide, ids, 50, 50)
    for max_T in (3, 4, 7):
        for stride in range(1, max_T):
            assert perplexity(last_two_decide, ids, max_T, stride) == pytest.approx(whole)
        assert perplexity(last_two_decide, ids, max_T, max_T) != pytest.approx(whole, rel=1e-3)


def test_windows_and_the_shortest_texts() -> None:
    shown: list[list[int]] = []

    def model(ids: Ints) -> Floats:
        shown.extend(ids.tolist())
        return last_two_decide(ids)

    perplexity(model, np.array([0, 1, 2, 3, 4, 0, 1, 2]), 4, 2)
    assert shown == [[0, 1, 2, 3], [2, 3, 4, 0], [4, 0, 1]]
    shown.clear()
    perplexity(model, np.array([3, 1]), 4, 2)
    assert shown == [[3]]
    shown.clear()
    perplexity(model, np.array([0, 1, 2, 3, 4]), 4, 1)
    assert shown == [[0, 1, 2, 3]]


@pytest.mark.parametrize(
    "ids, max_T, stride", [([1], 4, 2), ([], 4, 2), ([1, 2], 4, 5), ([1, 2], 4, 0)]
)
def test_what_is_refused(ids: list[int], max_T: int, stride: int) -> None:
    with pytest.raises(ValueError, match="at least two ids"):
        perplexity(last_two_decide, np.array(ids, dtype=np.int64), max_T, stride)


def test_large_logits_stay_finite() -> None:
    ids = np.array([1, 1, 1])
    assert perplexity(lambda x: np.tile([-4000.0, 4000.0], (*x.shape, 1)), ids, 3, 3) == 1.0
    unlikely = perplexity(lambda x: np.tile([40.0, 0.0], (*x.shape, 1)), ids, 3, 3)
    assert unlikely == pytest.approx(np.exp(40.0))


def test_the_mean_is_that_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    ids = np.random.default_rng(1).integers(5, size=12)
    logits = torch.tensor(last_two_decide(ids[np.newaxis, :-1])[0])
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]))
    assert perplexity(last_two_decide, ids, 11, 4) == pytest.approx(float(loss.exp()))


def test_waiting() -> None:
    ttft, gaps = latencies(1.0, np.array([3.0, 3.5, 4.5]))
    assert (ttft, gaps.tolist()) == (2.0, [0.5, 1.0])
    ttft, gaps = latencies(1.0, np.array([3.0]))
    assert (ttft, gaps.shape) == (2.0, (0,))


def test_the_roof() -> None:
    assert roofline(2e9, 2e9, 1e12, 1e10) == 0.2
    assert roofline(2e12, 2e9, 1e12, 1e10) == 2.0
    corner = 1e12 / 1e10
    assert roofline(corner * 1e9, 1e9, 1e12, 1e10) == 0.1


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bytes_are_those_of_real_parameters(tied: bool, dtype: type[np.floating[Any]]) -> None:
    sizes = Sizes(31, 24, 3, 6, 2, 40, 50, tied=tied)
    params = llama.init_params(sizes, np.random.default_rng(0))
    measured = sum(p.astype(dtype).nbytes for p in params.values())
    itemsize = np.dtype(dtype).itemsize
    assert model_bytes(Config(31, 24, 3, 6, 2, 40, 50, tied=tied), itemsize) == measured
