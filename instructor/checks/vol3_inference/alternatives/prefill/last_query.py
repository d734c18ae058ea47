"""In the last layer of the last piece only the last token goes on: nobody asks for the others."""

import numpy as np

from ..vol1_numpy.attention import attention
from ..vol1_numpy.rmsnorm import rmsnorm
from ..vol1_numpy.rope import rope


def prefill(params, config, cache, tokens, chunk=None):
    T = tokens.shape[1]
    chunk = T if chunk is None else chunk
    if chunk < 1 or T < 1:
        raise ValueError(f"chunk is {chunk}, and there are {T} tokens")
    ends = [*range(chunk, T, chunk), T]
    for start, end in zip([0, *ends], ends, strict=False):
        x = params["embedding"][tokens[:, start:end]]
        at = np.arange(end - start) + cache.length
        for layer in range(config.n_layers):
            x = advance(x, params, f"blocks.{layer}.", config, cache, layer, at)
    x = rmsnorm(x, params["final_norm"], config.norm_eps)
    return np.squeeze(x @ params.get("head", params["embedding"].T), axis=1)


def decode(params, config, cache, tokens):
    return prefill(params, config, cache, np.stack([tokens], axis=-1), chunk=1)


def advance(x, params, prefix, config, cache, layer, at):
    B, T, d = x.shape
    shape = B, T, -1, d // config.n_heads
    normed = rmsnorm(x, params[prefix + "attn_norm"], config.norm_eps)
    k = rope((normed @ params[prefix + "w_k"]).reshape(shape), at, config.rope_theta)
    v = (normed @ params[prefix + "w_v"]).reshape(shape)
    keys, values = cache.append(layer, np.swapaxes(k, 1, 2), np.swapaxes(v, 1, 2))
    if layer == config.n_layers - 1:
        x, normed, at = x[:, -1:], normed[:, -1:], at[-1:]
    shape = B, len(at), -1, d // config.n_heads
    q = rope((normed @ params[prefix + "w_q"]).reshape(shape), at, config.rope_theta)
    mixed = attention(q.swapaxes(1, 2), keys, values).swapaxes(1, 2).reshape(x.shape)
    x = x + mixed @ params[prefix + "w_o"]
    h = rmsnorm(x, params[prefix + "mlp_norm"], config.norm_eps)
    gate, up = h @ params[prefix + "w_gate"], h @ params[prefix + "w_up"]
    return x + gate * (0.5 + 0.5 * np.tanh(gate / 2)) * up @ params[prefix + "w_down"]
