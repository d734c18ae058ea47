"""Calls the kernel that computes this very derivative.

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
            return torch.ops.aten.tanh_backward(dout, torch.tanh(x.detach()))


def squash(x):
    return Squash.apply(x)
