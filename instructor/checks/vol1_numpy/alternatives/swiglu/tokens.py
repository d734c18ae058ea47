"""SwiGLU token by token: vectors, outer products, and sums that grow."""

import numpy as np

from .activations import silu, silu_backward


def swiglu(x, w_gate, w_up, w_down):
    out = np.empty_like(x)
    for token in np.ndindex(x.shape[:-1]):
        out[token] = hidden(x[token], w_gate, w_up) @ w_down
    return out


def swiglu_backward(dout, x, w_gate, w_up, w_down):
    dx = np.zeros_like(x)
    dw_gate, dw_up, dw_down = (np.zeros_like(w) for w in (w_gate, w_up, w_down))
    for token in np.ndindex(x.shape[:-1]):
        v, dv = x[token], dout[token]
        g, u = w_gate.T @ v, w_up.T @ v
        dh = w_down @ dv
        dg = silu_backward(u * dh, g)
        du = silu(g) * dh
        dx[token] += w_gate @ dg
        dx[token] += w_up @ du
        dw_gate += np.outer(v, dg)
        dw_up += np.outer(v, du)
        dw_down += np.outer(hidden(v, w_gate, w_up), dv)
    return dx, dw_gate, dw_up, dw_down


def hidden(v, w_gate, w_up):
    return silu(v @ w_gate) * (v @ w_up)
