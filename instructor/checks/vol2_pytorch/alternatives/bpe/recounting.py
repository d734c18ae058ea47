"""Byte-pair encoding as it is told: count anew in every round, replay every merge."""

import re

PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+"


def parts_of(text, special_tokens):
    """Pairs (text, is it a special token)."""
    parts, start, at = [], 0, 0
    while at < len(text):
        here = [t for t in special_tokens if text.startswith(t, at)]
        if here:
            token = max(here, key=len)
            parts += [(text[start:at], False), (token, True)]
            at += len(token)
            start = at
        else:
            at += 1
    return [*parts, (text[start:], False)]


def joined(ids, left, right, new):
    out = []
    for i in ids:
        if out and out[-1] == left and i == right:
            out[-1] = new
        else:
            out.append(i)
    return out


def train_bpe(text, vocab_size, special_tokens=()):
    if vocab_size < 256 + len(special_tokens):
        raise ValueError("vocab_size is too small")
    words = []
    for part, is_special in parts_of(text, special_tokens):
        if not is_special:
            words += [list(word.encode("utf-8")) for word in re.findall(PATTERN, part)]
    vocab, merges = {i: bytes((i,)) for i in range(256)}, []
    while len(vocab) + len(special_tokens) < vocab_size:
        counts = {}
        for word in words:
            for pair in zip(word, word[1:], strict=False):
                counts[pair] = counts.get(pair, 0) + 1
        if not counts:
            break
        left, right = min(counts, key=lambda pair: (-counts[pair], pair))
        new = len(vocab)
        vocab[new] = vocab[left] + vocab[right]
        merges.append((left, right))
        words = [joined(word, left, right, new) for word in words]
    for token in special_tokens:
        vocab[len(vocab)] = token.encode("utf-8")
    return vocab, merges


def encode(text, vocab, merges, special_tokens=()):
    special = {}
    for number, token in vocab.items():
        if number >= 256 + len(merges):
            special[token] = number
    ids = []
    for part, is_special in parts_of(text, special_tokens):
        if is_special:
            ids.append(special[part.encode("utf-8")])
            continue
        for word in re.findall(PATTERN, part):
            pieces = list(word.encode("utf-8"))
            for i, (left, right) in enumerate(merges):
                if len(pieces) > 1:
                    pieces = joined(pieces, left, right, 256 + i)
            ids.extend(pieces)
    return ids


def decode(ids, vocab):
    data = bytearray()
    for i in ids:
        data.extend(vocab[i])
    return str(data, "utf-8", "replace")


def unfinished(text, start, special_tokens):
    """Where the first special token begins that the next chunk may complete."""
    for at in range(start, len(text)):
        if any(len(t) > len(text) - at and t.startswith(text[at:]) for t in special_tokens):
            return at
    return len(text)


def encode_iterable(chunks, vocab, merges, special_tokens=()):
    held = ""
    for chunk in chunks:
        held += chunk
        done, open_at = 0, unfinished(held, 0, special_tokens)
        at = 0
        for part, is_special in parts_of(held, special_tokens):
            if is_special and at < open_at:
                done = at + len(part)
                if done > open_at:
                    open_at = unfinished(held, done, special_tokens)
            at += len(part)
        yield from encode(held[:done], vocab, merges, special_tokens)
        for word in re.findall(PATTERN, held[done:open_at])[:-2]:
            yield from encode(word, vocab, merges)
            done += len(word)
        held = held[done:]
    yield from encode(held, vocab, merges, special_tokens)
