"""Query heads split into (kv head, member of its group): nothing is copied, einsum sums groups."""

import numpy as np

from .softmax import softmax, softmax_backward


def grouped(x, n_kv_heads):
    B, n_heads, Tq, d_head = x.shape
    return x.reshape(B, n_kv_heads, n_heads // n_kv_heads, Tq, d_head)


def bias(Tq, Tk, causal, dtype):
    """Added to the scores: 0 for a visible key, a huge negative number for a hidden one."""
    if not causal:
        return np.zeros((Tq, Tk), dtype)
    if Tq > Tk:
        raise ValueError(f"Tq is {Tq}, Tk is {Tk}: a causal query would see nothing")
    position = np.arange(Tk - Tq, Tk)
    future = np.arange(Tk)[None, :] > position[:, None]
    return np.where(future, np.finfo(dtype).min / 2, 0).astype(dtype)


def attention(q, k, v, causal=True):
    q5 = grouped(q, k.shape[1])
    scores = np.einsum("bmgic,bmjc->bmgij", q5, k) * q.shape[-1] ** -0.5
    probs = softmax(scores + bias(q.shape[2], k.shape[2], causal, q.dtype))
    return np.einsum("bmgij,bmjc->bmgic", probs, v).reshape(q.shape)


def attention_backward(dout, q, k, v, causal=True):
    q5, dout5 = grouped(q, k.shape[1]), grouped(dout, k.shape[1])
    scale = q.shape[-1] ** -0.5
    scores = np.einsum("bmgic,bmjc->bmgij", q5, k) * scale
    probs = softmax(scores + bias(q.shape[2], k.shape[2], causal, q.dtype))
    dscores = softmax_backward(np.einsum("bmgic,bmjc->bmgij", dout5, v), probs)
    dq = np.einsum("bmgij,bmjc->bmgic", dscores, k) * scale
    dk = np.einsum("bmgij,bmgic->bmjc", dscores, q5) * scale
    dv = np.einsum("bmgij,bmgic->bmjc", probs, dout5)
    return dq.reshape(q.shape), dk, dv
