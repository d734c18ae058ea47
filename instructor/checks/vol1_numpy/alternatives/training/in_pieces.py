"""A generator of batches, a function for one step, views of dicts for lists."""

import numpy as np

from .llama import loss_and_grads
from .optimizers import AdamW, clip_grad_norm, lr_schedule


def _batches(data, steps, rng):
    for _ in range(steps):
        rows = np.array([data[i] for i in rng.integers(len(data), size=32)])
        yield np.ascontiguousarray(rows[:, :-1]), np.ascontiguousarray(rows[:, 1:])


def _update(model, optimizer, grads, rate):
    grads = {name: grads[name] for name in model}
    clip_grad_norm(grads.values(), 1.0)
    optimizer.lr = rate
    optimizer.step(list(grads.values()))


def train(params, data, config, steps, rng):
    model = {name: np.array(w) for name, w in params.items()}
    optimizer = AdamW([*model.values()], lr=0.0, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    losses = []
    for number, (ids, targets) in enumerate(_batches(data, steps, rng)):
        loss, grads = loss_and_grads(model, ids, targets, config)
        rate = lr_schedule(number + 1, 0.02, 0.002, warmup=steps // 10, total=steps)
        _update(model, optimizer, grads, rate)
        losses.append(loss)
    return model, np.array(losses)
