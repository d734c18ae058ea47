"""Cross-entropy one place at a time, with Python's own arithmetic."""

import math

import numpy as np


def _places(targets, ignore_index):
    return [place for place in np.ndindex(*targets.shape) if targets[place] != ignore_index]


def _log_sum(row):
    top = max(row)
    return top + math.log(sum(math.exp(value - top) for value in row))


def cross_entropy(logits, targets, ignore_index=-100):
    places = _places(targets, ignore_index)
    total = 0.0
    for place in places:
        row = logits[place].tolist()
        total += _log_sum(row) - row[targets[place]]
    return total / len(places) if places else 0.0


def cross_entropy_backward(logits, targets, ignore_index=-100):
    dlogits = np.zeros(logits.shape, dtype=logits.dtype)
    places = _places(targets, ignore_index)
    for place in places:
        row = logits[place].tolist()
        log_sum = _log_sum(row)
        for j, value in enumerate(row):
            wrong = math.exp(value - log_sum) - (1.0 if j == targets[place] else 0.0)
            dlogits[(*place, j)] = wrong / len(places)
    return dlogits
