"""Positions one number at a time."""

import math

import numpy as np


def sinusoidal_positions(T, d_model):
    rows = []
    for t in range(T):
        row = []
        for i in range(d_model // 2):
            angle = t / 10000 ** (2 * i / d_model)
            row += [math.sin(angle), math.cos(angle)]
        rows.append(row)
    return np.array(rows)


def add_positions(x, table):
    out = x.copy()
    for sequence in out:
        for t in range(len(sequence)):
            sequence[t] += table[t]
    return out


def add_positions_backward(dout, max_T):
    B, T, d_model = dout.shape
    dx = np.empty_like(dout)
    dtable = np.zeros((max_T, d_model), dout.dtype)
    for b in range(B):
        for t in range(T):
            dx[b, t] = dout[b, t]
            dtable[t] += dout[b, t]
    return dx, dtable
