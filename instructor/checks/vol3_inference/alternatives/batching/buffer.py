"""A buffer of tokens per request, its room made when it is submitted, and NumPy throughout."""

import itertools

import numpy as np


def left_pad(prompts, pad):
    lengths = np.fromiter(map(len, prompts), dtype=np.int64)
    if not lengths.all():
        raise ValueError("every prompt needs a token")
    T = int(np.max(lengths))
    real = np.arange(T)[None, :] >= (T - lengths)[:, None]
    ids = np.where(real, 0, np.int64(pad))
    ids[real] = np.concatenate(prompts)
    return ids, lengths


def padding_mask(lengths, T):
    count = np.cumsum(np.arange(T) >= T - np.reshape(lengths, (-1, 1)), axis=1)
    positions = np.where(count > 0, count - 1, 0)
    seen = np.logical_and(count[:, None, :] > 0, count[:, None, :] <= count[:, :, None])
    i, j = np.indices((T, T))
    return positions, np.where(i == j, True, seen & (j <= i))


class Scheduler:
    def __init__(self, model, slots):
        if slots < 1:
            raise ValueError(slots)
        self._model, self._slots = model, slots
        self._numbers = itertools.count()
        self._buffers, self._used, self._eos = {}, {}, {}
        self._unfinished = []  # in the order in which they came; the first of them have slots

    def submit(self, prompt, max_new_tokens, eos=None):
        P = len(prompt)
        if not P:
            raise ValueError("no prompt")
        number = next(self._numbers)
        self._buffers[number] = np.zeros(P + max_new_tokens, dtype=np.int64)
        self._buffers[number][:P] = prompt
        self._used[number], self._eos[number] = P, -1 if eos is None else eos
        if max_new_tokens:
            self._unfinished.append(number)
        return number

    def step(self):
        running = self._unfinished[: self._slots]
        if not running:
            return {}
        # Newest first: rows may come in any order.
        rows = running[::-1]
        ids, lengths = left_pad([self._buffers[r][: self._used[r]] for r in rows], 0)
        last = np.asarray(self._model(ids, lengths=lengths))[:, ids.shape[1] - 1, :]
        new = {}
        for r, token in zip(rows, np.argmax(last, 1), strict=True):
            self._buffers[r][self._used[r]] = new[r] = token
            self._used[r] += 1
            if token == self._eos[r] or self._used[r] == len(self._buffers[r]):
                self._unfinished.remove(r)
        return new

    def run(self):
        while self._unfinished:
            self.step()
        return {r: buffer[: self._used[r]].copy() for r, buffer in self._buffers.items()}
