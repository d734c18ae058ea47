"""Rows as lists of ints; bytes are held while the decoder says that data has ended too soon."""

import numpy as np


def first_largest(logits):
    best = []
    for row in logits.tolist():
        best.append(row.index(max(row)))
    return np.array(best)


def generate(model, prompt, max_new_tokens, eos=None, max_T=None, choose=first_largest):
    rows = [[int(i) for i in row] for row in prompt]
    if min(map(len, rows)) == 0:
        raise ValueError
    done = [False] * len(rows)
    while max_new_tokens > 0 and not all(done):
        max_new_tokens -= 1
        shown = rows if max_T is None else [row[-max_T:] for row in rows]
        chosen = choose(model(np.array(shown))[:, -1])
        for b, row in enumerate(rows):
            row.append(eos if done[b] else int(chosen[b]))
            done[b] = done[b] or (eos is not None and row[-1] == eos)
    return np.array(rows, dtype=prompt.dtype)


def stream_decode(ids, vocab):
    held = b""
    for token in ids:
        held += vocab[token]
        text, held = settled(held)
        if text:
            yield text
    if held:
        yield held.decode(errors="replace")


def settled(raw):
    """The text of all bytes but those at the end that may yet become a character."""
    for count in (3, 2, 1):
        tail = raw[-count:]
        try:
            tail.decode()
        except UnicodeDecodeError as error:
            if error.start == 0 and error.reason == "unexpected end of data":
                return raw[: len(raw) - len(tail)].decode(errors="replace"), tail
    return raw.decode(errors="replace"), b""
