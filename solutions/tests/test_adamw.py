"""AdamW against numbers worked by hand, properties, and torch.optim.AdamW."""

import copy
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from solutions.vol2_pytorch.adamw import AdamW, decay_groups  # noqa: E402

CLOSE = {"rtol": 1e-12, "atol": 1e-14}
SETTINGS: dict[str, Any] = {"lr": 0.1, "betas": (0.7, 0.9), "eps": 0.1, "weight_decay": 0.5}


def network(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.LayerNorm(5), torch.nn.Linear(5, 2)
    ).double()


def fit(model: Any, optimizer: Any, steps: int, *, first: int = 0) -> None:
    """Take steps on random batches that the number of the step settles."""
    for i in range(first, first + steps):
        g = torch.Generator().manual_seed(i)
        x = torch.randn(6, 3, generator=g, dtype=torch.float64)
        optimizer.zero_grad()
        model(x).square().mean().backward()
        if i % 3 == 1:
            model[0].bias.grad = None
        optimizer.step()


def same(one: Any, two: Any) -> None:
    for p, q in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(p, q, **CLOSE)


def test_two_steps_by_hand() -> None:
    p = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    optimizer = AdamW([p], 0.1, (0.5, 0.75), 1.0, 0.5)
    p.grad = torch.tensor([2.0], dtype=torch.float64)
    optimizer.step()  # 0.95 - 0.1 * 2 / (2 + 1)
    assert p.item() == pytest.approx(0.95 - 0.2 / 3, rel=1e-14)
    p.grad = torch.tensor([-1.0], dtype=torch.float64)
    optimizer.step()  # m = 0.5 * 1 - 0.5 = 0: it only decays
    assert p.item() == pytest.approx(0.95 * (0.95 - 0.2 / 3), rel=1e-14)


@pytest.mark.parametrize("settings", [{}, SETTINGS])
def test_twenty_steps_equal_those_of_the_library(settings: dict[str, Any]) -> None:
    ours, theirs = network(), network()
    fit(ours, AdamW(ours.parameters(), **settings), 20)
    fit(theirs, torch.optim.AdamW(theirs.parameters(), **settings), 20)
    same(ours, theirs)


def test_groups_and_a_scheduler_act_as_on_the_library() -> None:
    models = network(), network()
    for model, make in zip(models, (AdamW, torch.optim.AdamW), strict=True):
        optimizer = make(decay_groups(model, 0.5), lr=0.05)
        scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.8)
        for i in range(8):
            fit(model, optimizer, 1, first=i)
            scheduler.step()
    same(*models)


def test_five_steps_and_five_equal_ten_bit_for_bit() -> None:
    straight, resumed = network(), network()
    fit(straight, AdamW(straight.parameters(), **SETTINGS), 10)
    first = AdamW(resumed.parameters(), **SETTINGS)
    fit(resumed, first, 5)
    saved = copy.deepcopy(first.state_dict())
    again = network(1)
    again.load_state_dict(resumed.state_dict())
    second = AdamW(again.parameters())
    second.load_state_dict(saved)
    fit(again, second, 5, first=5)
    assert all(
        torch.equal(p, q) for p, q in zip(straight.parameters(), again.parameters(), strict=True)
    )


def test_the_closure_runs_once_with_autograd_on() -> None:
    p = torch.nn.Parameter(torch.ones(2))
    optimizer, calls = AdamW([p]), []

    def closure() -> Any:
        optimizer.zero_grad()
        loss = p.square().sum()
        loss.backward()
        calls.append(torch.is_grad_enabled())
        return loss

    assert optimizer.step(closure).item() == 2.0
    assert calls == [True] and (p < 1).all()
    p.grad = None
    assert optimizer.step() is None


def test_the_state_follows_dtype_and_exists_where_there_was_a_gradient() -> None:
    p, idle = (torch.nn.Parameter(torch.ones(2, dtype=torch.bfloat16)) for _ in range(2))
    optimizer = AdamW([p, idle])
    p.grad = torch.ones_like(p)
    optimizer.step()
    assert {v.dtype for v in optimizer.state[p].values() if torch.is_tensor(v)} == {torch.bfloat16}
    assert idle not in optimizer.state


def test_the_handouts_figure_l2_depends_on_the_size_of_the_gradient() -> None:
    def shrunk(make: Any, size: float) -> float:
        p = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
        optimizer = make([p], lr=0.01, weight_decay=0.3)
        for t in range(300):
            p.grad = torch.full_like(p, size * (-1) ** t)
            optimizer.step()
        return p.item()

    assert shrunk(AdamW, 0.1) == pytest.approx(shrunk(AdamW, 10.0), abs=0.01)
    assert abs(shrunk(torch.optim.Adam, 0.1)) < 0.05
    assert shrunk(torch.optim.Adam, 10.0) > 0.85


# decay_groups


def test_matrices_decay_and_everything_is_there_once() -> None:
    model = torch.nn.ModuleDict(
        {
            "embedding": torch.nn.Embedding(7, 4),
            "norm": torch.nn.LayerNorm(4),
            "frozen": torch.nn.Linear(4, 4).requires_grad_(False),
            "filters": torch.nn.Conv1d(4, 2, 3),
            "head": torch.nn.Linear(4, 7),
        }
    )
    model["head"].weight = model["embedding"].weight
    decayed, others = decay_groups(model, 0.1)
    assert decayed["weight_decay"] == 0.1 and others["weight_decay"] == 0.0
    assert [tuple(p.shape) for p in decayed["params"]] == [(7, 4), (2, 4, 3)]
    assert sorted(tuple(p.shape) for p in others["params"]) == [(2,), (4,), (4,), (7,)]
    ours = {id(p) for group in (decayed, others) for p in group["params"]}
    assert ours == {id(p) for p in model.parameters() if p.requires_grad}


def test_there_are_two_groups_in_any_case() -> None:
    groups = decay_groups(torch.nn.LayerNorm(3), 0.1)
    assert [len(group["params"]) for group in groups] == [0, 2]
    AdamW(groups)
