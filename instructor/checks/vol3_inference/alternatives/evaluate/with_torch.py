"""PyTorch's cross-entropy, summed over targets that are not ignored."""

import numpy as np
import torch


def perplexity(model, ids, max_T, stride):
    if len(ids) < 2:
        raise ValueError("nothing to score")
    if not 0 < stride <= max_T:
        raise ValueError("a stride from 1 to max_T")
    text = torch.tensor(np.ascontiguousarray(ids))
    total, begin, done = torch.zeros((), dtype=torch.float64), 0, 0
    while done < len(text) - 1:
        piece = text[begin : begin + max_T + 1]
        targets = piece[1:].clone()
        targets[: done - begin] = -100
        logits = torch.tensor(model(piece[None, :-1].numpy()))[0]
        total += torch.nn.functional.cross_entropy(logits, targets, reduction="sum")
        done = begin + len(targets)
        begin += stride
    return torch.exp(total / done).item()


def latencies(start, times):
    moments = np.concatenate([[start], times])
    waits = np.ediff1d(moments)
    return waits[0], waits[1:]


def roofline(flops, bytes, peak_flops, bandwidth):
    intensity_at_the_corner = peak_flops / bandwidth
    if flops >= intensity_at_the_corner * bytes:
        return flops / peak_flops
    return bytes / bandwidth


def model_bytes(config, itemsize):
    d, width = config.d_model, config.d_model // config.n_heads
    heads = config.n_heads + 2 * config.n_kv_heads + config.n_heads
    numbers = config.n_layers * d * (heads * width + 3 * config.d_ff + 2) + d
    numbers += config.vocab_size * d
    if not config.tied:
        numbers += config.vocab_size * d
    return numbers * itemsize
