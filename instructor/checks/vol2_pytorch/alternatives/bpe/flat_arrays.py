"""Training on one long NumPy array; encoding by recursion; a stream that looks two chunks back."""

import re
from itertools import chain, pairwise

import numpy as np

PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+"
GAP = -1


def _special(special_tokens):
    ordered = sorted(special_tokens, key=lambda token: (-len(token), token))
    return re.compile("|".join(re.escape(token) for token in ordered)) if ordered else None


def _words(text, special):
    """Every word, special tokens among them as (token,)."""
    at = 0
    for found in special.finditer(text) if special else ():
        yield from re.findall(PATTERN, text[at : found.start()])
        yield (found.group(),)
        at = found.end()
    yield from re.findall(PATTERN, text[at:])


def train_bpe(text, vocab_size, special_tokens=()):
    if vocab_size - len(special_tokens) < 256:
        raise ValueError("too small")
    pieces = [w.encode() for w in _words(text, _special(special_tokens)) if isinstance(w, str)]
    flat = np.array([b for piece in pieces for b in (*piece, GAP)] or [GAP], dtype=np.int64)
    vocab = {i: bytes([i]) for i in range(256)}
    merges = []
    while len(vocab) < vocab_size - len(special_tokens):
        left, right = flat[:-1], flat[1:]
        codes = left * vocab_size + right
        codes, counts = np.unique(codes[(left != GAP) & (right != GAP)], return_counts=True)
        if not len(codes):
            break
        # Codes are sorted as pairs are, and argmax takes the first of several.
        pair = tuple(int(n) for n in divmod(codes[np.argmax(counts)], vocab_size))
        new = len(vocab)
        vocab[new] = vocab[pair[0]] + vocab[pair[1]]
        merges.append(pair)
        hits = np.flatnonzero((left == pair[0]) & (right == pair[1]))
        taken, last = [], -2
        for hit in hits.tolist():
            if hit > last + 1:
                taken.append(hit)
                last = hit
        flat = flat.copy()
        flat[taken] = new
        flat = np.delete(flat, np.array(taken) + 1)
    for token in special_tokens:
        vocab[len(vocab)] = bytes(token, "utf-8")
    return vocab, merges


def _merge(ids, ranks):
    pairs = list(pairwise(ids))
    known = [ranks[pair] for pair in pairs if pair in ranks]
    if not known:
        return ids
    at = next(n for n, pair in enumerate(pairs) if ranks.get(pair) == min(known))
    return _merge([*ids[:at], 256 + min(known), *ids[at + 2 :]], ranks)


def _encoder(vocab, merges):
    ranks = dict(zip(map(tuple, merges), range(len(merges)), strict=True))
    names = {token: i for i, token in sorted(vocab.items())}

    def encode_word(word):
        if isinstance(word, tuple):
            return [names[word[0].encode()]]
        return _merge(list(word.encode()), ranks)

    return encode_word


def encode(text, vocab, merges, special_tokens=()):
    one = _encoder(vocab, merges)
    return list(chain.from_iterable(map(one, _words(text, _special(special_tokens)))))


def decode(ids, vocab):
    raw = np.frombuffer(b"".join([vocab[int(i)] for i in ids]), dtype=np.uint8)
    return raw.tobytes().decode("utf-8", errors="replace")


def encode_iterable(chunks, vocab, merges, special_tokens=()):
    special, one = _special(special_tokens), _encoder(vocab, merges)
    beginnings = {token[:n] for token in special_tokens for n in range(1, len(token))}
    longest = max(map(len, special_tokens), default=0)
    tail = ""
    for chunk in chunks:
        tail += chunk
        # The first place from which the rest could be the beginning of a special token.
        open_at = next(
            (i for i in range(max(0, len(tail) - longest), len(tail)) if tail[i:] in beginnings),
            len(tail),
        )
        words = list(_words(tail[:open_at], special))
        last = max((n for n, word in enumerate(words) if isinstance(word, tuple)), default=-1)
        done = words[: max(last + 1, len(words) - 2)]
        for word in done:
            yield from one(word)
        tail = tail[sum(len(w if isinstance(w, str) else w[0]) for w in done) :]
    for word in _words(tail, special):
        yield from one(word)
