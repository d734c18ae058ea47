"""No recursion at all: every gradient is kept, and the weighted sums are formed anew."""

import math

import numpy as np


def sgd_step(params, grads, lr):
    any(p.__isub__(lr * g) is None for p, g in zip(params, grads, strict=True))


def momentum_step(params, grads, velocity, lr, momentum):
    for p, g, v in zip(params, grads, velocity, strict=True):
        v[...] = np.einsum("k,k...->...", np.array([1.0, momentum]), np.stack([g, v]))
        p[...] = np.einsum("k,k...->...", np.array([1.0, -lr]), np.stack([p, v]))


def weighted_mean(values, keep):
    """The mean of `values` with weights that fade into the past and add up to one."""
    weights = keep ** np.arange(len(values))[::-1]
    return np.tensordot(weights / weights.sum(), np.stack(values), axes=1)


class AdamW:
    def __init__(self, params, lr, betas, eps, weight_decay):
        self.params, self.settings = params, (lr, betas, eps, weight_decay)
        self.seen = tuple([] for _ in params)

    def step(self, grads):
        lr, betas, eps, weight_decay = self.settings
        for p, g, seen in zip(self.params, grads, self.seen, strict=True):
            if g is None:
                continue
            seen.append(np.array(g))
            mean = weighted_mean(seen, betas[0])
            size = weighted_mean([past * past for past in seen], betas[1]) ** 0.5
            p[...] = p * (1 - lr * weight_decay) - lr * mean / (size + eps)


def clip_grad_norm(grads, max_norm):
    norm = math.hypot(*(float(x) for g in grads for x in np.nditer(g)))
    for g in grads:
        g[...] = g * (max_norm / max(norm, max_norm))
    return np.array(norm)


def lr_schedule(step, max_lr, min_lr, warmup, total):
    """All rates of the run as a table, one more for everything after it."""
    rise = np.linspace(0.0, max_lr, warmup + 1)[:-1]
    angles = np.linspace(0.0, math.pi, total - warmup + 1)
    fall = min_lr + (max_lr - min_lr) * (1 + np.cos(angles)) / 2
    return float(np.concatenate([rise, fall])[min(step, total)])
