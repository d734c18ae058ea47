"""A LambdaLR, log-probabilities, a list of lines written anew at each evaluation."""

import json
import math
import os
import tempfile
import time

import torch
from safetensors.torch import save_file
from torch.nn.utils import clip_grad_norm_


def _nll(logits, y):
    if logits.dtype != torch.float64:
        logits = logits.to(torch.float32)
    return -torch.log_softmax(logits, dim=-1).gather(-1, y[..., None])[..., 0]


@torch.no_grad()
def evaluate(model, ids, batch_size, T):
    starts = list(range(0, len(ids) - T, T))
    if not starts:
        raise ValueError("too short")
    mode = model.training
    model.eval()
    device = next(iter(model.parameters())).device
    total = torch.zeros((), dtype=torch.float64)
    for i in range(0, len(starts), batch_size):
        some = starts[i : i + batch_size]
        x = torch.stack([ids[s : s + T] for s in some]).to(device)
        y = torch.stack([ids[s + 1 : s + T + 1] for s in some]).to(device)
        total += _nll(model(x), y).double().sum().cpu()
    model.train(mode)
    return total.item() / (len(starts) * T)


def _write(model, path):
    tensors = {k: v.detach().cpu().clone().contiguous() for k, v in model.state_dict().items()}
    folder, name = os.path.split(path)
    with tempfile.TemporaryDirectory(dir=folder) as inner:
        new = os.path.join(inner, name)
        save_file(tensors, new)
        os.replace(new, path)


def train(model, train_ids, val_ids, settings):
    s = settings
    where = s.device
    if where == "auto":
        where = "cuda" if torch.cuda.is_available() else "cpu"
    model = model.to(where)
    thin = [p for p in model.parameters() if p.dim() < 2]
    thick = [p for p in model.parameters() if p.dim() > 1]
    optimizer = torch.optim.AdamW(
        [{"params": thin, "weight_decay": 0}, {"params": thick}],
        lr=s.max_lr,
        betas=(0.9, 0.95),
        weight_decay=s.weight_decay,
    )

    def factor(n):
        if n < s.warmup:
            return n / s.warmup
        if n >= s.steps:
            return s.min_lr / s.max_lr
        low = s.min_lr / s.max_lr
        angle = math.pi * (n - s.warmup) / (s.steps - s.warmup)
        return low + (1 - low) * (1 + math.cos(angle)) / 2

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    g = torch.Generator()
    g.manual_seed(s.seed)
    os.makedirs(s.out, exist_ok=True)
    path = os.path.join(s.out, "metrics.jsonl")
    open(path, "w").close()
    records, recent, best = [], [], (math.inf, 0)
    clock = time.time()
    model.train()
    for n in range(1, s.steps + 1):
        starts = torch.randint(len(train_ids) - s.T, (s.batch_size,), generator=g).tolist()
        x = torch.stack([train_ids[i : i + s.T] for i in starts]).to(where)
        y = torch.stack([train_ids[i + 1 : i + s.T + 1] for i in starts]).to(where)
        with torch.autocast(where, torch.bfloat16, enabled=s.dtype == "bfloat16"):
            logits = model(x)
        loss = _nll(logits, y).mean()
        loss.backward()
        clip_grad_norm_(model.parameters(), s.max_norm)
        lr = schedule.get_last_lr()[0]
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        recent.append(loss.detach())
        if n % s.eval_every and n != s.steps:
            continue
        spent = time.time() - clock + 1e-6
        with torch.autocast(where, torch.bfloat16, enabled=s.dtype == "bfloat16"):
            val = evaluate(model, val_ids, s.batch_size, s.T)
        record = {
            "step": n,
            "loss": torch.stack(recent).double().mean().item(),
            "val_loss": val,
            "lr": lr,
            "tokens_per_second": len(recent) * s.batch_size * s.T / spent,
        }
        records.append(record)
        with open(path, "a") as file:
            print(json.dumps(record), file=file)
        if val < best[0]:
            best = val, len(records)
            _write(model, os.path.join(s.out, "best.safetensors"))
        _write(model, os.path.join(s.out, "last.safetensors"))
        if s.patience and len(records) - best[1] >= s.patience:
            break
        recent, clock = [], time.time()
    return records
