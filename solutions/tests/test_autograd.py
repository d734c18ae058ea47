"""Backwards by hand against numbers worked by hand, Volume 1, and what PyTorch finds by itself."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from solutions.vol1_numpy import cross_entropy as cross_entropy_of_volume_1  # noqa: E402
from solutions.vol1_numpy import rmsnorm as rmsnorm_of_volume_1  # noqa: E402
from solutions.vol1_numpy import rope as rope_of_volume_1  # noqa: E402
from solutions.vol2_pytorch.autograd import (  # noqa: E402
    cross_entropy,
    milliseconds,
    rmsnorm,
    rope,
    saved_bytes,
)

EXACT = {"rtol": 1e-10, "atol": 1e-10}
TARGETS = torch.tensor([[0, 6, -100], [2, -100, 3]])


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(20)


def drawn(*shape: int) -> Any:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def recorded_rmsnorm(x: Any, gain: Any, eps: float) -> Any:
    return torch.nn.functional.rms_norm(x, gain.shape, gain, eps)


def recorded_rope(x: Any, positions: Any, theta: float) -> Any:
    """With complex numbers, which is another way to turn."""
    i = torch.arange(x.shape[-1] // 2)
    angles = positions[..., None, None] * theta ** (-2 * i.double() / x.shape[-1])
    numbers = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    turned = numbers * torch.polar(torch.ones_like(angles), angles)
    return torch.view_as_real(turned).flatten(-2).to(x.dtype)


def recorded_loss(logits: Any, targets: Any, ignore_index: int) -> Any:
    return torch.nn.functional.cross_entropy(
        logits.flatten(0, -2), targets.flatten(), ignore_index=ignore_index
    )


CASES: list[
    tuple[Callable[..., Any], Callable[..., Any], list[tuple[int, ...]], tuple[Any, ...]]
] = [
    (rmsnorm, recorded_rmsnorm, [(2, 3, 5), (5,)], (0.1,)),
    (rmsnorm, recorded_rmsnorm, [(4, 5), (5,)], (1e-5,)),
    (rope, recorded_rope, [(2, 3, 4, 6)], (torch.tensor([0, 5, 90]), 50.0)),
    (rope, recorded_rope, [(2, 3, 4, 6)], (torch.tensor([[0, 5, 90], [3, 1, 2]]), 50.0)),
    (cross_entropy, recorded_loss, [(2, 3, 7)], (TARGETS, -100)),
    (cross_entropy, recorded_loss, [(3, 7)], (TARGETS[0].clamp(min=0), 6)),
]


# Numbers worked by hand


def test_a_token_of_root_mean_square_5() -> None:
    x, gain = torch.tensor([[1.0, 7.0]], requires_grad=True), torch.tensor([5.0, 10.0])
    out = rmsnorm(x, gain, 0.0)
    torch.testing.assert_close(out, torch.tensor([[1.0, 14.0]]))
    out.sum().backward()
    torch.testing.assert_close(x.grad, torch.tensor([[0.7, -0.1]]))


def test_a_turn_goes_back() -> None:
    x = torch.tensor([[[[1.0, 0.0]]]], requires_grad=True)
    out = rope(x, torch.tensor([2]))
    turned = torch.tensor([[[[np.cos(2.0), np.sin(2.0)]]]], dtype=torch.float32)
    torch.testing.assert_close(out, turned)
    out.backward(turned)
    torch.testing.assert_close(x.grad, x.detach())


def test_the_loss_of_an_even_guess() -> None:
    logits = torch.zeros(2, 4, requires_grad=True)
    loss = cross_entropy(logits, torch.tensor([1, -100]))
    assert loss.item() == pytest.approx(np.log(4.0))
    (3.0 * loss).backward()
    want = [[0.75, -2.25, 0.75, 0.75], [0.0] * 4]
    torch.testing.assert_close(logits.grad, torch.tensor(want))


# What PyTorch finds by itself


@pytest.mark.parametrize(("by_hand", "recorded", "shapes", "others"), CASES)
def test_values_and_gradients_are_those_that_pytorch_finds(
    by_hand: Any, recorded: Any, shapes: Any, others: Any
) -> None:
    inputs = [drawn(*shape) for shape in shapes]
    got, want = by_hand(*inputs, *others), recorded(*inputs, *others)
    torch.testing.assert_close(got, want, **EXACT)
    dout = torch.randn_like(got)
    ours, theirs = (torch.autograd.grad(out, inputs, dout) for out in (got, want))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, **EXACT)


@pytest.mark.parametrize(("by_hand", "recorded", "shapes", "others"), CASES)
def test_gradcheck_agrees(by_hand: Any, recorded: Any, shapes: Any, others: Any) -> None:
    inputs = [drawn(*shape) for shape in shapes]
    assert torch.autograd.gradcheck(lambda *given: by_hand(*given, *others), inputs)


# Volume 1


def test_all_three_are_those_of_volume_1() -> None:
    x, gain, dout = (np.random.default_rng(0).standard_normal(s) for s in ((2, 3, 6), 6, (2, 3, 6)))
    positions, targets = np.array([[4, 7, 1], [0, 3, 9]]), TARGETS.numpy() % 6

    def both(function: Any, arrays: list[Any], dout: Any, *others: Any) -> list[Any]:
        inputs = [torch.tensor(a, requires_grad=True) for a in arrays]
        out = function(*inputs, *others)
        return [out, *torch.autograd.grad(out, inputs, torch.tensor(dout))]

    def same(got: list[Any], *want: Any) -> None:
        for one, other in zip(got, want, strict=True):
            np.testing.assert_allclose(one.detach().numpy(), other, rtol=1e-10, atol=1e-10)

    norm, rot, ce = rmsnorm_of_volume_1, rope_of_volume_1, cross_entropy_of_volume_1
    same(
        both(rmsnorm, [x, gain], dout, 0.1),
        norm.rmsnorm(x, gain, 0.1),
        *norm.rmsnorm_backward(dout, x, gain, 0.1),
    )
    heads, dheads = x[:, :, None], dout[:, :, None]
    same(
        both(rope, [heads], dheads, torch.from_numpy(positions), 9.0),
        rot.rope(heads, positions, 9.0),
        rot.rope_backward(dheads, positions, 9.0),
    )
    same(
        both(cross_entropy, [x], np.array(0.3), torch.from_numpy(targets), 2),
        ce.cross_entropy(x, targets, 2),
        0.3 * ce.cross_entropy_backward(x, targets, 2),
    )


# Properties


@pytest.mark.parametrize(("by_hand", "recorded", "shapes", "others"), CASES)
def test_backward_runs_twice_and_changes_nothing(
    by_hand: Any, recorded: Any, shapes: Any, others: Any
) -> None:
    inputs = [drawn(*shape) for shape in shapes]
    before = [i.detach().clone() for i in inputs]
    out = by_hand(*inputs, *others)
    first = torch.autograd.grad(out.sum(), inputs, retain_graph=True)
    second = torch.autograd.grad(out.sum(), inputs)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(inputs, before, strict=True))


@pytest.mark.parametrize(("by_hand", "recorded", "shapes", "others"), CASES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_results_and_gradients_have_the_dtype_of_the_inputs(
    dtype: str, by_hand: Any, recorded: Any, shapes: Any, others: Any
) -> None:
    kind = getattr(torch, dtype)
    inputs = [torch.randn(*shape, dtype=kind, requires_grad=True) for shape in shapes]
    out = by_hand(*inputs, *others)
    grads = torch.autograd.grad(out.sum(), inputs)
    assert {out.dtype, *(g.dtype for g in grads)} == {kind}


def test_only_what_wants_a_gradient_gets_one() -> None:
    x, gain = drawn(2, 3), drawn(3)
    rmsnorm(x.detach(), gain).sum().backward()
    assert x.grad is None and gain.grad is not None
    rmsnorm(x, gain.detach()).sum().backward()
    assert x.grad is not None


def test_a_batch_without_targets_costs_nothing() -> None:
    logits = drawn(2, 3)
    loss = cross_entropy(logits, torch.full((2,), -100))
    loss.backward()
    assert loss.item() == 0.0 and not logits.grad.any()


def test_large_logits_are_harmless() -> None:
    logits = torch.tensor([[0.0, 3000.0]], requires_grad=True)
    loss = cross_entropy(logits, torch.tensor([0]))
    loss.backward()
    assert loss.item() == 3000.0 and logits.grad.tolist() == [[-1.0, 1.0]]


def test_the_handout_counts_what_is_kept() -> None:
    x, gain = torch.randn(8, 128, 512, requires_grad=True), torch.randn(512, requires_grad=True)
    heads = torch.randn(8, 128, 8, 64, requires_grad=True)
    logits = torch.randn(8, 128, 1000, requires_grad=True)
    targets = torch.randint(1000, (8, 128))
    recorded = saved_bytes(
        lambda x, gain: x * (x.square().mean(-1, keepdim=True) + 1e-5).rsqrt() * gain, x, gain
    )
    assert recorded == 4_200_448
    assert saved_bytes(rmsnorm, x, gain) == 2_103_296
    assert saved_bytes(rope, heads, torch.arange(128)) == 1_024
    assert saved_bytes(cross_entropy, logits, targets) == 4_105_224


def test_times_are_positive_numbers() -> None:
    assert milliseconds(rmsnorm, drawn(2, 3), drawn(3), repeats=3) > 0.0
