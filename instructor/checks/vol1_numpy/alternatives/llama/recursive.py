"""The blocks by recursion: each call runs one block, the rest, and one block back. No caches kept
in lists; the logits are computed by the same recursion with another ending."""

from functools import partial

import numpy as np

from .block import block, block_backward
from .cross_entropy import cross_entropy, cross_entropy_backward
from .embedding import embedding, embedding_backward
from .rmsnorm import rmsnorm, rmsnorm_backward


def shapes(config):
    d, f = config.d_model, config.d_ff
    kv = config.n_kv_heads * (d // config.n_heads)
    yield "embedding", (config.vocab_size, d)
    for i in range(config.n_layers):
        for name, shape in zip(
            ["w_q", "w_k", "w_v", "w_o", "w_gate", "w_up", "w_down", "attn_norm", "mlp_norm"],
            [(d, d), (d, kv), (d, kv), (d, d), (d, f), (d, f), (f, d), (d,), (d,)],
            strict=True,
        ):
            yield f"blocks.{i}.{name}", shape
    if not config.tied:
        yield "head", (d, config.vocab_size)
    yield "final_norm", (d,)


def init_params(config, rng):
    params = {}
    for name, shape in shapes(config):
        params[name] = np.ones(shape)
        if len(shape) == 2:
            params[name] *= rng.normal(scale=0.02, size=shape)
    return params


def count_params(config):
    total = 0
    for _, shape in shapes(config):
        size = 1
        for n in shape:
            size *= n
        total += size
    return total


def swiglu_rms(d_model, d_ff, std):
    """By midpoints of equal probability would be too coarse; Simpson's rule it is."""
    t = np.linspace(-8.0, 8.0, 3201)
    simpson = np.ones_like(t)
    simpson[1:-1:2], simpson[2:-1:2] = 4.0, 2.0
    simpson *= (t[1] - t[0]) / 3.0
    g = std * d_model**0.5
    square = (
        simpson
        @ ((g * t / (1.0 + np.exp(-g * t))) ** 2 * np.exp(-t * t / 2.0))
        / np.sqrt(2.0 * np.pi)
    )
    return float(g * std * np.sqrt(d_ff * square))


def run(i, x, params, config, ending):
    """Blocks i and later, then `ending`; gives its result, the gradient of x and all others."""
    if i == config.n_layers:
        return ending(x)
    prefix = f"blocks.{i}."
    own = {k[len(prefix) :]: v for k, v in params.items() if k[: len(prefix)] == prefix}
    out, cache = block(x, own, config, np.arange(x.shape[1]))
    result, dout, grads = run(i + 1, out, params, config, ending)
    if dout is None:
        return result, None, grads
    dx, own_grads = block_backward(dout, cache)
    return result, dx, {**grads, **{f"{prefix}{k}": v for k, v in own_grads.items()}}


def head_of(params, config):
    return params["embedding"] if config.tied else params["head"].T  # (vocab_size, d_model)


def only_logits(params, config, x):
    final = rmsnorm(x, params["final_norm"], config.norm_eps)
    return final @ head_of(params, config).T, None, {}


def with_loss(params, config, targets, x):
    table = head_of(params, config)
    logits, _, _ = only_logits(params, config, x)
    final = rmsnorm(x, params["final_norm"], config.norm_eps)
    dlogits = cross_entropy_backward(logits, targets)
    dtable = np.tensordot(dlogits, final, axes=((0, 1), (0, 1)))
    dx, dgain = rmsnorm_backward(dlogits @ table, x, params["final_norm"], config.norm_eps)
    grads = {"final_norm": dgain, "table": dtable}
    return cross_entropy(logits, targets), dx, grads


def llama(params, ids, config):
    x = embedding(ids, params["embedding"])
    logits, _, _ = run(0, x, params, config, partial(only_logits, params, config))
    return logits, None


def loss_and_grads(params, ids, targets, config):
    x = embedding(ids, params["embedding"])
    ending = partial(with_loss, params, config, targets)
    loss, dx, grads = run(0, x, params, config, ending)
    dtable = grads.pop("table")
    grads["embedding"] = embedding_backward(dx, ids, config.vocab_size)
    if config.tied:
        grads["embedding"] = grads["embedding"] + dtable
    else:
        grads["head"] = dtable.T
    return loss, grads
