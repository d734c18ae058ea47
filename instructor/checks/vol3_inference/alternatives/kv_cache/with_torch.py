"""The same with PyTorch inside: one tensor per layer, tokens first, a rolled window."""

import numpy as np
import torch


def to_torch(x):
    return torch.tensor(np.ascontiguousarray(x)).permute(2, 0, 1, 3)


def to_numpy(x):
    return x.permute(1, 2, 0, 3).contiguous().numpy().copy()


class KVCache:
    def __init__(self, n_layers, B, n_kv_heads, max_T, d_head, dtype=np.float64):
        kind = {"float64": torch.float64, "float32": torch.float32}[np.dtype(dtype).name]
        self.data = [
            torch.empty(2, max_T, B, n_kv_heads, d_head, dtype=kind) for _ in range(n_layers)
        ]
        self.filled = torch.zeros(n_layers, dtype=torch.int64)

    def append(self, layer, k, v):
        start, data = int(self.filled[layer]), self.data[layer]
        end = start + k.shape[2]
        if end > data.shape[1]:
            raise ValueError(f"only {data.shape[1] - start} tokens fit")
        data[0, start:end] = to_torch(k)
        data[1, start:end] = to_torch(v)
        self.filled[layer] = end
        return to_numpy(data[0, :end]), to_numpy(data[1, :end])

    @property
    def length(self):
        return int(self.filled.min())

    @property
    def nbytes(self):
        return sum(d.numel() * d.element_size() for d in self.data)

    def reset(self):
        self.filled.zero_()


class SlidingKVCache(KVCache):
    def append(self, layer, k, v):
        seen, data = int(self.filled[layer]), self.data[layer]
        window = data.shape[1]
        for t in range(k.shape[2]):
            self.data[layer] = data = torch.roll(data, -1, dims=1)
            data[0, -1] = to_torch(k[:, :, t : t + 1])[0]
            data[1, -1] = to_torch(v[:, :, t : t + 1])[0]
            seen += 1
        self.filled[layer] = seen
        held = min(seen, window)
        return to_numpy(data[0, -held:]), to_numpy(data[1, -held:]), np.arange(seen - held, seen)


class Int8KVCache(KVCache):
    def __init__(self, n_layers, B, n_kv_heads, max_T, d_head):
        self.data = [torch.zeros(2, max_T, B, n_kv_heads, d_head, dtype=torch.int8)] * n_layers
        self.data = [d.clone() for d in self.data]
        self.steps = [torch.zeros(2, max_T, B, n_kv_heads, 1) for _ in range(n_layers)]
        self.filled = torch.zeros(n_layers, dtype=torch.int64)

    def append(self, layer, k, v):
        x = torch.stack([to_torch(k), to_torch(v)])
        start, end = int(self.filled[layer]), int(self.filled[layer]) + x.shape[1]
        if end > self.data[layer].shape[1]:
            raise ValueError("too many tokens")
        step = (x.abs().amax(dim=-1, keepdim=True) / 127).float()
        step = torch.where(step > 0, step, torch.ones_like(step))
        self.steps[layer][:, start:end] = step
        self.data[layer][:, start:end] = torch.round(x / step).to(torch.int8)
        self.filled[layer] = end
        back = self.data[layer][:, :end].to(x.dtype) * self.steps[layer][:, :end]
        return to_numpy(back[0]), to_numpy(back[1])

    @property
    def nbytes(self):
        return super().nbytes + sum(4 * s.numel() for s in self.steps)


def kv_cache_bytes(config, B, T, itemsize):
    width = config.d_model * config.n_kv_heads // config.n_heads
    return itemsize * B * T * sum(2 * width for _ in range(config.n_layers))
