"""RMSNorm with einsum: every sum is spelled out by its indices."""

import numpy as np


def rmsnorm(x, gain, eps=1e-5):
    scale = (np.einsum("...i,...i->...", x, x) / x.shape[-1] + eps) ** -0.5
    return np.einsum("...i,i,...->...i", x, gain, scale)


def rmsnorm_backward(dout, x, gain, eps=1e-5):
    n = x.shape[-1]
    scale = (np.einsum("...i,...i->...", x, x) / n + eps) ** -0.5
    overlap = np.einsum("...i,i,...i->...", dout, gain, x)
    direct = np.einsum("...i,i,...->...i", dout, gain, scale)
    through = np.einsum("...i,...,...->...i", x, overlap, scale**3 / n)
    # einsum keeps "..." in its output, so the tokens get one index, t.
    tokens = (dout.reshape(-1, n), x.reshape(-1, n), scale.reshape(-1))
    dgain = np.einsum("ti,ti,t->i", *tokens)
    return direct - through, dgain
