"""One head after the other, with its own columns of the weights and its own rows of w_o."""

import numpy as np

from .attention import attention, attention_backward
from .rope import rope, rope_backward


def split_heads(x, n_heads):
    return np.stack(np.split(x, n_heads, axis=-1), axis=2)


def merge_heads(x):
    return np.concatenate([x[:, :, h] for h in range(x.shape[2])], axis=-1)


def pieces(params, config):
    """For each query head: the slice of its columns and that of its kv head."""
    d_head = params["w_q"].shape[1] // config.n_heads
    group = config.n_heads // config.n_kv_heads
    for h in range(config.n_heads):
        kv = h // group
        yield slice(h * d_head, (h + 1) * d_head), slice(kv * d_head, (kv + 1) * d_head)


def multi_head_attention(x, params, config, positions):
    out, saved = 0.0, []
    for mine, shared in pieces(params, config):
        q = rope((x @ params["w_q"][:, mine])[:, :, None], positions, config.rope_theta)
        k = rope((x @ params["w_k"][:, shared])[:, :, None], positions, config.rope_theta)
        q, k = q.transpose(0, 2, 1, 3), k.transpose(0, 2, 1, 3)
        v = (x @ params["w_v"][:, shared])[:, None]
        head = attention(q, k, v)
        out = out + head[:, 0] @ params["w_o"][mine]
        saved.append((q, k, v, head))
    return out, {"x": x, "params": params, "config": config, "at": positions, "saved": saved}


def multi_head_attention_backward(dout, cache):
    x, params, config, positions = (cache[k] for k in ("x", "params", "config", "at"))
    dparams = {name: np.zeros_like(params[name]) for name in ("w_q", "w_k", "w_v", "w_o")}
    dx = np.zeros_like(x)
    for (mine, shared), (q, k, v, head) in zip(pieces(params, config), cache["saved"], strict=True):
        dparams["w_o"][mine] = np.tensordot(head[:, 0], dout, axes=((0, 1), (0, 1)))
        dhead = (dout @ params["w_o"][mine].T)[:, None]
        dq, dk, dv = attention_backward(dhead, q, k, v)
        dq, dk = (
            rope_backward(d.transpose(0, 2, 1, 3), positions, config.rope_theta) for d in (dq, dk)
        )
        for name, columns, d in (
            ("w_q", mine, dq[:, :, 0]),
            ("w_k", shared, dk[:, :, 0]),
            ("w_v", shared, dv[:, 0]),
        ):
            dparams[name][:, columns] += np.tensordot(x, d, axes=((0, 1), (0, 1)))
            dx += d @ params[name][:, columns].T
    return dx, dparams
