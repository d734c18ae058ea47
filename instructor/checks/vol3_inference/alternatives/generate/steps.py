"""A generator of columns, stacked at the end; decoding by `codecs.iterdecode`."""

import codecs
from collections import deque

import numpy as np


def generate(model, prompt, max_new_tokens, eos=None, max_T=None, choose=None):
    if prompt.size == 0:
        raise ValueError("empty prompt")
    new = columns(model, prompt, max_new_tokens, eos, max_T, choose or np.argmax)
    return np.stack([*prompt.T, *new], axis=1).astype(prompt.dtype)


def columns(model, prompt, count, eos, max_T, choose):
    recent = deque(prompt.T, maxlen=max_T)
    alive = np.ones(len(prompt), dtype=bool)
    while count and alive.any():
        logits = model(np.stack(recent, axis=1))[:, -1]
        column = np.array(choose(logits, axis=-1) if choose is np.argmax else choose(logits))
        if eos is not None:
            column[~alive] = eos
            alive = alive & (column != eos)
        recent.append(column)
        yield column
        count -= 1


def stream_decode(ids, vocab):
    yield from filter(None, codecs.iterdecode((vocab[i] for i in ids), "utf-8", "replace"))
