"""Byte-pair encoding on one array of the whole text, with a mark between words."""

import re
from itertools import chain

import numpy as np

PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+"
BORDER = -1


def split_special(text, special_tokens):
    """Texts and special tokens in turn."""
    if not special_tokens:
        return [text], []
    names = "|".join(re.escape(t) for t in sorted(special_tokens, key=len)[::-1])
    return re.split(names, text), re.findall(names, text)


def with_borders(text):
    """The bytes of the text's words, a border after each."""
    words = re.findall(PATTERN, text)
    return np.array([i for w in words for i in (*w.encode(), BORDER)], dtype=np.int64)


def merged(ids, left, right, new):
    """Join (left, right) from left to right: in a run of hits every other one counts."""
    hits = (ids[:-1] == left) & (ids[1:] == right)
    if left == right:
        places = np.flatnonzero(hits)
        begins = np.flatnonzero(np.diff(places, prepend=-2) != 1)
        run = np.repeat(begins, np.diff(begins, append=len(places)))
        hits[places[(np.arange(len(places)) - run) % 2 == 1]] = False
    out = ids.copy()
    out[:-1][hits] = new
    return np.delete(out, np.flatnonzero(hits) + 1)


def train_bpe(text, vocab_size, special_tokens=()):
    merges, room = [], vocab_size - 256 - len(special_tokens)
    if room < 0:
        raise ValueError("there is no room for the bytes and the special tokens")
    texts, _ = split_special(text, special_tokens)
    ids = np.concatenate([with_borders(t) for t in texts])
    for new in range(256, 256 + room):
        inside = (ids[:-1] >= 0) & (ids[1:] >= 0)
        keys, counts = np.unique(ids[:-1][inside] * 10**6 + ids[1:][inside], return_counts=True)
        if not len(keys):
            break
        left, right = divmod(int(keys[counts.argmax()]), 10**6)  # argmax: the first of equals
        merges.append((left, right))
        ids = merged(ids, left, right, new)
    vocab = {i: bytes([i]) for i in range(256)}
    for i, (left, right) in enumerate(merges):
        vocab[256 + i] = vocab[left] + vocab[right]
    vocab |= {len(vocab) + i: t.encode() for i, t in enumerate(special_tokens)}
    return vocab, merges


def encode(text, vocab, merges, special_tokens=()):
    numbers = dict(zip(vocab.values(), vocab.keys(), strict=True))
    texts, between = split_special(text, special_tokens)
    out = []
    for part, token in zip(texts, [*between, None], strict=True):
        ids = with_borders(part)
        for i, (left, right) in enumerate(merges):
            if len(ids) > 1:
                ids = merged(ids, left, right, 256 + i)
        out.append(ids[ids >= 0].tolist())
        if token is not None:
            out.append([numbers[token.encode()]])
    return list(chain.from_iterable(out))


def decode(ids, vocab):
    return bytes(chain.from_iterable(vocab[i] for i in ids)).decode("utf-8", "replace")


class encode_iterable:  # noqa: N801
    """An iterator that is no generator."""

    def __init__(self, chunks, vocab, merges, special_tokens=()):
        self.chunks, self.rest = iter(chunks), (vocab, merges, special_tokens)
        self.reach = max((len(t) for t in special_tokens), default=1)
        self.text, self.ready, self.over = "", [], False

    def __iter__(self):
        return self

    def __next__(self):
        while not self.ready:
            if self.over:
                raise StopIteration
            try:
                self.text += next(self.chunks)
                out = self.certain()
            except StopIteration:
                out, self.over = [self.text], True
            self.text = self.text[sum(map(len, out)) :]
            self.ready = [i for part in out for i in encode(part, *self.rest)][::-1]
        return self.ready.pop()

    def certain(self):
        """Parts of the text that no chunk can change: up to a special token, then single words."""
        bound, at = len(self.text) - self.reach, 0
        texts, between = split_special(self.text, self.rest[2])
        for text, token in zip(texts, between, strict=False):
            if at + len(text) > bound:
                break
            at += len(text) + len(token)
        return [self.text[:at], *re.findall(PATTERN, self.text[at : max(bound, at)])[:-2]]
