"""Lists and loops; the order of an epoch is drawn from a generator made for that epoch."""

import torch
from torch.utils.data import DataLoader, Sampler


def windows(ids, T):
    x, y, start = [], [], 0
    while start + T < len(ids):
        x.append(ids[start : start + T])
        y.append(ids[start + 1 : start + T + 1])
        start += T
    if not x:
        return ids.new_empty((0, T)), ids.new_empty((0, T))
    return torch.stack(x), torch.stack(y)


def get_batch(data, batch_size, T, generator=None):
    if data.numel() < T + 1:
        raise ValueError(f"{T + 1} tokens are needed")
    x = torch.empty((batch_size, T), dtype=torch.long)
    y = torch.empty((batch_size, T), dtype=torch.long)
    for row in range(batch_size):
        s = int(torch.randint(0, data.numel() - T, (), generator=generator))
        for t in range(T):
            x[row, t] = data[s + t]
            y[row, t] = data[s + t + 1]
    return x, y


def pack(documents, T, eos):
    tokens, owners = [], []
    for i, document in enumerate(documents):
        if i > 0:
            tokens.append(eos)
            owners.append(i - 1)
        tokens.extend(document.tolist())
        owners.extend([i] * len(document))
    while len(tokens) % T:
        tokens.pop()
        owners.pop()
    return (
        torch.tensor(tokens, dtype=torch.long).reshape(-1, T),
        torch.tensor(owners, dtype=torch.long).reshape(-1, T),
    )


def split(ids, val_fraction):
    n = round(len(ids) * val_fraction)
    keep = len(ids) - n
    return (
        torch.tensor(ids.tolist()[:keep], dtype=ids.dtype),
        torch.tensor(ids.tolist()[keep:], dtype=ids.dtype),
    )


class Order(Sampler):
    def __init__(self, count, seed):
        self.count, self.seed, self.epoch = count, seed, 0

    def __len__(self):
        return self.count

    def __iter__(self):
        generator = torch.Generator().manual_seed(self.seed * 1000 + self.epoch)
        self.epoch += 1
        return iter(torch.randperm(self.count, generator=generator).tolist())


def make_loader(data, batch_size, T, seed, num_workers=0):
    pairs = list(zip(*windows(data, T), strict=True))
    return DataLoader(pairs, batch_size, sampler=Order(len(pairs), seed), num_workers=num_workers)
