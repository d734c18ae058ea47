"""Manual against automatic: gradients written by hand, recorded by autograd, and PyTorch's kernels.

Run as `python -m solutions.benchmarks.autograd`; prints a Markdown table: how far the gradients are
apart, CPU time of forward and backward, and what the graph keeps between the two besides the
arguments. float32, one thread, in turns. Nothing here is a test.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from .block import SETTINGS

ROUNDS = 25
B, T, D_MODEL, N_HEADS, VOCAB = 8, 256, 512, 8, 8000


def main() -> None:
    """Measure and print, in a process that has the settings from its start."""
    if any(os.environ.get(name) != value for name, value in SETTINGS.items()):
        command = [sys.executable, "-m", "solutions.benchmarks.autograd"]
        done = subprocess.run(command, env={**os.environ, **SETTINGS}, check=False)
        sys.exit(done.returncode)
    try:
        import torch
    except ImportError:
        print("manual against automatic: skipped, PyTorch is not installed")
        return
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"B={B}, T={T}, d_model={D_MODEL}, {N_HEADS} heads, {VOCAB} words.\n")
    print("| forward and backward | CPU ms | speed | kept MB | apart |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, versions, arguments in _operations():
        _print(name, versions, arguments)


def _operations() -> list[tuple[str, dict[str, Callable[..., Any]], tuple[Any, ...]]]:
    """Each operation with its versions, the recorded one first, and their arguments."""
    import torch
    from torch.nn import functional as F

    from ..vol2_pytorch import autograd as own

    x = torch.randn(B, T, D_MODEL, requires_grad=True)
    gain = torch.randn(D_MODEL, requires_grad=True)
    heads = torch.randn(B, T, N_HEADS, D_MODEL // N_HEADS, requires_grad=True)
    logits = torch.randn(B * T // 2, VOCAB, requires_grad=True)
    targets = torch.randint(VOCAB, (B * T // 2,))
    norms: dict[str, Callable[..., Any]] = {
        "recorded": own.automatic_rmsnorm,
        "by hand": own.rmsnorm,
        "PyTorch's kernel": lambda x, gain: F.rms_norm(x, gain.shape, gain, 1e-5),
    }
    losses: dict[str, Callable[..., Any]] = {
        "recorded": own.automatic_cross_entropy,
        "by hand": own.cross_entropy,
        "PyTorch's kernel": F.cross_entropy,
    }
    return [
        ("rmsnorm", norms, (x, gain)),
        ("rope", {"recorded": own.automatic_rope, "by hand": own.rope}, (heads, torch.arange(T))),
        ("cross_entropy", losses, (logits, targets)),
    ]


def _print(name: str, versions: dict[str, Callable[..., Any]], arguments: tuple[Any, ...]) -> None:
    """One row per version."""
    import torch

    from ..vol2_pytorch.autograd import kept_bytes

    wrt = [a for a in arguments if a.requires_grad]
    first = next(iter(versions.values()))
    dout = torch.randn_like(first(*arguments))
    taken: dict[str, list[float]] = {title: [] for title in versions}
    for number in range(ROUNDS + 3):
        for title, function in versions.items():
            start = time.process_time()
            torch.autograd.grad(function(*arguments), wrt, dout)
            if number >= 3:  # the first ones also fill caches and allocators
                taken[title].append(time.process_time() - start)
    base = median(taken["recorded"])
    want = torch.autograd.grad(first(*arguments), wrt, dout)
    for title, function in versions.items():
        got = torch.autograd.grad(function(*arguments), wrt, dout)
        apart = max(
            float((a - b).abs().max() / b.abs().max()) for a, b in zip(got, want, strict=True)
        )
        kept, seconds = kept_bytes(function, *arguments), median(taken[title])
        print(
            f"| {name}, {title} | {seconds * 1e3:.1f} | {base / seconds:.2f} | {kept / 1e6:.2f} | "
            f"{apart:.0e} |"
        )


if __name__ == "__main__":
    main()
