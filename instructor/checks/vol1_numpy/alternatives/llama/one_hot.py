"""Ids as one-hot rows, so that the embedding is a matrix product; loss and gradient written out;
the gradient is a loop over saved functions."""

import numpy as np

from .block import block, block_backward
from .rmsnorm import rmsnorm, rmsnorm_backward


def weight_shapes(config):
    d, kv = config.d_model, config.d_model * config.n_kv_heads // config.n_heads
    inner = dict(w_q=(d, d), w_k=(d, kv), w_v=(d, kv), w_o=(d, d))
    inner.update(w_gate=(d, config.d_ff), w_up=(d, config.d_ff), w_down=(config.d_ff, d))
    every = {f"blocks.{i}.{n}": s for i in range(config.n_layers) for n, s in inner.items()}
    every["embedding"] = (config.vocab_size, d)
    if not config.tied:
        every["head"] = (d, config.vocab_size)
    return every


def init_params(config, rng):
    made = {n: np.empty(s) for n, s in weight_shapes(config).items()}
    for name in sorted(made):
        made[name][...] = rng.normal(0, 0.02, size=made[name].shape)
    for i in range(config.n_layers):
        for which in ("attn", "mlp"):
            made[f"blocks.{i}.{which}_norm"] = np.full(config.d_model, 1.0)
    made["final_norm"] = np.full(config.d_model, 1.0)
    return made


def count_params(config):
    gains = (2 * config.n_layers + 1) * config.d_model
    return gains + sum(a * b for a, b in weight_shapes(config).values())


def swiglu_rms(d_model, d_ff, std):
    """Gauss-Hermite would need many nodes for a wide gate: a fine sum of midpoints instead."""
    edges = np.linspace(-9.0, 9.0, 40_001)
    t = (edges[1:] + edges[:-1]) / 2
    probability = np.exp(-(t**2) / 2)
    probability /= probability.sum()
    gate = std * d_model**0.5 * t
    opened = gate * (1 + np.tanh(gate / 2)) / 2
    return std**2 * (d_ff * d_model) ** 0.5 * float(np.dot(opened**2, probability)) ** 0.5


def forward(params, ids, config):
    rows = (ids[..., None] == np.arange(config.vocab_size)).astype(params["embedding"].dtype)
    x, backs = rows @ params["embedding"], []
    for i in range(config.n_layers):
        own = {
            n.split(".")[2]: w for n, w in params.items() if n.split(".")[:2] == ["blocks", f"{i}"]
        }
        x, cache = block(x, own, config, np.arange(ids.shape[1]))
        backs.append((i, cache))
    head = np.transpose(params["embedding"]) if config.tied else params["head"]
    final = rmsnorm(x, params["final_norm"], config.norm_eps)
    return final @ head, (rows, x, final, head, backs)


def llama(params, ids, config):
    return forward(params, ids, config)


def loss_and_grads(params, ids, targets, config):
    logits, (rows, x, final, head, backs) = forward(params, ids, config)
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    wanted = (targets[..., None] == np.arange(config.vocab_size)).astype(logits.dtype)
    kept = wanted.sum(axis=-1, keepdims=True)  # 0 where the target is -100
    count = int(kept.sum())
    loss = -float((wanted * log_probs).sum()) / count
    dlogits = (np.exp(log_probs) * kept - wanted) / count
    dhead = np.einsum("btd,btv->dv", final, dlogits)
    dx, dgain = rmsnorm_backward(
        dlogits @ np.transpose(head), x, params["final_norm"], config.norm_eps
    )
    grads = {"final_norm": dgain}
    for i, cache in backs[::-1]:
        dx, own = block_backward(dx, cache)
        for name, d in own.items():
            grads[f"blocks.{i}.{name}"] = d
    grads["embedding"] = np.einsum("btv,btd->vd", rows, dx)
    if config.tied:
        grads["embedding"] = grads["embedding"] + np.transpose(dhead)
    else:
        grads["head"] = dhead
    return loss, grads
