"""Cross-entropy on a flat list of places, those that count selected by their numbers."""

import numpy as np


class Predictions:
    """The rows that count, with their log-probabilities and their targets."""

    def __init__(self, logits, targets, ignore_index):
        self.shape = logits.shape
        flat = logits.reshape(-1, self.shape[-1])
        (self.where,) = np.nonzero(targets.ravel() != ignore_index)
        self.words = targets.ravel()[self.where]
        top = flat[self.where].max(axis=1, keepdims=True)
        scores = flat[self.where] - top
        self.log_probs = scores - np.log(np.sum(np.exp(scores), axis=1, keepdims=True))
        self.number = len(self.words)

    def spread(self, rows):
        """Rows that count in an array for all rows; the others are zero."""
        out = np.zeros((int(np.prod(self.shape[:-1])), self.shape[-1]), dtype=rows.dtype)
        out[self.where] = rows
        return out.reshape(self.shape)


def cross_entropy(logits, targets, ignore_index=-100):
    seen = Predictions(logits, targets, ignore_index)
    if seen.number == 0:
        return np.zeros((), dtype=logits.dtype)
    return -np.mean(seen.log_probs[range(seen.number), seen.words])


def cross_entropy_backward(logits, targets, ignore_index=-100):
    seen = Predictions(logits, targets, ignore_index)
    gradient = np.exp(seen.log_probs)
    gradient[range(seen.number), seen.words] -= 1
    return seen.spread(gradient / seen.number if seen.number else gradient)
