"""RoPE one pair at a time, with Python's own arithmetic."""

import math

import numpy as np


def rope(x, positions, theta=10000.0):
    return turned(x, positions, theta, 1)


def rope_backward(dout, positions, theta=10000.0):
    return turned(dout, positions, theta, -1)


def turned(x, positions, theta, direction):
    B, T, n_heads, d_head = x.shape
    out = np.empty((B, T, n_heads, d_head), dtype=x.dtype)
    for b in range(B):
        for t in range(T):
            m = int(positions[t] if positions.ndim == 1 else positions[b, t])
            for i in range(d_head // 2):
                angle = direction * m / math.pow(theta, 2 * i / d_head)
                cos, sin = math.cos(angle), math.sin(angle)
                for h in range(n_heads):
                    first, second = float(x[b, t, h, 2 * i]), float(x[b, t, h, 2 * i + 1])
                    out[b, t, h, 2 * i] = first * cos - second * sin
                    out[b, t, h, 2 * i + 1] = first * sin + second * cos
    return out


def to_half_split(w, n_heads):
    out = np.empty_like(w)
    d_head = w.shape[1] // n_heads
    for h in range(n_heads):
        for i in range(d_head // 2):
            out[:, h * d_head + i] = w[:, h * d_head + 2 * i]
            out[:, h * d_head + d_head // 2 + i] = w[:, h * d_head + 2 * i + 1]
    return out
