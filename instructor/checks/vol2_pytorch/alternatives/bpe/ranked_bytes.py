"""Tokens as bytes instead of ids; streams that ask what may still grow."""

import re
from functools import reduce
from itertools import pairwise

PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+"
WORD = re.compile(PATTERN)


def _first_special(text, special_tokens):
    """(place, token) of the next special token; the end and "" if there is none."""
    hits = [(text.find(token), -len(token), token) for token in special_tokens if token in text]
    place, _, token = min(hits, default=(len(text), 0, ""))
    return place, token


def _walk(text, special_tokens):
    """Texts and special tokens in turn, as (text, token after it or "")."""
    while True:
        place, token = _first_special(text, special_tokens)
        yield text[:place], token
        if not token:
            return
        text = text[place + len(token) :]


def _join(parts, left, right):
    """`parts` with left and right joined wherever they stand side by side."""

    # A part that was just made is not used again in the same pass.
    out = []
    for part in parts:
        if out and out[-1][1] and (out[-1][0], part) == (left, right):
            out[-1] = (left + right, False)
        else:
            out.append((part, True))
    return tuple(part for part, _ in out)


def train_bpe(text, vocab_size, special_tokens=()):
    merges_left = vocab_size - 256 - len(special_tokens)
    if merges_left < 0:
        raise ValueError
    id_of = {bytes((i,)): i for i in range(256)}
    words = {}
    for piece, _ in _walk(text, special_tokens):
        for word in WORD.findall(piece):
            key = tuple(bytes((b,)) for b in word.encode())
            words[key] = words.get(key, 0) + 1
    merges = []
    while merges_left > 0:
        counts = {}
        for parts, times in words.items():
            for pair in pairwise(parts):
                counts[pair] = counts.get(pair, 0) + times
        if not counts:
            break
        ranked = sorted(counts, key=lambda p: (-counts[p], id_of[p[0]], id_of[p[1]]))
        left, right = ranked[0]
        merges.append((id_of[left], id_of[right]))
        id_of[left + right] = len(id_of)
        fresh = {}
        for parts, times in words.items():
            joined = _join(parts, left, right)
            fresh[joined] = fresh.get(joined, 0) + times
        words = fresh
        merges_left -= 1
    vocab = {number: token for token, number in id_of.items()}
    vocab |= {len(id_of) + n: token.encode() for n, token in enumerate(special_tokens)}
    return vocab, merges


class _Encoder:
    def __init__(self, vocab, merges, special_tokens):
        self.ranks = {vocab[256 + n]: 256 + n for n in range(len(merges))}
        self.ranks |= {bytes((i,)): i for i in range(256)}
        self.names = {
            token: max(i for i in vocab if vocab[i] == token.encode()) for token in special_tokens
        }

    def word(self, word):
        parts = [bytes((b,)) for b in word.encode()]
        while True:
            able = [
                (self.ranks[a + b], n)
                for n, (a, b) in enumerate(pairwise(parts))
                if a + b in self.ranks
            ]
            if not able:
                return [self.ranks[part] for part in parts]
            _, n = min(able)
            parts[n : n + 2] = [parts[n] + parts[n + 1]]

    def text(self, text):
        for piece, token in _walk(text, self.names):
            for word in WORD.findall(piece):
                yield from self.word(word)
            if token:
                yield self.names[token]


def encode(text, vocab, merges, special_tokens=()):
    return [*_Encoder(vocab, merges, special_tokens).text(text)]


def decode(ids, vocab):
    return reduce(lambda raw, i: raw + vocab[i], ids, b"").decode("utf-8", "replace")


def encode_iterable(chunks, vocab, merges, special_tokens=()):
    encoder = _Encoder(vocab, merges, special_tokens)
    waiting = ""
    prefixes = [token[:n] for token in special_tokens for n in range(1, len(token))]
    for chunk in chunks:
        waiting += chunk
        # So many characters at the end may be the beginning of a special token, or of a longer one.
        growing = max((len(p) for p in prefixes if waiting.endswith(p)), default=0)
        while True:
            place, token = _first_special(waiting, special_tokens)
            if not token or place >= len(waiting) - growing:
                break
            yield from encoder.text(waiting[: place + len(token)])
            waiting = waiting[place + len(token) :]
        for word in WORD.findall(waiting[: max(len(waiting) - growing, 0)])[:-2]:
            yield from encoder.word(word)
            waiting = waiting[len(word) :]
    yield from encoder.text(waiting)
