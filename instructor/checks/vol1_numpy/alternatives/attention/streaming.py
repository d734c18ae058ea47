"""One key after the other with a running maximum and sum: the scores are never all held."""

import numpy as np


def at(x, j, reads):
    """Row j of the kv head that each query head reads: (B, n_heads, 1, d_head)."""
    return x[:, reads, j : j + 1]


def keys_of(q, k, causal):
    """For every position j: j, the first query that sees it, who reads what, and the scores."""
    Tq, Tk = q.shape[2], k.shape[2]
    if causal and Tk < Tq:
        raise ValueError("the first queries come before the first key")
    reads = np.arange(q.shape[1]) // (q.shape[1] // k.shape[1])
    for j in range(Tk):
        first = max(0, j - (Tk - Tq)) if causal else 0
        scores = (q[:, :, first:] * at(k, j, reads)).sum(-1, keepdims=True)
        yield j, first, reads, scores / q.shape[3] ** 0.5


def running(q, k, v, causal):
    """The output and the log of each row's sum of exponentials."""
    top = np.full((*q.shape[:3], 1), -np.inf, dtype=q.dtype)
    total, out = np.zeros_like(top), np.zeros_like(q)
    for j, first, reads, scores in keys_of(q, k, causal):
        higher = np.maximum(top[:, :, first:], scores)
        keep, new = np.exp(top[:, :, first:] - higher), np.exp(scores - higher)
        out[:, :, first:] = out[:, :, first:] * keep + new * at(v, j, reads)
        total[:, :, first:] = total[:, :, first:] * keep + new
        top[:, :, first:] = higher
    return out / total, top + np.log(total)


def attention(q, k, v, causal=True):
    return running(q, k, v, causal)[0]


def attention_backward(dout, q, k, v, causal=True):
    out, lse = running(q, k, v, causal)
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    delta = (dout * out).sum(-1, keepdims=True)
    root = q.shape[3] ** 0.5
    for j, first, reads, scores in keys_of(q, k, causal):
        p = np.exp(scores - lse[:, :, first:])
        above = dout[:, :, first:]
        dp = (above * at(v, j, reads)).sum(-1, keepdims=True)
        ds = p * (dp - delta[:, :, first:]) / root
        dq[:, :, first:] += ds * at(k, j, reads)
        for h, m in enumerate(reads):
            dk[:, m, j] += (ds * q[:, :, first:])[:, h].sum(axis=1)
            dv[:, m, j] += (p * above)[:, h].sum(axis=1)
    return dq, dk, dv
