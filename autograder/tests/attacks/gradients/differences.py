"""Differences its forward instead of deriving: too coarse for the values.

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
        return dout * (torch.tanh(x + 1e-6) - torch.tanh(x - 1e-6)) / 2e-6


def squash(x):
    return Squash.apply(x)
