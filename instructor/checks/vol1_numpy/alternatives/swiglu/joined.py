"""SwiGLU with both branches as one wide linear layer, and a silu of its own."""

import numpy as np


def swiglu(x, w_gate, w_up, w_down):
    gate, up, sigmoid = branches(x, np.concatenate([w_gate, w_up], axis=1))
    return np.matmul(gate * sigmoid * up, w_down)


def swiglu_backward(dout, x, w_gate, w_up, w_down):
    wide = np.concatenate([w_gate, w_up], axis=1)
    gate, up, sigmoid = branches(x, wide)
    dhidden = np.matmul(dout, w_down.T)
    dgate = dhidden * up * (sigmoid + gate * sigmoid * (1 - sigmoid))
    both = np.concatenate([dgate, dhidden * gate * sigmoid], axis=-1)
    dx = np.matmul(both, wide.T)
    dwide = over_tokens(x, both)
    dw_gate, dw_up = np.split(dwide, 2, axis=1)
    return [dx, dw_gate.copy(), dw_up.copy(), over_tokens(gate * sigmoid * up, dout)]


def branches(x, wide):
    """The two halves of the wide layer, and the sigmoid of the first."""
    gate, up = np.split(x @ wide, 2, axis=-1)
    shrunk = np.exp(-np.abs(gate))
    return gate, up, np.where(gate < 0, shrunk, 1.0) / (1 + shrunk)


def over_tokens(left, right):
    """The sum over all tokens of outer products."""
    axes = list(range(left.ndim - 1))
    return np.tensordot(left, right, axes=(axes, axes))
