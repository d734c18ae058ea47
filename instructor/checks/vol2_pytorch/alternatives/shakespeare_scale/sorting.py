"""All windows in a sorted list: equal ones are neighbours."""

from itertools import pairwise

import numpy as np


def bits_per_character(nats_per_token, characters_per_token):
    return float(np.log2(np.exp(1.0)) * np.float64(nats_per_token) / characters_per_token)


def _sorted(tokens, n):
    text = " ".join(str(t) for t in tokens.tolist()).split()
    return sorted(" ".join(text[i : i + n]) for i in range(len(text) - n + 1))


def distinct_n(tokens, n):
    grams = _sorted(tokens, n)
    if not grams:
        return 0.0
    return (1 + sum(a != b for a, b in pairwise(grams))) / len(grams)


def repetition(tokens, n):
    grams = _sorted(tokens, n)
    if not grams:
        return 0.0
    return sum(a == b for a, b in pairwise(grams)) / len(grams)
