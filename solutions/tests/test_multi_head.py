"""Multi-head attention against numbers worked out by hand, properties, and PyTorch."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol1_numpy.attention_head import attention_head
from solutions.vol1_numpy.multi_head import (
    Config,
    merge_heads,
    multi_head_attention,
    multi_head_attention_backward,
    split_heads,
)

Floats = NDArray[np.floating[Any]]
HEADS = [(4, 4), (6, 2), (4, 1), (1, 1)]  # n_heads, n_kv_heads


def drawn(n_heads: int, n_kv_heads: int) -> tuple[Config, dict[str, Floats], Floats, Floats]:
    """A config with heads of width 4, weights, and x and dout for 2 sequences of 5 tokens."""
    rng = np.random.default_rng(10 * n_heads + n_kv_heads)
    d_model, narrow = 4 * n_heads, 4 * n_kv_heads
    config = Config(7, d_model, 1, n_heads, n_kv_heads, 8, 32, rope_theta=30.0)
    columns = {"w_q": d_model, "w_k": narrow, "w_v": narrow, "w_o": d_model}
    params = {name: rng.standard_normal((d_model, n)) for name, n in columns.items()}
    return config, params, *rng.standard_normal((2, 2, 5, d_model))


def test_split_and_merge_by_hand() -> None:
    x = np.arange(12.0).reshape(1, 2, 6)
    heads = split_heads(x, 2)
    np.testing.assert_array_equal(heads[0, 0], [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    np.testing.assert_array_equal(heads[0, 1], [[6.0, 7.0, 8.0], [9.0, 10.0, 11.0]])
    np.testing.assert_array_equal(merge_heads(heads), x)
    assert not np.shares_memory(heads, x) and not np.shares_memory(merge_heads(heads), heads)


def test_with_one_head_at_one_position_it_is_an_attention_head() -> None:
    config, params, x, _ = drawn(1, 1)
    out, _ = multi_head_attention(x, params, config, np.zeros(5, dtype=np.int64))
    head = attention_head(x, params["w_q"], params["w_k"], params["w_v"])
    np.testing.assert_allclose(out, head @ params["w_o"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("heads", HEADS, ids=str)
def test_only_distances_between_positions_count(heads: tuple[int, int]) -> None:
    config, params, x, _ = drawn(*heads)
    near, _ = multi_head_attention(x, params, config, np.arange(5))
    far, _ = multi_head_attention(x, params, config, np.arange(5) + 20)
    np.testing.assert_allclose(far, near, rtol=0, atol=1e-11)


def test_float32_stays_float32() -> None:
    config, params, x, dout = drawn(6, 2)
    single = {name: w.astype(np.float32) for name, w in params.items()}
    out, cache = multi_head_attention(x.astype(np.float32), single, config, np.arange(5))
    dx, dparams = multi_head_attention_backward(dout.astype(np.float32), cache)
    assert {str(a.dtype) for a in (out, dx, *dparams.values())} == {"float32"}


@pytest.mark.parametrize("heads", HEADS, ids=str)
def test_pytorch_agrees(heads: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    config, params, x, dout = drawn(*heads)
    positions = np.array([[0, 1, 2, 3, 4], [3, 4, 7, 8, 20]])
    tx, tensors = torch.tensor(x, requires_grad=True), {}
    for name, w in params.items():
        tensors[name] = torch.tensor(w, requires_grad=True)

    def turned(a: Any) -> Any:
        frequencies = config.rope_theta ** (-torch.arange(0, 4, 2).double() / 4)
        angles = torch.tensor(positions)[:, :, None, None] * frequencies
        even, odd = a[..., ::2], a[..., 1::2]
        sin, cos = angles.sin(), angles.cos()
        return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)

    q, k, v = ((tx @ tensors[n]).unflatten(-1, (-1, 4)) for n in ("w_q", "w_k", "w_v"))
    q, k, v = (a.transpose(1, 2) for a in (turned(q), turned(k), v))
    mixed = torch.nn.functional.scaled_dot_product_attention(
        q, k, v, is_causal=True, enable_gqa=True
    )
    want = mixed.transpose(1, 2).flatten(-2) @ tensors["w_o"]
    want.backward(torch.tensor(dout))
    out, cache = multi_head_attention(x, params, config, positions)
    dx, dparams = multi_head_attention_backward(dout, cache)
    np.testing.assert_allclose(out, want.detach().numpy(), rtol=0, atol=1e-10)
    np.testing.assert_allclose(dx, tx.grad.numpy(), rtol=0, atol=1e-10)
    assert set(dparams) == set(params)
    for name, gradient in dparams.items():
        np.testing.assert_allclose(gradient, tensors[name].grad.numpy(), rtol=0, atol=1e-10)
