"""Bytes looked at as other types, whole numbers multiplied in float64, which has them all."""

import numpy as np


def by_largest(w, top):
    size = np.linalg.norm(w, ord=np.inf, axis=-1, keepdims=True)
    top = w.dtype.type(top)
    return np.where(size == 0, top, size) / top


def quantize_int8(w):
    scale = by_largest(w, 127)
    q = np.round(np.divide(w, scale))
    return q.astype("i1"), scale, q * scale


def pack_int4(q):
    even, odd = q[:, 0::2].astype(np.int16), q[:, 1::2].astype(np.int16)
    if even.shape != odd.shape:
        raise ValueError("columns come in pairs")
    return np.add(even % 16, odd % 16 * 16).astype(np.uint8)


def unpack_int4(packed):
    signed = np.ascontiguousarray(packed).view(np.int8)
    q = np.empty((packed.shape[0], packed.shape[1] * 2), dtype=np.int8)
    q[:, 0::2] = np.left_shift(signed, 4) >> 4  # an arithmetic shift keeps the sign
    q[:, 1::2] = signed >> 4
    return q


def dequantize_int4(packed, scale, group_size):
    q = unpack_int4(packed).reshape(*scale.shape, group_size)
    return np.einsum("ogk,og->ogk", q, scale).reshape(len(scale), -1)


def quantize_int4(w, group_size):
    groups = np.stack(np.split(w, w.shape[1] // group_size, axis=1), axis=1)
    scale = by_largest(groups, 7)
    q = np.round(groups / scale)
    flat = q.reshape(w.shape)
    return pack_int4(flat.astype(np.int8)), scale[:, :, 0], (q * scale).reshape(w.shape)


def linear_w8a8(x, q, scale):
    codes, step, _ = quantize_int8(x.reshape(-1, x.shape[-1]))
    sums = np.dot(codes.astype(np.float64), q.astype(np.float64).T)
    out = sums * step * scale.T
    return out.astype(x.dtype).reshape(*x.shape[:-1], -1)
