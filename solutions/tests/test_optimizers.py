"""Independent tests of solutions/vol1_numpy/optimizers.py: by hand, by property, by PyTorch."""

import math
import warnings

import numpy as np
import pytest

from solutions.vol1_numpy.optimizers import (
    AdamW,
    clip_grad_norm,
    lr_schedule,
    momentum_step,
    sgd_step,
)

SHAPES = (3, 4), (4,), (1, 2, 2)
SETTINGS = 0.03, (0.9, 0.99), 1e-3, 0.1


def draw(seed):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape) for shape in SHAPES]


def in_torch(params):
    torch = pytest.importorskip("torch")
    return [torch.nn.Parameter(torch.tensor(p)) for p in params]


def give(tensors, grads):
    torch = pytest.importorskip("torch")
    for tensor, g in zip(tensors, grads, strict=True):
        tensor.grad = None if g is None else torch.tensor(g)


def same(params, tensors):
    for p, tensor in zip(params, tensors, strict=True):
        np.testing.assert_allclose(p, tensor.detach().numpy(), rtol=1e-10, atol=1e-12)


def test_sgd_by_hand_returns_none_and_writes_into_the_array():
    p = np.array([1.0, 2.0])
    assert sgd_step([p], [np.array([10.0, -10.0])], 0.1) is None
    np.testing.assert_allclose(p, [0.0, 3.0])


def test_momentum_by_hand():
    p, v = np.array([1.0]), np.array([4.0])
    assert momentum_step([p], [np.array([1.0])], [v], 0.1, 0.5) is None
    np.testing.assert_allclose((p[0], v[0]), (0.7, 3.0))


def test_adamw_by_hand():
    p = np.array([1.0])
    opt = AdamW([p], 0.1, (0.5, 0.75), 1.0, 2.0)
    opt.step([np.array([2.0])])  # decayed to 0.8; corrected means 2 and 4
    np.testing.assert_allclose(p, 0.8 - 0.1 * 2 / (2 + 1))


def test_clipping_by_hand():
    grads = [np.array([3.0, 4.0]), np.array([[12.0]])]
    assert clip_grad_norm(grads, 6.5) == 13.0
    np.testing.assert_array_equal(grads[0], [1.5, 2.0])
    assert clip_grad_norm(grads, 6.5) == 6.5
    np.testing.assert_array_equal(grads[1], [[6.0]])
    zeros = [np.zeros(3)]
    assert clip_grad_norm(zeros, 1.0) == 0.0
    np.testing.assert_array_equal(zeros[0], np.zeros(3))


def test_the_schedule_by_hand():
    got = [lr_schedule(step, 0.5, 0.1, 4, 10) for step in (0, 2, 4, 6, 7, 8, 10, 11, 1000)]
    np.testing.assert_allclose(got, [0.0, 0.25, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1])


@pytest.mark.parametrize("warmup", [0, 10])
def test_the_schedule_without_a_rise_or_without_a_fall(warmup):
    rates = [lr_schedule(step, 0.5, 0.1, warmup, 10) for step in (0, 9, 10)]
    assert rates[0] == (0.0 if warmup else 0.5)
    assert rates[2] == 0.1
    assert math.isfinite(rates[1])


def test_adamw_steps_by_the_sign_whatever_the_scale():
    start = draw(1)
    small, large = [p.copy() for p in start], [p.copy() for p in start]
    gradients = [np.sign(g) * (0.5 + np.abs(g)) for g in draw(2)]
    AdamW(small, 0.1, (0.9, 0.999), 1e-14, 0.0).step(gradients)
    AdamW(large, 0.1, (0.9, 0.999), 1e-14, 0.0).step([1e6 * g for g in gradients])
    for before, p, q, g in zip(start, small, large, gradients, strict=True):
        np.testing.assert_allclose(p, before - 0.1 * np.sign(g), rtol=1e-10)
        np.testing.assert_allclose(q, p, rtol=1e-10)


def test_float32_parameters_stay_float32_and_gradients_stay_as_they_are():
    params = [p.astype(np.float32) for p in draw(3)]
    grads = [g.astype(np.float32) for g in draw(4)]
    before = [g.copy() for g in grads]
    velocity = [np.zeros_like(p) for p in params]
    opt = AdamW(params, *SETTINGS)
    sgd_step(params, grads, 0.1)
    momentum_step(params, grads, velocity, 0.1, 0.9)
    opt.step(grads)
    assert {a.dtype for a in (*params, *velocity, *opt.m, *opt.v)} == {np.dtype(np.float32)}
    for g, b in zip(grads, before, strict=True):
        np.testing.assert_array_equal(g, b)


def test_sgd_and_momentum_agree_with_pytorch():
    torch = pytest.importorskip("torch")
    for momentum in (0.0, 0.8):
        params, velocity = draw(5), [np.zeros(shape) for shape in SHAPES]
        tensors = in_torch(params)
        theirs = torch.optim.SGD(tensors, lr=0.07, momentum=momentum)
        for seed in range(20):
            give(tensors, draw(100 + seed))
            theirs.step()
            if momentum:
                momentum_step(params, draw(100 + seed), velocity, 0.07, momentum)
            else:
                sgd_step(params, draw(100 + seed), 0.07)
            same(params, tensors)


def test_adamw_agrees_with_pytorch_over_twenty_steps_with_missing_gradients():
    torch = pytest.importorskip("torch")
    params = draw(6)
    tensors = in_torch(params)
    lr, betas, eps, weight_decay = SETTINGS
    theirs = torch.optim.AdamW(tensors, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
    opt = AdamW(params, *SETTINGS)
    for seed in range(20):
        grads = draw(200 + seed)
        missing = seed % 4  # one of the three, or none
        grads = [None if i == missing else g for i, g in enumerate(grads)]
        give(tensors, grads)
        theirs.step()
        opt.step(grads)
        same(params, tensors)
    assert opt.t == [15, 15, 15]


def test_clipping_agrees_with_pytorch_up_to_its_epsilon():
    torch = pytest.importorskip("torch")
    grads = draw(7)
    tensors = in_torch(draw(8))
    give(tensors, grads)
    norm = float(torch.nn.utils.clip_grad_norm_(tensors, 0.5))
    assert clip_grad_norm(grads, 0.5) == pytest.approx(norm, rel=1e-12)
    for g, tensor in zip(grads, tensors, strict=True):  # PyTorch divides by norm + 1e-6
        ours = torch.tensor(g) * (norm / (norm + 1e-6))
        torch.testing.assert_close(tensor.grad, ours, rtol=1e-10, atol=1e-12)


def test_the_cosine_agrees_with_pytorch():
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD(in_torch(draw(9)), lr=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the scheduler expects optimizer.step() before its own
        theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=12, eta_min=0.1)
        for step in range(13):
            rate = optimizer.param_groups[0]["lr"]
            assert lr_schedule(step + 5, 0.5, 0.1, 5, 17) == pytest.approx(rate, rel=1e-10)
            theirs.step()
