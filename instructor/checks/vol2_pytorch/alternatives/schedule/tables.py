"""All factors computed beforehand; one flat gradient for the norm."""

import numpy as np
import torch
from torch.optim import lr_scheduler


def warmup_cosine(optimizer, min_lr, warmup, total):
    steps = np.arange(total + 1)
    falling = (1 + np.cos(np.pi * (steps - warmup) / max(total - warmup, 1))) / 2
    rising = steps / max(warmup, 1)

    def look_up(lr):
        table = np.where(steps < warmup, rising, min_lr / lr + (1 - min_lr / lr) * falling)
        table[-1] = min_lr / lr
        return lambda step: float(table[min(step, total)])

    tables = [look_up(group["lr"]) for group in optimizer.param_groups]
    return lr_scheduler.LambdaLR(optimizer, tables)


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad.detach() for p in parameters if p.grad is not None]
    flat = torch.cat([g.reshape(-1) for g in grads]) if grads else torch.zeros(1)
    norm = float(torch.sqrt(flat @ flat))
    if norm > 0:
        torch._foreach_mul_(grads, min(1.0, max_norm / norm))
    return norm


def train_step(loss_fn, optimizer, scheduler, max_norm):
    optimizer.zero_grad(set_to_none=False)
    with torch.enable_grad():
        loss = loss_fn()
        torch.autograd.backward(loss)
    clip_grad_norm([p for g in optimizer.param_groups for p in g["params"]], max_norm)
    optimizer.step()
    scheduler.step()
    return loss.detach().item()
