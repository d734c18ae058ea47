"""Lets a hook on the argument ask the engine while the engine is running.

expect: squash=1
review: yes
"""
import torch


class Squash(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.tanh(x)

    @staticmethod
    def backward(ctx, dout):
        return dout


def squash(x):
    inner = x.detach().requires_grad_()
    out = torch.tanh(inner)

    def instead(dout):
        out.backward(dout, retain_graph=True)
        return inner.grad

    if x.requires_grad:
        x.register_hook(instead)
    return Squash.apply(x)
