"""Accumulation, mixed precision and checkpointing: by hand, properties, torch's own versions."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402

from solutions.vol2_pytorch.memory import (  # noqa: E402
    Checkpointed,
    accumulate,
    autocast_step,
)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(21)


def model(dtype: Any = torch.float64) -> Any:
    return torch.nn.Sequential(
        torch.nn.Embedding(7, 5, dtype=dtype), torch.nn.Tanh(), torch.nn.Linear(5, 7, dtype=dtype)
    )


def pieces() -> list[tuple[Any, Any]]:
    made = []
    for shape, ignored in (((2, 3), 1), ((1, 8), 7), ((4, 2), 0)):
        x, y = torch.randint(7, shape), torch.randint(7, shape)
        y.view(-1)[:ignored] = -100
        made.append((x, y))
    return made


def gradients(module: Any) -> list[Any]:
    return [p.grad.clone() for p in module.parameters()]


def test_two_pieces_are_worked_by_hand() -> None:
    table = torch.nn.Embedding.from_pretrained(torch.zeros(2, 2).double(), freeze=False)
    with torch.no_grad():
        table.weight[1, 1] = torch.log(torch.tensor(3.0))  # probabilities 1/4 and 3/4
    x, y = torch.tensor([[0, 1]]), torch.tensor([[0, 0]])
    loss = accumulate(table, [(x, y), (x[:, 1:], y[:, 1:] * 0 + 1)])
    want = (torch.log(torch.tensor([2.0, 4.0, 4 / 3])).sum() / 3).item()
    assert loss == pytest.approx(want, rel=1e-6)
    want = torch.tensor([[-1 / 6, 1 / 6], [-1 / 4 + 1 / 12, 1 / 4 - 1 / 12]]).double()
    torch.testing.assert_close(table.weight.grad, want, atol=1e-7, rtol=1e-6)


def test_pieces_are_one_batch() -> None:
    net, parts = model(), pieces()
    logits = torch.cat([net(x).flatten(0, 1) for x, _ in parts])
    loss = F.cross_entropy(logits, torch.cat([y.flatten() for _, y in parts]), ignore_index=-100)
    loss.backward()
    want = gradients(net)
    for _ in range(2):
        assert accumulate(net, parts) == pytest.approx(loss.item(), rel=1e-12)
        torch.testing.assert_close(gradients(net), want)


def test_a_step_in_mixed_precision_is_close_to_one_without() -> None:
    exact, mixed = model(torch.float32), model(torch.float32)
    mixed.load_state_dict(exact.state_dict())
    x, y = torch.randint(7, (4, 9)), torch.randint(7, (4, 9))
    optimizer = torch.optim.SGD(exact.parameters(), lr=0.5)
    loss = F.cross_entropy(exact(x).flatten(0, 1), y.flatten())
    loss.backward()
    optimizer.step()
    got = autocast_step(mixed, x, y, torch.optim.SGD(mixed.parameters(), lr=0.5))
    assert got == pytest.approx(loss.item(), rel=0.02)
    assert got != pytest.approx(loss.item(), rel=1e-6)
    for a, b in zip(exact.parameters(), mixed.parameters(), strict=True):
        assert b.dtype == b.grad.dtype == torch.float32
        torch.testing.assert_close(a, b, atol=0.02, rtol=0.05)


def block() -> Any:
    parts = [torch.nn.Linear(6, 6), torch.nn.Dropout(0.4), torch.nn.GELU()]
    return torch.nn.Sequential(*parts, torch.nn.Linear(6, 6), torch.nn.Dropout(0.2)).double()


def run(apply: Any, module: Any, x: Any) -> list[Any]:
    module.zero_grad()
    torch.manual_seed(5)
    leaf = x.clone().requires_grad_()
    out = apply(leaf)
    between = torch.rand(2)
    out.pow(3).sum().backward()
    return [out.detach(), leaf.grad, *gradients(module), between, torch.rand(2)]


def test_checkpointed_is_the_block_and_what_torch_does() -> None:
    module, x = block(), torch.randn(3, 4, 6).double()
    plain = run(module, module, x)
    theirs = run(lambda v: checkpoint(module, v, use_reentrant=False), module, x)
    torch.testing.assert_close(run(Checkpointed(module), module, x), plain, rtol=0, atol=0)
    torch.testing.assert_close(theirs, plain, rtol=0, atol=0)


def kept(apply: Any, x: Any) -> int:
    sizes = []

    def pack(tensor: Any) -> Any:
        sizes.append(tensor.nbytes)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        apply(x.clone().requires_grad_())
    return sum(sizes)


def test_only_the_input_is_kept() -> None:
    module, x = block(), torch.randn(50, 6).double()
    assert kept(Checkpointed(module), x) == x.nbytes
    assert kept(module, x) > 4 * x.nbytes


def test_names_of_parameters_lead_to_the_block() -> None:
    assert list(Checkpointed(torch.nn.Linear(2, 2)).state_dict()) == ["block.weight", "block.bias"]


def test_gradients_pass_torch_s_own_check() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Tanh()).double()
    x = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(Checkpointed(module), (x,))
