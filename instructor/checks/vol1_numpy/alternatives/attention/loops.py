"""One query at a time; hidden keys are left out instead of masked."""

import numpy as np


def rows(q, k, causal):
    """Every (batch, head, query) with its kv head and how many keys it sees."""
    B, n_heads, Tq, _ = q.shape
    n_kv_heads, Tk = k.shape[1], k.shape[2]
    if causal and Tq > Tk:
        raise ValueError("more queries than keys")
    for b in range(B):
        for h in range(n_heads):
            for i in range(Tq):
                yield b, h, i, h * n_kv_heads // n_heads, i + 1 + Tk - Tq if causal else Tk


def weights(query, keys):
    scores = keys.dot(query) / len(query) ** 0.5
    exps = np.exp(scores - max(scores))
    return exps / exps.sum()


def attention(q, k, v, causal=True):
    out = np.zeros_like(q)
    for b, h, i, m, seen in rows(q, k, causal):
        p = weights(q[b, h, i], k[b, m, :seen])
        for j in range(seen):
            out[b, h, i] += p[j] * v[b, m, j]
    return out


def attention_backward(dout, q, k, v, causal=True):
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    scale = q.shape[-1] ** -0.5
    for b, h, i, m, seen in rows(q, k, causal):
        p = weights(q[b, h, i], k[b, m, :seen])
        dp = v[b, m, :seen].dot(dout[b, h, i])
        ds = p * (dp - p.dot(dp)) * scale
        dq[b, h, i] = ds.dot(k[b, m, :seen])
        dk[b, m, :seen] += np.outer(ds, q[b, h, i])
        dv[b, m, :seen] += np.outer(p, dout[b, h, i])
    return dq, dk, dv
