"""Strided views that are copied; batches come as a stream of which each worker takes its share."""

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info


def windows(ids, T):
    if len(ids) <= T:
        return ids[:0].view(0, T).clone(), ids[:0].view(0, T).clone()
    x, y = ids[:-1].unfold(0, T, T), ids[1:].unfold(0, T, T)
    return x.contiguous().clone(), y.contiguous().clone()


def get_batch(data, batch_size, T, generator=None):
    if not len(data) > T:
        raise ValueError
    source = generator if generator is not None else torch.default_generator
    starts = (
        torch.rand(batch_size, generator=source, dtype=torch.float64) * (len(data) - T)
    ).long()
    both = data.unfold(0, T + 1, 1)[starts].long()
    return both[:, :-1].clone(), both[:, 1:].clone()


def pack(documents, T, eos):
    end = torch.tensor([eos])
    ids = torch.cat([part for d in documents for part in (d, end)])[:-1]
    ends = (torch.tensor([len(d) for d in documents]) + 1).cumsum(0)
    doc = torch.searchsorted(ends, torch.arange(len(ids)), right=True)
    rest = len(ids) % T
    if rest:
        ids, doc = ids[:-rest], doc[:-rest]
    return ids.unflatten(0, (-1, T)) if len(ids) else ids.view(0, T), doc.view(len(doc) // T, T)


def split(ids, val_fraction):
    n = round(val_fraction * len(ids))
    train, val = ids.split([len(ids) - n, n])
    return train.detach().clone(), val.detach().clone()


class Batches(IterableDataset):
    def __init__(self, data, batch_size, T, seed):
        self.x, self.y = windows(data, T)
        self.batch_size = batch_size
        self.generator = torch.Generator().manual_seed(seed)
        self.order = torch.arange(len(self.x))

    def shuffle(self):
        self.order = torch.randperm(len(self.x), generator=self.generator)

    def __iter__(self):
        info = get_worker_info()
        first, count = (0, 1) if info is None else (info.id, info.num_workers)
        for rows in self.order.split(self.batch_size)[first::count]:
            yield self.x[rows], self.y[rows]


class Epochs(DataLoader):
    """Shuffles in the main process, before the dataset is copied into the workers."""

    def __iter__(self):
        self.dataset.shuffle()
        return super().__iter__()


def make_loader(data, batch_size, T, seed, num_workers=0):
    dataset = Batches(data, batch_size, T, seed)
    return Epochs(dataset, batch_size=None, num_workers=num_workers)
