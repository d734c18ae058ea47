"""A table of characters for `translate`, and symbols in NumPy arrays."""

import unicodedata
from collections import defaultdict

import numpy as np

GONE = dict.fromkeys(i for i in range(160) if unicodedata.category(chr(i)) == "Cc")
del GONE[ord("\n")], GONE[ord("\t")]


def clean(text):
    if "\r" in text:
        text = "\n".join(part.replace("\r", "\n") for part in text.split("\r\n"))
    text = unicodedata.normalize("NFC", text.translate(GONE))
    while " \n" in text or "\t\n" in text:
        text = text.replace(" \n", "\n").replace("\t\n", "\n")
    return text.rstrip(" \t")


class CharTokenizer:
    def __init__(self, text):
        points = np.unique(np.array([ord(c) for c in text], dtype=np.int64))
        self.points = points
        self.vocab_size = len(points) + 1

    def encode(self, text):
        asked = np.array([ord(c) for c in text], dtype=np.int64)
        if not len(self.points):
            return [0] * len(text)
        at = np.searchsorted(self.points, asked).clip(max=len(self.points) - 1)
        return np.where(self.points[at] == asked, at + 1, 0).tolist()

    def decode(self, ids):
        return "".join("<unk>" if i == 0 else chr(self.points[i - 1]) for i in ids)


class WhitespaceTokenizer:
    def __init__(self, text):
        self.symbols = tuple(sorted({"": None, **dict.fromkeys(text.split())}))
        self.table = defaultdict(int)
        self.table.update((word, number) for number, word in enumerate(self.symbols))
        self.vocab_size = len(self.symbols)

    def encode(self, text):
        return [self.table.get(word, 0) for word in text.split()]

    def decode(self, ids):
        return " ".join([self.symbols[i] or "<unk>" for i in ids])
