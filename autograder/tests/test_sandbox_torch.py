"""PyTorch works under the seal: modules, autograd, optimizers, generators."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from autograder.errors import StudentOverMemory, StudentRaised
from autograder.sandbox import Limits, Sandbox, Worker
from autograder.sandbox.probe import LEVELS, try_level
from autograder.source import SourceCell
from autograder.student import Callback, Handle, LocalBackend, Student

torch = pytest.importorskip("torch")

SOURCE = """
from __future__ import annotations
import torch
from torch import nn
import torch.nn.functional as F


class LoRALinear(nn.Module):
    def __init__(self, base: nn.Linear, rank: int, alpha: float, seed: int) -> None:
        super().__init__()
        g = torch.Generator().manual_seed(seed)
        self.base, self.scale = base, alpha / rank
        for p in base.parameters():
            p.requires_grad_(False)
        self.a = nn.Parameter(torch.randn(base.in_features, rank, generator=g))
        self.b = nn.Parameter(torch.zeros(rank, base.out_features))

    def forward(self, x):
        return self.base(x) + self.scale * (x @ self.a) @ self.b


def train(kind, w, x, y, n):
    p = nn.Parameter(w.clone())
    opt = getattr(torch.optim, kind)([p], lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(opt, n)
    losses = []
    for _ in range(n):
        opt.zero_grad()
        loss = F.mse_loss(x @ p, y)
        loss.backward()
        nn.utils.clip_grad_norm_([p], 1.0)
        opt.step()
        schedule.step()
        losses.append(loss.item())
    return p, losses


def kinds():
    x = torch.arange(4.0, requires_grad=True)
    return {"half": x.bfloat16(), "grad": x * 2, "ids": torch.tensor([1, 2]), "scalar": x.sum(),
            "dtype": torch.float32, "complex": torch.zeros(2, dtype=torch.complex64).dtype}


def kind(x):
    return str(type(x).__module__), str(x.dtype), tuple(x.shape), x.is_contiguous()


def add_(x):
    x.add_(1)


def attend(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def batches():
    data = torch.utils.data.TensorDataset(torch.arange(10.0))
    loader = torch.utils.data.DataLoader(data, batch_size=4, shuffle=True,
                                         generator=torch.Generator().manual_seed(0))
    return [len(x) for (x,) in loader]


def checkpointed(x):
    from torch.utils.checkpoint import checkpoint
    x = x.clone().requires_grad_()
    checkpoint(lambda t: (t * t).sin().sum(), x, use_reentrant=False).backward()
    return x.grad


def jacobian(x):
    from torch.func import jacrev, vmap
    return vmap(jacrev(torch.sin))(x)


def hoard():
    return torch.ones(1 << 29).sum()


def served(f, x):
    return f(x) + 1


def descend(loss_fn, p):
    loss = loss_fn()
    loss.backward()
    return loss, p.grad


def wrong():
    return torch.ones(2) @ torch.ones(3)
"""


@pytest.fixture(scope="module", params=LEVELS)
def worker(request: pytest.FixtureRequest) -> Iterator[Worker]:
    problem = try_level(request.param)
    if problem is not None:
        pytest.skip(str(problem))
    with Sandbox(request.param) as sandbox:
        worker = sandbox.open(
            [SourceCell("cell 1", SOURCE)], arrays="torch", limits=Limits(memory=1 << 30)
        )
        worker.deadline = 60.0
        assert not worker.load_errors
        yield worker


@pytest.fixture
def student(worker: Worker) -> Student:
    return Student(worker)


@pytest.fixture(scope="module")
def here() -> Student:
    namespace: dict[str, Any] = {"__name__": "student_here"}
    exec(SOURCE, namespace)
    return Student(LocalBackend(namespace, arrays="torch"))


def test_a_module_is_built_trained_and_read_from_here(student: Student, here: Student) -> None:
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    outs = []
    for one in (student, here):
        one.library("torch.manual_seed")(0)
        base = one.library("torch.nn.Linear")(4, 5)
        lora = one.LoRALinear(base, rank=2, alpha=4.0, seed=1)
        optimizer = one.library("torch.optim.AdamW")(one.keep(lora.parameters), lr=0.1)
        before = lora(x)
        loss = one.keep(one.keep(one.keep(lora, x).pow, 2).sum)
        loss.backward()
        optimizer.step()
        outs += [(before, lora(x), lora.b.grad if isinstance(lora.b, Handle) else lora.b)]
    for ours, theirs in zip(*outs, strict=True):
        assert np.allclose(ours, theirs)
    assert not np.allclose(outs[0][0], outs[0][1])


@pytest.mark.parametrize("kind", ["SGD", "AdamW", "Adam", "RMSprop"])
def test_optimizers_step_as_they_do_here(student: Student, here: Student, kind: str) -> None:
    rng = np.random.default_rng(1)
    w, x, y = rng.normal(size=(4, 1)), rng.normal(size=(8, 4)), rng.normal(size=(8, 1))
    ours, losses = student.train(kind, w, x, y, 5)
    theirs, expected = here.train(kind, w, x, y, 5)
    assert np.allclose(ours, theirs) and np.allclose(losses, expected)
    assert losses[-1] < losses[0]


def test_tensors_leave_as_arrays(student: Student, here: Student) -> None:
    for one in (student, here):
        got = one.kinds()
        assert got["half"].dtype == np.float32
        assert got["grad"].tolist() == [0, 2, 4, 6]
        assert got["ids"].dtype == np.int64
        assert got["scalar"].shape == () and got["scalar"] == 6
        assert isinstance(got["dtype"], Handle)


def test_arrays_arrive_as_tensors(student: Student, here: Student) -> None:
    for one in (student, here):
        assert one.kind(np.zeros((2, 3), np.float32)) == ("torch", "torch.float32", (2, 3), True)
        assert one.kind(np.float64(1))[2] == ()
        held = one.hold(np.zeros(2))
        one.add_(held)
        assert one.fetch(held).tolist() == [1, 1]


def test_callbacks_take_and_give_tensors(student: Student, here: Student) -> None:
    for one in (student, here):
        double = Callback(lambda x: 2 * x)
        assert one.served(double, np.ones(2)).tolist() == [3, 3]
        assert [type(args[0]) for args in double.calls] == [np.ndarray]


def test_a_callback_may_give_a_loss_with_its_graph(student: Student, here: Student) -> None:
    for one in (student, here):
        p = one.keep(one.library("torch.nn.Parameter"), np.array([3.0, 4.0]))
        square = one.library("torch.dot")
        loss, gradient = one.descend(Callback(lambda p=p, f=square, s=one: s.keep(f, p, p)), p)
        assert loss == 25.0
        assert gradient.tolist() == [6.0, 8.0]


def test_the_rest_of_pytorch_works(student: Student, here: Student) -> None:
    q, k, v = np.random.default_rng(2).normal(size=(3, 1, 2, 5, 4))
    for one in (student, here):
        assert one.batches() == [4, 4, 2]
        assert one.attend(q, k, v).shape == (1, 2, 5, 4)
        x = np.array([0.1, 0.2])
        assert np.allclose(one.checkpointed(x), 2 * x * np.cos(x * x))
        assert np.allclose(one.jacobian(x), np.cos(x))


def test_what_pytorch_raises_is_told(student: Student) -> None:
    with pytest.raises(StudentRaised, match="RuntimeError"):
        student.wrong()
    with pytest.raises(StudentOverMemory):
        student.hoard()
    assert student.batches() == [4, 4, 2]
