"""Quantization against numbers worked by hand, the bounds of the handout, and PyTorch."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol3_inference.quantize import (
    dequantize_int4,
    linear_w8a8,
    pack_int4,
    quantize_int4,
    quantize_int8,
    unpack_int4,
)

Floats = NDArray[np.floating[Any]]
CHECKPOINT = Path(__file__).parents[2] / "datasets" / "checkpoint"


def drawn(*shape: int) -> Floats:
    return np.random.default_rng(sum(shape)).standard_normal(shape)


def test_whole_steps_and_halves_by_hand() -> None:
    w = np.array([[254.0, -3.0, 1.0, 5.0, -2.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    q, scale, dequantised = quantize_int8(w)
    assert q.tolist() == [[127, -2, 0, 2, -1], [0, 0, 0, 0, 0]]
    assert scale.tolist() == [[2.0], [1.0]]
    assert dequantised.tolist() == [[254.0, -4.0, 0.0, 4.0, -2.0], [0.0] * 5]
    assert q.dtype == np.int8


def test_int8_errs_by_at_most_half_a_step_and_comes_close_to_it() -> None:
    w = drawn(40, 60) * 10.0 ** np.arange(-20, 20)[:, np.newaxis]
    _, scale, dequantised = quantize_int8(w)
    share = np.abs(w - dequantised) / (scale / 2)
    assert 0.99 < share.max() <= 1 + 1e-12


def test_int4_errs_by_at_most_half_a_step_of_the_group() -> None:
    w = drawn(12, 64)
    for group_size in (4, 16, 64):
        _, scale, dequantised = quantize_int4(w, group_size)
        largest = np.abs(w.reshape(12, -1, group_size)).max(axis=2)
        np.testing.assert_allclose(scale, largest / 7)
        half = np.repeat(scale, group_size, axis=1) / 2
        assert np.all(np.abs(w - dequantised) <= half * (1 + 1e-12))


def test_smaller_groups_err_less() -> None:
    w = drawn(30, 256)
    errors = [np.abs(w - quantize_int4(w, size)[2]).mean() for size in (8, 32, 256)]
    assert errors == sorted(errors)
    assert np.abs(w - quantize_int8(w)[2]).mean() < errors[0] / 5


def test_bytes_worked_by_hand_and_there_and_back() -> None:
    assert pack_int4(np.array([[3, -2, -8, 7]], dtype=np.int8)).tolist() == [[0xE3, 0x78]]
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(pack_int4(unpack_int4(every)), every)
    with pytest.raises(ValueError, match="3 columns"):
        pack_int4(np.zeros((1, 3), dtype=np.int8))


def test_scales_belong_to_neighbours() -> None:
    packed = pack_int4(np.ones((1, 6), dtype=np.int8))
    scale = np.array([[2.0, 3.0, 5.0]])
    assert dequantize_int4(packed, scale, 2).tolist() == [[2.0, 2.0, 3.0, 3.0, 5.0, 5.0]]


def test_four_bits_take_half_a_byte_and_a_scale_per_group() -> None:
    packed, scale, _ = quantize_int4(drawn(64, 128).astype(np.float32), 32)
    assert packed.nbytes + scale.nbytes == 64 * 128 // 2 + 64 * 4 * 4


def test_sums_of_products_are_exact_beyond_float32() -> None:
    x = np.full((1, 4097), 127.0)
    q = np.full((1, 4097), 127, dtype=np.int8)
    q[0, 0] = 126
    assert linear_w8a8(x, q, np.ones((1, 1)))[0, 0] == 127 * 127 * 4096 + 127 * 126


def test_the_layer_errs_within_the_bound_of_the_handout() -> None:
    w, x = drawn(20, 50), drawn(3, 7, 50)
    q, scale, near = quantize_int8(w)
    step = np.abs(x).max(axis=-1, keepdims=True) / 127
    bound = step / 2 * np.abs(near).sum(axis=1)
    bound = bound + scale[:, 0] / 2 * np.abs(x).sum(axis=-1, keepdims=True)
    assert np.all(np.abs(linear_w8a8(x, q, scale) - x @ w.T) <= bound)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept(dtype: type[np.floating[Any]]) -> None:
    w, x = drawn(4, 8).astype(dtype), drawn(2, 8).astype(dtype)
    q, scale, dequantised = quantize_int8(w)
    results = (scale, dequantised, *quantize_int4(w, 4)[1:], linear_w8a8(x, q, scale))
    assert [r.dtype for r in results] == [np.dtype(dtype)] * 5


def test_codes_are_those_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    w = drawn(6, 30).astype(np.float32)
    rows = torch.from_numpy(w)
    zeros = torch.zeros(6, dtype=torch.int32)
    want = torch.fake_quantize_per_channel_affine(
        rows, rows.abs().amax(dim=1) / 127, zeros, 0, -127, 127
    )
    np.testing.assert_allclose(quantize_int8(w)[2], want.numpy(), rtol=1e-6, atol=0)


def test_the_layer_is_that_of_pytorch_on_dequantised_numbers() -> None:
    torch = pytest.importorskip("torch")
    w, x = drawn(9, 33), drawn(4, 33)
    q, scale, near = quantize_int8(w)
    want = torch.nn.functional.linear(torch.from_numpy(quantize_int8(x)[2]), torch.from_numpy(near))
    np.testing.assert_allclose(linear_w8a8(x, q, scale), want.numpy(), rtol=0, atol=1e-12)


def quantised(how: Callable[[Floats], Any] | None) -> tuple[float, int]:
    """Perplexity on new stories and bytes, attention and feed-forward layers treated by `how`."""
    import torch

    from solutions.runs.checkpoint import END, SIZE
    from solutions.runs.hf import load_hf, load_tokenizer
    from solutions.runs.stories import held_out, surprise
    from solutions.vol2_pytorch.bpe import encode

    vocab, merges = load_tokenizer(CHECKPOINT)
    stories = [encode(text, vocab, merges) for text in held_out(SIZE, 64, 5)[0]]
    model, nbytes = load_hf(CHECKPOINT), 0
    for name, parameter in model.named_parameters():
        if "_proj" in name:
            w = parameter.detach().numpy()
            codes, scale, near = how(w) if how else (w, w[:0], w)
            nbytes += codes.nbytes + scale.nbytes
            parameter.data = torch.from_numpy(near)
    return math.exp(surprise(model, stories, END) / sum(map(len, stories))), nbytes


def test_the_checkpoint_loses_as_little_as_the_handout_says() -> None:
    pytest.importorskip("torch")
    full, nbytes = quantised(None)
    assert (round(full, 3), nbytes) == (pytest.approx(2.377, abs=0.002), 1_622_016)
    eight, nbytes = quantised(quantize_int8)
    assert (eight / full, nbytes) == (pytest.approx(1, abs=2e-4), 419_840)
    four, nbytes = quantised(lambda w: quantize_int4(w, 32))
    assert (four / full, nbytes) == (pytest.approx(1.0011, abs=8e-4), 253_440)
