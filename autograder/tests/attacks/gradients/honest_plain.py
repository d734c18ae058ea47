"""An honest solution; it mentions torch.autograd.grad and .backward() in its text.

expect: squash=4
"""
import torch

print("compare with torch.autograd.grad(out, x, dout)")


class Squash(torch.autograd.Function):
    """Not torch.func.vjp."""

    @staticmethod
    def forward(ctx, x):
        out = torch.tanh(x)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, dout):
        (out,) = ctx.saved_tensors
        return dout * (1 - out**2)


def squash(x):
    return Squash.apply(x)


if __name__ == "__main__":
    x = torch.randn(3, dtype=torch.float64, requires_grad=True)
    squash(x).sum().backward()
    torch.autograd.gradcheck(squash, (x,))
