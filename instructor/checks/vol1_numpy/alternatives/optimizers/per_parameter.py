"""A small object per parameter; means updated by their difference; decay inside the step."""

from dataclasses import dataclass, field

import numpy as np


def sgd_step(params, grads, lr):
    for p, g in zip(params, grads, strict=True):
        np.subtract(p, lr * g, out=p)


def momentum_step(params, grads, velocity, lr, momentum):
    for v, g in zip(velocity, grads, strict=True):
        v *= momentum
        v += g
    sgd_step(params, velocity, lr)


@dataclass
class RunningMean:
    keep: float
    value: np.ndarray
    weight: float = 0.0

    def add(self, new):
        self.value += (1 - self.keep) * (new - self.value)
        self.weight = self.keep * self.weight + (1 - self.keep)

    def corrected(self):
        return self.value / self.weight


@dataclass
class OneParameter:
    array: np.ndarray
    betas: tuple
    first: RunningMean = field(init=False)
    second: RunningMean = field(init=False)

    def __post_init__(self):
        self.first = RunningMean(self.betas[0], np.zeros_like(self.array))
        self.second = RunningMean(self.betas[1], np.zeros_like(self.array))

    def update(self, g, lr, eps, weight_decay):
        self.first.add(g)
        self.second.add(np.square(g))
        direction = self.first.corrected() / (np.sqrt(self.second.corrected()) + eps)
        self.array -= lr * (direction + weight_decay * self.array)


class AdamW:
    def __init__(self, params, lr, betas, eps, weight_decay):
        self.parts = [OneParameter(p, betas) for p in params]
        self.lr, self.rest = lr, (eps, weight_decay)

    def step(self, grads):
        for part, g in zip(self.parts, grads, strict=True):
            if g is not None:
                part.update(g, self.lr, *self.rest)


def clip_grad_norm(grads, max_norm):
    norm = np.linalg.norm([np.linalg.norm(g) for g in grads])
    scale = np.minimum(1.0, max_norm / norm)  # 1 for a norm of zero: 1 / 0 is infinity
    for g in grads:
        g *= scale
    return norm


def lr_schedule(step, max_lr, min_lr, warmup, total):
    if step < warmup:
        return step * max_lr / warmup
    done = min((step - warmup) / (total - warmup), 1.0)
    return min_lr + (max_lr - min_lr) * np.cos(np.pi / 2 * done) ** 2
