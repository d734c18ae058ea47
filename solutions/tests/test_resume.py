"""save and load against runs that were never interrupted, hand-made damage, and torch.save."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from safetensors import safe_open  # noqa: E402

from solutions.vol2_pytorch.resume import load, save  # noqa: E402


class Run:
    """A model with dropout and buffers, AdamW, a schedule and four generators."""

    def __init__(self, seed: int, width: int = 5) -> None:
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        self.model = torch.nn.Sequential(
            torch.nn.Linear(3, width), torch.nn.Dropout(0.5), torch.nn.BatchNorm1d(width)
        )
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.1)
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda s: 0.9**s)
        self.generator = torch.Generator().manual_seed(seed)

    def train(self, steps: int) -> "Run":
        for _ in range(steps):
            x = torch.randn(6, 3, generator=self.generator)
            loss = (self.model(x * random.random() + np.random.rand()) ** 3).mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()
        return self

    def save(self, folder: Path, step: int) -> None:
        parts = (self.model, self.optimizer, self.scheduler)
        save(str(folder), *parts, step, self.generator)

    def load(self, folder: Path) -> int:
        parts = (self.model, self.optimizer, self.scheduler)
        return load(str(folder), *parts, self.generator)

    def state(self) -> Any:
        return {
            "model": {n: t.clone() for n, t in self.model.state_dict().items()},
            "moments": [
                {n: t.clone() for n, t in s.items()}
                for s in self.optimizer.state_dict()["state"].values()
            ],
            "lr": [g["lr"] for g in self.optimizer.param_groups],
            "epoch": self.scheduler.last_epoch,
            "torch": torch.get_rng_state(),
            "generator": self.generator.get_state(),
            "python": random.getstate(),
            "numpy": np.random.get_state()[1].tolist(),
        }


def same(a: Any, b: Any) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=0)


@pytest.mark.parametrize(("first", "second"), [(5, 5), (0, 3), (3, 0), (1, 4)])
def test_a_run_in_two_parts_is_the_run_in_one_bit_for_bit(
    tmp_path: Path, first: int, second: int
) -> None:
    whole = Run(1).train(first + second).state()
    Run(1).train(first).save(tmp_path / "a" / "b", first)
    again = Run(2).train(1)
    assert again.load(tmp_path / "a" / "b") == first
    same(again.train(second).state(), whole)


def test_saving_changes_nothing(tmp_path: Path) -> None:
    run = Run(3).train(2)
    before = run.state()
    run.save(tmp_path, 2)
    same(run.state(), before)


def test_numbers_by_hand_are_in_the_file(tmp_path: Path) -> None:
    model = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, -2.0]]))
    sgd = torch.optim.SGD(model.parameters(), lr=0.25, momentum=0.5)
    model.weight.grad = torch.tensor([[1.0, 2.0]])
    sgd.step()  # the momentum is the gradient
    scheduler = torch.optim.lr_scheduler.StepLR(sgd, 7)
    save(str(tmp_path), model, sgd, scheduler, 12, torch.Generator())
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.safetensors"]
    with safe_open(tmp_path / "checkpoint.safetensors", framework="pt") as file:
        same(file.get_tensor("model.weight"), torch.tensor([[0.75, -2.5]]))
        same(file.get_tensor("optimizer.0.momentum_buffer"), torch.tensor([[1.0, 2.0]]))
        state = json.loads(file.metadata()["state"])
    assert (state["step"], state["groups"][0]["lr"]) == (12, 0.25)


def test_the_weights_are_those_that_torch_save_keeps(tmp_path: Path) -> None:
    run = Run(4).train(3)
    run.save(tmp_path / "ours", 3)
    torch.save(run.model.state_dict(), tmp_path / "theirs.pt")
    other = Run(5)
    other.load(tmp_path / "ours")
    same(dict(other.model.state_dict()), dict(torch.load(tmp_path / "theirs.pt")))


def broken(path: Path) -> list[bytes]:
    data = path.read_bytes()
    other = data.replace(b'\\"step\\"', b'\\"sTep\\"')
    assert other != data
    return [b"", data[:7], data[: len(data) // 2], data[:-1], data + b"x", b"{}", other]


def test_damage_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    Run(6).train(2).save(tmp_path, 2)
    (path,) = tmp_path.iterdir()
    for data in broken(path):
        path.write_bytes(data)
        run = Run(7).train(1)
        before = run.state()
        with pytest.raises(ValueError, match="no whole checkpoint"):
            run.load(tmp_path)
        same(run.state(), before)


def test_another_model_and_no_folder_are_refused(tmp_path: Path) -> None:
    Run(6).train(2).save(tmp_path / "run", 2)
    for width, folder in ((6, "run"), (5, "none")):
        run = Run(7, width).train(1)
        before = run.state()
        with pytest.raises(ValueError, match="no whole checkpoint"):
            run.load(tmp_path / folder)
        same(run.state(), before)


def test_tied_and_transposed_weights_are_saved(tmp_path: Path) -> None:
    one, two = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)
    two.weight = one.weight
    three = torch.nn.Linear(3, 3)
    three.weight = torch.nn.Parameter(torch.arange(9.0).reshape(3, 3).T)
    model = torch.nn.Sequential(one, two, three)
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(sgd, 7)
    save(str(tmp_path), model, sgd, scheduler, 0, torch.Generator())
    before = {n: t.clone() for n, t in model.state_dict().items()}
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
    load(str(tmp_path), model, sgd, scheduler, torch.Generator())
    same(dict(model.state_dict()), before)
    assert two.weight is one.weight


ENDLESS = """
import sys
from pathlib import Path
sys.path[:0] = {path!r}
from solutions.tests.test_resume import Run
run, folder = Run(8), Path({folder!r})
step = run.load(folder) if folder.exists() else 0
print("running", flush=True)
while True:
    run.train(1)
    step += 1
    run.save(folder, step)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_run_that_is_killed_again_and_again_goes_on(tmp_path: Path) -> None:
    """Where it is killed is chance; that the state is whole is not, wherever it is."""
    folder, last = tmp_path / "run", 0
    script = ENDLESS.format(path=sys.path, folder=str(folder))
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        end = time.monotonic() + 60
        while not (folder / "checkpoint.safetensors").exists() and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        run = Run(9)
        step = run.load(folder)
        assert step >= max(last, 1)
        same(run.state(), Run(8).train(step).state())
        last = step
