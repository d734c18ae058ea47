"""Positions: a vector for each place in a sequence, added to the tokens."""

# %% [markdown]
# # Positions
#
# **The question.** Attention, which you write soon, compares tokens with each other and never asks
# where they stand: without help "dog bites man" and "man bites dog" are the same three tokens to
# it. How do we tell a model at which place each token stands, so that it can also read off how far
# two tokens are apart, at places and distances that it may not have met in training?
#
# You write three functions:
#
# | function | shapes |
# | --- | --- |
# | `sinusoidal_positions(T, d_model)` | to `(T, d_model)` |
# | `add_positions(x, table)` | `(B, T, d_model)` and `(max_T, d_model)` to `(B, T, d_model)` |
# | `add_positions_backward(dout, max_T)` | to `dx`, `(B, T, d_model)`, and `dtable` |
#
# You need sines and cosines, and about 45 minutes. LLaMA tells positions in another way, by RoPE,
# a later exercise; that one takes up the idea of section 1 again.

# %%
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

# %% [markdown]
# ## 1. A table of sines and cosines
#
# The place $t$ = 0, 1, 2, ... itself is a poor thing to add to a vector: it grows without bound and
# drowns what the vector says about the word. A clock tells the time of any day with hands that
# never leave their circle: one turns fast and shows small differences, the others turn slowly and
# show large ones. The first transformer gives each place such a reading. Its vector has
# `d_model / 2` pairs, and pair $i$ = 0, 1, ... is a hand that turns at its own speed $\omega_i$:
#
# $$\mathrm{table}_{t, \, 2i} = \sin(\omega_i t) \qquad
# \mathrm{table}_{t, \, 2i+1} = \cos(\omega_i t) \qquad
# \omega_i = 10000^{-2i / d_\mathrm{model}}$$
#
# ![Left, a table of 16 places by 12 features in two colours for positive and negative numbers: the
# first columns change sign every few rows, the last ones hardly change. Right, the first three
# pairs as hands of clocks, at places 0 to 4: the first moves on by about a sixth of a turn at each
# place, the second by a thirtieth, the third hardly moves.](figures/positions.svg)
#
# Pair 0 turns by one radian per place, the last pair about 10,000 times more slowly, and the speeds
# between form a geometric sequence. Both members of a pair have the *same* speed, so $i$ counts
# pairs and not columns.
#
# **What it is good for.** Take two places $k$ apart. With $a = \omega_i t$ and $b = \omega_i k$ the
# addition theorems say
#
# $$\sin(a + b) = \sin a \cos b + \cos a \sin b$$
#
# $$\cos(a + b) = \cos a \cos b - \sin a \sin b$$
#
# The right sides are linear in $\sin a$ and $\cos a$, and the factors $\cos b$ and $\sin b$ depend
# on $k$ but not on $t$. So one matrix takes the vector of *every* place to that of the place $k$
# further on: each pair is rotated by $\omega_i k$. A layer that has learned this matrix looks $k$
# places back wherever it stands. And since rotating two vectors alike keeps their dot product, that
# of two rows depends on their distance alone.
#
# **Shapes.** Places run down and speeds run across: a column of `T` numbers times a row of
# `d_model / 2` speeds is all angles at once. Then sines and cosines go to columns 0, 2, 4, ... and
# 1, 3, 5, ...: an array can be assigned to in steps of 2. The table is float64.

# %%
def sinusoidal_positions(T: int, d_model: int) -> Floats:
    """Tabulate sines and cosines of each position at speeds from 1 down to about 1 / 10000.

    Args:
        T: The number of positions, from 0 to T - 1.
        d_model: The number of features, even.

    Returns:
        table: (T, d_model), float64. Column 2i is a sine, column 2i + 1 the cosine of the same
            angle.

    Source:
        Vaswani et al. 2017, section 3.5.
    """
    raise NotImplementedError("sinusoidal_positions is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_sinusoidal_positions(student: Student, check: Check) -> None:
    """Two small tables by hand, clock hands, and the addition theorems."""
    sin, cos = np.sin, np.cos  # at d_model = 4 the speeds are 1 and 1/100
    want = [
        [0.0, 1.0, 0.0, 1.0],
        [sin(1.0), cos(1.0), sin(0.01), cos(0.01)],
        [sin(2.0), cos(2.0), sin(0.02), cos(0.02)],
    ]
    check.close(student.sinusoidal_positions(3, 4), want, "sinusoidal_positions(3, 4)")
    wide = student.sinusoidal_positions(4, 8)  # the speeds are 1, 1/10, 1/100 and 1/1000
    row = [sin(3.0), cos(3.0), sin(0.3), cos(0.3), sin(0.03), cos(0.03), sin(0.003), cos(0.003)]
    check.close(wide[3], row, "the last row of sinusoidal_positions(4, 8)")
    table = student.sinusoidal_positions(7, 6)
    sines, cosines = table[:, 0::2], table[:, 1::2]
    check.close(sines**2 + cosines**2, np.ones((7, 3)), "sine**2 + cosine**2 of each pair")
    check.true(table.dtype == np.float64, f"the table is {table.dtype}")
    later = sines[:5] * cosines[2] + cosines[:5] * sines[2]
    check.close(sines[2:], later, "the sines two places on, by the addition theorem,")

# %% [markdown]
# ## 2. Adding it to the tokens
#
# A position is given to a token by adding its vector:
#
# $$\mathrm{out}_{b t c} = x_{b t c} + \mathrm{table}_{t c}$$
#
# The table may be that of section 1, or one of numbers that are learned like all others; GPT-2 has
# such a table. It has `max_T` rows, as many as the longest sequence the model may be given, and a
# sequence of `T` tokens uses the first `T` of them. All sequences of a batch use the same rows.
#
# **Shapes.** `x` is `(B, T, d_model)`, `table` is `(max_T, d_model)`, and $T \le$ `max_T`. When
# shapes are aligned for broadcasting, they are compared from the last axis: which axis of `x` do
# rows of the table meet? The result is a new array: the caller may still need `x` as it was.

# %%
def add_positions(x: Floats, table: Floats) -> Floats:
    """Add to each token the vector of its position.

    Args:
        x: (B, T, d_model). Tokens; position t is the second index.
        table: (max_T, d_model). One row for each position; max_T is at least T.

    Returns:
        out: (B, T, d_model), dtype of `x`.

    Source:
        Vaswani et al. 2017, section 3.5.
    """
    raise NotImplementedError("add_positions is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_add_positions(student: Student, check: Check) -> None:
    """Two sequences, a table that is longer than they are, float32."""
    x = np.array([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]])
    table = np.array([[10.0, 20.0], [30.0, 40.0], [50.0, 60.0]])
    want = [[[11.0, 22.0], [33.0, 44.0]], [[15.0, 26.0], [37.0, 48.0]]]
    check.close(student.add_positions(x, table), want, "out")
    single = student.add_positions(x.astype(np.float32), table.astype(np.float32))
    check.true(single.dtype == np.float32, f"out is {single.dtype} for float32 arguments")

# %% [markdown]
# ## 3. Backward
#
# `dout` is the derivative of the loss $L$ by every output. The total derivative adds up all ways on
# which a number reaches the loss; here every factor is 1 or 0:
#
# $$\frac{\partial \, \mathrm{out}_{b t c}}{\partial x_{b t c}} = 1 \qquad
# \frac{\partial \, \mathrm{out}_{b t c}}{\partial \, \mathrm{table}_{s c}} = 1 \text{ for } s = t,
# \text{ else } 0$$
#
# **The tokens.** An entry of $x$ reaches one output. What is its gradient? (A sum passes the whole
# gradient on to each of its terms: it is not split between them. You meet this again at every
# residual connection.)
#
# **The table.** An entry of the table reaches several outputs:
#
# $$\mathrm{dtable}_{s c} = \sum_b \sum_t \mathrm{dout}_{b t c} \,
# \frac{\partial \, \mathrm{out}_{b t c}}{\partial \, \mathrm{table}_{s c}}$$
#
# The last step is yours. Which of the two sums is left? And what is the gradient of a row that no
# token used, because the sequences are shorter than the table?
#
# **Shapes.** `dtable` is `(max_T, d_model)`, like the table: the argument `max_T` is there because
# `dout` does not know it. `dx` has the numbers of an array that you were given, but results are new
# arrays: whoever adds to `dx` later must not change `dout` by that.
#
# **One thing to try.** Print the dot products of all rows of `sinusoidal_positions(50, 32)`, `table
# @ table.T`. Before you run it: what is on the diagonal, and what do all entries of one diagonal
# have in common? Plot row 25.

# %%
def add_positions_backward(dout: Floats, max_T: int) -> tuple[Floats, Floats]:
    """Push `dout` back through `add_positions`.

    Args:
        dout: (B, T, d_model). Gradient of the loss with respect to the output.
        max_T: The number of rows of the table, at least T.

    Returns:
        dx: (B, T, d_model), dtype of `dout`. Gradient with respect to the tokens.
        dtable: (max_T, d_model), dtype of `dout`. Gradient with respect to the table.

    Source:
        Gehring et al. 2017, Convolutional sequence to sequence learning, section 3.1: learned
        positions, added; differentiated.
    """
    raise NotImplementedError("add_positions_backward is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_add_positions_backward(student: Student, check: Check) -> None:
    """Gradients worked out by hand, and your own add_positions differenced."""
    dout = np.array([[[1.0, 2.0], [3.0, 4.0]], [[0.5, -2.0], [-1.0, 0.0]]])
    dtable = np.array([[1.5, 0.0], [2.0, 4.0], [0.0, 0.0]])
    check.close(student.add_positions_backward(dout, 3), (dout, dtable), "dx, dtable")
    check.close(student.add_positions_backward(dout, 2), (dout, dtable[:2]), "dx, dtable")
    rng = np.random.default_rng(0)
    x, dout = rng.standard_normal((2, 3, 2, 4))
    table = rng.standard_normal((5, 4))
    dx, dtable = student.add_positions_backward(dout, 5)
    check.gradient(dx, lambda v: student.add_positions(v, table), x, dout, "dx")
    check.gradient(dtable, lambda v: student.add_positions(x, v), table, dout, "dtable")
    _, single = student.add_positions_backward(dout.astype(np.float32), 5)
    check.true(single.dtype == np.float32, f"dtable of a float32 dout is {single.dtype}")

# %% [markdown]
# ## Where to read more
#
# - Vaswani et al., *Attention Is All You Need*, 2017 (arXiv:1706.03762), section 3.5: the table,
#   and the remark on linear maps. They found learned and fixed tables about equally good.
# - Su et al., *RoFormer*, 2021 (arXiv:2104.09864): the same rotation, applied to queries and keys
#   instead of added. This is what LLaMA does.
# - Press, Smith and Lewis, *Train Short, Test Long*, 2021 (arXiv:2108.12409): how badly tables do
#   beyond the lengths they were trained on.
