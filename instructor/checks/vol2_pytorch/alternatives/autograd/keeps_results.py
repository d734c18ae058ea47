"""Keeps finished factors; rows flattened by the function that calls; library forwards."""

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable


class RMSNormFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows, gain, eps):
        out = F.rms_norm(rows, gain.shape, gain, eps)
        r = 1 / torch.sqrt(rows.square().mean(1, keepdim=True) + eps)
        ctx.save_for_backward(rows * r, gain.clone(), r)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, dout):
        normed, gain, r = ctx.saved_tensors
        dnormed = dout * gain
        along = (dnormed * normed).sum(1, keepdim=True) / normed.shape[1]
        return r * dnormed - r * normed * along, (dout * normed).sum(0), None


def rmsnorm(x, gain, eps=1e-5):
    return RMSNormFunction.apply(x.reshape(-1, x.shape[-1]), gain, eps).view(x.shape)


class RoPEFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, turn):
        ctx.save_for_backward(turn)
        return _times(x, turn)

    @staticmethod
    def backward(ctx, dout):
        (turn,) = ctx.saved_tensors
        return _times(dout, turn.mT), None


def _times(x, turn):
    pairs = x.unflatten(-1, (-1, 2)).unsqueeze(-1)
    return (turn @ pairs).squeeze(-1).flatten(-2)


def rope(x, positions, theta=10000.0):
    with torch.no_grad():
        i = torch.arange(x.shape[-1] // 2, dtype=torch.float64, device=x.device)
        angle = positions.unsqueeze(-1) / theta ** (2 * i / x.shape[-1])
        cos, sin = torch.cos(angle), torch.sin(angle)
        turn = torch.stack([cos, -sin, sin, cos], -1).unflatten(-1, (2, 2))
    return RoPEFunction.apply(x, turn.unsqueeze(-4).to(x.dtype))


class CrossEntropyFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows, targets, ignore_index):
        weights = (targets != ignore_index).to(rows.dtype)
        weights = weights / weights.sum().clamp(min=1)
        probs = F.softmax(rows, dim=1)
        labels = targets.clamp(0, rows.shape[1] - 1)
        probs[range(len(labels)), labels] -= 1
        ctx.save_for_backward(probs * weights[:, None])
        if not weights.any():
            return rows.new_tensor(0.0)
        return F.cross_entropy(rows, targets, ignore_index=ignore_index)

    @staticmethod
    @once_differentiable
    def backward(ctx, dloss):
        (gradient,) = ctx.saved_tensors
        return gradient * dloss, None, None


def cross_entropy(logits, targets, ignore_index=-100):
    rows = logits.reshape(-1, logits.shape[-1])
    return CrossEntropyFunction.apply(rows, targets.reshape(-1), ignore_index)
