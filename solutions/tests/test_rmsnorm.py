"""RMSNorm against numbers worked by hand, its properties, and PyTorch."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol1_numpy.rmsnorm import rmsnorm, rmsnorm_backward

Floats = NDArray[np.floating[Any]]
SHAPES = [(5, 4), (3, 3), (2, 4, 6), (1, 5, 2), (2, 1, 3, 5), (7,)]


def drawn(shape: tuple[int, ...], seed: int = 0) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(seed)
    x, dout = rng.standard_normal((2, *shape))
    return x, dout, rng.normal(1.0, 1.0, size=shape[-1])


def test_worked_numbers_of_the_forward() -> None:
    # Mean squares (1 + 49) / 2 = 25, and 12.5 + 3.5 = 16 with eps = 3.5.
    assert rmsnorm(np.array([1.0, 7.0]), np.array([10.0, 1.0]), eps=0.0).tolist() == [2.0, 1.4]
    assert rmsnorm(np.array([3.0, -4.0]), np.ones(2), eps=3.5).tolist() == [0.75, -1.0]


def test_worked_numbers_of_the_backward() -> None:
    # Root 4, x_hat (0.75, -1), dx_hat (1, 4), mean of their product -1.625.
    dout, x, gain = np.array([[1.0, 2.0]]), np.array([[3.0, -4.0]]), np.array([1.0, 2.0])
    dx, dgain = rmsnorm_backward(dout, x, gain, eps=3.5)
    assert dx.tolist() == [[(1 + 1.625 * 0.75) / 4, (4 - 1.625) / 4]]
    assert dgain.tolist() == [0.75, -2.0]


def test_a_token_of_zeros_stays_zeros_and_has_a_finite_gradient() -> None:
    zeros, gain = np.zeros((2, 3)), np.array([1.0, 2.0, 3.0])
    assert not rmsnorm(zeros, gain).any()
    dx, dgain = rmsnorm_backward(np.ones((2, 3)), zeros, gain, eps=1e-4)
    np.testing.assert_allclose(dx, 100.0 * np.array([gain, gain]))
    assert not dgain.any()


def test_the_mean_square_of_the_normalised_token_is_one_but_for_eps() -> None:
    x, _, gain = drawn((4, 6))
    mean_square = (rmsnorm(x, np.ones_like(gain), eps=0.5) ** 2).mean(axis=-1)
    before = (x * x).mean(axis=-1)
    np.testing.assert_allclose(mean_square, before / (before + 0.5))


def test_what_is_left_along_x_is_eps_over_the_square_of_the_root() -> None:
    x, dout, gain = drawn((2, 3, 5))
    for eps in (0.0, 1e-5, 0.7):
        dx, _ = rmsnorm_backward(dout, x, gain, eps)
        out = rmsnorm(x, gain, eps)
        share = eps / ((x * x).mean(axis=-1) + eps)
        rest = share * (dout * out).sum(axis=-1)
        np.testing.assert_allclose((dx * x).sum(axis=-1), rest, rtol=0, atol=1e-13)


def test_with_one_feature_the_two_paths_cancel_but_for_eps() -> None:
    x, dout, gain = drawn((2, 5, 1))
    dx, dgain = rmsnorm_backward(dout, x, gain, eps=0.7)
    np.testing.assert_allclose(dx, dout * gain * 0.7 / (x * x + 0.7) ** 1.5)
    np.testing.assert_allclose(dgain, [(dout * x / np.sqrt(x * x + 0.7)).sum()])


def test_a_shift_of_all_features_does_change_the_output_unlike_in_layernorm() -> None:
    x, _, gain = drawn((3, 4))
    assert np.abs(rmsnorm(x + 5.0, gain) - rmsnorm(x, gain)).max() > 0.1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept(dtype: type[np.floating[Any]]) -> None:
    x, dout, gain = (a.astype(dtype) for a in drawn((2, 3, 4)))
    results = (rmsnorm(x, gain), *rmsnorm_backward(dout, x, gain))
    assert [r.dtype for r in results] == [np.dtype(dtype)] * 3


@pytest.mark.parametrize("eps", [1e-5, 0.7])
@pytest.mark.parametrize("scale", [3e-3, 1.0, 1e3])
@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients_are_those_of_pytorch(
    shape: tuple[int, ...], scale: float, eps: float
) -> None:
    torch = pytest.importorskip("torch")
    x, dout, gain = drawn(shape, seed=len(shape))
    x = scale * x
    at = torch.tensor(x, requires_grad=True)
    weight = torch.tensor(gain, requires_grad=True)
    out = torch.nn.functional.rms_norm(at, (shape[-1],), weight, eps)
    out.backward(torch.tensor(dout))
    dx, dgain = rmsnorm_backward(dout, x, gain, eps)
    pairs = [(rmsnorm(x, gain, eps), out.detach()), (dx, at.grad), (dgain, weight.grad)]
    for ours, theirs in pairs:
        want = theirs.numpy()
        assert ours.shape == want.shape
        np.testing.assert_allclose(ours, want, rtol=0, atol=1e-10 * np.abs(want).max())
