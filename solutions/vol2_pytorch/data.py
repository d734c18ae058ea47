"""Batches: a long row of ids becomes inputs and targets, in order, at random, or packed."""

# %% [markdown]
# # Data
#
# **The question.** A corpus is one row of ids, a million of them or a billion. A step of training
# takes a rectangle of some rows and columns. How do you cut the one out of the other, so that every
# token is predicted from the right ones before it, and so that you can say afterwards what the
# model has seen?
#
# You write five functions:
#
# | function | what it does |
# | --- | --- |
# | `windows(ids, T)` | cuts the corpus into windows of T tokens, one after the other |
# | `get_batch(data, batch_size, T, generator=None)` | draws windows at random |
# | `pack(documents, T, eos)` | fills rows with documents, and says which token is whose |
# | `split(ids, val_fraction)` | keeps the end apart for validation |
# | `make_loader(data, batch_size, T, seed, num_workers=0)` | all windows once per epoch, shuffled |
#
# You need tensors and indexing, and about an hour and a half.

# %%
from collections.abc import Sequence

import torch
from torch.utils.data import DataLoader, TensorDataset

# %% [markdown]
# ## 1. Inputs and targets
#
# A language model predicts the next token, at every position at once. For the input
# $x = (t_0, t_1, \ldots, t_{T-1})$ the target at position $i$ is the token that follows $t_i$:
#
# $$x_i = t_i \qquad y_i = t_{i+1}$$
#
# So a window of $T$ predictions needs $T + 1$ tokens, and neighbouring windows share one: the last
# target of a window is the first input of the next.
#
# ![Ten tokens in a row, T = 3. The inputs of three windows are tokens 0 to 2, 3 to 5 and 6 to 8;
# the targets are tokens 1 to 3, 4 to 6 and 7 to 9.](figures/data_windows.svg)
#
# The last step is yours: how many windows do $n$ ids give? Count with the picture: with 10 ids
# there are three windows, and with 9 there are two, since the last token of a third one would have
# no target. What is left over at the end is dropped.
#
# **Why this matters.** Without the shift ($y = x$) the loss falls to zero in no time: copying is
# easy. With a shift of two it never gets as low as it could. Neither raises an error.


# %%
def windows(ids: torch.Tensor, T: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut a row of ids into windows and their targets.

    Args:
        ids: (n,), int64.
        T: Length of a window, at least 1.

    Returns:
        x: (N, T), int64. Consecutive windows that do not overlap, as many as have all targets.
        y: (N, T), int64. For every token of `x` the one that follows it in `ids`.

    Source:
        Bengio et al. 2003, A neural probabilistic language model, section 2.
    """
    ### BEGIN SOLUTION
    n = max(len(ids) - 1, 0) // T
    x, y = ids[: n * T], ids[1 : n * T + 1]
    return x.reshape(n, T).clone(), y.reshape(n, T).clone()
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student

import numpy as np


def visible_windows(student: Student, check: Check) -> None:
    """Ten ids, nine, as many as T, and next to none."""
    ids = np.arange(10, 20)
    x, y = student.windows(ids, 3)
    check.close(x, [[10, 11, 12], [13, 14, 15], [16, 17, 18]], "x of windows([10, ..., 19], 3)")
    check.close(y, [[11, 12, 13], [14, 15, 16], [17, 18, 19]], "y of windows([10, ..., 19], 3)")
    x, y = student.windows(ids[:9], 3)
    check.close(x, [[10, 11, 12], [13, 14, 15]], "x of windows([10, ..., 18], 3)")
    check.close(y, [[11, 12, 13], [14, 15, 16]], "y of windows([10, ..., 18], 3)")
    for few in (ids[:3], ids[:1]):
        x, y = student.windows(few, 3)
        none = x.shape == y.shape == (0, 3)
        check.true(none, f"{len(few)} ids give shapes {x.shape} and {y.shape}, expected (0, 3)")


# %% [markdown]
# ## 2. Windows at random
#
# For training in small steps one does not go through the corpus in order: neighbouring windows are
# about the same thing, and so would be neighbouring steps. Draw the beginnings at random, each for
# itself, and read a window at each.
#
# **How many beginnings are there?** A window that begins at $s$ reads the tokens $s$ to
# $s + T$, the last one as a target. The largest $s$ is the one for which $s + T$ is the last token.
# How many possible values has $s$, with $n$ tokens? (Check with $n = T + 1$.) One too many raises
# an error once in a while, in the middle of the night; one too few is never noticed.
#
# **Randomness from one place.** What is drawn comes from the `generator` that is passed, and
# nothing else does. Then a run can be repeated, and continued in the middle: whoever saves the
# generator's state saves the position in the data. `torch.randint` has an argument for it; None
# stands for PyTorch's global generator.
#
# **Memory.** `data` may be stored in a smaller type, int32 or uint8; a batch is int64, as
# embeddings want it. A batch is changed at times (tokens are masked), and the corpus must not
# change with it: `x` and `y` own their memory, each its own.


# %%
def get_batch(
    data: torch.Tensor, batch_size: int, T: int, generator: torch.Generator | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw windows at random.

    Args:
        data: (n,), ids of any integer type.
        batch_size: How many windows; the same one may be drawn twice.
        T: Length of a window.
        generator: What all randomness comes from; PyTorch's global generator if None.

    Returns:
        x: (batch_size, T), int64. Each row begins anywhere in `data` with equal probability.
        y: (batch_size, T), int64. For every token of `x` the one that follows it in `data`.

    Raises:
        ValueError: `data` has fewer than T + 1 tokens.

    Source:
        Karpathy 2022, nanoGPT, get_batch of train.py.
    """
    ### BEGIN SOLUTION
    if len(data) < T + 1:
        raise ValueError(f"{len(data)} tokens hold no window of {T} with its targets")
    starts = torch.randint(len(data) - T, (batch_size, 1), generator=generator)
    places = starts + torch.arange(T)  # (batch_size, T)
    return data[places].long(), data[places + 1].long()
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student

import numpy as np


def visible_get_batch(student: Student, check: Check) -> None:
    """Rows that are windows, every beginning, one generator, too few tokens."""
    data = 10 * np.arange(9)

    def batch(seed: int, count: int = 200) -> tuple[np.ndarray, np.ndarray]:
        generator = student.library("torch.Generator")()
        student.keep(generator.manual_seed, seed)
        x, y = student.get_batch(data, count, 4, generator)
        return x, y

    x, y = batch(1)
    check.true(x.shape == y.shape == (200, 4), f"shapes are {x.shape}, {y.shape}, not (200, 4)")
    check.true(x.dtype == y.dtype == np.int64, f"dtypes are {x.dtype} and {y.dtype}, not int64")
    check.close(x - x[:, :1], np.tile(10 * np.arange(4), (200, 1)), "a row, its first id taken off")
    check.close(y - x, np.full((200, 4), 10), "y - x where each id is 10 more than the one before")
    begin, times = np.unique(x[:, 0], return_counts=True)
    check.close(begin, 10 * np.arange(5), "the distinct first ids of 200 rows, 9 tokens and T = 4")
    check.true(times.min() > 15, f"of 200 windows the beginnings occur {times} times, not evenly")
    check.close(batch(1)[0], x, "x drawn again with a generator of the same seed")
    check.true((batch(2)[0] != x).any(), "another seed draws the same windows")
    x, y = student.get_batch(data[:5], 3, 4)
    check.close(x, [[0, 10, 20, 30]] * 3, "x where there is room for one window only")
    check.raises(ValueError, student.get_batch, data[:4], 3, 4)


# %% [markdown]
# ## 3. Packing documents
#
# Documents have different lengths. Padding them to the longest wastes most of the rectangle, so
# they are *packed*: written one after the other with an end-of-sequence token `eos` between each
# two, and the long row is cut into rows of $T$. What does not fill a row is dropped.
#
# Now a row may hold the end of one document and the beginning of the next, which has nothing to do
# with it. So `pack` also returns for every token the index of its document, and attention can be
# restricted: token $t$ may attend to $s$ in its row if
#
# $$s \le t \quad \text{and} \quad \mathrm{doc}_s = \mathrm{doc}_t$$
#
# ![Left: three documents of 3, 2 and 4 tokens, with an eos after the first and after the second,
# fill one row and begin another. Right: which token of the first row may attend to which: three
# triangles along the diagonal, one for each document.](figures/data_pack.svg)
#
# An `eos` belongs to the document that it ends: from that document the model learns when to stop.
# Documents are numbered as they come, from 0, over all rows. A document that goes on in the next
# row keeps its index there, although its first part is out of sight.
#
# The last step is yours: with documents of lengths $n_0, n_1, \ldots$ how often does each index
# occur before the row is cut? (`torch.repeat_interleave` takes a number of times for each value.)


# %%
def pack(documents: Sequence[torch.Tensor], T: int, eos: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Write documents one after the other into rows.

    Args:
        documents: At least one; each (n,), int64, may be empty.
        T: Length of a row.
        eos: Stands between each two documents; there is none after the last.

    Returns:
        ids: (N, T), int64. The documents joined by `eos`, as many rows as are full.
        doc: (N, T), int64. The index in `documents` of each token; an `eos` has the index of the
            document that it ends. Token t may attend to s <= t of its row with equal `doc`.

    Source:
        Raffel et al. 2020, section 3.1.2 (arXiv:1910.10683), on packing; Grattafiori et al. 2024,
        section 3.2 (arXiv:2407.21783), on the mask.
    """
    ### BEGIN SOLUTION
    end = torch.tensor([eos])
    ids = torch.cat([torch.cat([document, end]) for document in documents])[:-1]
    lengths = torch.tensor([len(document) + 1 for document in documents])
    doc = torch.repeat_interleave(torch.arange(len(documents)), lengths)[:-1]
    n = len(ids) // T
    return ids[: n * T].reshape(n, T), doc[: n * T].reshape(n, T)
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student

import numpy as np


def visible_pack(student: Student, check: Check) -> None:
    """The documents of the picture, in rows of 5 and of 11, and an empty one."""
    documents = [np.array([1, 2, 3]), np.array([4, 5]), np.array([6, 7, 8, 9])]
    ids, doc = student.pack(documents, 5, 0)
    check.close(ids, [[1, 2, 3, 0, 4], [5, 0, 6, 7, 8]], "ids in rows of 5")
    check.close(doc, [[0, 0, 0, 0, 1], [1, 1, 2, 2, 2]], "doc in rows of 5")
    ids, doc = student.pack(documents, 11, 0)
    check.close(ids, [[1, 2, 3, 0, 4, 5, 0, 6, 7, 8, 9]], "ids in one row of 11")
    check.close(doc, [[0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2]], "doc in one row of 11")
    ids, doc = student.pack([documents[1], documents[0][:0], documents[1]], 3, 9)
    check.close(ids, [[4, 5, 9], [9, 4, 5]], "ids with an empty document in the middle")
    check.close(doc, [[0, 0, 0], [1, 2, 2]], "doc with an empty document in the middle")


# %% [markdown]
# ## 4. Validation
#
# How good is the model on text that it has not seen? Keep some apart. Not at random: a validation
# window that lies in the middle of the training text has been seen nearly, at both ends, and
# authors repeat themselves. The simplest honest way is one cut: the beginning is for training, the
# end for validation.


# %%
def split(ids: torch.Tensor, val_fraction: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Keep the last part for validation.

    Args:
        ids: (n,), int64.
        val_fraction: Share of the validation, from 0 to 1.

    Returns:
        train: (n - m,), int64. The beginning.
        val: (m,), int64. The end; m is n * val_fraction rounded to the nearest whole number.

    Source:
        Bergmeir and Benitez 2012, On the use of cross-validation for time series predictor
        evaluation, section 2: the last block as the test set.
    """
    ### BEGIN SOLUTION
    n = len(ids) - round(len(ids) * val_fraction)
    return ids[:n].clone(), ids[n:].clone()
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student

import numpy as np


def visible_split(student: Student, check: Check) -> None:
    """A quarter, a share that has to be rounded up, and nothing."""
    ids = np.arange(20, 28)
    for share, m in ((0.25, 2), (0.2, 2), (0.9, 7), (0.0, 0)):
        train, val = student.split(ids, share)
        check.close(train, ids[: 8 - m], f"train of split of 8 ids with {share}")
        check.close(val, ids[8 - m :], f"val of split of 8 ids with {share}")


# %% [markdown]
# ## 5. Epochs
#
# Random windows are simple, but after as many steps as make up the corpus a third of it has not
# been seen: a window is missed with probability $(1 - 1/N)^N \approx 1/e$. For small corpora one
# prefers *epochs*: every window of section 1 exactly once, in random order, then all of them again
# in another order.
#
# `torch.utils.data.DataLoader` does the work: it takes a dataset with a length and items, draws an
# order, and puts items together to batches; with `num_workers=2` two other processes fetch the
# items while the model computes. Three traps:
#
# - **Who draws?** If the *items* are random, each worker draws with its own generator, and the
#   batches depend on the number of workers; worse, workers that were forked with equal NumPy or
#   Python generators draw the same items. Let only the *order* be random: it is drawn in the main
#   process, whatever the number of workers.
# - **From what?** From a generator of the loader's own, made from `seed`. The global generator is
#   neither read nor moved: the loader gives the same batches wherever it is used, and the model's
#   dropout does not depend on the data.
# - **How much?** The last batch is smaller if the windows do not divide evenly. Dropping it would
#   drop windows.


# %%
def make_loader(
    data: torch.Tensor, batch_size: int, T: int, seed: int, num_workers: int = 0
) -> DataLoader[tuple[torch.Tensor, ...]]:
    """Go through all windows in random order, epoch by epoch.

    Args:
        data: (n,), int64.
        batch_size: Windows per batch; the last batch of an epoch has what is left.
        T: Length of a window.
        seed: Determines the order of every epoch, and nothing else does.
        num_workers: How many processes fetch items; the order is the same for any number.

    Returns:
        loader: torch.utils.data.DataLoader. An epoch yields pairs x, y, each (b, T), int64, that
            hold every window of `windows(data, T)` once; each epoch has an order of its own.

    Source:
        PyTorch documentation, torch.utils.data, and Reproducibility, section DataLoader.
    """
    ### BEGIN SOLUTION
    order = torch.Generator().manual_seed(seed)
    dataset = TensorDataset(*windows(data, T))
    return DataLoader(dataset, batch_size, shuffle=True, generator=order, num_workers=num_workers)
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student

import numpy as np


def visible_make_loader(student: Student, check: Check) -> None:
    """Two epochs of ten windows in batches of four, another loader with the same seed, another."""
    as_list, data = student.library("builtins.list"), np.arange(32)

    def epoch(loader: object) -> tuple[np.ndarray, np.ndarray, list[int]]:
        batches = as_list(loader)
        x, y = (np.concatenate([batch[i] for batch in batches]) for i in (0, 1))
        return x, y, [len(batch[0]) for batch in batches]

    loader = student.make_loader(data, 4, 3, 5)
    x, y, sizes = epoch(loader)
    check.true(sizes == [4, 4, 2], f"the batches have {sizes} windows, expected [4, 4, 2]")
    check.close(np.sort(x[:, 0]), 3 * np.arange(10), "the first ids of all windows, sorted")
    check.close(x - x[:, :1], np.tile(np.arange(3), (10, 1)), "each window, its first id taken off")
    check.close(y, x + 1, "y, where ids count up")
    check.true((x[1:, 0] < x[:-1, 0]).any(), "the windows come in their order; shuffle them")
    second = epoch(loader)[0]
    check.true((second != x).any(), "the second epoch has the order of the first")
    again = student.make_loader(data, 4, 3, 5)
    check.close(epoch(again)[0], x, "x of another loader with the same seed, first epoch")
    check.close(epoch(again)[0], second, "x of another loader with the same seed, second epoch")
    check.true(
        (epoch(student.make_loader(data, 4, 3, 6))[0] != x).any(), "seed makes no difference"
    )


# %% [markdown]
# ## One thing to try
#
# Take the ids of a text of yours and draw batches until as many tokens have been drawn as the text
# has. Which share of all tokens was never in a batch? Compare with $1/e$. Then measure how long
# `get_batch` takes, and one epoch of `make_loader` with 0, 1 and 2 workers. From which size of the
# work per item on do workers pay?
#
# ## Where to read more
#
# - Raffel et al., *Exploring the Limits of Transfer Learning*, 2020 (arXiv:1910.10683): section
#   3.1.2, rows packed without padding.
# - Zhao et al., *Analysing The Impact of Sequence Composition on Language Model Pre-Training*, 2024
#   (arXiv:2402.13991): what the mask between documents is worth.
# - PyTorch documentation, *Reproducibility*: workers and generators.
