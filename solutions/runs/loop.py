"""The loop of these runs, in the terms of this volume's `training_loop`."""

import math
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from ..vol2_pytorch.data import get_batch, windows


@dataclass(frozen=True)
class Settings:
    """What a run does: see `training_loop`."""

    steps: int
    batch_size: int
    T: int
    max_lr: float
    min_lr: float
    warmup: int
    weight_decay: float = 0.1
    max_norm: float = 1.0
    eval_every: int = 250
    seed: int = 0


@torch.no_grad()
def evaluate(model: nn.Module, ids: torch.Tensor, batch_size: int, T: int) -> float:
    """Nats per token over all windows of `ids`."""
    model.eval()
    x, y = windows(ids, T)
    total = 0.0
    for at in range(0, len(x), batch_size):
        logits = model(x[at : at + batch_size])
        targets = y[at : at + batch_size].flatten()
        total += float(F.cross_entropy(logits.flatten(0, 1).float(), targets, reduction="sum"))
    model.train()
    return total / y.numel()


def update(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    max_norm: float,
) -> torch.Tensor:
    """One step; the loss before it."""
    loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.detach()


def rate(step: int, s: Settings) -> float:
    """Warm-up and half a cosine."""
    if step < s.warmup:
        return s.max_lr * step / s.warmup
    part = (step - s.warmup) / max(s.steps - s.warmup, 1)
    return s.min_lr + (s.max_lr - s.min_lr) * (1 + math.cos(math.pi * part)) / 2


def train(
    model: nn.Module,
    train_ids: torch.Tensor,
    val_ids: torch.Tensor,
    settings: Settings,
    *,
    quiet: bool = False,
) -> list[dict[str, Any]]:
    """Train in place; a record per evaluation, printed as it comes unless `quiet`."""
    s = settings
    generator = torch.Generator().manual_seed(s.seed)
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": s.weight_decay},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=s.max_lr, betas=(0.9, 0.99), fused=True)
    records: list[dict[str, Any]] = []
    start, losses = time.perf_counter(), list[torch.Tensor]()
    for step in range(1, s.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = rate(step, s)
        x, y = get_batch(train_ids, s.batch_size, s.T, generator)
        losses.append(update(model, optimizer, x, y, max_norm=s.max_norm))
        if step % s.eval_every == 0 or step == s.steps:
            records.append(
                {
                    "step": step,
                    "loss": float(torch.stack(losses).mean()),
                    "val_loss": evaluate(model, val_ids, 64, s.T),
                    "lr": rate(step, s),
                    "seconds": time.perf_counter() - start,
                }
            )
            if not quiet:
                print(shown(records[-1]), flush=True)
            losses = []
    return records


def shown(record: dict[str, Any]) -> str:
    """A record as a row of a table in Markdown."""
    return (
        f"| {record['step']} | {record['loss']:.4f} | {record['val_loss']:.4f} "
        f"| {record['lr']:.2e} | {record['seconds']:.0f} |"
    )
