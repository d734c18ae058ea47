"""Plain loops over single numbers, state in dictionaries, no vectorised arithmetic."""

import math

import numpy as np


def sgd_step(params, grads, lr):
    for i in range(len(params)):
        for place in np.ndindex(params[i].shape):
            params[i][place] = params[i][place] - lr * grads[i][place]


def momentum_step(params, grads, velocity, lr, momentum):
    for i in range(len(params)):
        for place in np.ndindex(params[i].shape):
            velocity[i][place] = momentum * velocity[i][place] + grads[i][place]
            params[i][place] = params[i][place] - lr * velocity[i][place]


class AdamW:
    def __init__(self, params, lr, betas, eps, weight_decay):
        self.params = params
        self.lr = lr
        self.betas = betas
        self.eps = eps
        self.weight_decay = weight_decay
        self.state = {}

    def step(self, grads):
        for i in range(len(self.params)):
            if grads[i] is None:
                continue
            if i not in self.state:
                shape = self.params[i].shape
                self.state[i] = {"t": 0, "m": np.zeros(shape), "v": np.zeros(shape)}
            self.state[i]["t"] += 1
            for place in np.ndindex(self.params[i].shape):
                self.move(i, place, float(grads[i][place]))

    def move(self, i, place, g):
        state, p = self.state[i], self.params[i]
        first, second = self.betas
        state["m"][place] = first * state["m"][place] + (1 - first) * g
        state["v"][place] = second * state["v"][place] + (1 - second) * g**2
        m = state["m"][place] / (1 - first ** state["t"])
        v = state["v"][place] / (1 - second ** state["t"])
        p[place] = p[place] - self.lr * self.weight_decay * p[place]
        p[place] = p[place] - self.lr * m / (math.sqrt(v) + self.eps)


def clip_grad_norm(grads, max_norm):
    squares = 0.0
    for g in grads:
        for number in g.flat:
            squares += float(number) ** 2
    norm = squares**0.5
    if norm > max_norm:
        for g in grads:
            for place in np.ndindex(g.shape):
                g[place] = g[place] * max_norm / norm
    return norm


def lr_schedule(step, max_lr, min_lr, warmup, total):
    if warmup > 0 and step <= warmup:
        return max_lr * (step / warmup)
    if step > total:
        step = total
    angle = math.pi * (step - warmup) / (total - warmup)
    return (max_lr + min_lr) / 2 + (max_lr - min_lr) / 2 * math.cos(angle)
