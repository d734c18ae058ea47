"""Embedding with a flat list of tokens; backward gathers the gradients of each id in a dict."""

from collections import defaultdict

import numpy as np


def _tokens(ids):
    return [int(v) for v in ids.reshape(-1)]


def embedding(ids, table):
    rows = [table[v] for v in _tokens(ids)]
    return np.array(rows, dtype=table.dtype).reshape(ids.shape + table.shape[1:])


def embedding_backward(dout, ids, vocab_size):
    width = dout.shape[-1]
    seen = defaultdict(list)
    for v, gradient in zip(_tokens(ids), dout.reshape(-1, width), strict=True):
        seen[v].append(gradient)
    result = np.zeros([vocab_size, width]).astype(dout.dtype)
    for v in seen:
        result[v] = sum(seen[v])
    return result
