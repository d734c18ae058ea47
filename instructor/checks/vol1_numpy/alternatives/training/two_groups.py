"""A class; matrices decay and gains do not, so there are two optimizers."""

import numpy as np

from .llama import loss_and_grads
from .optimizers import AdamW, clip_grad_norm, lr_schedule


class Run:
    def __init__(self, params, config, steps, rng):
        self.params = {}
        for name in params:
            self.params[name] = np.zeros_like(params[name])
            self.params[name] += params[name]
        self.config, self.steps, self.rng = config, steps, rng
        self.groups = []
        for gains in (False, True):
            names = [n for n in params if n.endswith("norm") == gains]
            arrays = [self.params[n] for n in names]
            decay = 0.0 if gains else 0.1
            self.groups.append((names, AdamW(arrays, 4e-3, (0.9, 0.95), 1e-8, decay)))

    def batch(self, data):
        T = self.config.max_T
        last = len(data) - T - 1
        starts = [int(self.rng.integers(0, last, endpoint=True)) for _ in range(16)]
        ids = np.stack([data[s : s + T] for s in starts])
        targets = np.stack([data[s + 1 : s + 1 + T] for s in starts])
        return ids, targets

    def step(self, number, data):
        loss, grads = loss_and_grads(self.params, *self.batch(data), self.config)
        clip_grad_norm(list(grads.values()), 2.0)
        for names, optimizer in self.groups:
            optimizer.lr = lr_schedule(number, 4e-3, 4e-4, 10, self.steps + 10)
            optimizer.step([grads[n] for n in names])
        return loss


def train(params, data, config, steps, rng):
    run = Run(params, config, steps, rng)
    losses = [run.step(number, data) for number in range(steps)]
    return run.params, losses
