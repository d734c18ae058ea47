"""Arrays that are joined at every step, one base class for all three."""

import numpy as np


class _Joined:
    def __init__(self, n_layers, B, n_kv_heads, room, d_head, dtype=np.float64):
        self.room = room
        self.size = 2 * n_layers * B * n_kv_heads * room * d_head * np.dtype(dtype).itemsize
        empty = np.zeros((B, n_kv_heads, 0, d_head), dtype)
        self.start = [(empty, empty, 0)] * n_layers
        self.state = list(self.start)

    @property
    def length(self):
        return min(seen for _, _, seen in self.state)

    @property
    def nbytes(self):
        return self.size

    def reset(self):
        self.state = list(self.start)


class KVCache(_Joined):
    def append(self, layer, k, v):
        keys, values, seen = self.state[layer]
        if seen + k.shape[-2] > self.room:
            raise ValueError("full")
        keys, values = np.append(keys, k, axis=2), np.append(values, v, axis=2)
        self.state[layer] = keys, values, seen + k.shape[-2]
        return np.array(keys), np.array(values)


class SlidingKVCache(_Joined):
    def __init__(self, n_layers, B, n_kv_heads, window, d_head, dtype=np.float64):
        super().__init__(n_layers, B, n_kv_heads, window, d_head, dtype)

    def append(self, layer, k, v):
        keys, values, seen = self.state[layer]
        keys = np.append(keys, k, axis=2)[:, :, -self.room :]
        values = np.append(values, v, axis=2)[:, :, -self.room :]
        seen += k.shape[2]
        self.state[layer] = keys, values, seen
        return keys.copy(), values.copy(), np.arange(seen)[-self.room :]


class Int8KVCache(_Joined):
    def __init__(self, n_layers, B, n_kv_heads, max_T, d_head):
        super().__init__(n_layers, B, n_kv_heads, max_T, d_head)
        self.size = 2 * n_layers * B * n_kv_heads * max_T * (d_head + 8)
        codes = np.zeros((B, n_kv_heads, 0, d_head), np.int8)
        steps = np.zeros((B, n_kv_heads, 0, 1))
        self.start = [((codes, steps), (codes, steps), 0)] * n_layers
        self.state = list(self.start)

    def append(self, layer, k, v):
        old_k, old_v, seen = self.state[layer]
        if seen + k.shape[2] > self.room:
            raise ValueError("full")
        new_k, new_v = joined(old_k, k), joined(old_v, v)
        self.state[layer] = new_k, new_v, seen + k.shape[2]
        return tuple(np.multiply(codes, steps).astype(k.dtype) for codes, steps in (new_k, new_v))


def joined(old, x):
    top = np.linalg.norm(x.astype(np.float64), ord=np.inf, axis=-1)[..., None]
    top[top == 0] = 127.0
    codes = np.round(127.0 * x / top).astype(np.int8)
    return np.append(old[0], codes, axis=2), np.append(old[1], top / 127.0, axis=2)


def kv_cache_bytes(config, B, T, itemsize):
    per_token = 2 * config.n_kv_heads * (config.d_model // config.n_heads)
    return config.n_layers * B * T * per_token * itemsize
