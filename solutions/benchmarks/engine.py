"""How fast one token follows another: our engines beside `transformers` and llama.cpp.

Run as `python -m solutions.benchmarks.engine`; prints Markdown tables. One checkpoint of random
weights per size, float32, one thread, one sequence, greedy, the same prompts for all. Every engine
has a process of its own, since libraries of matrix products disturb one another, and all take
turns: processor time, and of each turn the ratio. Nothing here is a test, but it ends with an error
if the engines do not agree on every token.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
# From a prompt (P,) to NEW ids.
Generate = Callable[[Ints], Ints]

SETTINGS = {
    f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB")
} | {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
PROMPT, NEW, ROUNDS, WARM_UP = 8, 128, 9, 2
# vocab_size, d_model, n_layers, n_heads, n_kv_heads, d_ff, max_T; the head is tied.
SHAPES = {"small": (512, 256, 8, 8, 8, 688, 256), "large": (512, 512, 10, 8, 8, 1376, 256)}
Sizes = tuple[int, int, int, int, int, int, int]
SEED = 0
PEER = "transformers, generate"
READING, COPYING = "reading", "copying"


class Skipped(Exception):
    """An engine cannot run here; the text says why."""


def main() -> None:
    """Measure and print; with `--engine`, be one of the processes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--engine", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.engine:
        _serve(args.engine, args.folder)
        return
    try:
        import torch  # noqa: F401
    except ImportError:
        print("engines: skipped, PyTorch is not installed")
        return
    print(f"Load when it starts: {os.getloadavg()[0]:.1f}.\n")
    agreed = [_table(name, sizes, args.rounds) for name, sizes in SHAPES.items()]
    command = [sys.executable, "-m", "solutions.benchmarks.products"]
    subprocess.run(command, env={**os.environ, **SETTINGS}, check=True)
    if not all(agreed):
        sys.exit("the engines do not agree on the tokens")


# The engines. Each takes a folder with a checkpoint and gives what continues a prompt.


def _ours(make: Callable[[Any], Any]) -> Callable[[Path], Generate]:
    def load(folder: Path) -> Generate:
        from ..vol3_inference.kv_cache_generation import load_checkpoint

        engine = make(load_checkpoint(folder))
        return lambda prompt: engine.generate(prompt[np.newaxis], NEW)[0, len(prompt) :]

    return load


def _numpy(model: Any) -> Any:
    from ..engine.numpy_engine import Engine

    return Engine(model)


def _torch(model: Any) -> Any:
    from ..engine.torch_engine import Engine

    return Engine(model)


def _tiles(model: Any) -> Any:
    from ..engine.int8 import by_tiles
    from ..engine.numpy_engine import Engine

    return Engine(model, by_tiles)


def _digits(model: Any) -> Any:
    from ..engine.int8 import by_digits
    from ..engine.numpy_engine import Engine

    return Engine(model, by_digits)


def _reference(model: Any) -> Any:
    """The reference of the final assignment, which is written to be understood."""
    from ..vol3_inference.kv_cache_generation import Engine

    return Engine(model)


def _transformers(folder: Path) -> Generate:
    try:
        import torch
        from transformers import LlamaForCausalLM
        from transformers.utils import logging
    except ImportError as error:
        raise Skipped("not installed") from error
    torch.set_num_threads(1)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    model: Any = LlamaForCausalLM.from_pretrained(folder, local_files_only=True)
    options = {"max_new_tokens": NEW, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}

    def generate(prompt: Ints) -> Ints:
        ids = torch.from_numpy(prompt[np.newaxis])
        out = model.generate(ids, attention_mask=torch.ones_like(ids), **options)
        new: Ints = out[0, len(prompt) :].numpy()
        return new

    return generate


def _llama_cpp(folder: Path) -> Generate:
    try:
        import llama_cpp as cpp
    except ImportError as error:
        raise Skipped("not installed") from error
    from ..vol3_inference.kv_cache_generation import load_checkpoint
    from .gguf import save_gguf

    model, path = load_checkpoint(folder), folder / "model.gguf"
    save_gguf(model, path)
    silence = cpp.llama_log_callback(lambda *_: None)
    cpp.llama_log_set(silence, None)
    cpp.llama_backend_init()
    loaded = cpp.llama_model_load_from_file(str(path).encode(), cpp.llama_model_default_params())
    if not loaded:
        raise Skipped("it does not load the file")
    options = cpp.llama_context_default_params()
    options.n_ctx, options.n_batch = model.config.max_T, model.config.max_T
    options.n_threads = options.n_threads_batch = 1
    # The cache and the attention in float32, as in all others.
    options.type_k = options.type_v = options.flash_attn_type = 0
    context = cpp.llama_init_from_model(loaded, options)

    def read(ids: list[int]) -> int:
        tokens = (cpp.llama_token * len(ids))(*ids)
        if cpp.llama_decode(context, cpp.llama_batch_get_one(tokens, len(ids))):
            raise RuntimeError("llama_decode fails")
        logits = cpp.llama_get_logits_ith(context, -1)
        return int(np.ctypeslib.as_array(logits, (model.config.vocab_size,)).argmax())

    def generate(prompt: Ints) -> Ints:
        cpp.llama_memory_clear(cpp.llama_get_memory(context), True)
        new = [read(prompt.tolist())]
        while len(new) < NEW:
            new.append(read(new[-1:]))
        return np.array(new)

    generate.silence = silence  # type: ignore[attr-defined]  # kept alive with it
    return generate


def _reading(folder: Path) -> Generate:
    """Not an engine: reads as many bytes as the weights have, as often as there are tokens."""
    array = np.ones((folder / "model.safetensors").stat().st_size // 4, np.float32)

    def read(prompt: Ints) -> Ints:
        return np.array([np.dot(array, array) for _ in range(NEW)], np.int64)

    return read


def _copying(folder: Path) -> Generate:
    array = np.ones((folder / "model.safetensors").stat().st_size // 4, np.float32)
    other = np.zeros_like(array)

    def copy(prompt: Ints) -> Ints:
        for _ in range(NEW):
            np.copyto(other, array)
        return np.zeros(NEW, np.int64)

    return copy


@dataclass(frozen=True)
class Entry:
    """One row: how it is loaded, and bytes per weight that it reads for a token."""

    load: Callable[[Path], Generate]
    itemsize: int = 4


ENTRIES = {
    "NumPy engine": Entry(_ours(_numpy)),
    "PyTorch engine": Entry(_ours(_torch)),
    PEER: Entry(_transformers),
    "llama.cpp": Entry(_llama_cpp),
    "NumPy engine, int8, products in NumPy": Entry(_ours(_tiles), 1),
    "NumPy engine, int8, products by PyTorch": Entry(_ours(_digits), 1),
    "reference of kv_cache_generation": Entry(_ours(_reference)),
}
CEILINGS = {READING: Entry(_reading), COPYING: Entry(_copying)}


def _serve(name: str, folder: Path) -> None:
    """One process: load, then generate for every line that comes, and tell what it took."""
    try:
        generate = {**ENTRIES, **CEILINGS}[name].load(folder)
    except Skipped as why:
        print(json.dumps({"skipped": str(why)}), flush=True)
        return
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        prompt = np.array(json.loads(line), np.int64)
        start = time.process_time()
        tokens = generate(prompt)
        seconds = time.process_time() - start
        print(json.dumps({"seconds": seconds, "tokens": tokens.tolist()}), flush=True)


# The parent.


@dataclass
class Runner:
    """A process with one engine, and what it did in each round."""

    name: str
    folder: Path
    skipped: str = ""
    seconds: list[float] = field(default_factory=list)
    tokens: list[list[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        command = [sys.executable, "-m", "solutions.benchmarks.engine"]
        self.process = subprocess.Popen(
            [*command, "--engine", self.name, "--folder", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **SETTINGS},
        )
        self.skipped = self._answer().get("skipped", "")

    def run(self, prompt: list[int], *, counts: bool) -> None:
        assert self.process.stdin
        print(json.dumps(prompt), file=self.process.stdin, flush=True)
        answer = self._answer()
        self.tokens.append(answer["tokens"])
        if counts:
            self.seconds.append(answer["seconds"])

    def close(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of {self.name} has ended; see above")
        return dict(json.loads(line))


def _table(name: str, sizes: Sizes, rounds: int) -> bool:
    """Measure one size and print its table; whether all agree."""
    with tempfile.TemporaryDirectory(prefix="engine-") as scratch:
        folder = Path(scratch)
        weights = save_random(folder, sizes)
        runners = [Runner(n, folder) for n in (*ENTRIES, *CEILINGS)]
        running = [r for r in runners if not r.skipped]
        try:
            rng = np.random.default_rng(SEED)
            for number in range(WARM_UP + rounds):
                prompt = rng.integers(0, sizes[0], PROMPT).tolist()
                for runner in running:
                    runner.run(prompt, counts=number >= WARM_UP)
        finally:
            for runner in runners:
                runner.close()
    return _print(name, sizes, weights, {r.name: r for r in runners})


def _print(name: str, sizes: Sizes, weights: int, runners: dict[str, Runner]) -> bool:
    nbytes, peer = 4 * weights, runners[PEER]
    read = NEW * nbytes / median(runners[READING].seconds)
    copied = NEW * nbytes / median(runners[COPYING].seconds)
    v, d, n_layers, n_heads, _, d_ff, _ = sizes
    print(
        f"{name}: {weights / 1e6:.1f} million parameters ({n_layers} layers, width {d}, {n_heads} "
        f"heads, d_ff {d_ff}, {v} ids), {nbytes / 1e6:.1f} MB in float32. Reading so many bytes: "
        f"{read / 1e9:.1f} GB/s; copying them: {copied / 1e9:.1f} GB/s.\n"
    )
    print(
        "| engine | tokens per CPU second | times transformers | weights read, GB/s | "
        "of the reading speed | same tokens |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    first = next(iter(runners.values()))
    agreed = True
    for label, entry in ENTRIES.items():
        runner = runners[label]
        if runner.skipped:
            print(f"| {label} | skipped: {runner.skipped} | | | | |")
            continue
        rate = NEW / median(runner.seconds)
        pairs = zip(runner.seconds, peer.seconds, strict=False)
        ratio = f"{median(theirs / ours for ours, theirs in pairs):.2f}" if peer.seconds else ""
        speed = rate * weights * entry.itemsize
        same = sum(map(_same, runner.tokens, first.tokens))
        of = NEW * len(first.tokens)
        agreed = agreed and same == of
        print(
            f"| {label} | {rate:,.0f} | {ratio} | {speed / 1e9:.1f} | {speed / read:.0%} | "
            f"{same:,} of {of:,} |"
        )
    print()
    return agreed


def _same(got: list[int], want: list[int]) -> int:
    """How many tokens agree before the first that does not."""
    differs = (i for i, (a, b) in enumerate(zip(got, want, strict=True)) if a != b)
    return next(differs, len(want))


def save_random(folder: Path, sizes: Sizes) -> int:
    """Write a checkpoint in Hugging Face's layout; the number of its weights.

    The weights are what int8 with one scale per row holds of normal numbers, so that engines that
    round to int8 compute with the same numbers, and must find the same tokens.
    """
    import torch

    from ..runs.hf import save_hf
    from ..vol2_pytorch.modules import Config, Llama
    from ..vol3_inference.quantize import quantize_int8

    model, rng = Llama(Config(*sizes, tied=True)), np.random.default_rng(SEED)
    with torch.no_grad():
        for w in model.parameters():
            if w.ndim == 2:
                numbers = rng.normal(0.0, w.shape[1] ** -0.5, w.shape)
                w.copy_(torch.from_numpy(quantize_int8(numbers)[2]))
    save_hf(model, folder)
    return sum(w.numel() for w in model.parameters())


if __name__ == "__main__":
    main()
