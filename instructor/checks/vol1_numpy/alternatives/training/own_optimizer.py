"""One flat vector of all parameters, and everything about the update written out in place."""

import numpy as np

from .llama import loss_and_grads


def _rate(step, steps):
    warmup = steps // 10
    if step < warmup:
        return MAX_LR * step / warmup
    done = 1.0 if step >= steps else (step - warmup) / (steps - warmup)
    return MIN_LR + (MAX_LR - MIN_LR) * np.cos(np.pi * done / 2) ** 2


BATCH, MAX_LR, MIN_LR = 32, 0.02, 0.002


def train(params, data, config, steps, rng):
    names = sorted(params)
    ends = np.cumsum([0] + [params[n].size for n in names])
    dtype = params["embedding"].dtype

    def split(vector):
        parts = zip(names, ends[:-1], ends[1:], strict=True)
        return {n: vector[a:b].reshape(params[n].shape) for n, a, b in parts}

    def flat(arrays):
        return np.concatenate([np.ravel(arrays[n]) for n in names])

    p = flat(params)
    m, v = np.zeros_like(p), np.zeros_like(p)
    losses = np.zeros(steps)
    for t in range(1, steps + 1):
        batch = np.take(data, rng.integers(0, data.shape[0], BATCH), axis=0)
        losses[t - 1], grads = loss_and_grads(split(p), batch[:, :-1], batch[:, 1:], config)
        g = flat(grads)
        norm = float(np.linalg.norm(g))
        if norm > 1.0:
            g = g / norm
        m = 0.9 * m + 0.1 * g
        v = 0.95 * v + 0.05 * g * g
        rate = float(_rate(t, steps))
        p = (1 - 0.1 * rate) * p
        p = p - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.95**t)) + 1e-8)
    return {n: w.astype(dtype) for n, w in split(p).items()}, list(losses)
