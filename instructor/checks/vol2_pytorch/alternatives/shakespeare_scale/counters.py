"""Shifted copies zipped together, and how often each tuple occurs."""

import math
from collections import Counter


def bits_per_character(nats_per_token, characters_per_token):
    bits_per_token = math.log2(math.e) * nats_per_token
    return bits_per_token / characters_per_token


def _counted(tokens, n):
    ids = [int(t) for t in tokens]
    return Counter(zip(*(ids[k:] for k in range(n)), strict=False))


def distinct_n(tokens, n):
    counted = _counted(tokens, n)
    total = sum(counted.values())
    return len(counted) / total if total else 0.0


def repetition(tokens, n):
    counted = _counted(tokens, n)
    again = sum(times - 1 for times in counted.values())
    return again / sum(counted.values()) if counted else 0.0
