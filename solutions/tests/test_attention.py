"""Attention against numbers worked out by hand, a property, and PyTorch."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol1_numpy.attention import attention, attention_backward

Floats = NDArray[np.floating[Any]]
# n_heads, n_kv_heads, Tq, Tk, causal: multi-head, grouped, multi-query; square, cached, crossed.
SHAPES = [
    (4, 4, 5, 5, True),
    (6, 2, 5, 5, True),
    (6, 2, 3, 7, True),
    (6, 3, 1, 7, True),
    (4, 1, 3, 7, True),
    (6, 2, 7, 3, False),
    (6, 3, 3, 7, False),
]


def drawn(n_heads: int, n_kv_heads: int, Tq: int, Tk: int) -> tuple[Floats, ...]:
    """dout, q, k and v for a batch of 2 and heads of width 8."""
    rng = np.random.default_rng(n_heads + 10 * Tk)
    dout, q = rng.standard_normal((2, 2, n_heads, Tq, 8))
    k, v = rng.standard_normal((2, 2, n_kv_heads, Tk, 8))
    return dout, q, k, v


def test_two_queries_and_two_keys_by_hand() -> None:
    # d_head 4 halves the products: the scores of either query are 0 and log 4.
    q = np.array([[[[1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]]]])
    k = np.array([[[[0.0, 0.0, 3.0, 1.0], [np.log(4.0), np.log(4.0), 0.0, 0.0]]]])
    v = np.array([[[[5.0, 0.0, 1.0, 0.0], [0.0, 10.0, 1.0, 0.0]]]])
    out = attention(q, k, v)
    np.testing.assert_allclose(out[0, 0], [[5.0, 0.0, 1.0, 0.0], [1.0, 8.0, 1.0, 0.0]])
    dout = np.array([[[[0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]]])
    dq, dk, dv = attention_backward(dout, q, k, v)
    # dprobs is (0, 10), its mean under (1/5, 4/5) is 8: dscores is (-1.6, 1.6).
    root = 0.8 * np.log(4.0)
    np.testing.assert_allclose(dq[0, 0], [[0.0] * 4, [root, root, -2.4, -0.8]])
    np.testing.assert_allclose(dk[0, 0], [[-0.8, -0.8, 0.0, 0.0], [0.8, 0.8, 0.0, 0.0]])
    np.testing.assert_allclose(dv[0, 0], [[0.0, 0.2, 0.0, 0.0], [0.0, 0.8, 0.0, 0.0]])


def test_query_heads_of_a_group_are_neighbours() -> None:
    values = np.array([3.0, 7.0]).reshape(1, 2, 1, 1)
    out = attention(np.ones((1, 6, 1, 1)), np.ones((1, 2, 1, 1)), values)
    np.testing.assert_array_equal(out.ravel(), [3.0, 3.0, 3.0, 7.0, 7.0, 7.0])


def test_decoding_with_a_cache_gives_the_rows_of_the_whole_computation() -> None:
    _, q, k, v = drawn(6, 2, 7, 7)
    whole = attention(q, k, v)
    steps = [attention(q[:, :, t : t + 1], k[:, :, : t + 1], v[:, :, : t + 1]) for t in range(7)]
    np.testing.assert_allclose(np.concatenate(steps, axis=2), whole, rtol=0, atol=1e-14)


def test_more_queries_than_keys_raise_only_under_the_mask() -> None:
    _, q, k, v = drawn(4, 2, 3, 2)
    with pytest.raises(ValueError, match="3 queries, 2 keys"):
        attention(q, k, v)
    assert attention(q, k, v, causal=False).shape == q.shape


def test_float32_stays_float32() -> None:
    dout, q, k, v = (x.astype(np.float32) for x in drawn(6, 2, 3, 7))
    results = [attention(q, k, v), *attention_backward(dout, q, k, v)]
    assert {str(r.dtype) for r in results} == {"float32"}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_pytorch_agrees(shape: tuple[int, int, int, int, bool]) -> None:
    torch = pytest.importorskip("torch")
    *sizes, causal = shape
    dout, q, k, v = drawn(*sizes)
    tq, tk, tv = (torch.tensor(x, requires_grad=True) for x in (q, k, v))
    Tq, Tk = q.shape[2], k.shape[2]
    seen = torch.ones(Tk, Tk, dtype=torch.bool).tril()[Tk - Tq :] if causal else None
    want = torch.nn.functional.scaled_dot_product_attention(
        tq, tk, tv, attn_mask=seen, enable_gqa=True
    )
    want.backward(torch.tensor(dout))
    np.testing.assert_allclose(
        attention(q, k, v, causal), want.detach().numpy(), rtol=0, atol=1e-10
    )
    for dx, t in zip(attention_backward(dout, q, k, v, causal), (tq, tk, tv), strict=True):
        np.testing.assert_allclose(dx, t.grad.numpy(), rtol=0, atol=1e-10)
