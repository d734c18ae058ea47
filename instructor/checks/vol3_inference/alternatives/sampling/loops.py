"""One row, one token at a time."""

import math

import numpy as np


def sample_probs(logits, temperature=1.0, top_k=0, top_p=1.0):
    out = np.zeros_like(logits)
    for b, row in enumerate(logits.tolist()):
        ranked = sorted(range(len(row)), key=lambda i: (-row[i], i))
        if temperature == 0:
            out[b, ranked[0]] = 1
            continue
        if 0 < top_k < len(row):
            ranked = ranked[:top_k]
        exps = [math.exp((row[i] - row[ranked[0]]) / temperature) for i in ranked]
        total, before = sum(exps), 0.0
        kept = []
        for i, e in zip(ranked, exps, strict=True):
            if kept and before >= top_p and top_p < 1:
                break
            kept.append((i, e))
            before += e / total
        total = sum(e for _, e in kept)
        for i, e in kept:
            out[b, i] = e / total
    return out


def draw(probs, u):
    u = np.asarray(u)
    ids = np.zeros(u.shape, dtype=np.int64)
    for index in np.ndindex(u.shape):
        total = 0.0
        for i, p in enumerate(probs[index].tolist()):
            if p > 0:
                ids[index] = i
            total += p
            if total > u[index]:
                break
    return ids


def repetition_penalty(logits, ids, penalty):
    out = logits.copy()
    for row, text in zip(out, ids, strict=True):
        for i in set(text.tolist()):
            row[i] = row[i] / penalty if row[i] > 0 else row[i] * penalty
    return out


def min_p(probs, p):
    out = probs.copy()
    for row in out:
        row[row < p * row.max()] = 0
        row /= row.sum()
    return out
