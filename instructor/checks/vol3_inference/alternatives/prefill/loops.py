"""One query at a time with parts of its own; decode does not go through prefill."""

import numpy as np


def normed(x, gain, eps):
    return x * gain / np.sqrt(np.square(x).mean(-1, keepdims=True) + np.asarray(eps, x.dtype))


def turned(x, position, theta):
    """One token (B, heads, d_head)."""
    out = np.array(x)
    d_head = x.shape[-1]
    for i in range(d_head // 2):
        angle = position / theta ** (2 * i / d_head)
        cos, sin = x.dtype.type(np.cos(angle)), x.dtype.type(np.sin(angle))
        out[..., 2 * i] = x[..., 2 * i] * cos - x[..., 2 * i + 1] * sin
        out[..., 2 * i + 1] = x[..., 2 * i] * sin + x[..., 2 * i + 1] * cos
    return out


def through_a_block(x, w, config, cache, layer, before):
    """Tokens (B, T, d_model); `before` of them are in the cache."""
    B, T, d = x.shape
    d_head, group = d // config.n_heads, config.n_heads // config.n_kv_heads
    h = normed(x, w("attn_norm"), config.norm_eps)
    q = (h @ w("w_q")).reshape(B, T, config.n_heads, d_head)
    k = (h @ w("w_k")).reshape(B, T, config.n_kv_heads, d_head)
    v = (h @ w("w_v")).reshape(B, T, config.n_kv_heads, d_head)
    k = [turned(k[:, t], before + t, config.rope_theta) for t in range(T)]
    keys, values = cache.append(layer, np.stack(k, axis=2), np.moveaxis(v, 2, 1))
    mixed = np.zeros_like(x)
    for t in range(T):
        query = turned(q[:, t], before + t, config.rope_theta)
        for head in range(config.n_heads):
            for b in range(B):
                seen = slice(before + t + 1)
                scores = keys[b, head // group, seen] @ query[b, head] / d_head**0.5
                weights = np.exp(scores - scores.max())
                mix = weights @ values[b, head // group, seen] / weights.sum()
                mixed[b, t, head * d_head : (head + 1) * d_head] = mix
    x = x + mixed @ w("w_o")
    h = normed(x, w("mlp_norm"), config.norm_eps)
    gate = h @ w("w_gate")
    return x + gate / (1 + np.exp(-gate)) * (h @ w("w_up")) @ w("w_down")


def read(params, config, cache, tokens):
    before = cache.length
    x = params["embedding"][tokens]
    for layer in range(config.n_layers):
        x = through_a_block(
            x, lambda n, i=layer: params[f"blocks.{i}.{n}"], config, cache, layer, before
        )
    last = normed(x[:, -1], params["final_norm"], config.norm_eps)
    if config.tied:
        return last @ params["embedding"].T
    return last @ params["head"]


def prefill(params, config, cache, tokens, chunk=None):
    if not tokens.size:
        raise ValueError("there is no token")
    if chunk is None:
        return read(params, config, cache, tokens)
    if chunk <= 0:
        raise ValueError("pieces have at least one token")
    while tokens.shape[1] > chunk:
        read(params, config, cache, tokens[:, :chunk])
        tokens = tokens[:, chunk:]
    return read(params, config, cache, tokens)


def decode(params, config, cache, tokens):
    return read(params, config, cache, tokens.reshape(-1, 1))
