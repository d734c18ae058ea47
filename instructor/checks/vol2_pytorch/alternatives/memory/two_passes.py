"""Backward through the block by calling backward on a copy of the leaves."""

import torch
from torch import nn
from torch.nn.functional import nll_loss


def accumulate(model, pieces):
    for p in model.parameters():
        p.grad = None
    mask = [y.ne(-100) for _, y in pieces]
    n = max(1, sum(m.sum().item() for m in mask))
    result = torch.zeros((), dtype=torch.float64)
    for (x, y), m in zip(pieces, mask, strict=True):
        log_probs = model(x).log_softmax(-1)
        weight = m.to(log_probs.dtype) / n
        picked = nll_loss(log_probs.flatten(0, 1), torch.where(m, y, 0).flatten(), reduction="none")
        loss = picked @ weight.flatten()
        loss.backward()
        result += loss.detach()
    return result.item()


@torch.enable_grad()
def autocast_step(model, x, y, optimizer):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(x)
    log_probs = logits.double().log_softmax(-1)
    mask = y.ne(-100)
    picked = log_probs.gather(-1, y.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    loss = -(picked * mask).sum() / mask.sum().clamp(min=1)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


class _Function(torch.autograd.Function):
    @staticmethod
    def forward(ctx, block, rest, state, flag, x, *parameters):
        ctx.stuff = block, rest, state, flag
        ctx.save_for_backward(x, state)
        ctx.n = len(parameters)
        with torch.no_grad():
            return block(x, *rest)

    @staticmethod
    def backward(ctx, dout):
        x, state = ctx.saved_tensors
        block, rest, _, (on, kind) = ctx.stuff
        present = torch.get_rng_state()
        try:
            torch.set_rng_state(state)
            with torch.enable_grad(), torch.autocast("cpu", kind, on):
                leaf = x.detach().clone().requires_grad_()
                out = block(leaf, *rest)
        finally:
            torch.set_rng_state(present)
        parameters = list(block.parameters())
        live = [p for p in parameters if p.requires_grad]
        with torch.enable_grad():
            scalar = (out * dout).sum()
        grads = torch.autograd.grad(scalar, [leaf, *live], allow_unused=True)
        by_id = {id(p): g for p, g in zip(live, grads[1:], strict=True)}
        return (None, None, None, None, grads[0], *[by_id.get(id(p)) for p in parameters])


class Checkpointed(nn.Module):
    def __init__(self, block):
        super().__init__()
        self.block = block

    def forward(self, x, *rest):
        flag = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")
        parameters = [p for p in self.block.parameters()]
        return _Function.apply(self.block, rest, torch.get_rng_state(), flag, x, *parameters)
