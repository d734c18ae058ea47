"""The same with PyTorch inside."""

import numpy as np
import torch


def tensor(a):
    return torch.tensor(np.ascontiguousarray(a))


def steps(w, top):
    size = w.abs().amax(dim=-1, keepdim=True)
    return torch.where(size > 0, size / top, torch.ones_like(size))


def quantize_int8(w):
    w = tensor(w)
    scale = steps(w, 127)
    q = torch.round(w / scale).to(torch.int8)
    return q.numpy(), scale.numpy(), (q * scale).numpy()


def pack_int4(q):
    if q.shape[1] % 2 != 0:
        raise ValueError("odd")
    pairs = tensor(q).reshape(len(q), -1, 2).to(torch.int32).bitwise_and(15)
    return (pairs * torch.tensor([1, 16])).sum(dim=-1).to(torch.uint8).numpy()


def unpack_int4(packed):
    bytes_ = tensor(packed).to(torch.int32)
    pairs = torch.stack([bytes_ % 16, bytes_ // 16], dim=-1).flatten(1)
    return ((pairs + 8) % 16 - 8).to(torch.int8).numpy()


def dequantize_int4(packed, scale, group_size):
    q = tensor(unpack_int4(packed))
    return (q * tensor(scale).repeat_interleave(group_size, dim=1)).numpy()


def quantize_int4(w, group_size):
    groups = tensor(w).unflatten(1, (-1, group_size))
    scale = steps(groups, 7)
    q = torch.round(groups / scale)
    packed = pack_int4(q.flatten(1).to(torch.int8).numpy())
    return packed, scale.squeeze(-1).numpy(), (q * scale).flatten(1).numpy()


def linear_w8a8(x, q, scale):
    x = tensor(x)
    step = steps(x, 127)
    codes = torch.round(x / step).to(torch.int64)
    sums = torch.matmul(codes, tensor(q).to(torch.int64).T)
    return (sums.to(torch.float64) * step * tensor(scale).flatten()).to(x.dtype).numpy()
