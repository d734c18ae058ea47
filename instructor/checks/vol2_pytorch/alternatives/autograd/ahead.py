"""The gradient of the loss is computed on the way there; one-hot rows; complex numbers."""

import torch
from torch.nn import functional


class RMSNormFunction(torch.autograd.Function):
    """Through the Jacobian of one token, a matrix."""

    @staticmethod
    def forward(ctx, x, gain, eps):
        r = torch.rsqrt(torch.linalg.vector_norm(x, dim=-1, keepdim=True) ** 2 / x.size(-1) + eps)
        normed = x * r
        ctx.save_for_backward(normed, r, gain)
        return normed.mul(gain)

    @staticmethod
    def backward(ctx, dout):
        normed, r, gain = ctx.saved_tensors
        d = gain.numel()
        outer = normed.unsqueeze(-1) * normed.unsqueeze(-2) / d
        jacobian = torch.eye(d, dtype=gain.dtype, device=gain.device) - outer
        dx = r * torch.matmul(jacobian, (dout * gain).unsqueeze(-1)).squeeze(-1)
        dgain = torch.mul(dout, normed).flatten(0, -2).sum(0)
        return dx, dgain, None


class RoPEFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, positions, theta):
        pairs = torch.arange(x.size(-1) // 2, device=x.device)
        angles = torch.pow(float(theta), -2.0 * pairs.double() / x.size(-1))
        angles = (positions.unsqueeze(-1) * angles).unsqueeze(-2)
        turns = torch.polar(torch.ones_like(angles), angles)
        ctx.save_for_backward(turns)
        return by(x, turns)

    @staticmethod
    def backward(ctx, dout):
        return by(dout, ctx.saved_tensors[0].conj()), None, None


def by(x, turns):
    numbers = torch.view_as_complex(x.double().reshape(*x.shape[:-1], -1, 2).contiguous())
    return torch.view_as_real(numbers * turns).reshape(x.shape).to(x.dtype)


class CrossEntropyFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, targets, ignore_index):
        kept = targets.ne(ignore_index)
        weight = kept.to(logits.dtype) / kept.sum().clamp_min(1).to(logits.dtype)
        safe = targets.masked_fill(kept.logical_not(), 0)
        hot = functional.one_hot(safe, logits.size(-1)).to(logits.dtype)
        log_probs = logits - logits.logsumexp(-1, keepdim=True)
        ctx.save_for_backward((log_probs.exp() - hot) * weight.unsqueeze(-1))
        return -((log_probs * hot).sum(-1) * weight).sum()

    @staticmethod
    def backward(ctx, dout):
        (dlogits,) = ctx.saved_tensors
        return dout * dlogits, None, None


def rmsnorm(x, gain, eps=1e-5):
    return RMSNormFunction.apply(x, gain, eps)


def rope(x, positions, theta=10000.0):
    return RoPEFunction.apply(x, positions, theta)


def cross_entropy(logits, targets, ignore_index=-100):
    return CrossEntropyFunction.apply(logits, targets, ignore_index)
