"""Runs the engine by an operation that it hides behind.

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
            torch.ops.aten._backward(torch.tanh(x), [x], dout)
            return x.grad


def squash(x):
    return Squash.apply(x)
