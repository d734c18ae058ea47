"""Gradients by torch.autograd.grad, clipping by hand, an optimizer with one group per parameter."""

import json
import math
from pathlib import Path
from time import perf_counter

import safetensors.torch
import torch


def evaluate(model, ids, batch_size, T):
    n = (ids.numel() - 1) // T
    if n <= 0:
        raise ValueError("there is no whole window")
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    loss = torch.nn.CrossEntropyLoss(reduction="none")
    device = next(model.parameters()).device
    kept = []
    with torch.inference_mode():
        windows = ids.unfold(0, T + 1, T)[:n].to(device)
        for part in windows.split(batch_size):
            logits = model(part[:, :-1])
            logits = logits.double() if logits.dtype == torch.float64 else logits.float()
            kept += loss(logits.transpose(1, 2), part[:, 1:]).flatten().tolist()
    for module, mode in modes:
        module.training = mode
    return math.fsum(kept) / len(kept)


class _Run:
    def __init__(self, model, settings):
        self.model, self.s = model, settings
        self.place = Path(settings.out)
        self.place.mkdir(exist_ok=True, parents=True)
        self.path = self.place / "metrics.jsonl"
        self.path.write_text("")
        self.records, self.losses, self.seconds = [], [], 0.0

    def rate(self, n):
        s = self.s
        if n < s.warmup:
            return n * s.max_lr / s.warmup
        done = (n - s.warmup) / (s.steps - s.warmup)
        return (s.max_lr + s.min_lr) / 2 + (s.max_lr - s.min_lr) / 2 * math.cos(math.pi * done)

    def update(self, optimizer, x, y, n):
        began = perf_counter()
        parameters = [p for g in optimizer.param_groups for p in g["params"]]
        with torch.autocast(x.device.type, torch.bfloat16, self.s.dtype == "bfloat16"):
            logits = self.model(x)
        if logits.dtype != torch.float64:
            logits = logits.float()
        loss = torch.nn.functional.cross_entropy(
            logits.reshape(-1, logits.shape[-1]), y.reshape(-1)
        )
        grads = torch.autograd.grad(loss, parameters)
        norm = torch.sqrt(sum((g * g).sum() for g in grads))
        scale = (self.s.max_norm / (norm + 1e-6)).clamp(max=1.0)
        for p, g in zip(parameters, grads, strict=True):
            p.grad = g * scale
        for group in optimizer.param_groups:
            group["lr"] = self.rate(n)
        optimizer.step()
        self.losses.append(loss.item())
        self.seconds += perf_counter() - began

    def store(self, name):
        state = self.model.state_dict()
        tensors = {k: torch.empty(v.shape, dtype=v.dtype).copy_(v) for k, v in state.items()}
        new = self.place / ("." + name)
        new.write_bytes(safetensors.torch.save(tensors))
        new.replace(self.place / name)

    def record(self, n, val_loss):
        tokens = len(self.losses) * self.s.batch_size * self.s.T
        best = min((r["val_loss"] for r in self.records), default=math.inf)
        one = {
            "step": n,
            "loss": math.fsum(self.losses) / len(self.losses),
            "val_loss": val_loss,
            "lr": self.rate(n - 1),
            "tokens_per_second": tokens / self.seconds,
        }
        self.records.append(one)
        self.path.write_text("".join(json.dumps(r) + "\n" for r in self.records))
        self.store("last.safetensors")
        if val_loss < best:
            self.store("best.safetensors")
        self.losses, self.seconds = [], 0.0


def train(model, train_ids, val_ids, settings):
    device = settings.device
    if device not in ("cpu", "cuda"):
        device = ("cpu", "cuda")[torch.cuda.is_available()]
    model.to(device).train()
    groups = [
        {"params": [p], "weight_decay": settings.weight_decay * (p.ndim > 1)}
        for p in model.parameters()
        if p.requires_grad
    ]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95))
    run, g = _Run(model, settings), torch.Generator()
    g.manual_seed(settings.seed)
    T, n = settings.T, 0
    windows = train_ids.unfold(0, T + 1, 1).to(device)
    for n in range(settings.steps):
        starts = torch.randint(len(train_ids) - T, (settings.batch_size,), generator=g)
        batch = windows[starts.to(device)]
        run.update(optimizer, batch[:, :-1], batch[:, 1:], n)
        if n == settings.steps - 1 or n % settings.eval_every == settings.eval_every - 1:
            with torch.autocast(device, torch.bfloat16, settings.dtype == "bfloat16"):
                val_loss = evaluate(model, val_ids, settings.batch_size, T)
            run.record(n + 1, val_loss)
            losses = [r["val_loss"] for r in run.records]
            if (
                settings.patience
                and len(losses) - 1 - losses.index(min(losses)) >= settings.patience
            ):
                break
    return run.records
