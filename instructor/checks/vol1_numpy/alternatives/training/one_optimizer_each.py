"""Every parameter has an optimizer of its own; the clipped gradients are new arrays."""

import copy

import numpy as np

from .llama import loss_and_grads
from .optimizers import AdamW, lr_schedule


def train(params, data, config, steps, rng):
    result = copy.deepcopy(dict(params))
    result = {name: np.array(w, order="C") for name, w in result.items()}
    optimizers = {n: AdamW([w], 0.02, (0.9, 0.95), 1e-8, 0.1) for n, w in result.items()}
    losses = []
    while len(losses) < steps:
        chosen = rng.integers(low=0, high=len(data), size=32)
        loss, grads = loss_and_grads(result, data[chosen][:, :-1], data[chosen][:, 1:], config)
        losses.append(loss)
        norm = np.sqrt(sum((g.astype(float) ** 2).sum() for g in grads.values()))
        scale = min(1.0, 1.0 / norm)
        for name, optimizer in optimizers.items():
            optimizer.lr = lr_schedule(len(losses), 0.02, 0.002, steps // 10, steps)
            optimizer.step([grads[name] * scale])
    return result, losses
