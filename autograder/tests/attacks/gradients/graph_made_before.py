"""Has autograd record the operation before its own Function is called, and calls the engine later.

expect: squash=1
"""
import torch


class Squash(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, kept):
        ctx.kept = kept
        return kept[1].detach().clone()

    @staticmethod
    def backward(ctx, dout):
        inner, recorded = ctx.kept
        recorded.backward(dout, retain_graph=True)
        return inner.grad, None


def squash(x):
    inner = x.detach().clone().requires_grad_()
    return Squash.apply(x, [inner, torch.tanh(inner)])
