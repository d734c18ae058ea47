"""Positions by rows that are put together: each row from the one before, gradients padded."""

import numpy as np


def sinusoidal_positions(T, d_model):
    speeds = 1.0 / 10000.0 ** (np.arange(d_model // 2) / (d_model / 2))
    step_sin, step_cos = np.sin(speeds), np.cos(speeds)
    sines, cosines = np.zeros(d_model // 2), np.ones(d_model // 2)
    table = []
    for _ in range(T):
        table.append(np.ravel(np.column_stack([sines, cosines])))
        sines, cosines = (
            sines * step_cos + cosines * step_sin,
            cosines * step_cos - sines * step_sin,
        )
    return np.vstack(table)


def add_positions(x, table):
    rows = np.split(table, [x.shape[1]])[0]
    return np.stack([sequence + rows for sequence in x])


def add_positions_backward(dout, max_T):
    B, T, d_model = dout.shape
    padded = np.concatenate([dout, np.zeros((B, max_T - T, d_model), dtype=dout.dtype)], axis=1)
    return padded[:, :T].copy(), np.add.reduce(padded, axis=0)
