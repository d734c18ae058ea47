"""LayerNorm against numbers worked by hand, its properties, and PyTorch."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol1_numpy.layernorm import layernorm, layernorm_backward

Floats = NDArray[np.floating[Any]]
SHAPES = [(5, 4), (3, 3), (2, 4, 6), (1, 5, 2), (2, 1, 3, 5), (7,)]


def drawn(shape: tuple[int, ...], seed: int = 0) -> tuple[Floats, Floats, Floats, Floats]:
    rng = np.random.default_rng(seed)
    x, dout = rng.standard_normal((2, *shape))
    return x, dout, rng.normal(1.0, 1.0, size=shape[-1]), rng.standard_normal(shape[-1])


def test_worked_numbers_of_the_forward() -> None:
    # Mean 2, variance 36, with eps = 28 the root is 8.
    out = layernorm(np.array([8.0, -4.0]), np.array([4.0, 8.0]), np.array([1.0, 2.0]), eps=28.0)
    assert out.tolist() == [4.0, -4.0]


def test_worked_numbers_of_the_backward() -> None:
    # x_hat (0.75, -0.75), dx_hat (8, 16): mean 12, mean of the product with x_hat -3.
    dout, x, gain = np.array([[2.0, 2.0]]), np.array([[8.0, -4.0]]), np.array([4.0, 8.0])
    dx, dgain, dbias = layernorm_backward(dout, x, gain, eps=28.0)
    assert dx.tolist() == [[(8 - 12 + 2.25) / 8, (16 - 12 - 2.25) / 8]]
    assert dgain.tolist() == [1.5, -1.5]
    assert dbias.tolist() == [2.0, 2.0]


def test_equal_entries_give_the_bias_and_a_finite_gradient() -> None:
    _, dout, gain, bias = drawn((3, 4))
    x = np.full((3, 4), 2.5)
    assert np.array_equal(layernorm(x, gain, bias), np.tile(bias, (3, 1)))
    dx, dgain, _ = layernorm_backward(dout, x, gain, eps=1e-4)
    g = dout * gain
    np.testing.assert_allclose(dx, 100.0 * (g - g.mean(axis=-1, keepdims=True)))
    assert not dgain.any()


def test_the_normalised_token_has_mean_zero_and_variance_one_but_for_eps() -> None:
    x, _, _, _ = drawn((4, 6))
    out = layernorm(x, np.ones(6), np.zeros(6), eps=0.5)
    np.testing.assert_allclose(out.mean(axis=-1), 0.0, atol=1e-15)
    np.testing.assert_allclose(out.var(axis=-1), x.var(axis=-1) / (x.var(axis=-1) + 0.5))


def test_a_shift_changes_neither_the_output_nor_the_gradients() -> None:
    x, dout, gain, bias = drawn((2, 3, 5))
    np.testing.assert_allclose(layernorm(x + 7.0, gain, bias), layernorm(x, gain, bias), atol=1e-13)
    shifted, still = (layernorm_backward(dout, at, gain) for at in (x + 7.0, x))
    for got, want in zip(shifted, still, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-12)


def test_the_gradient_has_no_part_along_a_shift_and_eps_leaves_one_along_a_stretch() -> None:
    x, dout, gain, _ = drawn((2, 3, 5))
    for eps in (1e-12, 1e-5, 0.7):
        dx, _, _ = layernorm_backward(dout, x, gain, eps)
        np.testing.assert_allclose(dx.sum(axis=-1), 0.0, atol=1e-13)
        centred = x - x.mean(axis=-1, keepdims=True)
        share = eps / (x.var(axis=-1) + eps)
        x_hat = layernorm(x, np.ones(5), np.zeros(5), eps)
        rest = share * (dout * gain * x_hat).sum(axis=-1)
        np.testing.assert_allclose((dx * centred).sum(axis=-1), rest, rtol=0, atol=1e-12)


def test_with_two_features_and_no_eps_nothing_comes_back() -> None:
    x, dout, gain, _ = drawn((4, 2))
    dx, _, _ = layernorm_backward(dout, x, gain, eps=0.0)
    np.testing.assert_allclose(dx, 0.0, atol=1e-12)


def test_entries_far_from_zero_lose_no_digits() -> None:
    x, dout, gain, bias = drawn((4, 6))
    x = np.round(x, 3)  # these and their sums with 2**20 are kept to 1e-10
    far = x + 2.0**20
    out = layernorm(far, gain, bias)
    np.testing.assert_allclose(out, layernorm(x, gain, bias), rtol=0, atol=1e-8)
    for got, want in zip(
        layernorm_backward(dout, far, gain), layernorm_backward(dout, x, gain), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept(dtype: type[np.floating[Any]]) -> None:
    x, dout, gain, bias = (a.astype(dtype) for a in drawn((2, 3, 4)))
    results = (layernorm(x, gain, bias), *layernorm_backward(dout, x, gain))
    assert [r.dtype for r in results] == [np.dtype(dtype)] * 4


@pytest.mark.parametrize("eps", [1e-5, 0.7])
@pytest.mark.parametrize("scale", [3e-3, 1.0, 1e3])
@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients_are_those_of_pytorch(
    shape: tuple[int, ...], scale: float, eps: float
) -> None:
    torch = pytest.importorskip("torch")
    x, dout, gain, bias = drawn(shape, seed=len(shape))
    x = scale * x
    at, weight, offset = (torch.tensor(a, requires_grad=True) for a in (x, gain, bias))
    out = torch.nn.functional.layer_norm(at, (shape[-1],), weight, offset, eps)
    out.backward(torch.tensor(dout))
    ours = (layernorm(x, gain, bias, eps), *layernorm_backward(dout, x, gain, eps))
    theirs = (out.detach(), at.grad, weight.grad, offset.grad)
    size = np.abs(dout).max() * np.abs(gain).max() / scale
    for got, expected in zip(ours, theirs, strict=True):
        want = expected.numpy()
        assert got.shape == want.shape
        # With two features dx is nearly 0, a difference of numbers of this size.
        atol = 1e-10 * max(np.abs(want).max(), 1e-3 * size)
        np.testing.assert_allclose(got, want, rtol=0, atol=atol)
