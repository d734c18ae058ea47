"""Calls .backward() on a tensor inside of backward: no rule sees whose method it is.

expect: squash=1
"""
import torch


class Squash(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.tanh(x)

    @staticmethod
    def backward(ctx, dout):
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            torch.tanh(x).backward(dout)
            return x.grad


def squash(x):
    return Squash.apply(x)
