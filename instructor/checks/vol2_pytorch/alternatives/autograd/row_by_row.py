"""Loops over tokens and pairs, Jacobians written out, ctx used the plain way."""

import math

import torch
from torch.autograd.function import once_differentiable


class RMSNormFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, gain, eps):
        ctx.save_for_backward(x, gain)
        ctx.eps = eps
        out = torch.empty_like(x)
        for row, into in zip(rows_of(x), rows_of(out), strict=True):
            into.copy_(row * gain / torch.sqrt(row.dot(row) / len(row) + eps))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, dout):
        x, gain = ctx.saved_tensors
        dx, dgain = torch.empty(x.shape, dtype=x.dtype), torch.zeros_like(gain)
        for row, d, into in zip(rows_of(x), rows_of(dout), rows_of(dx), strict=True):
            n = len(row)
            s = row.dot(row) / n + ctx.eps
            jacobian = torch.eye(n, dtype=x.dtype) / s.sqrt() - torch.outer(row, row) / n / s**1.5
            into.copy_(jacobian @ (gain * d))
            dgain += d * row / s.sqrt()
        return dx, dgain, None


def rows_of(x):
    if x.ndim == 1:
        return [x]
    return [row for part in x for row in rows_of(part)]


def rmsnorm(x, gain, eps=1e-5):
    return RMSNormFunction.apply(x, gain, eps)


class RoPEFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, positions, theta, sign):
        ctx.save_for_backward(positions)
        ctx.rest = theta, sign
        out, width = torch.empty_like(x), x.shape[-1]
        where = positions.expand(x.shape[:2]) if positions.ndim == 1 else positions
        for b in range(x.shape[0]):
            for t in range(x.shape[1]):
                for i in range(0, width, 2):
                    phi = sign * int(where[b, t]) * theta ** (-i / width)
                    one, two = x[b, t, :, i], x[b, t, :, i + 1]
                    out[b, t, :, i] = one * math.cos(phi) - two * math.sin(phi)
                    out[b, t, :, i + 1] = one * math.sin(phi) + two * math.cos(phi)
        return out

    @staticmethod
    def backward(ctx, dout):
        theta, sign = ctx.rest
        return RoPEFunction.apply(dout, *ctx.saved_tensors, theta, -sign), None, None, None


def rope(x, positions, theta=10000.0):
    return RoPEFunction.apply(x, positions, theta, 1)


class CrossEntropyFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, targets, ignore_index):
        ctx.save_for_backward(logits, targets)
        ctx.ignore_index = ignore_index
        total, count = logits.new_zeros(()), 0
        for row, target in zip(rows_of(logits), targets.reshape(-1).tolist(), strict=True):
            if target != ignore_index:
                top = row.max()
                total = total + top + torch.log(torch.exp(row - top).sum()) - row[target]
                count += 1
        return total / max(count, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx, dout):
        logits, targets = ctx.saved_tensors
        labels = targets.reshape(-1).tolist()
        count = max(sum(label != ctx.ignore_index for label in labels), 1)
        grads = []
        for row, target in zip(rows_of(logits), labels, strict=True):
            grad = torch.zeros_like(row)
            if target != ctx.ignore_index:
                grad = torch.exp(row - row.max())
                grad = grad / grad.sum()
                grad[target] = grad[target] - 1
            grads.append(grad * dout / count)
        return torch.stack(grads).reshape(logits.shape), None, None


def cross_entropy(logits, targets, ignore_index=-100):
    return CrossEntropyFunction.apply(logits, targets, ignore_index)
