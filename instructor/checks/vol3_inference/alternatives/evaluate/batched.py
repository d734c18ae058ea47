"""All full windows in one call of the model, the last one in another."""

import numpy as np


def perplexity(model, ids, max_T, stride):
    N = ids.shape[0]
    if N < 2 or stride not in range(1, max_T + 1):
        raise ValueError
    inputs, targets = ids[:-1], ids[1:]
    full = max(0, (N - 1 - max_T) // stride + 1)
    losses = np.full(N - 1, np.nan)
    if full:
        at = stride * np.arange(full)[:, None] + np.arange(max_T)
        found = cross_entropies(model(inputs[at]), targets[at])
        for row, places in zip(found[::-1], at[::-1], strict=True):
            losses[places] = row  # from the back: the first window to score a token stays
    begin = full * stride
    if np.isnan(losses[-1]):
        rest = cross_entropies(model(inputs[begin:][None]), targets[begin:][None])[0]
        losses[begin:] = np.where(np.isnan(losses[begin:]), rest, losses[begin:])
    return np.exp(losses.mean())


def cross_entropies(logits, targets):
    top = logits.max(axis=-1)
    lse = top + np.log(np.exp(logits - top[..., None]).sum(axis=-1))
    return lse - np.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]


def latencies(start, times):
    return times[0] - start, times[1:] - times[:-1]


def roofline(flops, bytes, peak_flops, bandwidth):
    return np.maximum(np.float64(flops) / peak_flops, np.float64(bytes) / bandwidth)


def model_bytes(config, itemsize):
    d = config.d_model
    attention = 2 * d**2 * (1 + config.n_kv_heads / config.n_heads)
    layer = round(attention) + 3 * d * config.d_ff + 2 * d
    total = layer * config.n_layers + d + config.vocab_size * d * (2 - bool(config.tied))
    return total * itemsize
