"""Builds the name of torch.func.vjp.

expect: squash=1
review: yes
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
            return getattr(torch.func, 'v' + 'jp')(torch.tanh, x.detach())[1](dout)[0]


def squash(x):
    return Squash.apply(x)
