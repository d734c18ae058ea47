"""The plain version: count everything anew after every merge, try every merge on every word."""

import re

PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+"


def replace_pair(word, pair, new):
    out = []
    i = 0
    while i < len(word):
        if i + 1 < len(word) and word[i] == pair[0] and word[i + 1] == pair[1]:
            out.append(new)
            i += 2
        else:
            out.append(word[i])
            i += 1
    return out


def special_at(text, i, special_tokens):
    """The longest special token that begins at place i, or None."""
    found = None
    for token in special_tokens:
        if text.startswith(token, i) and (found is None or len(token) > len(found)):
            found = token
    return found


def split_special(text, special_tokens):
    """Pairs (piece, is it a special token)."""
    pieces = []
    start = i = 0
    while i < len(text):
        token = special_at(text, i, special_tokens)
        if token is None:
            i += 1
        else:
            pieces.append((text[start:i], False))
            pieces.append((token, True))
            i += len(token)
            start = i
    pieces.append((text[start:], False))
    return pieces


def train_bpe(text, vocab_size, special_tokens=()):
    if 256 + len(special_tokens) > vocab_size:
        raise ValueError("the vocabulary is too small")
    vocab = {}
    for i in range(256):
        vocab[i] = bytes([i])
    words = []
    for piece, special in split_special(text, special_tokens):
        if not special:
            for word in re.findall(PATTERN, piece):
                words.append(list(word.encode("utf-8")))
    merges = []
    while len(vocab) + len(special_tokens) < vocab_size:
        counts = {}
        for word in words:
            for i in range(len(word) - 1):
                pair = (word[i], word[i + 1])
                counts[pair] = counts.get(pair, 0) + 1
        if not counts:
            break
        most = max(counts.values())
        best = min(pair for pair in counts if counts[pair] == most)
        new = len(vocab)
        vocab[new] = vocab[best[0]] + vocab[best[1]]
        merges.append(best)
        words = [replace_pair(word, best, new) for word in words]
    for token in special_tokens:
        vocab[len(vocab)] = token.encode("utf-8")
    return vocab, merges


def encode(text, vocab, merges, special_tokens=()):
    ids = []
    for piece, special in split_special(text, special_tokens):
        if special:
            raw = piece.encode("utf-8")
            ids.append(max(i for i, token in vocab.items() if token == raw))
            continue
        for word in re.findall(PATTERN, piece):
            tokens = list(word.encode("utf-8"))
            for number, pair in enumerate(merges):
                tokens = replace_pair(tokens, pair, 256 + number)
            ids.extend(tokens)
    return ids


def decode(ids, vocab):
    raw = b""
    for i in ids:
        raw += vocab[i]
    return raw.decode("utf-8", errors="replace")


def encode_iterable(chunks, vocab, merges, special_tokens=()):
    reach = max([len(token) for token in special_tokens] + [1])
    buffer = ""
    for chunk in chunks:
        buffer = buffer + chunk
        # Special tokens first: only places after which the longest one has room are decided.
        start = i = 0
        while i + reach <= len(buffer):
            token = special_at(buffer, i, special_tokens)
            if token is None:
                i += 1
            else:
                for one in encode(buffer[start : i + len(token)], vocab, merges, special_tokens):
                    yield one
                i += len(token)
                start = i
        buffer = buffer[start:]
        words = re.findall(PATTERN, buffer[: i - start])
        while len(words) > 3:
            word = words.pop(0)
            for one in encode(word, vocab, merges):
                yield one
            buffer = buffer[len(word) :]
    for one in encode(buffer, vocab, merges, special_tokens):
        yield one
