"""Cross-entropy through the log-probabilities of single rows; the backward asks softmax per row."""

import numpy as np

from .softmax import softmax


def cross_entropy(logits, targets, ignore_index=-100):
    V = logits.shape[-1]
    costs = []
    for row, word in zip(logits.reshape(-1, V), targets.reshape(-1), strict=True):
        if word == ignore_index:
            continue
        above = row - row[word]  # every logit as seen from the target
        largest = max(above.max(), 0)
        costs.append(float(largest + np.log(np.exp(above - largest).sum())))
    return np.array(sum(costs) / max(len(costs), 1), dtype=logits.dtype)


def cross_entropy_backward(logits, targets, ignore_index=-100):
    V = logits.shape[-1]
    number = sum(word != ignore_index for word in targets.reshape(-1).tolist())
    rows = []
    for row, word in zip(logits.reshape(-1, V), targets.reshape(-1), strict=True):
        if word == ignore_index:
            rows.append(np.zeros(V, dtype=logits.dtype))
            continue
        gradient = softmax(row) / number
        gradient[word] -= 1 / number
        rows.append(gradient)
    return np.reshape(rows, logits.shape)
