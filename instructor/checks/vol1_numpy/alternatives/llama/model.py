"""A class that runs the blocks and remembers; parameters by name; closed formulas for counts."""

import numpy as np

from .block import block, block_backward
from .cross_entropy import cross_entropy, cross_entropy_backward
from .embedding import embedding, embedding_backward
from .linear import linear, linear_backward
from .rmsnorm import rmsnorm, rmsnorm_backward

BLOCK = ("attn_norm", "w_q", "w_k", "w_v", "w_o", "mlp_norm", "w_gate", "w_up", "w_down")


def init_params(config, rng):
    d = config.d_model
    kv = d * config.n_kv_heads // config.n_heads

    def weights(rows, columns):
        return 0.02 * rng.standard_normal((rows, columns))

    params = {"embedding": weights(config.vocab_size, d)}
    for i in range(config.n_layers):
        made = (
            np.ones(d),
            weights(d, d),
            weights(d, kv),
            weights(d, kv),
            weights(d, d),
            np.ones(d),
            weights(d, config.d_ff),
            weights(d, config.d_ff),
            weights(config.d_ff, d),
        )
        for name, value in zip(BLOCK, made, strict=True):
            params[f"blocks.{i}.{name}"] = value
    params["final_norm"] = np.ones(d)
    if not config.tied:
        params["head"] = weights(d, config.vocab_size)
    return params


def count_params(config):
    d, group = config.d_model, config.n_heads // config.n_kv_heads
    per_block = 2 * d + 2 * d * d + 2 * d * d // group + 3 * d * config.d_ff
    tables = config.vocab_size * d * (1 if config.tied else 2)
    return tables + config.n_layers * per_block + d


def swiglu_rms(d_model, d_ff, std):
    spread = std * np.sqrt(d_model)
    z, step = np.linspace(-9.0 * spread, 9.0 * spread, 20_001, retstep=True)
    density = np.exp(-0.5 * (z / spread) ** 2) / (spread * np.sqrt(2.0 * np.pi))
    hidden = np.sum((z / (1.0 + np.exp(-z))) ** 2 * density) * step * spread**2
    return np.sqrt(d_ff * hidden) * std


class Model:
    """One run of a model."""

    def __init__(self, params, config):
        self.params, self.config, self.caches = params, config, []

    def head(self):
        return self.params["embedding"].T if self.config.tied else self.params["head"]

    def forward(self, ids):
        self.ids = ids
        x = embedding(ids, self.params["embedding"])
        for i in range(self.config.n_layers):
            own = {name: self.params[f"blocks.{i}.{name}"] for name in BLOCK}
            x, cache = block(x, own, self.config, np.arange(ids.shape[1]))
            self.caches.append(cache)
        self.last = x
        self.normed = rmsnorm(x, self.params["final_norm"], eps=self.config.norm_eps)
        return linear(self.normed, self.head())

    def backward(self, dlogits):
        grads = {name: np.zeros_like(w) for name, w in self.params.items()}
        dx, dhead, _ = linear_backward(dlogits, self.normed, self.head())
        eps = self.config.norm_eps
        dx, dgain = rmsnorm_backward(dx, self.last, self.params["final_norm"], eps=eps)
        grads["final_norm"] += dgain
        for i in range(self.config.n_layers - 1, -1, -1):
            dx, own = block_backward(dx, self.caches[i])
            for name in BLOCK:
                grads[f"blocks.{i}.{name}"] += own[name]
        grads["embedding"] += embedding_backward(dx, self.ids, self.config.vocab_size)
        if self.config.tied:
            grads["embedding"] += dhead.T
        else:
            grads["head"] += dhead
        return grads


def llama(params, ids, config):
    model = Model(params, config)
    return model.forward(ids), model


def loss_and_grads(params, ids, targets, config):
    logits, model = llama(params, ids, config)
    grads = model.backward(cross_entropy_backward(logits, targets))
    return cross_entropy(logits, targets), grads
