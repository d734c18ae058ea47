"""The caches against numbers worked by hand, their properties, and attention without a cache."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol1_numpy.attention import attention
from solutions.vol1_numpy.multi_head import Config
from solutions.vol3_inference.kv_cache import (
    Int8KVCache,
    KVCache,
    SlidingKVCache,
    kv_cache_bytes,
)

Floats = NDArray[np.floating[Any]]


def drawn(*shape: int) -> Floats:
    return np.random.default_rng(sum(shape)).standard_normal(shape)


def test_a_cache_worked_by_hand() -> None:
    cache = KVCache(1, 1, 1, 3, 2)
    k, v = cache.append(0, np.array([[[[1.0, 2.0]]]]), np.array([[[[3.0, 4.0]]]]))
    assert (k.tolist(), v.tolist()) == ([[[[1.0, 2.0]]]], [[[[3.0, 4.0]]]])
    k, v = cache.append(0, np.array([[[[5.0, 6.0]]]]), np.array([[[[7.0, 8.0]]]]))
    assert k.tolist() == [[[[1.0, 2.0], [5.0, 6.0]]]]
    assert v.tolist() == [[[[3.0, 4.0], [7.0, 8.0]]]]
    assert (cache.length, cache.nbytes) == (2, 2 * 3 * 2 * 8)


def test_decoding_with_a_cache_is_attention_without_one() -> None:
    q, k, v = drawn(2, 4, 9, 6), drawn(2, 2, 9, 6), drawn(2, 2, 9, 6)
    want = attention(q, k, v)
    cache = KVCache(1, 2, 2, 9, 6)
    pieces = []
    for start, end in ((0, 4), (4, 5), (5, 6), (6, 9)):
        seen = cache.append(0, k[:, :, start:end], v[:, :, start:end])
        pieces.append(attention(q[:, :, start:end], *seen))
    np.testing.assert_allclose(np.concatenate(pieces, axis=2), want, rtol=0, atol=1e-13)


def test_too_many_tokens_are_refused_and_nothing_changes() -> None:
    for cache in (KVCache(2, 1, 1, 3, 2), Int8KVCache(2, 1, 1, 3, 2)):
        x = np.array([[[[127.0, 1.0], [2.0, 127.0], [127.0, 3.0], [4.0, 127.0]]]])
        cache.append(0, x[:, :, :2], x[:, :, :2])
        for count in (2, 3, 4):
            with pytest.raises(ValueError, match="do not fit"):
                cache.append(0, x[:, :, :count], x[:, :, :count])
        k, _ = cache.append(0, x[:, :, 2:3], x[:, :, 2:3])
        assert np.array_equal(k, x[:, :, :3])
        assert cache.length == 0  # layer 1 has nothing


@pytest.mark.parametrize("window", [1, 2, 5, 30])
def test_a_window_is_the_end_of_everything(window: int) -> None:
    k, v = drawn(2, 3, 20, 4), drawn(2, 3, 20, 4) + 1
    cache = SlidingKVCache(1, 2, 3, window, 4)
    start = 0
    for length in (1, 1, 3, 7, 1, 2, 5):
        end = start + length
        got = cache.append(0, k[:, :, start:end], v[:, :, start:end])
        first = max(end - window, 0)
        assert np.array_equal(got[0], k[:, :, first:end])
        assert np.array_equal(got[1], v[:, :, first:end])
        assert got[2].tolist() == list(range(first, end))
        start = end
    assert (cache.length, cache.nbytes) == (20, 2 * k[:, :, :1].size * window * 8)


def test_int8_errs_by_at_most_half_a_step_and_comes_close_to_it() -> None:
    x = drawn(2, 3, 50, 16) * 10.0 ** np.arange(-25, 25)[:, np.newaxis]
    for back in Int8KVCache(1, 2, 3, 50, 16).append(0, x, x):
        half = np.abs(x).max(axis=-1, keepdims=True) / 254
        share = np.abs(x - back) / half
        assert 0.99 < share.max() <= 1 + 1e-6


def test_a_score_errs_by_at_most_half_a_step_times_the_query() -> None:
    q, k = drawn(1, 2, 40, 8), drawn(1, 2, 40, 8) - 0.5
    back, _ = Int8KVCache(1, 1, 2, 40, 8).append(0, k, k)
    half = np.abs(k).max(axis=-1) / 254
    error = np.abs(((k - back) * q).sum(axis=-1))
    assert np.all(error <= half * np.abs(q).sum(axis=-1) * (1 + 1e-6))


def test_int8_of_zeros_and_of_almost_nothing_is_zero() -> None:
    x = np.array([[[[0.0, 0.0], [1e-60, -1e-60], [127.0, 1.0]]]])
    k, v = Int8KVCache(1, 1, 1, 3, 2).append(0, x, -x)
    assert k.tolist() == [[[[0.0, 0.0], [0.0, 0.0], [127.0, 1.0]]]]
    assert np.array_equal(v, -k)


def test_rounding_is_that_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    x = drawn(2, 2, 6, 8).astype(np.float32)
    k, _ = Int8KVCache(1, 2, 2, 6, 8).append(0, x, x)
    rows = torch.from_numpy(x.reshape(-1, 8))
    zeros = torch.zeros(len(rows), dtype=torch.int32)
    scales = rows.abs().amax(dim=1) / 127
    want = torch.fake_quantize_per_channel_affine(rows, scales, zeros, 0, -127, 127)
    np.testing.assert_allclose(k.reshape(-1, 8), want.numpy(), rtol=1e-6, atol=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept(dtype: type[np.floating[Any]]) -> None:
    x = drawn(1, 1, 2, 3).astype(dtype)
    sliding = SlidingKVCache(1, 1, 1, 2, 3, dtype)
    assert [a.dtype for a in KVCache(1, 1, 1, 2, 3, dtype).append(0, x, x)] == [dtype] * 2
    assert [a.dtype for a in sliding.append(0, x, x)] == [dtype, dtype, np.int64]
    assert [a.dtype for a in Int8KVCache(1, 1, 1, 2, 3).append(0, x, x)] == [dtype] * 2


@pytest.mark.parametrize("n_kv_heads", [1, 2, 8])
def test_the_formula_is_what_a_cache_takes(n_kv_heads: int) -> None:
    config = Config(
        vocab_size=5, d_model=32, n_layers=3, n_heads=8, n_kv_heads=n_kv_heads, d_ff=6, max_T=9
    )
    cache = KVCache(3, 2, n_kv_heads, 7, 4, np.float32)
    assert kv_cache_bytes(config, 2, 7, 4) == cache.nbytes
    assert kv_cache_bytes(config, 1, 1, 1) == 2 * 3 * n_kv_heads * 4
