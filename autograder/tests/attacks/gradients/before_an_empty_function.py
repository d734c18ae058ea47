"""Puts a Function that does nothing before operations that autograd records.

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
    return torch.tanh(Through.apply(x))
