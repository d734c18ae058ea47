"""Every product as an einsum with its indices written out; softmax written out, too."""

import numpy as np


def parts(x, w_q, w_k, w_v, causal):
    """Queries, keys, values and weights."""
    q, k, v = (np.einsum("btm,mh->bth", x, w) for w in (w_q, w_k, w_v))
    scores = np.einsum("bih,bjh->bij", q, k) / x.dtype.type(q.shape[-1] ** 0.5)
    if causal:
        i, j = np.ogrid[: x.shape[1], : x.shape[1]]
        scores = np.where(j > i, x.dtype.type(-np.inf), scores)
    e = np.exp(scores - np.max(scores, axis=2)[:, :, None])
    return q, k, v, e / np.einsum("bij->bi", e)[:, :, None]


def attention_head(x, w_q, w_k, w_v, causal=True):
    _, _, v, p = parts(x, w_q, w_k, w_v, causal)
    return np.einsum("bij,bjh->bih", p, v)


def attention_head_backward(dout, x, w_q, w_k, w_v, causal=True):
    q, k, v, p = parts(x, w_q, w_k, w_v, causal)
    dp = np.einsum("bih,bjh->bij", dout, v)
    ds = p * (dp - np.einsum("bij,bij->bi", p, dp)[:, :, None])
    ds = ds / x.dtype.type(q.shape[-1] ** 0.5)
    dq, dk = np.einsum("bij,bjh->bih", ds, k), np.einsum("bij,bih->bjh", ds, q)
    dv = np.einsum("bij,bih->bjh", p, dout)
    dx = sum(np.einsum("bth,mh->btm", d, w) for d, w in ((dq, w_q), (dk, w_k), (dv, w_v)))
    return dx, *(np.einsum("btm,bth->mh", x, d) for d in (dq, dk, dv))
