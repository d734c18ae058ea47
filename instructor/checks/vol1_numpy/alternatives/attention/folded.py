"""The queries of a group stand below one another; the matrix products sum over the group.

The softmax gradient uses sum_j p_ij dp_ij = sum_c dout_ic out_ic, as FlashAttention does.
"""

import numpy as np


class Folded:
    """Probabilities of (B, n_kv_heads, group * Tq, Tk)."""

    def __init__(self, q, k, causal):
        B, self.n_heads, Tq, d_head = q.shape
        n_kv_heads, Tk = k.shape[1], k.shape[2]
        if causal and Tq > Tk:
            raise ValueError("causal attention needs at least as many keys as queries")
        self.shape = (B, n_kv_heads, self.n_heads // n_kv_heads * Tq, d_head)
        self.scale = 1.0 / float(d_head) ** 0.5
        self.q = q.reshape(self.shape) * self.scale
        scores = np.matmul(self.q, np.transpose(k, (0, 1, 3, 2)))
        if causal:
            hidden = np.triu(np.ones((Tq, Tk), dtype=bool), Tk - Tq + 1)
            hidden = np.tile(hidden, (self.n_heads // n_kv_heads, 1))
            scores[:, :, hidden] = -np.inf
        top = np.max(scores, axis=-1, keepdims=True)
        lse = top + np.log(np.exp(scores - top).sum(axis=-1, keepdims=True))
        self.probs = np.exp(scores - lse)


def attention(q, k, v, causal=True):
    return np.matmul(Folded(q, k, causal).probs, v).reshape(q.shape)


def attention_backward(dout, q, k, v, causal=True):
    saved = Folded(q, k, causal)
    dout = dout.reshape(saved.shape)
    out = np.matmul(saved.probs, v)
    delta = (dout * out).sum(axis=-1, keepdims=True)
    dscores = saved.probs * (np.matmul(dout, np.transpose(v, (0, 1, 3, 2))) - delta)
    across = np.transpose(dscores, (0, 1, 3, 2))
    dv = np.matmul(np.transpose(saved.probs, (0, 1, 3, 2)), dout)
    return (np.matmul(dscores, k) * saved.scale).reshape(q.shape), np.matmul(across, saved.q), dv
