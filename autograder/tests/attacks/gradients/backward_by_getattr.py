"""Builds the name of torch.autograd.backward.

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
            getattr(torch.autograd, 'back' + 'ward')(torch.tanh(x), dout)
            return x.grad


def squash(x):
    return Squash.apply(x)
