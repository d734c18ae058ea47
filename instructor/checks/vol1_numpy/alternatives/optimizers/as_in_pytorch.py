"""The arrangement of terms that PyTorch's own loop uses: corrections as scalars, in-place calls."""

import math
from collections import defaultdict

import numpy as np


def sgd_step(params, grads, lr):
    for i in range(len(params)):
        params[i][...] = params[i] - np.multiply(grads[i], lr)


def momentum_step(params, grads, velocity, lr, momentum):
    for p, g, buffer in zip(params, grads, velocity, strict=True):
        np.multiply(buffer, momentum, out=buffer)
        np.add(buffer, g, out=buffer)
        np.add(p, -lr * buffer, out=p)


class AdamW:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.params = list(params)
        self.defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        self.state = defaultdict(dict)

    def step(self, grads):
        for index, (param, grad) in enumerate(zip(self.params, grads, strict=True)):
            if grad is not None:
                self._update(param, grad, self.state[index])

    def _update(self, param, grad, state):
        if not state:
            state.update(step=0, exp_avg=np.zeros_like(param), exp_avg_sq=np.zeros_like(param))
        state["step"] += 1
        lr, (beta1, beta2) = self.defaults["lr"], self.defaults["betas"]
        np.multiply(param, 1 - lr * self.defaults["weight_decay"], out=param)
        exp_avg, exp_avg_sq = state["exp_avg"], state["exp_avg_sq"]
        exp_avg *= beta1
        exp_avg += (1 - beta1) * grad
        exp_avg_sq *= beta2
        exp_avg_sq += (1 - beta2) * grad**2
        size = lr / (1 - beta1 ** state["step"])
        root = math.sqrt(1 - beta2 ** state["step"])
        param -= size * exp_avg / (np.sqrt(exp_avg_sq) / root + self.defaults["eps"])


def clip_grad_norm(grads, max_norm):
    flat = np.concatenate([g.ravel() for g in grads])
    total = float(np.sqrt(flat @ flat))
    factor = 1.0 if total == 0 else min(1.0, max_norm / total)
    for g in grads:
        np.multiply(g, factor, out=g)
    return total


def lr_schedule(step, max_lr, min_lr, warmup, total):
    if step >= total:
        return min_lr
    if step >= warmup:
        share = 0.5 + 0.5 * math.cos(math.pi * (step - warmup) / (total - warmup))
        return share * max_lr + (1 - share) * min_lr
    return step / warmup * max_lr
