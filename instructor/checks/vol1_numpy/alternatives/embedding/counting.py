"""Embedding feature by feature: bincount adds up weights under equal numbers."""

import numpy as np


def embedding(ids, table):
    features = [column[ids] for column in table.T]
    return np.stack(features, axis=-1)


def embedding_backward(dout, ids, vocab_size):
    columns = [
        np.bincount(ids.ravel(), weights=dout[..., c].ravel(), minlength=vocab_size)
        for c in range(dout.shape[-1])
    ]
    return np.column_stack(columns).astype(dout.dtype)
