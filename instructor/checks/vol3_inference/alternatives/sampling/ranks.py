"""Ranks instead of sorting back and forth: a token's rank is how many come before it."""

import numpy as np


def sample_probs(logits, temperature=1.0, top_k=0, top_p=1.0):
    V = logits.shape[-1]
    ids = np.arange(V)
    a, b = logits[:, :, None], logits[:, None, :]
    ahead = (b > a) | ((b == a) & (ids[None, :] < ids[:, None]))  # [i, j]: j comes before i
    rank = ahead.sum(axis=-1)
    if temperature == 0:
        return (rank == 0).astype(logits.dtype)
    probs = np.exp((logits - logits.max(axis=-1, keepdims=True)) / temperature)
    if top_k:
        probs = probs * (rank < top_k)
    probs = probs / probs.sum(axis=-1, keepdims=True)
    if top_p < 1:
        before = np.einsum("bij,bj->bi", ahead.astype(probs.dtype), probs)
        probs = probs * ((before < top_p) | (rank == 0))
        probs = probs / probs.sum(axis=-1, keepdims=True)
    return probs


def draw(probs, u):
    sums = np.cumsum(probs, axis=-1, dtype=np.float64)
    exceeds = sums > np.expand_dims(u, -1)
    ids = np.arange(probs.shape[-1])
    last = np.where(probs > 0, ids, -1).max(axis=-1)
    return np.where(exceeds.any(axis=-1), exceeds.argmax(axis=-1), last)


def repetition_penalty(logits, ids, penalty):
    V = logits.shape[-1]
    said = (ids[:, :, None] == np.arange(V)).any(axis=1)
    positive = logits > 0
    factor = np.where(positive, 1 / penalty, penalty).astype(logits.dtype)
    return logits * np.where(said, factor, np.ones_like(factor))


def min_p(probs, p):
    ratio = probs / probs.max(axis=-1, keepdims=True)
    kept = probs * (ratio >= p)
    return kept / kept.sum(axis=-1, keepdims=True)
