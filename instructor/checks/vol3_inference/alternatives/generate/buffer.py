"""A buffer of full width, filled in place; a UTF-8 decoder written by hand."""

import numpy as np


def generate(
    model, prompt, max_new_tokens, eos=None, max_T=None, choose=lambda z: z.argmax(axis=-1)
):
    B, P = prompt.shape
    if not P:
        raise ValueError("nothing to continue")
    out = np.empty((B, P + max_new_tokens), dtype=prompt.dtype)
    out[:, :P] = prompt
    ends = np.full(B, P + max_new_tokens)
    for at in range(P, P + max_new_tokens):
        start = 0 if max_T is None else max(at - max_T, 0)
        out[:, at] = choose(model(out[:, start:at])[:, -1, :])
        if eos is None:
            continue
        out[ends < at, at] = eos
        ends = np.where((out[:, at] == eos) & (ends > at), at, ends)
        if (ends <= at).all():
            return out[:, : at + 1].copy()
    return out


# First byte, last byte: how many follow, and between what the second one lies.
FORMS = [
    (0x00, 0x7F, 0, 0, 0),
    (0xC2, 0xDF, 1, 0x80, 0xBF),
    (0xE0, 0xE0, 2, 0xA0, 0xBF),
    (0xE1, 0xEC, 2, 0x80, 0xBF),
    (0xED, 0xED, 2, 0x80, 0x9F),
    (0xEE, 0xEF, 2, 0x80, 0xBF),
    (0xF0, 0xF0, 3, 0x90, 0xBF),
    (0xF1, 0xF3, 3, 0x80, 0xBF),
    (0xF4, 0xF4, 3, 0x80, 0x8F),
]


def stream_decode(ids, vocab):
    held, missing, low, high = [], 0, 0, 0
    for token in ids:
        for byte in vocab[token]:
            if missing and low <= byte <= high:
                held.append(byte)
                missing, low, high = missing - 1, 0x80, 0xBF
            else:
                if missing:
                    yield "\ufffd"
                form = next((f for f in FORMS if f[0] <= byte <= f[1]), None)
                held, missing = [byte], 0
                if form is None:
                    yield "\ufffd"
                    continue
                _, _, missing, low, high = form
            if not missing:
                yield bytes(held).decode()
    if missing:
        yield "\ufffd"
