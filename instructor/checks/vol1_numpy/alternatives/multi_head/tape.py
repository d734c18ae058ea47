"""Closures: every step of the forward leaves behind what undoes it; queries, keys and values in one
product."""

import numpy as np

from .attention import attention, attention_backward
from .linear import linear, linear_backward
from .rope import rope, rope_backward


def split_heads(x, n_heads):
    B, T, C = np.shape(x)
    return np.array(x).reshape((B, T, n_heads, C // n_heads))


def merge_heads(x):
    return (
        np.ascontiguousarray(np.moveaxis(x, 2, 0))
        .transpose(1, 2, 0, 3)
        .reshape(x.shape[0], x.shape[1], x.shape[2] * x.shape[3])
    )


def multi_head_attention(x, params, config, positions):
    widths = [params[name].shape[1] for name in ("w_q", "w_k", "w_v")]
    cuts = np.cumsum(widths)[:-1]
    joined = np.concatenate([params[name] for name in ("w_q", "w_k", "w_v")], axis=1)
    q, k, v = np.split(linear(x, joined), cuts, axis=-1)
    q = rope(split_heads(q, config.n_heads), positions, config.rope_theta)
    k = rope(split_heads(k, config.n_kv_heads), positions, config.rope_theta)
    v = split_heads(v, config.n_kv_heads)
    q, k, v = (np.ascontiguousarray(np.transpose(a, (0, 2, 1, 3))) for a in (q, k, v))
    merged = merge_heads(np.transpose(attention(q, k, v), (0, 2, 1, 3)))

    def back(dout):
        dmerged, dw_o, _ = linear_backward(dout, merged, params["w_o"])
        dheads = np.transpose(split_heads(dmerged, config.n_heads), (0, 2, 1, 3))
        dq, dk, dv = (np.transpose(d, (0, 2, 1, 3)) for d in attention_backward(dheads, q, k, v))
        dq = rope_backward(dq, positions, config.rope_theta)
        dk = rope_backward(dk, positions, config.rope_theta)
        together = np.concatenate([merge_heads(d) for d in (dq, dk, dv)], axis=-1)
        dx, djoined, _ = linear_backward(together, x, joined)
        dw_q, dw_k, dw_v = np.split(djoined, cuts, axis=1)
        return dx, {"w_q": dw_q, "w_k": dw_k, "w_v": dw_v, "w_o": dw_o}

    return linear(merged, params["w_o"]), back


def multi_head_attention_backward(dout, cache):
    return cache(dout)
