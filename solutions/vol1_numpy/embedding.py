"""Embeddings: token ids become vectors, and every use of a row adds to its gradient."""

# %% [markdown]
# # Embedding
#
# **The question.** Text reaches a model as *ids*, whole numbers that say which entry of the
# vocabulary stands at each place. They are names and not quantities: id 6 is not twice id 3. How
# does a name become a vector that a network can compute with, and how does a gradient find its way
# to the right vectors when the same name stands in many places?
#
# You write two functions:
#
# | function | shapes |
# | --- | --- |
# | `embedding(ids, table)` | `(...)` and `(vocab_size, d_model)` to `(..., d_model)` |
# | `embedding_backward(dout, ids, vocab_size)` | `(..., d_model)` to `(vocab_size, d_model)` |
#
# You need NumPy's indexing with arrays, and about half an hour.

# %%
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ids = NDArray[np.int64]

# %% [markdown]
# ## 1. Forward
#
# Give every id a row of a table of learned numbers, and look the row up:
#
# $$\mathrm{out}_{tc} = \mathrm{table}_{\,\mathrm{ids}_t, \, c}$$
#
# with $t$ for the token and $c$ for one of the `d_model` features. At first the rows are random.
# Training moves the rows of words that occur in like places towards each other, and everything
# that a model knows about a word before it has read the context is in that word's row.
#
# **Shapes.** `ids` is `(B, T)`, or has any other shape, and the result has one axis more, the last.
# In NumPy an array of whole numbers may stand where an index stands; then what is looked up takes
# the place of each entry. Ids are at least 0 and less than `vocab_size`.
#
# **No factor.** The first transformer multiplies its embeddings by the root of `d_model`. LLaMA
# does not, and neither do you.


# %%
def embedding(ids: Ids, table: Floats) -> Floats:
    """Look up a vector for each id.

    Args:
        ids: (...), int64. Token ids, from 0 to vocab_size - 1.
        table: (vocab_size, d_model). One row for each id.

    Returns:
        out: (..., d_model), dtype of `table`.

    Source:
        Bengio, Ducharme, Vincent and Jauvin 2003, section 2: the matrix C.
    """
    ### BEGIN SOLUTION
    out: Floats = table[ids]  # an index array copies, so this is not a view of the table
    return out
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_embedding(student: Student, check: Check) -> None:
    """A table of three rows, a batch and a single sequence, float32."""
    table = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    ids = np.array([[2, 0], [0, 1]])
    want = [[[5.0, 6.0], [1.0, 2.0]], [[1.0, 2.0], [3.0, 4.0]]]
    check.close(student.embedding(ids, table), want, "embedding([[2, 0], [0, 1]], table)")
    check.close(student.embedding(ids[0], table), want[0], "embedding([2, 0], table)")
    single = student.embedding(ids, table.astype(np.float32))
    check.true(single.dtype == np.float32, f"embedding of a float32 table gives {single.dtype}")


# %% [markdown]
# ## 2. Backward
#
# A lookup does not look like something that has a derivative. Write it as a sum, and it does. Let
# $h_{tv}$ be 1 if token $t$ has the id $v$, and else 0: row $t$ of $h$ is *one-hot*. Then
#
# $$\mathrm{out}_{tc} = \sum_v h_{tv} \, \mathrm{table}_{vc}$$
#
# because all terms but one are zero. This is a linear layer with $h$ for the tokens and the table
# for the weights. Ids get no gradient: they are names, and there is no id between 3 and 4. The
# table gets that of the weights of a linear layer. One entry reaches the loss through its column of
# outputs:
#
# $$\mathrm{dtable}_{vc} = \sum_t h_{tv} \, \mathrm{dout}_{tc}$$
#
# The last step is yours. $h_{tv}$ is 0 or 1, so this sum only picks. In words: which tokens
# contribute to row $v$, and what does each of them contribute? What is a row whose id never occurs?
#
# ![Left, forward: three tokens with the ids 2, 0 and 2 take rows of a table of four; row 2 is taken
# twice, rows 1 and 3 are not taken. Right, backward: three gradients, one for each token, go back
# to the rows that the tokens came from; two arrive at row 2.](figures/embedding.svg)
#
# **Do not build h.** As mathematics the one-hot matrix is convenient, as an array it is a waste:
# for 2,000 tokens and LLaMA's vocabulary of 32,000 it has 64 million entries, all but 2,000 of them
# zero. The matrix `np.eye(vocab_size)`, whose rows are sometimes taken for it, has a billion. A
# hidden check has 50,000 ids. Go through the tokens instead, and let each find its row.
#
# **The trap.** `a[ids] += b` looks like that, and is something else: NumPy reads `a[ids]`, adds
# `b`, and writes the result back. Of two equal ids both read the same old row, and the second one's
# result overwrites the first one's. Try it: start from `a = np.zeros(3)` and run `a[[1, 1]] += 1`.
# What you need is an addition that finishes each token before it begins the next. A loop does
# that; look up what `ufunc.at` does, too.
#
# **Shapes.** `vocab_size` is an argument because nothing else knows it: the largest ids of the
# vocabulary may not occur among `ids`. Arrays that NumPy makes are float64 unless you say what
# they should be.
#
# **One thing to try.** Take a sentence in which one word occurs ten times, and a `dout` of ones.
# Compare the sizes of the rows of the gradient. Frequent words get large gradients often and rare
# words get small ones rarely. (Adam divides each number's gradient by its typical size; see what
# that does for the rare ones when you write it.)


# %%
def embedding_backward(dout: Floats, ids: Ids, vocab_size: int) -> Floats:
    """Push `dout` back through `embedding`.

    Args:
        dout: (..., d_model). Gradient of the loss with respect to the vectors.
        ids: (...), int64. The ids that `embedding` was given.
        vocab_size: The number of rows of the table.

    Returns:
        dtable: (vocab_size, d_model), dtype of `dout`. Gradient with respect to the table.

    Source:
        Goodfellow, Bengio and Courville 2016, section 12.4.2.
    """
    ### BEGIN SOLUTION
    dtable = np.zeros((vocab_size, dout.shape[-1]), dtype=dout.dtype)
    np.add.at(dtable, ids, dout)  # += would keep one of several equal ids
    return dtable
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_embedding_backward(student: Student, check: Check) -> None:
    """Repeated and absent ids by hand, your own embedding differenced, float32."""
    ids = np.array([[2, 0], [2, 2]])  # of a vocabulary of four: 1 and 3 do not occur
    dout = np.array([[[1.0, 0.5], [10.0, 20.0]], [[2.0, -4.0], [4.0, 3.0]]])
    want = [[10.0, 20.0], [0.0, 0.0], [7.0, -0.5], [0.0, 0.0]]
    check.close(student.embedding_backward(dout, ids, 4), want, "dtable of ids [[2, 0], [2, 2]]")
    alone = student.embedding_backward(dout[1], ids[1], 3)
    check.close(alone, [[0.0, 0.0], [0.0, 0.0], [6.0, -1.0]], "dtable of ids [2, 2]")
    table, dout = np.random.default_rng(0).standard_normal((2, 4, 3))
    ids = np.array([1, 3, 3, 1])
    dtable = student.embedding_backward(dout, ids, 4)
    check.gradient(dtable, lambda v: student.embedding(ids, v), table, dout, "dtable")
    single = student.embedding_backward(dout.astype(np.float32), ids, 4)
    check.true(single.dtype == np.float32, f"dtable of a float32 dout is {single.dtype}")


# %% [markdown]
# ## Where to read more
#
# - Bengio, Ducharme, Vincent and Jauvin, *A Neural Probabilistic Language Model*, 2003: a table
#   of word vectors, learned together with the rest of the model.
# - Press and Wolf, *Using the Output Embedding to Improve Language Models*, 2017
#   (arXiv:1608.05859): the same table at both ends of a model. Its gradient then has two parts;
#   you meet them when you build the whole model.
