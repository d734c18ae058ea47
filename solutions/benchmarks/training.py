"""How fast training is: our model and loop against a plain GPT of PyTorch's own modules.

    python -m solutions.benchmarks.training              two tables, float32, one thread
    python -m solutions.benchmarks.training profile      where the CPU time of an update goes
    python -m solutions.benchmarks.training gpu          bf16 and compiled; needs a GPU

Prints Markdown. Our loop is `train` of the exercise training_loop and reports its own speed; the
plain one is nanoGPT's, see `solutions/runs/peer.py`. Equal numbers of parameters, equal batches, in
turns in one run: "speed" is the median over pairs of turns, "at best" compares the fastest turns,
which a busy machine disturbs least. Nothing here is a test.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any
from unittest.mock import patch

SETTINGS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
# bf16 operations per second of a card, as its maker states them, without sparsity.
PEAK = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L4": 121e12, "T4": 65e12}
PLAIN, OURS = "the plain GPT and its loop", "our modules and our loop"
BY_HAND = "the same, norms by hand"


@dataclass(frozen=True)
class Shape:
    """Sizes of both models: ours has d_ff, the peer four times d_model."""

    batch_size: int
    T: int
    d_model: int
    n_layers: int
    n_heads: int
    d_ff: int
    vocab_size: int = 66


# d_ff is 8/3 of d_model, up to the next multiple of 8: as many parameters as the peer, within 1 %.
SMALL = Shape(12, 64, 128, 4, 4, 344)
MIDDLE = Shape(8, 128, 256, 4, 8, 688)
LARGE = Shape(64, 1024, 768, 12, 12, 2048, 50_304)  # for a GPU: GPT-2's
# Updates of a turn, and turns.
TURNS = {SMALL: (10, 16), MIDDLE: (4, 12)}
Speeds = dict[str, Callable[[int], float]]


def main() -> None:
    """Measure and print, in a process that has the settings from its start."""
    parser = argparse.ArgumentParser(description="The speed of training.")
    parser.add_argument("what", nargs="?", default="cpu", choices=["cpu", "profile", "gpu"])
    what = parser.parse_args().what
    if any(os.environ.get(name) != value for name, value in SETTINGS.items()):
        command = [sys.executable, "-m", "solutions.benchmarks.training", what]
        done = subprocess.run(command, env={**os.environ, **SETTINGS}, check=False)
        sys.exit(done.returncode)
    try:
        import torch
    except ImportError:
        print("training against a plain GPT: skipped, PyTorch is not installed")
        return
    if what == "gpu":
        if not torch.cuda.is_available():
            sys.exit("There is no GPU here that PyTorch can use; `cpu` measures without one.")
        _in_bf16(LARGE, "cuda")
        return
    torch.set_num_threads(1)
    for shape in (SMALL, MIDDLE):
        if what == "profile":
            _profile(shape)
        else:
            _table(shape)


def _table(shape: Shape) -> None:
    speeds, counts = _speeds(shape)
    taken = _in_turns(speeds, *TURNS[shape])
    tokens = shape.batch_size * shape.T
    print(f"Training, {shape}, float32, one thread.\n")
    print("| one update | parameters | CPU ms | tokens per CPU second | speed | speed at best |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, rates in taken.items():
        ratio = median(a / b for a, b in zip(rates, taken[PLAIN], strict=True))
        best = max(rates) / max(taken[PLAIN])
        ms = f"{1e3 * tokens / median(rates):.1f} | {median(rates):,.0f}"
        print(f"| {name} | {counts[name]:,} | {ms} | {ratio:.2f} | {best:.2f} |")
    print(flush=True)


def _speeds(shape: Shape) -> tuple[Speeds, dict[str, int]]:
    """Tokens per CPU second over a number of updates, of each kind, and its parameters."""
    import torch

    from ..runs.peer import GPT, PeerConfig, count, plain_step
    from ..vol2_pytorch.modules import Config, Llama

    s = shape
    ids = torch.randint(s.vocab_size, (200_000,))
    peer = GPT(PeerConfig(s.vocab_size, s.T, s.n_layers, s.n_heads, s.d_model))
    plain = plain_step(peer, ids, s.batch_size, s.T)
    sizes = (s.vocab_size, s.d_model, s.n_layers, s.n_heads, s.n_heads, s.d_ff, s.T)
    ours, by_hand = (Llama(Config(*sizes, tied=True)) for _ in range(2))
    norms_by_hand(by_hand)

    def plain_speed(updates: int) -> float:
        start = time.process_time()
        for _ in range(updates):
            plain(1e-3)
        return updates * s.batch_size * s.T / (time.process_time() - start)

    speeds: Speeds = {
        PLAIN: plain_speed,
        OURS: lambda updates: our_speed(ours, ids, shape, updates),
        BY_HAND: lambda updates: our_speed(by_hand, ids, shape, updates),
    }
    return speeds, {PLAIN: count(peer), OURS: count(ours), BY_HAND: count(by_hand)}


def our_speed(model: Any, ids: Any, shape: Shape, updates: int, **changes: Any) -> float:
    """Tokens per second, as the loop of the exercise reports them of its last record.

    On a CPU its clock is that of the process, so that a busy machine counts for less.
    """
    from ..vol2_pytorch import training_loop

    settings: dict[str, Any] = {"batch_size": shape.batch_size, "T": shape.T, "warmup": 1}
    settings |= {"steps": updates, "eval_every": updates, "device": "cpu"} | changes
    clock = time.process_time if settings["device"] == "cpu" else time.perf_counter
    with tempfile.TemporaryDirectory() as out, patch.object(training_loop, "time") as ours:
        ours.perf_counter = clock
        whole = training_loop.Settings(**settings, out=out)
        records = training_loop.train(model, ids, ids[: 4 * shape.T + 1], whole)
    return float(records[-1]["tokens_per_second"])


def norms_by_hand(model: Any) -> None:
    """RMSNorm with the forward and the backward of the exercise autograd, the same numbers."""
    from ..vol2_pytorch.autograd import rmsnorm
    from ..vol2_pytorch.modules import RMSNorm

    def forward(self: RMSNorm, x: Any) -> Any:
        return rmsnorm(x, self.weight, self.eps)

    for module in model.modules():
        if isinstance(module, RMSNorm):
            module.forward = forward.__get__(module)  # type: ignore[method-assign]


def _in_turns(speeds: Speeds, updates: int, turns: int) -> dict[str, list[float]]:
    """The speeds of each kind; in turns, so that a busy machine is busy for all alike."""
    taken: dict[str, list[float]] = {name: [] for name in speeds}
    for number in range(turns + 1):
        for name, speed in speeds.items():
            found = speed(updates)
            taken[name] += [found] if number else []  # the first also fills caches and allocators
    return taken


def _profile(shape: Shape, rows: int = 12) -> None:
    """The operations that take most of an update's CPU time, beside one another."""
    from torch.profiler import ProfilerActivity, profile

    updates, found = 20, dict[str, Mapping[str, tuple[float, float]]]()
    speeds, _ = _speeds(shape)
    for name, speed in speeds.items():
        speed(3)
        with profile(activities=[ProfilerActivity.CPU]) as seen:
            speed(updates)
        found[name] = {
            event.key: (event.self_cpu_time_total / 1e3 / updates, event.count / updates)
            for event in seen.key_averages()
        }
    print(f"An update, {shape}: CPU ms (calls), by the profiler, which itself takes time.\n")
    print(f"| operation | {' | '.join(found)} |\n| --- |{' ---: |' * len(found)}")
    most = {
        key: max(f.get(key, (0, 0))[0] for f in found.values()) for f in found.values() for key in f
    }
    for key in sorted(most, key=lambda k: -most[k])[:rows]:
        cells = (f.get(key, (0.0, 0.0)) for f in found.values())
        print(f"| {key} | " + " | ".join(f"{ms:.2f} ({calls:.0f})" for ms, calls in cells) + " |")
    totals = (sum(ms for ms, _ in f.values()) for f in found.values())
    print("| all | " + " | ".join(f"{total:.2f}" for total in totals) + " |\n", flush=True)


def _in_bf16(shape: Shape, device: str, updates: int = 20) -> None:
    """bf16 compute, compiled: both loops, and the share of the card's arithmetic that is used."""
    import torch

    from ..runs.peer import GPT, PeerConfig, count, plain_step
    from ..vol2_pytorch.modules import Config, Llama

    s = shape
    sizes = (s.vocab_size, s.d_model, s.n_layers, s.n_heads, s.n_heads, s.d_ff, s.T)
    ours = Llama(Config(*sizes, tied=True)).to(device)
    peer = GPT(PeerConfig(s.vocab_size, s.T, s.n_layers, s.n_heads, s.d_model)).to(device)
    compiled: Any = torch.compile(ours)
    ids = torch.randint(s.vocab_size, (200_000,))
    cast = torch.autocast(device, torch.bfloat16)
    plain = plain_step(torch.compile(peer), ids.to(device), s.batch_size, s.T, cast)  # type: ignore[arg-type]
    rates = {}
    for number in range(2 * updates):
        if number == updates:  # what came before compiled it
            start = time.perf_counter()
        plain(1e-3).item()
    rates[PLAIN] = updates * s.batch_size * s.T / (time.perf_counter() - start)
    changes = {"device": device, "dtype": "bfloat16", "eval_every": updates}
    rates[OURS] = our_speed(compiled, ids, s, 2 * updates, **changes)
    name = torch.cuda.get_device_name() if device == "cuda" else device
    peak = next((p for key, p in PEAK.items() if key in name), None)
    print(f"Training, {shape}, bf16, compiled, {name}.\n")
    print("| | parameters | tokens per second | speed | model FLOP utilisation |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for what, model in ((PLAIN, peer), (OURS, ours)):
        # A parameter is used in 6 operations per token, and attention in 12 per layer, width and
        # token that is looked at (Chowdhery et al. 2022, appendix B); here over half of T.
        operations = 6 * count(model) + 12 * s.n_layers * s.d_model * s.T / 2
        used = f"{operations * rates[what] / peak:.1%}" if peak else "the card is not in our list"
        speed = rates[what] / rates[PLAIN]
        print(f"| {what} | {count(model):,} | {rates[what]:,.0f} | {speed:.2f} | {used} |")


if __name__ == "__main__":
    main()
