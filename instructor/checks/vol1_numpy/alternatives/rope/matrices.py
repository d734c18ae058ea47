"""RoPE as matrices: one rotation for each position and pair; the gradient is the transpose."""

import numpy as np


def rope(x, positions, theta=10000.0):
    pairs = x.reshape(*x.shape[:-1], -1, 2)
    matrices = np.broadcast_to(rotations(x, positions, theta), (*pairs.shape[:2], *_tail(pairs)))
    return np.einsum("btiac,bthic->bthia", matrices, pairs).reshape(x.shape)


def rope_backward(dout, positions, theta=10000.0):
    pairs = dout.reshape(*dout.shape[:-1], -1, 2)
    matrices = rotations(dout, positions, theta)
    matrices = np.broadcast_to(matrices, (*pairs.shape[:2], *_tail(pairs)))
    return np.einsum("btica,bthic->bthia", matrices, pairs).reshape(dout.shape)


def to_half_split(w, n_heads):
    # A permutation matrix: row = old column, entry 1 at the new one.
    d_head = w.shape[1] // n_heads
    one = np.zeros((d_head, d_head), dtype=w.dtype)
    for i in range(d_head // 2):
        one[2 * i, i] = one[2 * i + 1, d_head // 2 + i] = 1
    return w @ np.kron(np.eye(n_heads, dtype=w.dtype), one)


def _tail(pairs):
    return pairs.shape[3], 2, 2


def rotations(x, positions, theta):
    """(..., T, d_head / 2, 2, 2)."""
    d_head = x.shape[-1]
    exponents = np.linspace(0.0, 1.0, d_head // 2, endpoint=False)
    angles = np.multiply.outer(positions, np.exp(-np.log(theta) * exponents))
    cos, sin = np.cos(angles), np.sin(angles)
    rows = [np.stack([cos, -sin], axis=-1), np.stack([sin, cos], axis=-1)]
    return np.stack(rows, axis=-2).astype(x.dtype)
