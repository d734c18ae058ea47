"""Earlier exercises, a block as a function, and positions that are counted along; prefill is made
of a step that decode takes too."""

import numpy as np

from ..vol1_numpy.attention import attention
from ..vol1_numpy.multi_head import merge_heads, split_heads
from ..vol1_numpy.rmsnorm import rmsnorm
from ..vol1_numpy.rope import rope
from ..vol1_numpy.swiglu import swiglu

NAMES = ("attn_norm", "w_q", "w_k", "w_v", "w_o", "mlp_norm", "w_gate", "w_up", "w_down")


def decode(params, config, cache, tokens):
    return logits(params, config, step(params, config, cache, tokens[:, None], cache.length))


def prefill(params, config, cache, tokens, chunk=None):
    T = tokens.shape[1]
    size = min(T, T if chunk is None else chunk)
    if size <= 0:
        raise ValueError("there is nothing to read")
    position, at = cache.length, 0
    for piece in np.array_split(tokens, range(size, T, size), axis=1):
        x = step(params, config, cache, piece, position + at)
        at += piece.shape[1]
    return logits(params, config, x)


def logits(params, config, x):
    last = rmsnorm(x[:, -1:], params["final_norm"], config.norm_eps)[:, 0]
    if "head" in params:
        return np.einsum("bd,dv->bv", last, params["head"])
    return np.einsum("bd,vd->bv", last, params["embedding"])


def step(params, config, cache, tokens, first):
    where = np.broadcast_to(first + np.arange(tokens.shape[1]), tokens.shape)
    x = np.take(params["embedding"], tokens, axis=0)
    for layer in range(config.n_layers):
        x = block(x, [params[f"blocks.{layer}.{n}"] for n in NAMES], config, cache, layer, where)
    return x


def block(x, weights, config, cache, layer, where):
    attn_norm, w_q, w_k, w_v, w_o, mlp_norm, *mlp = weights
    normed = rmsnorm(x, attn_norm, config.norm_eps)
    heads = config.n_heads, config.n_kv_heads, config.n_kv_heads
    q, k, v = (split_heads(normed @ w, n) for w, n in zip((w_q, w_k, w_v), heads, strict=True))
    k = rope(k, where, theta=config.rope_theta).transpose(0, 2, 1, 3)
    q = rope(q, where, theta=config.rope_theta).transpose(0, 2, 1, 3)
    both = cache.append(layer, k, v.transpose(0, 2, 1, 3))
    x = x + merge_heads(attention(q, *both).transpose(0, 2, 1, 3)) @ w_o
    return x + swiglu(rmsnorm(x, mlp_norm, config.norm_eps), *mlp)
