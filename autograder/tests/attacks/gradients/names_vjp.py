"""Imports torch.func.vjp under another name. The rules follow it.

expect: squash=0
"""
import torch
from torch.func import vjp as pull


class Squash(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.tanh(x)

    @staticmethod
    def backward(ctx, dout):
        (x,) = ctx.saved_tensors
        return pull(torch.tanh, x)[1](dout)[0]


def squash(x):
    return Squash.apply(x)
