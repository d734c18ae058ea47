"""Every window once per round, in an order drawn for it; a generator of batches; no clipping."""

import numpy as np

from .llama import loss_and_grads
from .optimizers import AdamW, lr_schedule


def batches(data, length, size, rng):
    while True:
        order = rng.permutation(len(data) - length)
        for first in range(0, len(order), size):
            places = order[first : first + size, None] + np.arange(length)
            yield np.take(data, places), np.take(data, places + 1)


def train(params, data, config, steps, rng):
    new = {key: np.array(value) for key, value in params.items()}
    keys = sorted(new)
    optimizer = AdamW([new[key] for key in keys], 0.0, (0.9, 0.98), 1e-8, 0.0)
    losses = []
    stream = batches(data, config.max_T, 14, rng)
    for step in range(steps):
        ids, targets = next(stream)
        loss, grads = loss_and_grads(new, ids, targets, config)
        optimizer.lr = lr_schedule(step + 1, 6e-3, 0.0, 20, max(steps, 21))
        optimizer.step([grads[key] for key in keys])
        losses.append(float(loss))
    return new, losses
