"""The schedule, clipping and one step: numbers worked by hand, properties, torch's own tools."""

import math
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from solutions.vol1_numpy.optimizers import lr_schedule  # noqa: E402
from solutions.vol2_pytorch.schedule import (  # noqa: E402
    clip_grad_norm,
    train_step,
    warmup_cosine,
)


def optimizer_of(*lrs: float) -> Any:
    groups = [{"params": [torch.nn.Parameter(torch.ones(1))], "lr": lr} for lr in lrs]
    return torch.optim.SGD(groups)


def rates(lrs: tuple[float, ...], min_lr: float, warmup: int, total: int, steps: int) -> Any:
    optimizer = optimizer_of(*lrs)
    scheduler = warmup_cosine(optimizer, min_lr, warmup, total)
    optimizer.step()
    out = []
    for _ in range(steps):
        out.append([group["lr"] for group in optimizer.param_groups])
        scheduler.step()
    return out


# warmup_cosine


def test_a_schedule_by_hand() -> None:
    got = [row[0] for row in rates((0.5,), 0.1, 4, 10, 13)]
    root = 0.1 * math.sqrt(3)
    falling = [0.5, 0.3 + root, 0.4, 0.3, 0.2, 0.3 - root, 0.1, 0.1, 0.1]
    assert got == pytest.approx([0.0, 0.125, 0.25, 0.375, *falling], rel=1e-12)


@pytest.mark.parametrize(("warmup", "total"), [(0, 1), (0, 9), (1, 9), (5, 9), (9, 9)])
def test_each_group_follows_volume_1_with_its_own_rate(warmup: int, total: int) -> None:
    lrs = (0.3, 2.0, 0.05)
    got = rates(lrs, 0.05, warmup, total, total + 4)
    want = [[lr_schedule(s, lr, 0.05, warmup, total) for lr in lrs] for s in range(total + 4)]
    assert [x for row in got for x in row] == pytest.approx([x for row in want for x in row])


def test_without_a_rise_it_is_the_librarys_cosine() -> None:
    optimizer = optimizer_of(0.7)
    library = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 12, 0.1)
    optimizer.step()
    want = []
    for _ in range(13):
        want.append(optimizer.param_groups[0]["lr"])
        library.step()
    assert [row[0] for row in rates((0.7,), 0.1, 0, 12, 13)] == pytest.approx(want, rel=1e-9)


def test_a_saved_scheduler_goes_on() -> None:
    whole = rates((0.5, 0.9), 0.1, 3, 8, 12)
    first, second = optimizer_of(0.5, 0.9), optimizer_of(0.5, 0.9)
    one, two = (warmup_cosine(o, 0.1, 3, 8) for o in (first, second))
    first.step()
    for _ in range(5):
        one.step()
    two.load_state_dict(one.state_dict())
    second.step()
    two.step()
    assert [group["lr"] for group in second.param_groups] == pytest.approx(whole[6])


# clip_grad_norm


def with_grads(*grads: Any) -> list[Any]:
    out = []
    for g in grads:
        p = torch.nn.Parameter(torch.ones(2 if g is None else g.shape, dtype=torch.float64))
        p.grad = g
        out.append(p)
    return out


def test_a_norm_of_thirteen_by_hand() -> None:
    a, b = torch.tensor([[3.0, -4.0]]).double(), torch.tensor([12.0]).double()
    parameters = with_grads(a, None, b)
    assert clip_grad_norm((p for p in parameters), 6.5) == 13.0
    assert a.tolist() == [[1.5, -2.0]] and b.tolist() == [6.0]
    assert parameters[0].grad is a and parameters[1].grad is None
    assert clip_grad_norm(parameters, 7.0) == 6.5
    assert a.tolist() == [[1.5, -2.0]]


@pytest.mark.parametrize("max_norm", [0.5, 3.0, 100.0])
def test_clipping_agrees_with_the_library(max_norm: float) -> None:
    torch.manual_seed(0)
    grads = [torch.randn(4, 3).double(), torch.randn(7).double(), torch.randn(2, 2, 2).double()]
    ours, theirs = (with_grads(*(g.clone() for g in grads)) for _ in range(2))
    norm = clip_grad_norm(ours, max_norm)
    assert norm == pytest.approx(torch.nn.utils.clip_grad_norm_(theirs, max_norm).item())
    for p, q in zip(ours, theirs, strict=True):
        torch.testing.assert_close(p.grad, q.grad, rtol=2e-6, atol=0)


def test_nothing_to_clip() -> None:
    zeros = with_grads(torch.zeros(3).double())
    assert clip_grad_norm(zeros, 1.0) == 0.0 and zeros[0].grad.tolist() == [0, 0, 0]
    assert clip_grad_norm(with_grads(None), 1.0) == clip_grad_norm([], 1.0) == 0.0


# train_step


def test_a_step_by_hand() -> None:
    p = torch.nn.Parameter(torch.tensor([1.0, 1.0]))
    x = torch.tensor([3.0, 4.0])
    optimizer = torch.optim.SGD([p], lr=0.1)
    halving = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    p.grad = torch.full((2,), 100.0)
    loss = train_step(lambda: p @ x, optimizer, halving, 10.0)
    assert loss == 7.0 and type(loss) is float
    assert p.tolist() == pytest.approx([0.7, 0.6])
    assert train_step(lambda: p @ x, optimizer, halving, 2.5) == pytest.approx(4.5)
    assert p.tolist() == pytest.approx([0.625, 0.5])
    assert halving.get_last_lr() == [0.025]


def test_steps_equal_a_loop_of_the_librarys_parts() -> None:
    def run(step: Callable[..., Any]) -> Any:
        torch.manual_seed(1)
        model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
        scheduler = warmup_cosine(optimizer, 0.01, 3, 10)
        losses = [
            step(lambda x=x: model(x).square().mean(), optimizer, scheduler, 0.1)
            for x in torch.randn(12, 8, 3)
        ]
        return losses, torch.cat([p.detach().flatten() for p in model.parameters()])

    def by_the_library(loss_fn: Any, optimizer: Any, scheduler: Any, max_norm: float) -> float:
        optimizer.zero_grad()
        loss = loss_fn()
        loss.backward()
        every = [p for group in optimizer.param_groups for p in group["params"]]
        torch.nn.utils.clip_grad_norm_(every, max_norm)
        optimizer.step()
        scheduler.step()
        return float(loss.detach())

    (ours, mine), (theirs, library) = run(train_step), run(by_the_library)
    assert ours == pytest.approx(theirs, rel=1e-4)
    torch.testing.assert_close(mine, library, rtol=1e-3, atol=1e-4)
