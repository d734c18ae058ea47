"""All windows are drawn before the first step; each batch goes through the model in two halves."""

import numpy as np

from .llama import loss_and_grads
from .optimizers import AdamW, clip_grad_norm


def rate(step, steps):
    """Up in a straight line for a twentieth of the run, down in another one."""
    rise = steps / 20
    return 7e-3 * min((step + 1) / (rise + 1), (steps - step) / (steps - rise))


def gather(data, starts, T):
    ids = np.empty((len(starts), T), dtype=np.int64)
    targets = np.empty((len(starts), T), dtype=np.int64)
    for row, start in enumerate(starts):
        for t in range(T):
            ids[row, t] = data[start + t]
            targets[row, t] = data[start + t + 1]
    return ids, targets


def train(params, data, config, steps, rng):
    T = config.max_T
    every = rng.integers(0, data.shape[0] - T, size=(steps, 2, 8))
    names = [*params]
    values = [params[n].copy(order="C") for n in names]
    adam = AdamW(values, 0.0, (0.9, 0.95), 1e-9, 0.02)
    losses = []
    for step in range(steps):
        current = dict(zip(names, values, strict=True))
        halves = [loss_and_grads(current, *gather(data, s, T), config) for s in every[step]]
        losses.append((halves[0][0] + halves[1][0]) / 2)
        grads = [(halves[0][1][n] + halves[1][1][n]) / 2 for n in names]
        clip_grad_norm(grads, 0.8)
        adam.lr = rate(step, steps)
        adam.step(grads)
    return dict(zip(names, values, strict=True)), losses
