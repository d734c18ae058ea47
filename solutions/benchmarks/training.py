"""How fast training is: our model and loop against a plain GPT of PyTorch's own modules.

Run as `python -m solutions.benchmarks.training`; prints Markdown tables. Equal numbers of
parameters, equal batches, float32, one thread, in turns in one run. With a GPU a second table: bf16
and the compiled model, with the share of the card's arithmetic that is used. Nothing here is a
test.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

SETTINGS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
ROUNDS = 12
# bf16 operations per second of a card, as its maker states them, without sparsity.
PEAK = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L4": 121e12, "T4": 65e12}


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


# d_ff is such that both have the same number of parameters, within 2 %.
SMALL = Shape(12, 64, 128, 4, 4, 340)
MIDDLE = Shape(8, 128, 256, 4, 8, 680)
LARGE = Shape(64, 1024, 768, 12, 12, 2048, 50_304)  # for a GPU: GPT-2's


def main() -> None:
    """Measure and print, in a process that has the settings from its start."""
    if any(os.environ.get(name) != value for name, value in SETTINGS.items()):
        command = [sys.executable, "-m", "solutions.benchmarks.training"]
        done = subprocess.run(command, env={**os.environ, **SETTINGS}, check=False)
        sys.exit(done.returncode)
    try:
        import torch
    except ImportError:
        print("training against a plain GPT: skipped, PyTorch is not installed")
        return
    torch.set_num_threads(1)
    for shape in (SMALL, MIDDLE):
        _table(shape)
    if torch.cuda.is_available():
        _on_gpu(LARGE)
    else:
        print("bf16 and compiled, with model FLOP utilisation: skipped: no GPU")


def _table(shape: Shape) -> None:
    steps, counts = _steps(shape, "cpu")
    taken = _in_turns(steps, ROUNDS)
    peer = taken["the plain GPT and its loop"]
    tokens = shape.batch_size * shape.T
    print(f"Training, {shape}, float32, one thread.\n")
    print("| one update | parameters | CPU ms | tokens per CPU second | speed |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, seconds in taken.items():
        rate = f"{tokens / seconds:,.0f}"
        print(
            f"| {name} | {counts[name]:,} | {1e3 * seconds:.1f} | {rate} | {peer / seconds:.2f} |"
        )
    print()


def _steps(shape: Shape, device: str) -> tuple[dict[str, Callable[[], object]], dict[str, int]]:
    """One update of each kind, and how many parameters are updated."""
    import torch

    from ..runs.peer import GPT, PeerConfig, count, plain_step
    from ..vol2_pytorch.modules import Config, Llama

    s = shape
    ids = torch.randint(s.vocab_size, (200_000,), device=device)
    sizes = (s.vocab_size, s.d_model, s.n_layers, s.n_heads, s.n_heads, s.d_ff, s.T)
    ours = Llama(Config(*sizes, tied=True)).to(device)
    quick = turn_by_complex_numbers(Llama(ours.config).to(device))
    peer = GPT(PeerConfig(s.vocab_size, s.T, s.n_layers, s.n_heads, s.d_model)).to(device)
    plain = plain_step(peer, ids, s.batch_size, s.T)
    steps: dict[str, Callable[[], object]] = {
        "the plain GPT and its loop": lambda: plain(1e-3),
        "our modules and our loop": our_step(ours, ids, s.batch_size, s.T),
        "the same, RoPE by complex numbers": our_step(quick, ids, s.batch_size, s.T),
    }
    counts = dict(zip(steps, map(count, (peer, ours, quick)), strict=True))
    return steps, counts


def our_step(model: Any, ids: Any, batch_size: int, T: int) -> Callable[[], object]:
    """One update of the loop of the runs."""
    import torch

    from ..runs.loop import update
    from ..vol2_pytorch.data import get_batch

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), fused=True)
    return lambda: update(model, optimizer, *get_batch(ids, batch_size, T), max_norm=1.0)


def turn_by_complex_numbers(model: Any) -> Any:
    """The same model, in which a rotation is one product with numbers computed once."""
    import torch
    from torch.nn import functional as F

    from ..vol2_pytorch.modules import Attention

    config, device = model.config, model.lm_head.weight.device
    d_head = config.d_model // config.n_heads
    pairs = torch.arange(0, d_head, 2, dtype=torch.float64, device=device)
    at = torch.arange(config.max_T, dtype=torch.float64, device=device)
    angles = at[:, None] * config.rope_theta ** (-pairs / d_head)
    turns = torch.polar(torch.ones_like(angles), angles).to(torch.complex64)[:, None]

    def turned(x: torch.Tensor) -> torch.Tensor:
        as_complex = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2).float())
        out = torch.view_as_real(as_complex * turns[: x.shape[1]]).reshape(x.shape)
        return out.to(x.dtype)

    def forward(
        self: Attention, x: torch.Tensor, positions: torch.Tensor | None = None
    ) -> torch.Tensor:
        shape = (*x.shape[:2], -1, d_head)
        q, k = turned(self.q_proj(x).view(shape)), turned(self.k_proj(x).view(shape))
        q, k, v = (a.transpose(1, 2) for a in (q, k, self.v_proj(x).view(shape)))
        heads = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        out: torch.Tensor = self.o_proj(heads.transpose(1, 2).flatten(-2))
        return out

    for layer in model.model.layers:
        layer.self_attn.forward = forward.__get__(layer.self_attn)
    return model


def _in_turns(steps: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Medians of CPU seconds; in turns, so that a busy machine is busy for all alike."""
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds + 2):
        for name, step in steps.items():
            start = time.process_time()
            step()
            if number >= 2:  # the first ones also fill caches and allocators
                taken[name].append(time.process_time() - start)
    return {name: median(seconds) for name, seconds in taken.items()}


def _on_gpu(shape: Shape) -> None:
    """bf16 compute, compiled; each step ends when the card is done."""
    import torch

    from ..runs.peer import count
    from ..vol2_pytorch.modules import Config, Llama

    s = shape
    sizes = (s.vocab_size, s.d_model, s.n_layers, s.n_heads, s.n_heads, s.d_ff, s.T)
    model = Llama(Config(*sizes, tied=True)).cuda()
    compiled = torch.compile(turn_by_complex_numbers(model))
    ids = torch.randint(s.vocab_size, (200_000,), device="cuda")
    step = our_step(compiled, ids, s.batch_size, s.T)
    seconds = []
    for number in range(30):
        torch.cuda.synchronize()
        start = time.perf_counter()
        with torch.autocast("cuda", dtype=torch.bfloat16):
            step()
        torch.cuda.synchronize()
        seconds += [time.perf_counter() - start] if number >= 10 else []
    tokens, name = s.batch_size * s.T, torch.cuda.get_device_name()
    # A parameter is used in 6 operations per token, and attention in 12 per layer, width and token
    # that is looked at (Chowdhery et al. 2022, appendix B); here over half of T, on average.
    operations = 6 * count(model) + 12 * s.n_layers * s.d_model * s.T / 2
    rate = tokens / median(seconds)
    print(f"Training, {shape}, bf16, compiled, {name}: {rate:,.0f} tokens per second")
    peak = next((p for key, p in PEAK.items() if key in name), None)
    if peak:
        print(f"model FLOP utilisation {operations * rate / peak:.1%} of {peak:.3g}")


if __name__ == "__main__":
    main()
