"""Cross-entropy over all places, those that do not count having weight 0."""

import numpy as np

from .softmax import softmax


def _weights(targets, ignore_index, dtype):
    counts = (targets != ignore_index).astype(dtype)
    return counts / np.maximum(counts.sum(), np.ones((), dtype))


def cross_entropy(logits, targets, ignore_index=-100):
    words = np.where(targets == ignore_index, 0, targets)[..., None]
    wanted = np.take_along_axis(logits, words, axis=-1).squeeze(-1)
    cost = np.logaddexp.reduce(logits, axis=-1) - wanted
    return (cost * _weights(targets, ignore_index, logits.dtype)).sum()


def cross_entropy_backward(logits, targets, ignore_index=-100):
    words = np.where(targets == ignore_index, 0, targets)[..., None]
    probs = softmax(logits)
    np.put_along_axis(probs, words, np.take_along_axis(probs, words, axis=-1) - 1, axis=-1)
    return probs * _weights(targets, ignore_index, logits.dtype)[..., None]
