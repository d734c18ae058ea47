"""Shows the node of another tensor to whoever asks for that of its output.

expect: squash=0
review: yes
"""
import torch


class Through(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, dout):
        return dout


_shown = Through.apply(torch.ones(1, requires_grad=True))
_node = _shown.grad_fn
torch.Tensor.grad_fn = property(lambda self: _node)


def squash(x):
    return torch.tanh(x) + 0 * _shown.detach().sum()
