"""SwiGLU against numbers worked by hand, its properties, and PyTorch."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol1_numpy.activations import silu
from solutions.vol1_numpy.swiglu import swiglu, swiglu_backward

Floats = NDArray[np.floating[Any]]
SHAPES = [(5, 4), (3, 3), (2, 4, 6), (1, 5, 2), (2, 1, 3, 5), (7,)]


def drawn(shape: tuple[int, ...], d_ff: int, seed: int = 0) -> tuple[Floats, Floats, list[Floats]]:
    rng = np.random.default_rng(seed)
    x, dout = rng.standard_normal((2, *shape))
    wide = (shape[-1], d_ff)
    return x, dout, [rng.standard_normal(s) for s in (wide, wide, wide[::-1])]


def test_worked_numbers() -> None:
    # One feature throughout: gate log 3, silu 3/4 log 3, up 5, out 15/4 log 3 * 2.
    log3 = math.log(3.0)
    x, weights = np.array([[1.0]]), [np.array([[w]]) for w in (log3, 5.0, 2.0)]
    np.testing.assert_allclose(swiglu(x, *weights), [[7.5 * log3]], rtol=1e-15)
    # da = 2 * 5, the slope of silu (12 + 3 log 3) / 16, du = 2 * 3/4 log 3.
    dgate, dup = 10 * (12 + 3 * log3) / 16, 1.5 * log3
    got = swiglu_backward(np.array([[1.0]]), x, *weights)
    want = (dgate * log3 + dup * 5, dgate, dup, 3.75 * log3)
    np.testing.assert_allclose([g.item() for g in got], want, rtol=1e-15)


def test_hidden_features_stand_beside_each_other() -> None:
    x, dout, (w_gate, w_up, w_down) = drawn((3, 4), 6)
    parts = [swiglu(x, w_gate[:, s], w_up[:, s], w_down[s]) for s in (slice(0, 2), slice(2, 6))]
    np.testing.assert_allclose(sum(parts), swiglu(x, w_gate, w_up, w_down), atol=1e-13)
    dx, dw_gate, _, dw_down = swiglu_backward(dout, x, w_gate, w_up, w_down)
    last = swiglu_backward(dout, x, w_gate[:, 2:], w_up[:, 2:], w_down[2:])
    np.testing.assert_allclose(last[1], dw_gate[:, 2:], atol=1e-13)
    np.testing.assert_allclose(last[3], dw_down[2:], atol=1e-13)
    assert np.abs(last[0] - dx).max() > 0.1


def test_the_output_is_proportional_to_w_up_and_w_down_but_not_to_w_gate() -> None:
    x, dout, weights = drawn((2, 3, 4), 5)
    total = (dout * swiglu(x, *weights)).sum()
    _, *gradients = swiglu_backward(dout, x, *weights)
    sums = [(dw * w).sum() for dw, w in zip(gradients, weights, strict=True)]
    np.testing.assert_allclose(sums[1:], [total, total], rtol=1e-12)
    assert abs(sums[0] - total) > 1e-3


def test_near_zero_the_gate_is_half_of_its_branch() -> None:
    x, _, (w_gate, w_up, w_down) = drawn((4, 3), 5)
    small = 1e-6 * w_gate
    want = (0.5 * (x @ small) * (x @ w_up)) @ w_down
    np.testing.assert_allclose(swiglu(x, small, w_up, w_down), want, rtol=1e-4)
    assert silu(np.zeros(1))[0] == 0.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept(dtype: type[np.floating[Any]]) -> None:
    x, dout, weights = drawn((2, 3, 4), 5)
    x, dout, *weights = (a.astype(dtype) for a in (x, dout, *weights))
    results = (swiglu(x, *weights), *swiglu_backward(dout, x, *weights))
    assert [r.dtype for r in results] == [np.dtype(dtype)] * 5


@pytest.mark.parametrize("scale", [1e-2, 1.0, 1e3])
@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients_are_those_of_pytorch(shape: tuple[int, ...], scale: float) -> None:
    torch = pytest.importorskip("torch")
    x, dout, weights = drawn(shape, 8, seed=len(shape))
    x = scale * x
    at, *ws = (torch.tensor(a, requires_grad=True) for a in (x, *weights))
    out = (torch.nn.functional.silu(at @ ws[0]) * (at @ ws[1])) @ ws[2]
    out.backward(torch.tensor(dout))
    ours = (swiglu(x, *weights), *swiglu_backward(dout, x, *weights))
    theirs = (out.detach(), *(leaf.grad for leaf in (at, *ws)))
    for got, expected in zip(ours, theirs, strict=True):
        want = expected.numpy()
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-10 * np.abs(want).max())
