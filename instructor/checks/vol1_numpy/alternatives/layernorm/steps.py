"""LayerNorm step by step as a computation graph: forward named, backward in opposite order."""

import numpy as np


def layernorm(x, gain, bias, eps=1e-5):
    root = np.sqrt(np.var(x, axis=-1, keepdims=True) + eps)
    return np.add(np.multiply((x - np.mean(x, axis=-1, keepdims=True)) / root, gain), bias)


def layernorm_backward(dout, x, gain, eps=1e-5):
    n = x.shape[-1]
    mean = np.mean(x, axis=-1, keepdims=True)
    centred = x - mean
    variance = np.sum(centred**2, axis=-1, keepdims=True) / n
    inverse = 1 / np.sqrt(variance + eps)
    hats = centred * inverse
    # out = hats * gain + bias
    dhats = dout * gain
    dgain, dbias = dout * hats, dout + np.zeros_like(x)
    while dgain.ndim > 1:
        dgain, dbias = dgain.sum(axis=0), dbias.sum(axis=0)
    # hats = centred * inverse, inverse = (variance + eps) ** (-1 / 2)
    dinverse = np.sum(dhats * centred, axis=-1, keepdims=True)
    dvariance = dinverse * (-0.5) * inverse**3
    dcentred = dhats * inverse + dvariance * 2 * centred / n
    # centred = x - mean
    dmean = -np.sum(dcentred, axis=-1, keepdims=True)
    return dcentred + dmean / n, dgain, dbias
