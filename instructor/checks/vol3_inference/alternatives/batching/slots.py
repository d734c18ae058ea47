"""Slots with a place each: a list of requests or None, rows gathered from those in use."""

from dataclasses import dataclass, field

import numpy as np


def left_pad(prompts, pad):
    T = max(len(p) for p in prompts)
    if any(len(p) == 0 for p in prompts):
        raise ValueError("an empty prompt")
    rows = [[pad] * (T - len(p)) + [int(token) for token in p] for p in prompts]
    return np.array(rows, dtype=np.int64), np.array([len(p) for p in prompts], dtype=np.int64)


def padding_mask(lengths, T):
    positions = np.zeros((len(lengths), T), dtype=np.int64)
    mask = np.zeros((len(lengths), T, T), dtype=bool)
    for b, n in enumerate(lengths):
        first = T - n
        for t in range(T):
            mask[b, t, t] = True
            if t >= first:
                positions[b, t] = t - first
                mask[b, t, first : t + 1] = True
    return positions, mask


@dataclass
class Request:
    number: int
    text: np.ndarray
    left: int
    eos: int | None
    done: bool = False
    new: list[int] = field(default_factory=list)

    def take(self, token):
        self.new.append(token)
        self.left -= 1
        self.done = self.left == 0 or (self.eos is not None and token == self.eos)


class Scheduler:
    def __init__(self, model, slots):
        if slots <= 0:
            raise ValueError("at least one slot is needed")
        self.model = model
        self.places = [None] * slots
        self.queue = []
        self.all = []

    def submit(self, prompt, max_new_tokens, eos=None):
        if np.size(prompt) == 0:
            raise ValueError("an empty prompt")
        text = np.array(prompt, dtype=np.int64)
        request = Request(len(self.all), text, max_new_tokens, eos, done=max_new_tokens == 0)
        self.all.append(request)
        if not request.done:
            self.queue.append(request)
        return request.number

    def step(self):
        for i, place in enumerate(self.places):
            if place is None and self.queue:
                self.places[i] = self.queue.pop(0)
        running = [r for r in self.places if r is not None]
        if len(running) == 0:
            return {}
        texts = [np.concatenate([r.text, np.array(r.new, dtype=np.int64)]) for r in running]
        logits = self.model(*left_pad(texts, 0))
        for r, row in zip(running, logits, strict=True):
            r.take(int(row[-1].argmax()))
        self.places = [None if r is None or r.done else r for r in self.places]
        return {r.number: r.new[-1] for r in running}

    def run(self):
        while self.queue or any(place is not None for place in self.places):
            self.step()
        return {r.number: np.array([*r.text, *r.new], dtype=np.int64) for r in self.all}
