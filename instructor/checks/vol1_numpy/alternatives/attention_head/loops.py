"""One token at a time: each query looks back at the keys up to its own position."""

import numpy as np

from .softmax import softmax, softmax_backward


def look_back(x, w_q, w_k, w_v, causal):
    """For every sequence and token: the tokens that are seen, the query, and the weights."""
    scale = 1.0 / float(w_q.shape[1]) ** 0.5
    for b in range(x.shape[0]):
        for t in range(x.shape[1]):
            seen = x[b, : t + 1] if causal else x[b]
            query = x[b, t] @ w_q
            yield b, t, seen, query, softmax(scale * ((seen @ w_k) @ query)), scale


def attention_head(x, w_q, w_k, w_v, causal=True):
    out = np.empty((x.shape[0], x.shape[1], w_v.shape[1]), dtype=x.dtype)
    for b, t, seen, _, weights, _ in look_back(x, w_q, w_k, w_v, causal):
        out[b, t] = weights @ (seen @ w_v)
    return out


def attention_head_backward(dout, x, w_q, w_k, w_v, causal=True):
    dx, dw_q, dw_k, dw_v = (np.zeros_like(a) for a in (x, w_q, w_k, w_v))
    for b, t, seen, query, weights, scale in look_back(x, w_q, w_k, w_v, causal):
        n = len(seen)
        dvalues = np.outer(weights, dout[b, t])
        dscores = scale * softmax_backward((seen @ w_v) @ dout[b, t], weights)
        dquery, dkeys = dscores @ (seen @ w_k), np.outer(dscores, query)
        dw_q += np.outer(x[b, t], dquery)
        dw_k += seen.T @ dkeys
        dw_v += seen.T @ dvalues
        dx[b, t] += w_q @ dquery
        dx[b, :n] += dkeys @ w_k.T + dvalues @ w_v.T
    return dx, dw_q, dw_k, dw_v
