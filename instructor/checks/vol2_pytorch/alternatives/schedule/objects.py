"""A callable object per group; norms by the library's vector norm; everything spelled out."""

from math import cos, pi

import torch
from torch.optim.lr_scheduler import LambdaLR


class Factor:
    def __init__(self, own, floor, warmup, total):
        self.own, self.floor, self.warmup, self.total = own, floor, warmup, total

    def __call__(self, step):
        return self.rate(step) / self.own

    def rate(self, step):
        if step < self.warmup and step < self.total:
            return self.own / self.warmup * step
        u = 1.0 if step >= self.total else (step - self.warmup) / (self.total - self.warmup)
        return (self.own + self.floor) / 2 + (self.own - self.floor) / 2 * cos(pi * u)


def warmup_cosine(optimizer, min_lr, warmup, total):
    functions = []
    for group in optimizer.param_groups:
        functions.append(Factor(group["lr"], min_lr, warmup, total))
    return LambdaLR(optimizer, lr_lambda=functions)


@torch.no_grad()
def clip_grad_norm(parameters, max_norm):
    kept = list(parameters)
    norms = [torch.linalg.vector_norm(p.grad) for p in kept if p.grad is not None]
    if len(norms) == 0:
        return 0.0
    norm = torch.linalg.vector_norm(torch.stack(norms))
    factor = torch.clamp(max_norm / (norm + 1e-6), max=1.0)
    for p in kept:
        if p.grad is not None:
            p.grad.detach().mul_(factor.to(p.grad.dtype))
    return norm


def train_step(loss_fn, optimizer, scheduler, max_norm):
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad = None
    loss = loss_fn()
    value = float(loss.detach())
    loss.backward()
    parameters = []
    for group in optimizer.param_groups:
        parameters += group["params"]
    clip_grad_norm(parameters, max_norm)
    optimizer.step()
    scheduler.step()
    return value
