"""SwiGLU in index notation: t runs over tokens, c over features, f over hidden features."""

import numpy as np

from .activations import silu, silu_backward


def swiglu(x, w_gate, w_up, w_down):
    gate = np.einsum("...c,cf->...f", x, w_gate)
    up = np.einsum("...c,cf->...f", x, w_up)
    return np.einsum("...f,...f,fc->...c", silu(gate), up, w_down)


def swiglu_backward(dout, x, w_gate, w_up, w_down):
    shape = x.shape
    x, dout = x.reshape(-1, shape[-1]), dout.reshape(-1, shape[-1])
    gate = np.einsum("tc,cf->tf", x, w_gate)
    up = np.einsum("tc,cf->tf", x, w_up)
    a = silu(gate)
    dh = np.einsum("tc,fc->tf", dout, w_down)
    dg, du = silu_backward(dh * up, gate), dh * a
    dx = np.einsum("tf,cf->tc", dg, w_gate) + np.einsum("tf,cf->tc", du, w_up)
    dw_gate = np.einsum("tc,tf->cf", x, dg)
    dw_up = np.einsum("tc,tf->cf", x, du)
    dw_down = np.einsum("tf,tf,tc->fc", a, up, dout)
    return dx.reshape(shape), dw_gate, dw_up, dw_down
