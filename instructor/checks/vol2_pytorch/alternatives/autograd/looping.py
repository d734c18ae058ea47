"""Loops over tokens and pairs; what is needed is put on the context; only what is asked for."""

import math

import torch
from torch.autograd.function import once_differentiable


class RMSNormFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, gain, eps):
        ctx.shape, ctx.eps = x.shape, eps
        ctx.save_for_backward(x, gain)
        rows = [row / root(row, eps) * gain for row in x.reshape(-1, x.shape[-1])]
        return torch.stack(rows).reshape(x.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx, dout):
        x, gain = ctx.saved_tensors
        d = gain.shape[0]
        rows, douts = x.reshape(-1, d), dout.reshape(-1, d)
        dx, dgain = [], torch.zeros_like(gain)
        for row, d_row in zip(rows, douts, strict=True):
            length = root(row, ctx.eps)
            dgain = dgain + d_row * row / length
            h = gain * d_row
            dx.append(h / length - row * torch.dot(h, row) / (d * length**3))
        dx = torch.stack(dx).reshape(ctx.shape) if ctx.needs_input_grad[0] else None
        return dx, dgain if ctx.needs_input_grad[1] else None, None


def root(row, eps):
    return (torch.dot(row, row) / row.numel() + eps) ** 0.5


def rmsnorm(x, gain, eps=1e-5):
    y = RMSNormFunction.apply(x, gain, eps)
    return y


class RoPEFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, positions, theta):
        ctx.positions, ctx.theta = positions.clone(), theta
        return turned(x, positions, theta, 1.0)

    @staticmethod
    def backward(ctx, dout):
        return turned(dout, ctx.positions, ctx.theta, -1.0), None, None


def turned(x, positions, theta, sign):
    d_head = x.shape[-1]
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    for i in range(d_head // 2):
        angle = positions.double()[..., None] * math.exp(-2 * i / d_head * math.log(theta))
        cos, sin = torch.cos(angle).to(x.dtype), (sign * torch.sin(angle)).to(x.dtype)
        a, b = x[..., 2 * i], x[..., 2 * i + 1]
        out[..., 2 * i] = a * cos - b * sin
        out[..., 2 * i + 1] = a * sin + b * cos
    return out


def rope(x, positions, theta=10000.0):
    return RoPEFunction.apply(x, positions, theta)


class CrossEntropyFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, targets, ignore_index):
        vocab_size = logits.shape[-1]
        rows, labels = logits.reshape(-1, vocab_size), targets.reshape(-1).tolist()
        kept = [t for t, label in enumerate(labels) if label != ignore_index]
        total = logits.new_zeros(())
        for t in kept:
            shifted = rows[t] - rows[t].max()
            total = total + shifted.exp().sum().log() - shifted[labels[t]]
        ctx.save_for_backward(logits)
        ctx.labels, ctx.kept = labels, kept
        return total / max(1, len(kept))

    @staticmethod
    def backward(ctx, dout):
        (logits,) = ctx.saved_tensors
        rows = logits.reshape(-1, logits.shape[-1])
        out = rows.new_zeros(rows.shape)
        for t in ctx.kept:
            exps = (rows[t] - rows[t].max()).exp()
            out[t] = exps / exps.sum()
            out[t, ctx.labels[t]] -= 1.0
        return (out * dout / max(1, len(ctx.kept))).reshape(logits.shape), None, None


def cross_entropy(logits, targets, ignore_index=-100):
    return CrossEntropyFunction.apply(logits, targets, ignore_index)
