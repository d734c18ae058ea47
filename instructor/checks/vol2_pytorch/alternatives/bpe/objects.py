"""A tokenizer as an object, words as linked lists with a heap, an iterator with a state."""

import heapq
import re
from collections import deque
from itertools import pairwise

PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+"


class Node:
    """One token of a word, with its neighbours."""

    __slots__ = ("after", "alive", "before", "id", "place")

    def __init__(self, id, place, before):
        self.id, self.place, self.before, self.after, self.alive = id, place, before, None, True
        if before is not None:
            before.after = self


class Tokenizer:
    def __init__(self, vocab, merges, special_tokens):
        self.rank = {tuple(pair): number for number, pair in enumerate(merges)}
        self.special = {}
        for i in sorted(vocab):
            self.special[vocab[i]] = i
        self.tokens = sorted(special_tokens, key=lambda token: -len(token))
        self.known = {}

    def word(self, word):
        """The ids of a word; remembers up to a thousand words."""
        if word not in self.known:
            if len(self.known) > 1000:
                self.known.clear()
            self.known[word] = self._word(word)
        return self.known[word]

    def _word(self, word):
        nodes = []
        for place, byte in enumerate(word.encode()):
            nodes.append(Node(byte, place, nodes[-1] if nodes else None))
        heap = []
        for node in nodes:
            self._offer(heap, node)
        while heap:
            rank, _, left, ids = heapq.heappop(heap)
            right = left.after
            if not left.alive or right is None or (left.id, right.id) != ids:
                continue
            left.id, left.after, right.alive = 256 + rank, right.after, False
            if right.after is not None:
                right.after.before = left
            self._offer(heap, left)
            if left.before is not None:
                self._offer(heap, left.before)
        return [node.id for node in nodes if node.alive]

    def _offer(self, heap, node):
        if node.after is not None:
            ids = (node.id, node.after.id)
            if ids in self.rank:
                # Places differ or the pair does, so that nodes are never compared.
                heapq.heappush(heap, (self.rank[ids], Place(node.place), node, ids))

    def cut(self, text):
        """(start, end, id) of each special token, from left to right."""
        i, found = 0, []
        while i < len(text):
            hit = next((token for token in self.tokens if text.startswith(token, i)), "")
            if hit:
                found.append((i, i + len(hit), self.special[hit.encode()]))
            i += len(hit) or 1
        return found

    def text(self, text):
        ids, at = [], 0
        for start, end, special in [*self.cut(text), (len(text), len(text), None)]:
            for word in re.findall(PATTERN, text[at:start]):
                ids.extend(self.word(word))
            if special is not None:
                ids.append(special)
            at = end
        return ids


class Place(int):
    """A place that is smaller than any other one, or larger: nothing else is asked."""

    def __eq__(self, other):
        return False

    __hash__ = None


class Stream:
    """An iterator over ids that keeps the ready ones in a queue and the rest as text."""

    def __init__(self, chunks, tokenizer):
        self.chunks, self.tokenizer = iter(chunks), tokenizer
        self.ready, self.rest, self.ended = deque(), "", False
        self.reach = max((len(token) for token in tokenizer.tokens), default=0)

    def __iter__(self):
        return self

    def __next__(self):
        while not self.ready:
            if self.ended:
                raise StopIteration
            try:
                self.rest += next(self.chunks)
            except StopIteration:
                self.ended = True
                self.ready.extend(self.tokenizer.text(self.rest))
            else:
                self.settle()
        return self.ready.popleft()

    def settle(self):
        at = 0
        for start, end, special in self.tokenizer.cut(self.rest):
            if start + self.reach > len(self.rest):
                break
            self.ready.extend(self.tokenizer.text(self.rest[at:start]))
            self.ready.append(special)
            at = end
        safe = len(self.rest) - self.reach
        words = [w for w in re.finditer(PATTERN, self.rest[at:safe])] if safe > at else []
        for word in words[: len(words) - 2]:
            self.ready.extend(self.tokenizer.word(word.group()))
        keep = words[-2].start() if len(words) > 2 else 0
        self.rest = self.rest[at + keep :]


def train_bpe(text, vocab_size, special_tokens=()):
    room = vocab_size - len(special_tokens) - 256
    if room < 0:
        raise ValueError(f"{vocab_size} is too small")
    times = {}
    tokenizer = Tokenizer({i: t.encode() for i, t in enumerate(special_tokens)}, [], special_tokens)
    at = 0
    for start, end, _ in [*tokenizer.cut(text), (len(text), len(text), 0)]:
        for word in re.findall(PATTERN, text[at:start]):
            times[word] = times.get(word, 0) + 1
        at = end
    words = {word: tuple(word.encode()) for word in times}
    counts, holders = {}, {}
    for word, ids in words.items():
        for pair in pairwise(ids):
            counts[pair] = counts.get(pair, 0) + times[word]
            holders.setdefault(pair, set()).add(word)
    merges = []
    for new in range(256, 256 + room):
        best = max(counts, key=lambda p: (counts[p], -p[0], -p[1]), default=None)
        if best is None or counts[best] == 0:
            break
        merges.append(best)
        for word in holders.pop(best):
            old = words[word]
            fresh, i = [], 0
            while i < len(old):
                both = old[i : i + 2] == best
                fresh.append(new if both else old[i])
                i += 2 if both else 1
            for pair in pairwise(old):
                counts[pair] -= times[word]
            for pair in pairwise(fresh):
                counts[pair] = counts.get(pair, 0) + times[word]
                holders.setdefault(pair, set()).add(word)
            words[word] = tuple(fresh)
    tokens = [bytes([i]) for i in range(256)]
    for left, right in merges:
        tokens.append(b"".join((tokens[left], tokens[right])))
    tokens.extend(token.encode() for token in special_tokens)
    return dict(enumerate(tokens)), merges


def encode(text, vocab, merges, special_tokens=()):
    return Tokenizer(vocab, merges, special_tokens).text(text)


def decode(ids, vocab):
    return str(bytearray().join([vocab[i] for i in ids]), "utf-8", "replace")


def encode_iterable(chunks, vocab, merges, special_tokens=()):
    return Stream(chunks, Tokenizer(vocab, merges, special_tokens))
