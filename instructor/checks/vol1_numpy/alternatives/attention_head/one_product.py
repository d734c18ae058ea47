"""The three weights side by side: one product makes queries, keys and values.

A score is x w_q w_k^T x^T. The softmax gradient uses sum_j p_ij dp_ij = sum_c dout_ic out_ic.
"""

import numpy as np


class Head:
    """What both directions need."""

    def __init__(self, x, weights, causal):
        self.x, self.weights = x, np.concatenate(weights, axis=1)
        self.q, self.k, self.v = np.split(np.matmul(x, self.weights), 3, axis=-1)
        self.scale = float(self.q.shape[-1]) ** -0.5
        scores = np.matmul(self.scale * self.q, np.transpose(self.k, (0, 2, 1)))
        if causal:
            hidden = np.triu(np.full(scores.shape[1:], -np.inf, dtype=x.dtype), 1)
            scores = scores + hidden
        scores = scores - scores.max(axis=-1, keepdims=True)
        self.probs = np.exp(scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True)))

    def forward(self):
        return np.matmul(self.probs, self.v)

    def backward(self, dout):
        delta = (dout * self.forward()).sum(axis=-1, keepdims=True)
        ds = self.probs * (np.matmul(dout, np.transpose(self.v, (0, 2, 1))) - delta)
        across = np.transpose(ds, (0, 2, 1))
        dq, dk = self.scale * np.matmul(ds, self.k), self.scale * np.matmul(across, self.q)
        dv = np.matmul(np.transpose(self.probs, (0, 2, 1)), dout)
        together = np.concatenate([dq, dk, dv], axis=-1)
        dweights = np.tensordot(self.x, together, axes=((0, 1), (0, 1)))
        return np.matmul(together, self.weights.T), *np.split(dweights, 3, axis=1)


def attention_head(x, w_q, w_k, w_v, causal=True):
    return Head(x, (w_q, w_k, w_v), causal).forward()


def attention_head_backward(dout, x, w_q, w_k, w_v, causal=True):
    return Head(x, (w_q, w_k, w_v), causal).backward(dout)
