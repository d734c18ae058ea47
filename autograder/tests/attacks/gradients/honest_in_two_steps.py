"""An honest solution of two Functions, one of which calls the other in its backward.

expect: squash=4
"""
import torch
from torch.autograd import Function


class Twice(Function):
    @staticmethod
    def forward(x):
        return x + x

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, dout):
        return Twice.apply(dout)


class Half(Function):
    @staticmethod
    def forward(ctx, x):
        out = torch.tanh(0.5 * x)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, dout):
        return dout * (1.0 - ctx.saved_tensors[0].square()) * 0.5


def squash(x):
    return Half.apply(Twice.apply(x))
