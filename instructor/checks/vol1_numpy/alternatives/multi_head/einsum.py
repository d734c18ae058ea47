"""Weights reshaped to (d_model, heads, d_head) and every index written out; groups as an axis."""

from types import SimpleNamespace

import numpy as np

from .rope import rope, rope_backward


def split_heads(x, n_heads):
    B, T, width = x.shape
    out = np.empty((B, T, n_heads, width // n_heads), dtype=x.dtype)
    for h in range(n_heads):
        out[:, :, h] = x[:, :, h * out.shape[3] : (h + 1) * out.shape[3]]
    return out


def merge_heads(x):
    B, T, H, D = x.shape
    return np.array(x, order="C").reshape((B, T, H * D))


def multi_head_attention(x, params, config, positions):
    s = SimpleNamespace(x=x, config=config, positions=positions)
    m, n, g = x.shape[-1], config.n_kv_heads, config.n_heads // config.n_kv_heads
    d = m // config.n_heads
    s.w_q, s.w_o = params["w_q"].reshape(m, n, g, d), params["w_o"].reshape(n, g, d, m)
    s.w_k, s.w_v = params["w_k"].reshape(m, n, d), params["w_v"].reshape(m, n, d)
    q = np.einsum("btm,mngd->btngd", x, s.w_q)
    flat = (x.shape[0], x.shape[1], n * g, d)
    s.q = rope(q.reshape(flat), positions, config.rope_theta).reshape(q.shape)
    s.k = rope(np.einsum("btm,mnd->btnd", x, s.w_k), positions, config.rope_theta)
    s.v = np.einsum("btm,mnd->btnd", x, s.w_v)
    s.scale = x.dtype.type(d**-0.5)
    scores = np.einsum("bingd,bjnd->bngij", s.q, s.k) * s.scale
    i, j = np.ogrid[: x.shape[1], : x.shape[1]]
    scores = np.where(j > i, x.dtype.type(-np.inf), scores)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    s.probs = e / e.sum(axis=-1, keepdims=True)
    s.heads = np.einsum("bngij,bjnd->bingd", s.probs, s.v)
    return np.einsum("bingd,ngdm->bim", s.heads, s.w_o), s


def multi_head_attention_backward(dout, cache):
    s, m = cache, dout.shape[-1]
    dw_o = np.einsum("bingd,bim->ngdm", s.heads, dout).reshape(m, m)
    dheads = np.einsum("bim,ngdm->bingd", dout, s.w_o)
    dv = np.einsum("bngij,bingd->bjnd", s.probs, dheads)
    dprobs = np.einsum("bingd,bjnd->bngij", dheads, s.v)
    mean = np.einsum("bngij,bngij->bngi", dprobs, s.probs)[..., None]
    dscores = s.probs * (dprobs - mean) * s.scale
    dq = np.einsum("bngij,bjnd->bingd", dscores, s.k)
    dk = np.einsum("bngij,bingd->bjnd", dscores, s.q)
    flat = (*dq.shape[:2], -1, dq.shape[-1])
    dq = rope_backward(dq.reshape(flat), s.positions, s.config.rope_theta).reshape(dq.shape)
    dk = rope_backward(dk, s.positions, s.config.rope_theta)
    dx = np.einsum("btngd,mngd->btm", dq, s.w_q)
    dx = dx + np.einsum("btnd,mnd->btm", dk, s.w_k) + np.einsum("btnd,mnd->btm", dv, s.w_v)
    return dx, {
        "w_o": dw_o,
        "w_v": np.einsum("btm,btnd->mnd", s.x, dv).reshape(m, -1),
        "w_k": np.einsum("btm,btnd->mnd", s.x, dk).reshape(m, -1),
        "w_q": np.einsum("btm,btngd->mngd", s.x, dq).reshape(m, m),
    }
