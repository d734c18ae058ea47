"""evaluate and train: by hand, properties, and a loop written with torch's own scheduler."""

import io
import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from safetensors.torch import load_file  # noqa: E402

from solutions.vol2_pytorch.training_loop import (  # noqa: E402
    Progress,
    Settings,
    evaluate,
    train,
)

V = 5


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(22)


def bigram() -> Any:
    return torch.nn.Embedding.from_pretrained(torch.zeros(V, V).double(), freeze=False)


def settings(folder: Path, **changes: Any) -> Settings:
    given: dict[str, Any] = {
        "steps": 9,
        "batch_size": 2,
        "T": 3,
        "max_lr": 0.1,
        "min_lr": 0.02,
        "warmup": 4,
        "eval_every": 4,
        "patience": 0,
        "device": "cpu",
        "out": str(folder / "run"),
    }
    return Settings(**{**given, **changes})


def test_an_evaluation_is_worked_by_hand() -> None:
    table = bigram()
    with torch.no_grad():
        table.weight[0, 1] = math.log(4.0)  # 1 follows 0 with 4 / 8, others with 1 / 8
    ids = torch.tensor([0, 1, 0, 2, 3])
    want = (math.log(2) + math.log(5) + math.log(8) + math.log(5)) / 4
    assert evaluate(table, ids, 1, 2) == pytest.approx(want, rel=1e-12)
    with pytest.raises(ValueError, match="5 tokens are too few for a window of 5"):
        evaluate(table, ids, 1, 5)


def test_the_mode_comes_back_even_after_an_error() -> None:
    table = bigram()
    with pytest.raises(IndexError):
        evaluate(table, torch.tensor([0, V, 0]), 1, 2)
    assert table.training


def test_the_loop_does_what_torch_s_own_parts_do(tmp_path: Path) -> None:
    ids, want = torch.randint(V, (40,)), bigram()
    s = settings(tmp_path)
    optimizer = torch.optim.AdamW(want.parameters(), lr=0.1, betas=(0.9, 0.95), weight_decay=0.1)

    def factor(step: int) -> float:
        if step < 4:
            return step / 4
        return 0.2 + 0.4 * (1 + math.cos(math.pi * (step - 4) / 5))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    generator = torch.Generator().manual_seed(0)
    losses, rates = [], []
    for _ in range(9):
        starts = torch.randint(37, (2,), generator=generator)
        x = torch.stack([ids[i : i + 3] for i in starts])
        y = torch.stack([ids[i + 1 : i + 4] for i in starts])
        loss = torch.nn.functional.cross_entropy(want(x).transpose(1, 2), y)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(want.parameters(), 1.0)
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    model = bigram()
    records = train(model, ids, ids, s)
    torch.testing.assert_close(model.weight, want.weight)
    assert [r["step"] for r in records] == [4, 8, 9]
    assert [r["lr"] for r in records] == pytest.approx([rates[3], rates[7], rates[8]])
    means = [sum(losses[:4]) / 4, sum(losses[4:8]) / 4, losses[8]]
    assert [r["loss"] for r in records] == pytest.approx(means)
    assert losses[0] == pytest.approx(math.log(V))


def test_files_hold_what_was_returned(tmp_path: Path) -> None:
    ids, model = torch.arange(40) % V, bigram()
    records = train(model, ids, ids, settings(tmp_path))
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == records
    assert all(0 < r["tokens_per_second"] < math.inf for r in records)
    last = load_file(tmp_path / "run" / "last.safetensors")
    torch.testing.assert_close(last["weight"], model.weight.detach())
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [
        "best.safetensors",
        "last.safetensors",
        "metrics.jsonl",
    ]


def test_one_window_is_learned_by_heart(tmp_path: Path) -> None:
    ids = torch.randperm(V)
    s = settings(tmp_path, T=V - 1, steps=60, max_lr=0.5, max_norm=10.0, weight_decay=0.0)
    assert train(bigram(), ids, ids, s)[-1]["loss"] < 0.01


def test_training_stops_when_it_no_longer_helps(tmp_path: Path) -> None:
    ids, other = torch.arange(40) % V, (torch.arange(40) * 3) % V
    s = settings(tmp_path, steps=50, warmup=0, eval_every=1, patience=2)
    records = train(bigram(), ids, other, s)
    assert [r["step"] for r in records] == [1, 2, 3]


def test_the_bar_shows_loss_and_speed_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, shown in ((Terminal(), True), (io.StringIO(), False), (None, False)):
        monkeypatch.setattr(sys, "stderr", stream)
        with Progress(200) as progress:
            progress.update(200, 1.25, 54321.0)
        if stream is not None:
            assert ("loss 1.250" in stream.getvalue()) is shown
            assert ("54,321 tokens/s" in stream.getvalue()) is shown
