"""Batches and records as generators; early stopping by a window of losses."""

import json
import math
import os
import time
import uuid
from itertools import count, islice

import torch
import torch.nn.functional as F
from safetensors.torch import save_file


def _cross_entropy(model, x, y, dtype):
    with torch.autocast(x.device.type, torch.bfloat16, enabled=dtype == "bfloat16"):
        logits = model(x)
    if logits.dtype is not torch.float64:
        logits = logits.float()
    return F.cross_entropy(logits.permute(0, 2, 1), y, reduction="sum")


def evaluate(model, ids, batch_size, T, dtype=None):
    n = (len(ids) - 1) // T
    if n == 0:
        raise ValueError("no window")
    on = torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda")
    dtype = dtype or ("bfloat16" if on else "float32")
    device = next(p.device for p in model.parameters())
    training, sums = model.training, []
    model.train(False)
    with torch.set_grad_enabled(False):
        for first in range(0, n, batch_size):
            last = min(first + batch_size, n)
            x = ids[first * T : last * T].reshape(-1, T).to(device)
            y = ids[first * T + 1 : last * T + 1].reshape(-1, T).to(device)
            sums.append(float(_cross_entropy(model, x, y, dtype)))
    model.train(training)
    return sum(sums) / n / T


def _batches(ids, settings, device):
    generator = torch.Generator()
    generator = generator.manual_seed(settings.seed)
    offsets = torch.arange(settings.T)
    while True:
        shape = (settings.batch_size,)
        starts = torch.randint(0, len(ids) - settings.T, shape, generator=generator)
        at = starts.unsqueeze(1) + offsets
        yield ids[at].to(device), ids[at + 1].to(device)


def _rates(s):
    for n in count():
        if n < s.warmup:
            yield s.max_lr * (n / s.warmup)
        else:
            share = (n - s.warmup) / (s.steps - s.warmup)
            yield s.min_lr + (s.max_lr - s.min_lr) * math.cos(math.pi * share / 2) ** 2


def _put(model, folder, name):
    new = os.path.join(folder, uuid.uuid4().hex)
    copies = {}
    for key, value in model.state_dict().items():
        copies[key] = torch.clone(value.detach().cpu(), memory_format=torch.contiguous_format)
    save_file(copies, new)
    os.rename(new, os.path.join(folder, name))


def _updates(model, ids, s, device):
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.95), weight_decay=0.0)
    for (x, y), rate in zip(_batches(ids, s, device), _rates(s), strict=False):
        start = time.perf_counter()
        loss = _cross_entropy(model, x, y, s.dtype) / y.numel()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(model.parameters()), s.max_norm)
        with torch.no_grad():  # decay comes first, and apart
            for p in model.parameters():
                if p.ndim >= 2 and p.grad is not None:
                    p.mul_(1 - rate * s.weight_decay)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        yield float(loss.detach()), rate, time.perf_counter() - start


def train(model, train_ids, val_ids, settings):
    s = settings
    device = s.device.replace("auto", "cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    model.train(True)
    os.makedirs(s.out, exist_ok=True)
    metrics = os.path.join(s.out, "metrics.jsonl")
    with open(metrics, "w"):
        pass
    records, losses = [], []
    updates = _updates(model, train_ids, s, device)
    done = 0
    while done < s.steps:
        some = list(islice(updates, min(s.eval_every, s.steps - done)))
        done += len(some)
        losses.append(evaluate(model, val_ids, s.batch_size, s.T, s.dtype))
        spent = sum(seconds for _, _, seconds in some)
        records.append(
            {
                "step": done,
                "loss": sum(loss for loss, _, _ in some) / len(some),
                "val_loss": losses[-1],
                "lr": some[-1][1],
                "tokens_per_second": len(some) * s.batch_size * s.T / spent,
            }
        )
        with open(metrics, "a") as file:
            json.dump(records[-1], file)
            file.write("\n")
        _put(model, s.out, "last.safetensors")
        if losses[-1] < min(losses[:-1], default=math.inf):
            _put(model, s.out, "best.safetensors")
        if 0 < s.patience < len(losses) and min(losses) < min(losses[-s.patience :]):
            break
    return records
