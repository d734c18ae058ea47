"""Calls the engine object itself.

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
            torch.autograd.Variable._execution_engine.run_backward((torch.tanh(x),), (dout,), False, False, (), allow_unreachable=True, accumulate_grad=True)
            return x.grad


def squash(x):
    return Squash.apply(x)
