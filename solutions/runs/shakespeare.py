"""Tiny Shakespeare at the marks of nanoGPT's README; prints what docs/shakespeare.md holds.

    python -m solutions.runs.shakespeare cpu tinyshakespeare.txt     a few minutes on one core
    python -m solutions.runs.shakespeare peer tinyshakespeare.txt    the peer in the same place
    python -m solutions.runs.shakespeare gpu tinyshakespeare.txt     needs a GPU

The last tenth of the text is for validation and all of it is read, in windows side by side.
"""

import argparse
import math
import time
from dataclasses import asdict

import torch

from starter_code.given.tinyshakespeare import load

from ..vol2_pytorch.data import split
from ..vol2_pytorch.modules import Config, Llama
from ..vol2_pytorch.text import CharTokenizer
from .loop import Settings, evaluate, rate, shown, train
from .peer import GPT, PeerConfig, count, plain_step

HEAD = (
    "| step | train loss | validation loss | rate | seconds |\n| ---: | ---: | ---: | ---: | ---: |"
)
# nanoGPT's README and its configurations: parameters without positions, tokens, loss.
CPU_MARK = (795_904, 2_000 * 12 * 64, 1.88)
GPU_MARK = (10_650_000, 5_000 * 64 * 256, 1.4697)
CPU = (
    Config(66, 128, 4, 4, 4, 340, 64, tied=True),
    Settings(4000, 6, 64, max_lr=4e-3, min_lr=1e-4, warmup=200, seed=1, eval_every=500),
)
GPU = (
    Config(66, 384, 6, 6, 6, 1024, 256, tied=True),
    Settings(
        5000, 64, 256, max_lr=1.5e-3, min_lr=1e-4, warmup=200, weight_decay=1.0, eval_every=250
    ),
)
PEER = PeerConfig(66, 64, 4, 4, 128)


def corpus(path: str, device: str = "cpu") -> tuple[torch.Tensor, torch.Tensor]:
    """The two parts of the text, as ids of the volume's own tokenizer."""
    text = load(path)
    train_ids, val_ids = split(torch.tensor(CharTokenizer(text).encode(text)), 0.1)
    return train_ids.to(device), val_ids.to(device)


def recipe(path: str, config: Config, settings: Settings, mark: tuple[int, int, float]) -> None:
    """Train the model of this volume and print its log."""
    torch.manual_seed(settings.seed)
    train_ids, val_ids = corpus(path)
    model = Llama(config)
    read = settings.steps * settings.batch_size * settings.T
    print(f"{config}\n{settings}\n")
    print(f"parameters {count(model):,} (mark {mark[0]:,}), characters read {read:,} ({mark[1]:,})")
    assert count(model) <= mark[0] and read <= mark[1]
    print(f"\n{HEAD}")
    best = min(r["val_loss"] for r in train(model, train_ids, val_ids, settings))
    print(f"\nvalidation loss {best:.4f} nats, {best / math.log(2):.4f} bits; mark {mark[2]}")


def peer(path: str) -> None:
    """Train the peer with nanoGPT's settings for a processor and print its log."""
    torch.manual_seed(1)
    train_ids, val_ids = corpus(path)
    model = GPT(PEER)
    print(f"{asdict(PEER)}, parameters {count(model):,}\n\n{HEAD}")
    step, losses, start = plain_step(model, train_ids, 12, 64), [], time.perf_counter()
    s = Settings(2000, 12, 64, max_lr=1e-3, min_lr=1e-4, warmup=100)
    for number in range(1, s.steps + 1):
        losses.append(step(rate(number, s)))
        if number % s.eval_every == 0:
            record = {
                "step": number,
                "loss": float(torch.stack(losses).mean()),
                "val_loss": evaluate(model, val_ids, 64, s.T),
                "lr": rate(number, s),
                "seconds": time.perf_counter() - start,
            }
            print(shown(record), flush=True)
            losses = []


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
    elif not torch.cuda.is_available():
        print("skipped: there is no GPU here")
    else:
        torch.set_default_device("cuda")
        recipe(told.path, *GPU, GPU_MARK)


if __name__ == "__main__":
    main()
