"""Each request a generator that yields its text and is sent its next token; PyTorch for arrays."""

import numpy as np
import torch


def left_pad(prompts, pad):
    rows = [torch.tensor(np.array(p, dtype=np.int64)).flip(0) for p in prompts]
    if min(len(r) for r in rows) < 1:
        raise ValueError("a prompt has no tokens")
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad).flip(1)
    return ids.numpy(), torch.tensor([len(r) for r in rows]).numpy()


def padding_mask(lengths, T):
    first = T - torch.tensor(np.array(lengths))
    t = torch.arange(T)
    positions = (t - first[:, None]).clamp(min=0)
    mask = (t[:, None] >= t) & (t >= first[:, None, None])
    mask[:, t, t] = True
    return positions.numpy(), mask.numpy()


def life(prompt, max_new_tokens, eos):
    text = list(map(int, prompt))
    for _ in range(max_new_tokens):
        token = yield text
        text.append(token)
        if token == eos:
            return


class Scheduler:
    def __init__(self, model, slots):
        if not slots >= 1:
            raise ValueError("no slots")
        self.model, self.slots = model, slots
        self.active, self.queue, self.results = {}, [], {}

    def submit(self, prompt, max_new_tokens, eos=None):
        if len(prompt) < 1:
            raise ValueError("no tokens")
        number = len(self.results)
        request = life(prompt, max_new_tokens, eos)
        self.results[number] = next(request, list(map(int, prompt)))
        if max_new_tokens:
            self.queue = [*self.queue, (number, request)]
        return number

    def step(self):
        free = self.slots - len(self.active)
        self.active.update(self.queue[:free])
        self.queue = self.queue[free:]
        if not self.active:
            return {}
        numbers = sorted(self.active)
        ids, lengths = left_pad([self.results[n] for n in numbers], 0)
        logits = torch.as_tensor(self.model(ids, lengths))
        tokens = {n: int(row[-1].argmax()) for n, row in zip(numbers, logits, strict=True)}
        for number, token in tokens.items():
            try:
                self.active[number].send(token)
            except StopIteration:
                del self.active[number]
        return tokens

    def run(self):
        going = True
        while going:
            going = bool(self.step())
        return {number: np.array(text) for number, text in self.results.items()}
