"""Functions with gradients of their own: worked numbers, Volume 1, PyTorch, gradcheck."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from torch.autograd import gradcheck, gradgradcheck

from solutions.vol1_numpy import rope as rope_1
from solutions.vol2_pytorch import autograd
from solutions.vol2_pytorch.autograd import cross_entropy, kept_bytes, rmsnorm, rope


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(21)


def leaf(*shape: int) -> Any:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def test_a_token_of_root_mean_square_5() -> None:
    x = torch.tensor([[1.0, 7.0]], requires_grad=True)
    gain = torch.tensor([5.0, 10.0], requires_grad=True)
    out = rmsnorm(x, gain, 0.0)
    assert torch.allclose(out, torch.tensor([[1.0, 14.0]]))
    out.backward(torch.tensor([[1.0, 0.0]]))
    # x-hat is (0.2, 1.4), r is 0.2: 5 - 0.2 mean(1, 0) = 4.9 and -1.4 * 0.5 = -0.7, times 0.2.
    assert torch.allclose(x.grad, torch.tensor([[0.98, -0.14]]))
    assert torch.allclose(gain.grad, torch.tensor([0.2, 0.0]))


def test_a_gradient_turns_back() -> None:
    x, positions = leaf(1, 3, 2, 4), torch.tensor([0, 1, 5])
    out = rope(x, positions, 9.0)
    (dx,) = torch.autograd.grad(out, x, out.detach())
    assert torch.allclose(dx, x)
    want = rope_1.rope(x.detach().numpy(), positions.numpy(), 9.0)
    assert np.allclose(out.detach().numpy(), want)


def test_an_even_guess_pushes_the_target_up_and_all_others_down() -> None:
    logits = torch.zeros(1, 4, dtype=torch.float64, requires_grad=True)
    loss = cross_entropy(logits, torch.tensor([2]))
    assert torch.isclose(loss, torch.tensor(4.0, dtype=torch.float64).log())
    (2.0 * loss).backward()
    assert logits.grad.tolist() == [[0.5, 0.5, -1.5, 0.5]]


def library_rmsnorm(x: Any, gain: Any) -> Any:
    return torch.nn.functional.rms_norm(x, gain.shape, gain, 1e-5)


def test_values_and_gradients_are_those_of_the_library() -> None:
    x, gain, dout = leaf(3, 4, 6), leaf(6), torch.randn(3, 4, 6, dtype=torch.float64)
    for own, theirs in zip(
        torch.autograd.grad(rmsnorm(x, gain), [x, gain], dout),
        torch.autograd.grad(library_rmsnorm(x, gain), [x, gain], dout),
        strict=True,
    ):
        assert torch.allclose(own, theirs, rtol=0, atol=1e-12)
    logits, targets = leaf(5, 4, 7), torch.randint(7, (5, 4))
    targets[0, :3] = -100
    loss = cross_entropy(logits, targets)
    library = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    assert torch.isclose(loss, library)
    (ours,), (theirs,) = (torch.autograd.grad(3 * one, logits) for one in (loss, library))
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-12)


def test_gradcheck_accepts_all_three() -> None:
    positions, targets = torch.tensor([[0, 3], [2, 7]]), torch.tensor([[0, 4], [-100, 2]])
    assert gradcheck(lambda x, gain: rmsnorm(x, gain, 0.1), (leaf(2, 3, 4), leaf(4)))
    assert gradcheck(lambda x: rope(x, positions, 5.0), (leaf(2, 2, 1, 4),))
    assert gradgradcheck(lambda x: rope(x, positions, 5.0), (leaf(2, 2, 1, 4),))
    assert gradcheck(lambda logits: cross_entropy(logits, targets), (leaf(2, 2, 5),))


@pytest.mark.parametrize(
    "run",
    [
        lambda: (rmsnorm(x := leaf(2, 4), leaf(4)).sum(), x),
        lambda: (cross_entropy(x := leaf(2, 4), torch.tensor([1, 3])), x),
    ],
)
def test_a_second_derivative_is_refused(run: Callable[[], tuple[Any, Any]]) -> None:
    loss, x = run()
    (dx,) = torch.autograd.grad((loss * torch.ones((), requires_grad=True)), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        dx.sum().backward()


def test_nothing_counts_and_everything_is_zero() -> None:
    logits = leaf(2, 3, 4)
    loss = cross_entropy(logits, torch.full((2, 3), -100))
    loss.backward()
    assert loss.item() == 0.0
    assert not logits.grad.any()


def test_a_gradient_that_nobody_wants_is_not_computed() -> None:
    x, gain = leaf(2, 4), leaf(4)
    node: Any = rmsnorm(x.detach(), gain).grad_fn
    assert node.apply(torch.ones(2, 4, dtype=torch.float64))[0] is None


def test_the_graph_keeps_less_than_the_recorded_one() -> None:
    x, gain = torch.randn(64, 128, requires_grad=True), torch.randn(128, requires_grad=True)
    assert kept_bytes(rmsnorm, x, gain) == 64 * 4
    assert kept_bytes(autograd.automatic_rmsnorm, x, gain) >= 64 * 128 * 4
    logits, targets = torch.randn(32, 500, requires_grad=True), torch.randint(500, (32,))
    assert kept_bytes(cross_entropy, logits, targets) < 32 * 20
    assert kept_bytes(autograd.automatic_cross_entropy, logits, targets) >= 32 * 500 * 4
    heads, positions = torch.randn(2, 9, 3, 4, requires_grad=True), torch.arange(9)
    assert kept_bytes(rope, heads, positions) == 0


def test_the_recorded_versions_agree_with_ours() -> None:
    x, gain = torch.randn(5, 8), torch.randn(8)
    assert torch.allclose(rmsnorm(x, gain), autograd.automatic_rmsnorm(x, gain), atol=1e-6)
    heads, positions = torch.randn(2, 9, 3, 4), torch.arange(9)
    assert torch.allclose(rope(heads, positions), autograd.automatic_rope(heads, positions))
    logits, targets = torch.randn(6, 5), torch.randint(5, (6,))
    want = autograd.automatic_cross_entropy(logits, targets)
    assert torch.allclose(cross_entropy(logits, targets), want)
