"""Keeps the arguments alone and computes the rest again; its backward is differentiable itself."""

import torch
from torch.autograd import Function


def _normed(x, eps):
    root = ((x**2).sum(-1, keepdim=True) / x.shape[-1] + eps) ** 0.5
    return x / root, root


class RMSNormFunction(Function):
    @staticmethod
    def forward(x, gain, eps):
        return _normed(x, eps)[0] * gain

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, gain, ctx.eps = inputs
        ctx.save_for_backward(x, gain)

    @staticmethod
    def backward(ctx, dout):
        x, gain = ctx.saved_tensors
        normed, root = _normed(x, ctx.eps)
        inner = torch.einsum("...i,...i,i->...", dout, normed, gain) / x.shape[-1]
        dx = (dout * gain - normed * inner[..., None]) / root
        dgain = torch.einsum("...i,...i->i", dout, normed)
        return dx, dgain, None


def rmsnorm(x, gain, eps=1e-5):
    return RMSNormFunction.apply(x, gain, eps)


class RoPEFunction(Function):
    @staticmethod
    def forward(x, cos, sin):
        crossed = torch.stack((-x[..., 1::2], x[..., ::2]), -1).reshape(x.shape)
        return x * cos + crossed * sin

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs[1:])

    @staticmethod
    def backward(ctx, dout):
        cos, sin = ctx.saved_tensors
        return RoPEFunction.apply(dout, cos, -sin), None, None


def rope(x, positions, theta=10000.0):
    half = x.shape[-1] // 2
    speeds = torch.tensor([theta ** (-i / half) for i in range(half)], dtype=torch.float64)
    angles = (positions.double().unsqueeze(-1) * speeds).repeat_interleave(2, dim=-1).unsqueeze(-2)
    return RoPEFunction.apply(x, torch.cos(angles).to(x.dtype), torch.sin(angles).to(x.dtype))


class CrossEntropyFunction(Function):
    @staticmethod
    def forward(logits, targets, ignore_index):
        rows, labels = _kept(logits, targets, ignore_index)
        if not len(labels):
            return logits.new_zeros(())
        places = torch.arange(len(labels))
        return -torch.log_softmax(rows, -1)[places, labels].mean()

    @staticmethod
    def setup_context(ctx, inputs, output):
        logits, targets, ctx.ignore_index = inputs
        ctx.save_for_backward(logits, targets)

    @staticmethod
    def backward(ctx, dout):
        logits, targets = ctx.saved_tensors
        kept = targets != ctx.ignore_index
        rows, labels = _kept(logits, targets, ctx.ignore_index)
        right = torch.nn.functional.one_hot(labels, logits.shape[-1])
        each = (torch.softmax(rows, -1) - right) * dout / max(len(labels), 1)
        return torch.zeros_like(logits).index_put((kept,), each), None, None


def _kept(logits, targets, ignore_index):
    kept = targets != ignore_index
    return logits[kept], targets[kept]


def cross_entropy(logits, targets, ignore_index=-100):
    return CrossEntropyFunction.apply(logits, targets, ignore_index)
