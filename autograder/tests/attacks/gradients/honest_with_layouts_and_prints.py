"""An honest solution that flattens, prints tensors with their nodes, and asks for a dtype.

expect: squash=4
"""
import torch


class Squash(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows):
        out = 2 / (1 + torch.exp(-2 * rows)) - 1
        ctx.save_for_backward(out)
        print(rows, out)
        return out

    @staticmethod
    def backward(ctx, dout):
        (out,) = ctx.saved_tensors
        slope = torch.ones_like(out) - out * out
        print(dout, slope, ctx.needs_input_grad)
        return dout * slope


def squash(x):
    print(x)
    out = Squash.apply(x.reshape(-1)).reshape(x.shape)
    print(f"{out}", out.requires_grad, out.is_leaf)
    return out
