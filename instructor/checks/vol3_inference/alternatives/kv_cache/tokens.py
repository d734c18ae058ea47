"""One entry per token in lists and deques, stacked when they are asked for."""

from collections import deque

import numpy as np


class KVCache:
    def __init__(self, n_layers, B, n_kv_heads, max_T, d_head, dtype="float64"):
        self.layers = {i: [] for i in range(n_layers)}
        self.max_T, self.dtype = max_T, dtype
        self.nbytes = np.empty((2, n_layers, B, n_kv_heads, max_T, d_head), dtype).nbytes

    def append(self, layer, k, v):
        tokens = self.layers[layer]
        if len(tokens) + k.shape[2] > self.max_T:
            raise ValueError("there is no room left")
        for t in range(k.shape[2]):
            tokens.append((np.array(k[:, :, t]), np.array(v[:, :, t])))
        return np.stack([a for a, _ in tokens], axis=2), np.stack([b for _, b in tokens], axis=2)

    @property
    def length(self):
        return min(len(tokens) for tokens in self.layers.values())

    def reset(self):
        for tokens in self.layers.values():
            tokens.clear()


class SlidingKVCache:
    def __init__(self, n_layers, B, n_kv_heads, window, d_head, dtype=float):
        self.layers = [deque(maxlen=window) for _ in range(n_layers)]
        self.seen = [0] * n_layers
        self.nbytes = np.empty((2, n_layers, B, n_kv_heads, window, d_head), dtype).nbytes

    def append(self, layer, k, v):
        for a, b in zip(np.moveaxis(k, 2, 0), np.moveaxis(v, 2, 0), strict=True):
            self.layers[layer].append((self.seen[layer], a.copy(), b.copy()))
            self.seen[layer] += 1
        positions, keys, values = zip(*self.layers[layer], strict=True)
        return np.stack(keys, axis=2), np.stack(values, axis=2), np.array(positions)

    @property
    def length(self):
        return min(self.seen)

    def reset(self):
        for i, tokens in enumerate(self.layers):
            tokens.clear()
            self.seen[i] = 0


class Int8KVCache:
    def __init__(self, n_layers, B, n_kv_heads, max_T, d_head):
        self.inner = KVCache(n_layers, B, n_kv_heads, max_T, d_head, np.int8)
        self.steps = KVCache(n_layers, B, n_kv_heads, max_T, 1, np.float64)

    def append(self, layer, k, v):
        (q, r), (s, t) = rounded(k), rounded(v)
        q, s = self.inner.append(layer, q, s)
        r, t = self.steps.append(layer, r, t)
        return (q * r).astype(k.dtype), (s * t).astype(v.dtype)

    @property
    def length(self):
        return self.inner.length

    @property
    def nbytes(self):
        return self.inner.nbytes + self.steps.nbytes

    def reset(self):
        self.inner.reset()
        self.steps.reset()


def rounded(x):
    codes, steps = np.zeros(x.shape, np.int8), np.ones((*x.shape[:3], 1))
    for place in np.ndindex(x.shape[:3]):
        row = [float(number) for number in x[place]]
        largest = max(abs(number) for number in row)
        if largest:
            steps[place] = largest / 127
            codes[place] = [round(number / largest * 127) for number in row]
    return codes, steps


def kv_cache_bytes(config, B, T, itemsize):
    cache = KVCache(1, 1, config.n_kv_heads, 1, config.d_model // config.n_heads, np.int8)
    return cache.nbytes * itemsize * T * B * config.n_layers
