"""First which window scores which token, then one loop over tokens."""

import itertools
import math

import numpy as np


def perplexity(model, ids, max_T, stride):
    ids = [int(i) for i in ids]
    if len(ids) < 2:
        raise ValueError("too short")
    if stride < 1 or stride > max_T:
        raise ValueError("this stride leaves tokens out")
    shown, losses = {}, []
    for t in range(1, len(ids)):
        window = 0
        while window * stride + max_T < t:
            window += 1
        begin = window * stride
        if begin not in shown:
            shown[begin] = model(np.array([ids[begin : min(begin + max_T, len(ids) - 1)]]))[0]
        row = shown[begin][t - 1 - begin].tolist()
        top = max(row)
        losses.append(top + math.log(math.fsum(math.exp(z - top) for z in row)) - row[ids[t]])
    mean = math.fsum(losses) / len(losses)
    return math.exp(mean) if mean < 700 else math.inf


def latencies(start, times):
    times = [float(t) for t in times]
    return times[0] - start, np.array([b - a for a, b in itertools.pairwise(times)])


def roofline(flops, bytes, peak_flops, bandwidth):
    compute, memory = flops / peak_flops, bytes / bandwidth
    return compute if compute > memory else memory


def model_bytes(config, itemsize):
    d, d_head = config.d_model, config.d_model // config.n_heads
    shapes = [(config.vocab_size, d), (d,)]
    for _ in range(config.n_layers):
        shapes += [(d,), (d,), (d, config.n_heads * d_head), (config.n_heads * d_head, d)]
        shapes += [(d, config.n_kv_heads * d_head)] * 2
        shapes += [(d, config.d_ff)] * 2 + [(config.d_ff, d)]
    if not config.tied:
        shapes.append((d, config.vocab_size))
    return sum(math.prod(shape) for shape in shapes) * itemsize
