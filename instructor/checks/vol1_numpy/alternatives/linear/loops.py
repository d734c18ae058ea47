"""Linear one number at a time: every path from a number to an output is one line of the loop."""

import numpy as np


def linear(x, w, b=None):
    d_in, d_out = w.shape
    out = np.zeros((*x.shape[:-1], d_out), dtype=x.dtype)
    for token in np.ndindex(*x.shape[:-1]):
        for j in range(d_out):
            total = 0.0 if b is None else float(b[j])
            for i in range(d_in):
                total += float(x[token][i]) * float(w[i, j])
            out[(*token, j)] = total
    return out


def linear_backward(dout, x, w):
    dx, dw = np.zeros(x.shape, dtype=x.dtype), np.zeros(w.shape, dtype=w.dtype)
    db = np.zeros(w.shape[1], dtype=w.dtype)
    for token in np.ndindex(*x.shape[:-1]):
        for j, arriving in enumerate(dout[token]):
            db[j] += arriving
            for i in range(w.shape[0]):
                dx[(*token, i)] += arriving * w[i, j]
                dw[i, j] += arriving * x[token][i]
    return [dx, dw, db]
