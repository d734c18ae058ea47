"""Puts a Function that does nothing behind operations that autograd has recorded.

expect: squash=0
"""
import torch


class Through(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, dout):
        return dout


def squash(x):
    return Through.apply(torch.tanh(x))
