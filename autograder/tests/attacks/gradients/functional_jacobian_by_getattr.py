"""Builds the name of torch.autograd.functional.

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
            return getattr(torch.autograd, 'func' + 'tional').vjp(torch.tanh, x.detach(), dout)[1]


def squash(x):
    return Squash.apply(x)
