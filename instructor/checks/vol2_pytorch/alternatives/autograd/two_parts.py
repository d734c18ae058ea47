"""The newer form with setup_context; einsum; the normalised x is kept and x itself is not."""

import torch
from torch.autograd import Function


class RMSNormFunction(Function):
    @staticmethod
    def forward(x, gain, eps):
        mean_square = torch.einsum("...d,...d->...", x, x)[..., None] / x.shape[-1]
        return x / torch.sqrt(mean_square + eps) * gain

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, gain, eps = inputs
        root = torch.sqrt(x.pow(2).mean(-1, keepdim=True) + eps)
        ctx.save_for_backward(x / root, root, gain)

    @staticmethod
    def backward(ctx, dout):
        normed, root, gain = ctx.saved_tensors
        through = torch.einsum("...d,d,...d->...", dout, gain, normed)[..., None]
        dx = (dout * gain - normed * through / gain.numel()) / root
        dgain = torch.einsum("...d,...d->d", dout, normed)
        return dx, dgain, None


def rmsnorm(x, gain, eps=1e-5):
    return RMSNormFunction.apply(x, gain, eps)


class RoPEFunction(Function):
    @staticmethod
    def forward(x, positions, theta):
        return torch.einsum(
            "...tijk,...thik->...thij", matrices(x, positions, theta), paired(x)
        ).reshape(x.shape)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, positions, theta = inputs
        ctx.save_for_backward(matrices(x, positions, theta))

    @staticmethod
    def backward(ctx, dout):
        (turns,) = ctx.saved_tensors
        dx = torch.einsum("...tijk,...thij->...thik", turns, paired(dout))
        return dx.reshape(dout.shape), None, None


def paired(x):
    return x.unflatten(-1, (-1, 2))


def matrices(x, positions, theta):
    """(..., T, d_head / 2, 2, 2), one rotation for each position and pair."""
    half = x.shape[-1] // 2
    frequencies = torch.tensor([theta ** (-i / half) for i in range(half)], dtype=torch.float64)
    angles = positions.unsqueeze(-1) * frequencies.to(x.device)
    cos, sin = angles.cos(), angles.sin()
    rows = [torch.stack((cos, -sin), dim=-1), torch.stack((sin, cos), dim=-1)]
    return torch.stack(rows, dim=-2).to(x.dtype)


def rope(x, positions, theta=10000.0):
    return RoPEFunction.apply(x, positions, theta)


class CrossEntropyFunction(Function):
    @staticmethod
    def forward(logits, targets, ignore_index):
        rows = targets != ignore_index
        chosen, labels = logits[rows], targets[rows]
        if len(labels) == 0:
            return logits.new_zeros(())
        right = chosen[torch.arange(len(labels)), labels]
        return (torch.logsumexp(chosen, dim=-1) - right).mean()

    @staticmethod
    def setup_context(ctx, inputs, output):
        logits, targets, ctx.ignore_index = inputs
        ctx.save_for_backward(logits, targets)

    @staticmethod
    def backward(ctx, dout):
        logits, targets = ctx.saved_tensors
        rows = targets != ctx.ignore_index
        dlogits = torch.zeros_like(logits)
        labels = targets[rows]
        probs = torch.softmax(logits[rows], dim=-1)
        probs[torch.arange(len(labels)), labels] -= 1
        dlogits[rows] = probs * dout / max(len(labels), 1)
        return dlogits, None, None


def cross_entropy(logits, targets, ignore_index=-100):
    return CrossEntropyFunction.apply(logits, targets, ignore_index)
