"""One function with the rate bound as a default argument; autograd.grad in place of backward."""

import math

import torch


def warmup_cosine(optimizer, min_lr, warmup, total):
    def factor(step, lr):
        if step < min(warmup, total):
            return step / warmup
        left = max(0, total - step) / max(1, total - warmup)
        return (min_lr + (lr - min_lr) * math.sin(math.pi / 2 * left) ** 2) / lr

    functions = [lambda step, lr=group["lr"]: factor(step, lr) for group in optimizer.param_groups]
    return torch.optim.lr_scheduler.LambdaLR(optimizer, functions)


def gradients(parameters):
    for p in parameters:
        if p.grad is not None:
            yield p.grad


def clip_grad_norm(parameters, max_norm):
    grads = tuple(gradients(parameters))
    total = 0.0
    for g in grads:
        for number in g.flatten().tolist():
            total += number * number
    norm = total**0.5
    if norm <= max_norm:
        return norm
    for g in grads:
        g.copy_(g / norm * max_norm)
    return norm


def train_step(loss_fn, optimizer, scheduler, max_norm):
    every = [p for group in optimizer.param_groups for p in group["params"]]
    loss = loss_fn()
    for p, g in zip(every, torch.autograd.grad(loss, every, allow_unused=True), strict=True):
        p.grad = g
    clip_grad_norm(every, max_norm)
    optimizer.step()
    scheduler.step()
    return loss.tolist()
