"""Tiny Shakespeare at the marks of nanoGPT's README; prints what docs/shakespeare.md holds.

    python -m solutions.runs.shakespeare cpu tinyshakespeare.txt     a few minutes on one core
    python -m solutions.runs.shakespeare peer tinyshakespeare.txt    the peer in the same place
    python -m solutions.runs.shakespeare gpu tinyshakespeare.txt     needs a GPU

The loop is `train` of the exercise training_loop. The last tenth of the text is for validation and
all of it is read, in windows side by side.
"""

import argparse
import math
import sys
import tempfile
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import nn

from starter_code.given.tinyshakespeare import load

from ..vol2_pytorch.data import split
from ..vol2_pytorch.modules import Config, Llama
from ..vol2_pytorch.text import CharTokenizer
from ..vol2_pytorch.training_loop import Settings, train
from .peer import GPT, PeerConfig, count

# nanoGPT's README and its configurations: parameters without positions, tokens, loss.
CPU_MARK = (795_904, 2_000 * 12 * 64, 1.88)
GPU_MARK = (10_650_000, 5_000 * 64 * 256, 1.4697)
CPU = (
    Config(66, 128, 4, 4, 4, 340, 64, tied=True),
    Settings(
        *(4000, 6, 64), max_lr=4e-3, min_lr=1e-4, warmup=200, eval_every=500, patience=0, seed=1
    ),
)
GPU = (
    Config(66, 384, 6, 6, 6, 1024, 256, tied=True),
    Settings(
        *(5000, 64, 256),
        max_lr=1.5e-3,
        min_lr=1e-4,
        warmup=200,
        weight_decay=1.0,
        eval_every=250,
        patience=8,
        device="cuda",
        dtype="bfloat16",
    ),
)
# nanoGPT's own for a processor.
PEER = (
    PeerConfig(66, 64, 4, 4, 128),
    replace(CPU[1], steps=2000, batch_size=12, max_lr=1e-3, warmup=100),
)


def corpus(path: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The two parts of the text, as ids of the volume's own tokenizer."""
    text = load(path)
    return split(torch.tensor(CharTokenizer(text).encode(text)), 0.1)


def trained(
    model: nn.Module, train_ids: torch.Tensor, val_ids: torch.Tensor, settings: Settings
) -> list[dict[str, Any]]:
    """Train in place; the records. The checkpoints of the loop are not kept."""
    with tempfile.TemporaryDirectory() as out:
        return train(model, train_ids, val_ids, replace(settings, out=out))


def table(records: list[dict[str, Any]]) -> str:
    """Records in Markdown."""
    lines = [
        "| step | train loss | validation loss | rate | tokens per second |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for r in records:
        losses = f"{r['loss']:.4f} | {r['val_loss']:.4f}"
        speed = f"{r['tokens_per_second']:,.0f}"
        lines.append(f"| {r['step']} | {losses} | {r['lr']:.2e} | {speed} |")
    return "\n".join(lines)


def recipe(path: str, config: Config, settings: Settings, mark: tuple[int, int, float]) -> None:
    """Train the model of this volume and print its log."""
    torch.manual_seed(settings.seed)
    train_ids, val_ids = corpus(path)
    model = Llama(config)
    read = settings.steps * settings.batch_size * settings.T
    print(f"{config}\n{settings}\n")
    print(f"parameters {count(model):,} (mark {mark[0]:,}), characters read {read:,} ({mark[1]:,})")
    assert count(model) <= mark[0] and read <= mark[1]
    compiled: Any = torch.compile(model) if settings.device == "cuda" else model
    records = trained(compiled, train_ids, val_ids, settings)
    best = min(r["val_loss"] for r in records)
    print(f"\n{table(records)}\n")
    print(f"validation loss {best:.4f} nats, {best / math.log(2):.4f} bits; mark {mark[2]}")


def peer(path: str) -> None:
    """Train the peer with nanoGPT's settings for a processor, and print its log."""
    config, settings = PEER
    torch.manual_seed(settings.seed)
    model = GPT(config)
    print(f"{asdict(config)}\n{settings}\n\nparameters {count(model):,}\n")
    print(table(trained(model, *corpus(path), settings)))


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description="Tiny Shakespeare at known marks.")
    parser.add_argument("what", choices=["cpu", "peer", "gpu"])
    parser.add_argument("path", nargs="?", default="tinyshakespeare.txt")
    parser.add_argument("--threads", type=int, default=1)
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    if told.what == "peer":
        peer(told.path)
    elif told.what == "cpu":
        recipe(told.path, *CPU, CPU_MARK)
    elif torch.cuda.is_available():
        recipe(told.path, *GPU, GPU_MARK)
    else:
        sys.exit("There is no GPU here that PyTorch can use; `cpu` trains the small model without.")


if __name__ == "__main__":
    main()
