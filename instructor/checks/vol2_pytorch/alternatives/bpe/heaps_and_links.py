"""Byte-pair encoding with words as tuples, counts that are kept, and a heap within each word."""

import heapq
import re
from collections import Counter

PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+"
WORD = re.compile(PATTERN)


class Cutter:
    """Cuts text into words and special tokens, one after the other."""

    def __init__(self, special_tokens):
        self.longest = max([len(t) for t in special_tokens], default=0)
        ordered = sorted(special_tokens, key=lambda t: (-len(t), t))
        self.special = re.compile("|".join(re.escape(t) for t in ordered)) if ordered else None

    def next_special(self, text, start):
        found = self.special.search(text, start) if self.special else None
        return found.span() if found else (len(text), len(text))

    def __call__(self, text):
        start = 0
        while start < len(text):
            begin, end = self.next_special(text, start)
            for word in WORD.finditer(text, start, begin):
                yield word.group(), False
            if end > begin:
                yield text[begin:end], True
            start = max(end, begin)


def train_bpe(text, vocab_size, special_tokens=()):
    left_over = vocab_size - len(special_tokens) - 256
    if left_over < 0:
        raise ValueError(f"{vocab_size} is less than {256 + len(special_tokens)}")
    words = Counter(
        tuple(word.encode()) for word, special in Cutter(special_tokens)(text) if not special
    )
    counts = Counter()
    for word, times in words.items():
        for pair in zip(word, word[1:], strict=False):
            counts[pair] += times
    merges = []
    for new in range(256, 256 + left_over):
        counts = +counts
        if not counts:
            break
        best = max(counts, key=lambda p: (counts[p], -p[0], -p[1]))
        merges.append(best)
        after = Counter()
        for word, times in words.items():
            made = word
            if best[0] in word and best[1] in word:
                made, i = [], 0
                while i < len(word):
                    step = 2 if word[i : i + 2] == best else 1
                    made.append(new if step == 2 else word[i])
                    i += step
                made = tuple(made)
                for pair in zip(word, word[1:], strict=False):
                    counts[pair] -= times
                for pair in zip(made, made[1:], strict=False):
                    counts[pair] += times
            after[made] += times
        words = after
    tokens = [bytes([i]) for i in range(256)]
    for left, right in merges:
        tokens.append(tokens[left] + tokens[right])
    tokens += [token.encode() for token in special_tokens]
    return dict(enumerate(tokens)), merges


class Encoder:
    def __init__(self, vocab, merges, special_tokens):
        self.rank = {tuple(pair): i for i, pair in enumerate(merges)}
        self.cutter = Cutter(special_tokens)
        wanted = {token.encode(): token for token in special_tokens}
        self.special = {wanted[b]: i for i, b in sorted(vocab.items()) if b in wanted}
        self.known = {}

    def word(self, word):
        ids = list(word.encode())
        after = list(range(1, len(ids) + 1))
        before = list(range(-1, len(ids) - 1))
        heap = []

        def offer(i):
            if i >= 0 and after[i] < len(ids):
                rank = self.rank.get((ids[i], ids[after[i]]))
                if rank is not None:
                    heapq.heappush(heap, (rank, i, ids[i], ids[after[i]]))

        for i in range(len(ids)):
            offer(i)
        while heap:
            rank, i, left, right = heapq.heappop(heap)
            j = after[i]
            if ids[i] != left or j >= len(ids) or ids[j] != right:
                continue
            ids[i], ids[j] = 256 + rank, None
            after[i] = after[j]
            if after[i] < len(ids):
                before[after[i]] = i
            offer(i)
            offer(before[i])
        return [i for i in ids if i is not None]

    def pieces(self, pieces):
        for text, special in pieces:
            if special:
                yield self.special[text]
            else:
                if len(self.known) > 10_000:
                    self.known.clear()
                if text not in self.known:
                    self.known[text] = self.word(text)
                yield from self.known[text]


def encode(text, vocab, merges, special_tokens=()):
    encoder = Encoder(vocab, merges, special_tokens)
    return list(encoder.pieces(encoder.cutter(text)))


def decode(ids, vocab):
    return b"".join(map(vocab.__getitem__, ids)).decode(errors="replace")


def encode_iterable(chunks, vocab, merges, special_tokens=()):
    encoder = Encoder(vocab, merges, special_tokens)
    cutter, text = encoder.cutter, ""
    for chunk in chunks:
        text += chunk
        # Without the end in which a special token may begin that is not all there yet.
        while True:
            begin, end = cutter.next_special(text, 0)
            if end == begin or begin + cutter.longest > len(text):
                break
            yield from encoder.pieces(cutter(text[:end]))
            text = text[end:]
        certain = len(text) - cutter.longest
        waiting = [word for word in WORD.finditer(text, 0, max(certain, 0))]
        if len(waiting) >= 3:
            border = waiting[-2].start()
            yield from encoder.pieces((word.group(), False) for word in waiting[:-2])
            text = text[border:]
    yield from encoder.pieces(cutter(text))
