"""RoPE as x cos + J x sin, where J takes (a, b) to (-b, a): cosines are repeated for each pair."""

import numpy as np


def rope(x, positions, theta=10000.0):
    cos, sin = tables(positions, x, theta)
    return x * cos + quarter_turn(x) * sin


def rope_backward(dout, positions, theta=10000.0):
    cos, sin = tables(positions, dout, theta)
    return dout * cos - quarter_turn(dout) * sin


def to_half_split(w, n_heads):
    heads = np.split(w, n_heads, axis=1)
    return np.concatenate([part for h in heads for part in (h[:, 0::2], h[:, 1::2])], axis=1)


def quarter_turn(x):
    out = np.empty_like(x)
    out[..., 0::2] = -x[..., 1::2]
    out[..., 1::2] = x[..., 0::2]
    return out


def tables(positions, x, theta):
    """Cosines and sines, (B or 1, T, 1, d_head)."""
    d_head = x.shape[-1]
    rates = 1.0 / np.power(float(theta), np.arange(0, d_head, 2, dtype=np.float64) / d_head)
    if positions.ndim == 1:
        positions = positions[None]
    angles = np.einsum("bt,i->bti", positions.astype(np.float64), rates)
    angles = np.repeat(angles, 2, axis=-1)[:, :, None, :]
    return np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)
