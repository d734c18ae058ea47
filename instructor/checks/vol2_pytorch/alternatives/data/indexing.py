"""Everything by index arrays: where each token of the result comes from."""

import torch
from torch.utils.data import DataLoader, Dataset, RandomSampler


def windows(ids, T):
    whole = torch.arange(0, len(ids) - T, T) if len(ids) > T else torch.arange(0)
    at = whole[:, None] + torch.arange(T)
    return ids[at], ids[at + 1]


def get_batch(data, batch_size, T, generator=None):
    if len(data) <= T:
        raise ValueError("too short")
    starts = torch.empty(batch_size, dtype=torch.int64).random_(
        0, len(data) - T, generator=generator
    )
    at = starts.unsqueeze(1) + torch.arange(T)
    return data[at].to(torch.int64), data[at + 1].to(torch.int64)


def pack(documents, T, eos):
    lengths = torch.tensor([len(d) + 1 for d in documents])
    tokens = torch.full((int(lengths.sum()),), eos)
    ends = lengths.cumsum(0)
    for document, end in zip(documents, ends.tolist(), strict=True):
        tokens[end - 1 - len(document) : end - 1] = document
    owners = torch.repeat_interleave(torch.arange(len(documents)), lengths)
    rows = (len(tokens) - 1) // T  # without the last eos
    return tokens[: rows * T].view(-1, T), owners[: rows * T].view(-1, T)


def split(ids, val_fraction):
    n = round(len(ids) * (1.0 - val_fraction))
    train, val = torch.tensor_split(ids, [n])
    return torch.clone(train), torch.clone(val)


class Slices(Dataset):
    def __init__(self, data, T):
        self.data, self.T = data, T

    def __len__(self):
        return (len(self.data) - 1) // self.T

    def __getitem__(self, i):
        piece = self.data[i * self.T : (i + 1) * self.T + 1]
        return piece[:-1], piece[1:]


def make_loader(data, batch_size, T, seed, num_workers=0):
    dataset = Slices(data, T)
    generator = torch.Generator()
    generator.manual_seed(seed)
    sampler = RandomSampler(dataset, generator=generator)
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=sampler,
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
    )
