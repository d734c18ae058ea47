"""Data: one long row of tokens becomes batches of inputs and targets."""

# %% [markdown]
# # Data
#
# **The question.** A corpus is one long row of token ids, far longer than what a model reads at
# once. A training step wants a small rectangle of them, and for every token the one that follows.
# How is the row cut, which pieces go into a batch, and what happens where one document ends and
# the next begins?
#
# You write five functions. None of them computes much. Nearly every mistake in them is a shift by
# one, and none of these raises an error: the loss falls all the same, only not to where it could.
#
# | to write | what it does |
# | --- | --- |
# | `windows(ids, T)` | cuts the row into inputs and targets, every token once |
# | `get_batch(data, batch_size, T, generator)` | draws windows at random places |
# | `pack(documents, T, eos)` | fills rows with documents, and says which is which |
# | `split(ids, val_fraction)` | keeps the end of the corpus for validation |
# | `make_loader(data, batch_size, T, seed, num_workers)` | goes through all windows in epochs |
#
# You need PyTorch tensors and slices, and about an hour and a half.

# %%
from collections.abc import Sequence

import torch
from torch.utils.data import DataLoader, TensorDataset

# %% [markdown]
# ## 1. Windows: every position is an exercise
#
# A language model gets tokens and predicts, at *every* position, the token after it. A window of
# length $T$ is therefore not one training example but $T$ of them: after the first token, after the
# first two, and so on. The input `x` and the target `y` are the same stretch of the corpus, one
# token apart:
#
# $$x_t = \text{ids}_{s + t} \qquad y_t = \text{ids}_{s + t + 1} \qquad t = 0, \dots, T - 1$$
#
# where $s$ is the start of the window.
#
# ![A row of ten tokens. Below it, two windows of four tokens: the inputs x begin at tokens 0 and 4,
# the targets y at tokens 1 and 5. The last target is token 8; token 9 is left
# over.](figures/data_windows.svg)
#
# To go through a corpus once, put the windows side by side: $s = 0, T, 2T, \dots$ The inputs do not
# overlap, and neither do the targets; each token but the first is predicted once.
#
# **How many are there?** A window with start $s$ touches the tokens from $s$ to $s + T$: one more
# than $T$, because the last input has a target, too. With $N$ windows side by side, the last one
# starts at $(N - 1) T$. Which is the last token that it touches? That token has to exist: its index
# is at most `len(ids) - 1`. Solve for the largest whole $N$. What does not fill a window is
# dropped. Try your formula on a corpus of exactly $2T$ and one of $2T + 1$ tokens.
#
# **New tensors.** A slice of a tensor is a *view*: it shares the memory of what it was cut from. If
# somebody masks a few tokens of `x` in place, then the corpus changes, and `y` with it. What you
# return here owns its memory.


# %%
def windows(ids: torch.Tensor, T: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut a row of tokens into consecutive windows and their targets.

    Args:
        ids: (n,) int64. Not modified.
        T: Length of a window.

    Returns:
        x: (N, T) int64. The windows, side by side; what does not fill one is dropped. N may be 0.
        y: (N, T) int64. The token after each token of `x`. New memory, like `x`.

    Source:
        Radford et al. 2018, equation 1: each token is predicted from those before it.
    """
    ### BEGIN SOLUTION
    n = (len(ids) - 1) // T  # the last input needs a target, too
    x = ids[: n * T].reshape(n, T)
    y = ids[1 : n * T + 1].reshape(n, T)
    return x.clone(), y.clone()
    ### END SOLUTION


# %%
import numpy as np

from autograder.selfcheck import Check, Student


def visible_windows(student: Student, check: Check) -> None:
    """Ten tokens by hand, a corpus that is one token short, memory of one's own."""
    ids = np.array([7, 3, 9, 4, 0, 8, 1, 5, 2, 6])
    x, y = student.windows(ids, 4)
    check.close(x, [[7, 3, 9, 4], [0, 8, 1, 5]], "x")
    check.close(y, [[3, 9, 4, 0], [8, 1, 5, 2]], "y")
    for length, rows in ((9, 2), (8, 1), (5, 1), (4, 0)):
        x, y = student.windows(ids[:length], 4)
        same = x.shape == (rows, 4) and y.shape == (rows, 4)
        check.true(same, f"{length} tokens give {len(x)} windows of 4, expected {rows}")
    held = student.hold(ids)
    cut = student.keep(student.windows, held, 4)
    student.library("torch.Tensor.zero_")(held)
    x, y = student.fetch(cut)
    check.close(y, [[3, 9, 4, 0], [8, 1, 5, 2]], "y, after ids was overwritten,")


# %% [markdown]
# ## 2. Batches from random places
#
# For pretraining one rarely goes through the corpus in order. The usual way is to draw, for each
# row of a batch, a start at random, every start that has a whole window being as likely as any
# other, and independent of the other rows. Windows then begin at *every* token, not only at
# multiples of $T$, so a model sees each token at every distance from the start of a window.
#
# **How many starts?** The last token that the window at $s$ touches has index $s + T$. Write down
# the condition that it exists; with $s \ge 0$ that leaves a certain number of starts. A corpus of
# $T + 1$ tokens has exactly one. A corpus of $T$ tokens has none, and then a `ValueError` is more
# useful than an empty batch.
#
# Two ways to get it wrong that no error message tells: to draw from one start too few (the last
# token of the corpus is never a target), and to draw a float and round it (both ends come half as
# often as the rest).
#
# **Whose random numbers?** All of them come from `generator`. Then a run can be repeated, and a
# checkpoint that stores the state of one generator stores the position in the data. PyTorch's
# global generator is shared with dropout, initialisation and everything else: reading or seeding it
# here would let the data change the dropout. Only if `generator` is None is it the source.
# `torch.randint` and its relatives take `generator=`, and None means the global one.
#
# **Types.** A corpus is often stored in the smallest integer type that holds its ids (`uint8` for
# characters, `int32` for a large vocabulary). Embedding layers and losses want int64, so that is
# what a batch has, whatever the corpus is stored in. Converting the batch costs nothing; converting
# the corpus multiplies its memory.


# %%
def get_batch(
    data: torch.Tensor, batch_size: int, T: int, generator: torch.Generator | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw windows whose starts are independent and uniform over all there are.

    Args:
        data: (n,) of any integer dtype. Not modified.
        batch_size: Number of windows; may be larger than the number of starts.
        T: Length of a window.
        generator: The source of all randomness, on the CPU; the global generator if None.

    Returns:
        x: (batch_size, T) int64, on the device of `data`.
        y: (batch_size, T) int64. The token after each token of `x`. Both own their memory.

    Raises:
        ValueError: `data` has fewer than T + 1 tokens.

    Source:
        Radford et al. 2018, section 4.1: minibatches of randomly sampled contiguous sequences.
    """
    ### BEGIN SOLUTION
    count = len(data) - T
    if count < 1:
        raise ValueError(f"{len(data)} tokens hold no window of {T} with the token after it")
    starts = torch.randint(count, (batch_size,), generator=generator).tolist()
    x = torch.stack([data[s : s + T] for s in starts])
    y = torch.stack([data[s + 1 : s + T + 1] for s in starts])
    return x.long(), y.long()
    ### END SOLUTION


# %%
import numpy as np

from autograder.selfcheck import Check, Student


def visible_get_batch(student: Student, check: Check) -> None:
    """Shapes, the shift, every start, the generator, a corpus that is too short."""
    data = np.array([10, 11, 12, 13, 14, 15, 16, 17], dtype=np.int32)
    generator = student.library("torch.Generator")()
    # Of 5 starts, 400 draws miss one with a probability below 1e-37.
    x, y = student.get_batch(data, 400, 3, generator.manual_seed(0))
    for name, value in (("x", x), ("y", y)):
        check.true(value.shape == (400, 3), f"{name} has shape {value.shape}, expected (400, 3)")
        check.true(value.dtype == np.int64, f"{name} is {value.dtype}, expected int64")
    check.close(x, x[:, :1] + np.arange(3), "x, whose rows are stretches of data,")
    check.close(y, x + 1, "y")
    found, every = set(x[:, 0].tolist()), {10, 11, 12, 13, 14}
    check.true(found == every, f"the windows start at {sorted(found)}, expected {sorted(every)}")
    again, _ = student.get_batch(data, 400, 3, generator.manual_seed(0))
    check.true((again == x).all(), "the same seed gives another batch; draw from `generator` alone")
    more, _ = student.get_batch(data, 400, 3, generator)
    check.true((more != x).any(), "a second call gives the same batch; who seeds the generator?")
    only, _ = student.get_batch(data[:4], 2, 3, generator)
    check.close(only, [[10, 11, 12]] * 2, "x of a corpus with a single window")
    check.raises(ValueError, student.get_batch, data[:3], 2, 3)


# %% [markdown]
# ## 3. Packing: documents of any length in rows of one length
#
# Documents have different lengths, rows of a batch have one. Filling each row up with padding
# wastes whatever the longest document exceeds the others by; with web pages that is most of the
# computation. *Packing* writes all documents into one row, with a token `eos` between two of them,
# and cuts that into rows of $T$:
#
# ![Three documents of three, one and four tokens, joined by eos into ten tokens, cut into two rows
# of five. Under each token stands the index of its document; the eos has the index of the document
# that it ends. Beside it the attention mask of the first row: two triangles on the diagonal, one
# for each document in it, and nothing between them.](figures/data_packing.svg)
#
# Nothing is padded, and a document may go on in the next row. But now a token sees documents that
# have nothing to do with its own. Whether that hurts is debated; to be able to prevent it, the
# function also returns for every token the index of its document, `doc`. Token $t$ may attend to
# token $s$ of its row if
#
# $$s \le t \quad \text{and} \quad \text{doc}_s = \text{doc}_t$$
#
# which is one comparison of `doc` with itself under the causal mask.
#
# **The small print.** An `eos` stands *between* two documents, as a comma between words, so not
# behind the last one. It belongs to the document that it ends: the model learns to predict it from
# that document. `doc` counts from 0 over the whole list, not anew in each row. An empty document
# still has its index, and its `eos`. As in section 1, what does not fill a row is dropped; unlike
# there, `ids` is not yet shifted, so no token is needed behind the last row. How many rows do $n$
# tokens give now?


# %%
def pack(documents: Sequence[torch.Tensor], T: int, eos: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Join documents by `eos` and cut the result into rows.

    Args:
        documents: At least one tensor (n_i,) int64, which may be empty. Not modified.
        T: Length of a row.
        eos: The id between two documents; it counts as the end of the first of the two.

    Returns:
        ids: (N, T) int64. The joined tokens; what does not fill a row is dropped.
        doc: (N, T) int64. For each token the index of its document in `documents`.

    Source:
        Raffel et al. 2020, section 3.1.2 (packing); Krell et al. 2021 (the mask).
    """
    ### BEGIN SOLUTION
    pieces, owners = [], []
    for i, document in enumerate(documents):
        end = [eos] if i < len(documents) - 1 else []
        piece = torch.cat([document, document.new_tensor(end)])
        pieces.append(piece)
        owners.append(torch.full_like(piece, i))
    ids, doc = torch.cat(pieces), torch.cat(owners)
    n = len(ids) // T
    return ids[: n * T].reshape(n, T), doc[: n * T].reshape(n, T)
    ### END SOLUTION


# %%
import numpy as np

from autograder.selfcheck import Check, Student


def visible_pack(student: Student, check: Check) -> None:
    """The picture's documents, the mask that follows, an empty document."""
    documents = [np.array([5, 6, 7]), np.array([8]), np.array([1, 2, 3, 4])]
    ids, doc = student.pack(documents, 5, 0)
    check.close(ids, [[5, 6, 7, 0, 8], [0, 1, 2, 3, 4]], "ids")
    check.close(doc, [[0, 0, 0, 0, 1], [1, 2, 2, 2, 2]], "doc")
    mask = np.tril(doc[0][:, None] == doc[0][None, :])
    worked = np.tril(np.ones((5, 5), dtype=bool))
    worked[4, :4] = False
    check.true(np.array_equal(mask, worked), "the mask of the first row is not the picture's")
    ids, doc = student.pack([*documents[:2], np.array([], dtype=np.int64), documents[2]], 4, 0)
    check.close(ids, [[5, 6, 7, 0], [8, 0, 0, 1]], "ids with an empty document")
    check.close(doc, [[0, 0, 0, 0], [1, 1, 2, 3]], "doc with an empty document")


# %% [markdown]
# ## 4. What the model never sees
#
# A loss on the training corpus does not tell memory from understanding. So a part is kept away, and
# the loss on it is what a run is judged by. Which part? Random tokens are useless: their
# neighbours are in the training part. Random windows are nearly as bad, since text repeats itself
# over short distances. The last stretch of the corpus is the furthest from everything else.
#
# The validation part has `val_fraction * len(ids)` tokens, rounded to the nearest whole number.
# Cutting off the fraction instead (`int`) is a trap with floats: `(1 - 0.9) * 10` is a little less
# than 1.
#
# **Trap.** With `val_fraction = 0` everything is for training, and nothing for validation. Try what
# the slice `ids[:-0]` gives, and then compute where to cut from the other end.


# %%
def split(ids: torch.Tensor, val_fraction: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut a corpus into a training and a validation part.

    Args:
        ids: (n,) of any integer dtype. Not modified.
        val_fraction: From 0 to 1; n times this, rounded, is the length of the validation part.

    Returns:
        train: The first part of `ids`, of its dtype.
        val: The last part. Both are new tensors, and either may be empty.

    Source:
        Goodfellow, Bengio and Courville 2016, section 5.3.
    """
    ### BEGIN SOLUTION
    cut = len(ids) - round(val_fraction * len(ids))
    return ids[:cut].clone(), ids[cut:].clone()
    ### END SOLUTION


# %%
import numpy as np

from autograder.selfcheck import Check, Student


def visible_split(student: Student, check: Check) -> None:
    """A fifth, a rounded third, nothing and everything."""
    ids = np.array([4, 8, 1, 5, 9, 2, 6, 5, 3, 5])
    for fraction, cut in ((0.2, 8), (0.27, 7), (1 - 0.9, 9), (0.0, 10), (1.0, 0)):
        train, val = student.split(ids, fraction)
        check.close(train, ids[:cut], f"the training part for {fraction:.2f}")
        check.close(val, ids[cut:], f"the validation part for {fraction:.2f}")


# %% [markdown]
# ## 5. Epochs, and processes that fetch ahead
#
# For fine-tuning, and wherever every example should count once, one goes through all windows of
# section 1 in a random order, an *epoch*, then again in another order. PyTorch has the parts:
#
# - a `Dataset` knows its length and gives the item with a number (`TensorDataset` is one);
# - a *sampler* gives the numbers in the order of this epoch;
# - the `DataLoader` groups them, fetches the items and stacks them into tensors `x` and `y`.
#
# With `num_workers` above 0, other processes fetch the items ahead, so that the training loop does
# not wait. The order must not depend on how many there are: somebody with another machine, or who
# resumes with another setting, should get the same run.
#
# - **Who shuffles?** The sampler runs in the main process. If it draws from a generator that is
#   seeded with `seed`, the order is settled there. Shuffling inside the dataset happens in every
#   worker on its own.
# - **Which generator?** Give the loader one of its own. Otherwise the order depends on who else
#   used the global one.
# - **Seed once.** A generator that is seeded anew for each epoch repeats the first order for ever.
# - **An `IterableDataset` is copied** into every worker: with two of them each window comes twice,
#   unless each worker takes its own share. A dataset with numbered items has no such problem.
# - **The rest counts.** The last batch of an epoch is smaller if the windows do not come out even;
#   dropping it would mean that some windows do not come.
# - `persistent_workers=True` skips a draw from the loader's generator at the start of the second
#   epoch; then the order does depend on the number of workers.
#
# Which arguments of `DataLoader` are these?


# %%
def make_loader(
    data: torch.Tensor, batch_size: int, T: int, seed: int, num_workers: int = 0
) -> DataLoader[tuple[torch.Tensor, ...]]:
    """Make a loader that gives all windows of `windows(data, T)` once per epoch, shuffled.

    Args:
        data: (n,) int64 with at least T + 1 tokens. Not modified.
        batch_size: Windows in a batch; the last batch of an epoch may be smaller.
        T: Length of a window.
        seed: Settles the order of all epochs, each of which has another one.
        num_workers: Processes that fetch ahead. The order does not depend on it.

    Returns:
        loader: A DataLoader of pairs x and y, each (batch_size, T) int64.

    Source:
        Paszke et al. 2019, section 4.2; the documentation of torch.utils.data.
    """
    ### BEGIN SOLUTION
    dataset = TensorDataset(*windows(data, T))
    generator = torch.Generator().manual_seed(seed)
    return DataLoader(
        dataset, batch_size, shuffle=True, generator=generator, num_workers=num_workers
    )
    ### END SOLUTION


# %%
from typing import Any

import numpy as np

from autograder.selfcheck import Check, Student


def visible_make_loader(student: Student, check: Check) -> None:
    """Two epochs of 24 windows: each once, in another order, and the same for the same seed."""

    def epochs(seed: int, workers: int) -> Any:
        loader = student.make_loader(np.arange(74), 5, 3, seed, workers)
        count = loader.num_workers
        check.true(count == workers, f"the loader has {count} workers, expected {workers}")
        # The order is settled in this process; see it without starting others.
        student.library("builtins.setattr")(loader, "num_workers", 0)
        return [student.library("builtins.list")(loader) for _ in range(2)]

    one, two = epochs(0, 0)
    sizes = [len(x) for x, _ in one]
    check.true(sizes == [5, 5, 5, 5, 4], f"the batches have {sizes} windows, not 5, 5, 5, 5, 4")
    x, y = (np.concatenate(part) for part in zip(*one, strict=True))
    check.close(x[np.argsort(x[:, 0])], np.arange(72).reshape(24, 3), "x of an epoch, sorted,")
    check.close(y, x + 1, "y")
    again = np.concatenate([x for x, _ in two])
    # 24 windows come in order, or twice in the same one, once in 24! = 6e23 times.
    check.true((x[:, 0] != np.sort(x[:, 0])).any(), "the windows come in order; shuffle them")
    check.true((x != again).any(), "the second epoch has the order of the first")
    for workers in (0, 1):
        same = np.concatenate([x for x, _ in epochs(0, workers)[0]])
        check.true((same == x).all(), f"seed 0 gives another order with num_workers={workers}")
    other = np.concatenate([x for x, _ in epochs(1, 0)[0]])
    check.true((other != x).any(), "seeds 0 and 1 give the same order")


# %% [markdown]
# ## One thing to try
#
# Take Tiny Shakespeare, or any text, as bytes: `torch.tensor(list(text.encode()))`. Count how often
# each token is a *target* when you draw 10,000 batches of 8 windows of 64 with `get_batch`, and
# plot the counts. Where are they smaller, how many tokens does that concern, and why does nobody
# care? Then time `list(make_loader(data, 8, 64, 0, num_workers))` for 0, 1, 2 and 4 workers. When
# does a worker begin to pay?
#
# And for packing: with `doc`, positions can start at 0 in each document. Compute them without a
# loop (`torch.cummax` helps). With RoPE and the mask of section 3, does that change any score
# between two tokens that may see each other?
#
# ## Where to read more
#
# - Radford et al., *Improving Language Understanding by Generative Pre-Training*, 2018: contiguous
#   sequences of 512 tokens, drawn at random.
# - Raffel et al., *Exploring the Limits of Transfer Learning with a Unified Text-to-Text
#   Transformer*, 2020 (arXiv:1910.10683): section 3.1.2 packs several sequences into one.
# - Krell et al., *Efficient Sequence Packing without Cross-contamination*, 2021 (arXiv:2107.02027):
#   what packing saves, and the mask.
# - Paszke et al., *PyTorch: An Imperative Style, High-Performance Deep Learning Library*, 2019
#   (arXiv:1912.01703), and the page on `torch.utils.data` in its documentation.
