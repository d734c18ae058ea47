"""Losses from log-probabilities, gradients put together by hand, a function that saves by name."""

import torch
from torch import nn


def _sum(logits, y):
    kept = y != -100
    log_probs = torch.log_softmax(logits[kept], dim=-1)
    return -log_probs.gather(-1, y[kept][:, None]).sum()


def accumulate(model, pieces):
    parameters = list(model.parameters())
    for p in parameters:
        p.grad = torch.zeros_like(p)
    tokens, total = 0, 0.0
    for x, y in pieces:
        loss = _sum(model(x), y)
        for p, g in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            p.grad += g
        tokens += int(torch.count_nonzero(y + 100))
        total += loss.item()
    for p in parameters:
        p.grad /= tokens or 1
    return total / (tokens or 1)


def autocast_step(model, x, y, optimizer):
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad = None
    with torch.autocast(device_type="cpu", dtype=torch.bfloat16):
        logits = model(x)
        with torch.autocast(device_type="cpu", enabled=False):
            loss = _sum(logits.to(torch.float32), y) / ((y != -100).sum() + (y == -100).all())
    loss.backward()
    optimizer.step()
    return loss.item()


class _Again(torch.autograd.Function):
    @staticmethod
    def forward(ctx, run, x, *weights):
        ctx.run, ctx.weights = run, weights
        ctx.save_for_backward(x)
        return run(x)

    @staticmethod
    def backward(ctx, dout):
        x = ctx.saved_tensors[0].detach()
        x.requires_grad = True
        with torch.enable_grad():
            out = ctx.run(x)
        inputs = [x] + [w for w in ctx.weights if w.requires_grad]
        grads = list(torch.autograd.grad(out, inputs, dout, allow_unused=True))
        dx = grads.pop(0)
        return (None, dx, *[grads.pop(0) if w.requires_grad else None for w in ctx.weights])


class Checkpointed(nn.Module):
    def __init__(self, block):
        super().__init__()
        self.block = block

    def forward(self, x, *rest):
        state, autocast = torch.get_rng_state(), torch.is_autocast_enabled("cpu")
        dtype = torch.get_autocast_dtype("cpu")
        runs = []

        def run(value):
            if runs:
                with torch.random.fork_rng(devices=[]), torch.autocast("cpu", dtype, autocast):
                    torch.set_rng_state(state)
                    return self.block(value, *rest)
            runs.append(1)
            return self.block(value, *rest)

        return _Again.apply(run, x, *self.block.parameters())
