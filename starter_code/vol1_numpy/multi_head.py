"""Multi-head attention: many heads side by side, turned by position, brought together again."""

# %% [markdown]
# # Multi-head attention
#
# **The question.** One head can follow one pattern at a time: look at the last noun, say, or at the
# token before. A model needs many such patterns at once. How do many heads share one matrix product
# without getting mixed up, where does the position come in, who puts their results together, and
# how does a gradient find its way back through all of it?
#
# This is your first *composite*: it calls what you wrote before. You write four functions:
#
# | function | from | to |
# | --- | --- | --- |
# | `split_heads(x, n_heads)` | `(B, T, n_heads * d_head)` | `(B, T, n_heads, d_head)` |
# | `merge_heads(x)` | `(B, T, n_heads, d_head)` | `(B, T, n_heads * d_head)` |
# | `multi_head_attention(x, params, config, positions)` | `(B, T, d_model)` | `out`, `cache` |
# | `multi_head_attention_backward(dout, cache)` | `(B, T, d_model)` | `dx`, `dparams` |
#
# You need your linear layer, RoPE and attention, and about an hour and a half.

# %%
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .attention import attention, attention_backward
from .linear import linear, linear_backward
from .rope import rope, rope_backward

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Params = dict[str, Floats]

# %% [markdown]
# ## 1. The model's sizes
#
# From here on functions need many sizes. They come in one object, and each function takes from it
# what it needs. Nothing to write here.

# %%
@dataclass(frozen=True)
class Config:
    """The sizes of a model, and the constants that are not learned.

    Args:
        vocab_size: How many different tokens there are.
        d_model: Width of a token.
        n_layers: How many blocks.
        n_heads: Query heads; d_head is d_model // n_heads, and even.
        n_kv_heads: Heads of keys and values; divides n_heads.
        d_ff: Hidden width of the feed-forward layer.
        max_T: The longest sequence.
        rope_theta: Base of the frequencies in RoPE.
        norm_eps: What RMSNorm adds under its root.
        tied: The head is the transposed embedding.
    """

    vocab_size: int
    d_model: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    d_ff: int
    max_T: int
    rope_theta: float = 10000.0
    norm_eps: float = 1e-5
    tied: bool = False

# %% [markdown]
# ## 2. Splitting into heads
#
# A head of width `d_head` needs its own `w_q`, `(d_model, d_head)`. Instead of `n_heads` small
# products, one large one makes the queries of all heads: put the small weights side by side, as
# blocks of columns, and $x \, w_q$ has the queries of head 0 in its first `d_head` columns, those
# of head 1 in the next, and so on.
#
# ![A matrix with 4 rows, one per token, and 6 columns in three colours, two columns per head. An
# arrow leads to three matrices of 4 rows and 2 columns, one per head: every token keeps its row,
# and head h has columns 2 h and 2 h + 1.](figures/multi_head.svg)
#
# In memory a row's numbers lie one after another: entry $(b, t, c)$ of a `(B, T, n_heads * d_head)`
# array comes at place $(b \, T + t) \cdot n_{heads} \, d_{head} + c$. A reshape changes no place,
# only the way to count. Column $c$ belongs to head $h = c \,//\, d_{head}$ and is number
# $i = c \bmod d_{head}$ in it, so $c = h \, d_{head} + i$ and the place is
#
# $$\big( (b \, T + t) \, n_{heads} + h \big) \, d_{head} + i$$
#
# Read the order of the axes off this formula: which index changes slowest, which fastest? In that
# order a reshape gives what you want. A reshape to `(B, n_heads, T, d_head)` gives an array, too:
# its entries have the wrong token *and* the wrong head, and no error says so.
#
# `attention` wants heads before positions, `(B, n_heads, T, d_head)`, and RoPE positions before
# heads. To exchange two axes is the job of `swapaxes`, which moves entries, and never that of a
# reshape.
#
# A reshape often gives a *view*: a second way to look at the same memory. As everywhere, what you
# return must not change when somebody writes into `x`.

# %%
def split_heads(x: Floats, n_heads: int) -> Floats:
    """Cut the columns of every token into heads.

    Args:
        x: (B, T, n_heads * d_head). Columns h * d_head to (h + 1) * d_head belong to head h.
        n_heads: Into how many.

    Returns:
        heads: (B, T, n_heads, d_head), dtype of `x`. A new array.

    Source:
        Vaswani et al. 2017, section 3.2.2.
    """
    raise NotImplementedError("split_heads is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_split_heads(student: Student, check: Check) -> None:
    """Two tokens and three heads, counted out; float32; a new array."""
    x = np.array([[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]]])
    want = [[[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [[10.0, 20.0], [30.0, 40.0], [50.0, 60.0]]]]
    check.close(student.split_heads(x, 3), want, "split_heads(x, 3)")
    check.close(student.split_heads(x, 1), x[:, :, np.newaxis], "split_heads(x, 1)")
    single = student.split_heads(x.astype(np.float32), 3)
    check.true(single.dtype == np.float32, f"split_heads of a float32 array gives {single.dtype}")
    held = student.hold(x)
    heads = student.keep(student.split_heads, held, 3)
    student.keep(student.library("numpy.ndarray.fill"), held, 0.0)
    check.close(student.fetch(heads), want, "split_heads(x, 3) after x has been overwritten")

# %% [markdown]
# ## 3. Merging them again
#
# The way back: the results of all heads side by side, head 0 first. It undoes `split_heads`.

# %%
def merge_heads(x: Floats) -> Floats:
    """Put the heads of every token side by side; undoes `split_heads`.

    Args:
        x: (B, T, n_heads, d_head).

    Returns:
        merged: (B, T, n_heads * d_head), dtype of `x`. A new array.

    Source:
        Vaswani et al. 2017, section 3.2.2.
    """
    raise NotImplementedError("merge_heads is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_merge_heads(student: Student, check: Check) -> None:
    """Two tokens and three heads, counted out; an array whose axes were exchanged; a new array."""
    x = np.array([[[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [[7.0, 8.0], [9.0, 0.5], [1.5, 2.5]]]])
    want = [[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [7.0, 8.0, 9.0, 0.5, 1.5, 2.5]]]
    check.close(student.merge_heads(x), want, "merge_heads(x)")
    crossed = student.merge_heads(x.swapaxes(1, 2))
    want_crossed = [[[1.0, 2.0, 7.0, 8.0], [3.0, 4.0, 9.0, 0.5], [5.0, 6.0, 1.5, 2.5]]]
    check.close(crossed, want_crossed, "merge_heads(x.swapaxes(1, 2))")
    held = student.hold(x)
    merged = student.keep(student.merge_heads, held)
    student.keep(student.library("numpy.ndarray.fill"), held, 0.0)
    check.close(student.fetch(merged), want, "merge_heads(x) after x has been overwritten")

# %% [markdown]
# ## 4. The whole layer, forward
#
# | step | gives | shape |
# | --- | --- | --- |
# | `x @ w_q` and split | `q` | `(B, T, n_heads, d_head)` |
# | `x @ w_k`, `x @ w_v` and split | `k`, `v` | `(B, T, n_kv_heads, d_head)` |
# | turn by position | `q`, `k` again | the same |
# | exchange axes, attend, exchange back | `heads` | `(B, T, n_heads, d_head)` |
# | merge | `merged` | `(B, T, d_model)` |
# | `merged @ w_o` | `out` | `(B, T, d_model)` |
#
# **Position.** Attention sees a set of keys and nothing of their order. RoPE turns queries and keys
# by angles that grow with the position, *before* the scores and after the projections; the products
# then depend on distances alone. Are there two of the three that it turns, and why not the third?
#
# **Groups.** With `n_kv_heads` below `n_heads` the weights `w_k` and `w_v` are narrower. Your
# `attention` takes it from there.
#
# **What w_o does.** Cut $w_o$ into blocks of `d_head` rows, one per head. Then
#
# $$\mathrm{out}_t = \mathrm{merged}_t \, w_o = \sum_h \mathrm{head}_{t,h} \, w_o^{(h)}$$
#
# so the result is a *sum* over heads, each of which writes what it found through its own block. It
# mixes the heads; without it every head would only ever reach its own columns of the model.
#
# **The cache.** An operator like `softmax_backward` is handed what it needs. A composite has a
# dozen of intermediate results, and only its author knows which of them the way back needs. So the
# forward returns two things, `out` and a `cache`, and the backward takes that cache. What is in it
# and how it is packed is yours: a tuple, a dict, an object. Put in whatever saves you from
# computing anything of the forward once more, and what the backward could not know otherwise: go
# through the steps of section 5 and collect. The caller hands it back as it is, perhaps more than
# once.

# %%
def multi_head_attention(
    x: Floats, params: Params, config: Config, positions: Ints
) -> tuple[Floats, Any]:
    """Let every token read itself and earlier ones, with many heads at once.

    Args:
        x: (B, T, d_model). Tokens.
        params: Has `w_q` (d_model, d_model), `w_k` and `w_v` (d_model, n_kv_heads * d_head) and
            `w_o` (d_model, d_model); other keys are none of its business.
        config: Gives n_heads, n_kv_heads and rope_theta.
        positions: (T,) or (B, T). The position of each token.

    Returns:
        out: (B, T, d_model), dtype of `x`.
        cache: What the backward needs, in any form.

    Source:
        Vaswani et al. 2017, section 3.2.2; Su et al. 2021; Ainslie et al. 2023.
    """
    raise NotImplementedError("multi_head_attention is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_multi_head_attention(student: Student, check: Check) -> None:
    """Two heads and one kv head by hand, distances instead of positions, what w_o does."""
    config = Config(9, 4, 1, 2, 1, 5, 8, rope_theta=1.0)  # theta 1: every pair turns by 1 per step
    # d_head is 2. Position 0 turns nothing, and so does the scale with sqrt(2) in w_q. Both tokens
    # stand at position 0. Head 0 has scores 0 and log 3; head 1 has scores 0.
    root = 2.0**0.5
    x = np.array([[[1.0, 0.0, 4.0, 2.0], [1.0, np.log(3.0), 8.0, 6.0]]])
    w_q, w_k, w_v = np.zeros((4, 4)), np.zeros((4, 2)), np.zeros((4, 2))
    w_q[0, 0], w_k[1, 0], w_v[2, 0], w_v[3, 1] = root, 1.0, 1.0, 1.0
    params = {"w_q": w_q, "w_k": w_k, "w_v": w_v, "w_o": np.eye(4)}
    here = np.array([0, 0])
    attend = student.multi_head_attention
    want = [[[4.0, 2.0, 4.0, 2.0], [7.0, 5.0, 6.0, 4.0]]]
    check.close(student.keep(attend, x, params, config, here)[0], want, "out, w_o the identity")
    crossed = params | {"w_o": np.eye(4)[[2, 3, 0, 1]]}
    want = [[[4.0, 2.0, 4.0, 2.0], [6.0, 4.0, 7.0, 5.0]]]
    check.close(student.keep(attend, x, crossed, config, here)[0], want, "out, w_o crosses heads")

    rng = np.random.default_rng(0)
    x, w_q, w_o = rng.standard_normal((2, 4, 4)), *rng.standard_normal((2, 4, 4))
    params = {"w_q": w_q, "w_k": w_q[:, 2:] + w_o[:, 2:], "w_v": w_o[:, 1:3], "w_o": w_o}
    early = student.keep(attend, x, params, config, np.arange(4))[0]
    late = student.keep(attend, x, params, config, np.arange(4) + 3)[0]
    check.close(late, early, "out at positions 3 to 6 compared with your out at 0 to 3,")
    wide = student.keep(attend, x, params, config, np.arange(4) * 2)[0]
    check.true(np.abs(wide - early).max() > 1e-3, "out is the same when tokens stand further apart")
    rows = student.keep(attend, x, params, config, np.stack([np.arange(4), np.arange(4) * 2]))[0]
    check.close(rows[1], wide[1], "out of row 1 with its own positions")

# %% [markdown]
# ## 5. The whole layer, backward
#
# Read the table of section 4 from the bottom to the top, and undo each step. The cache holds what
# the steps were given.
#
# **Through w_o.** $\mathrm{out} = \mathrm{merged} \, w_o$ is a linear layer: `linear_backward`
# gives $\mathrm{dmerged}$ and $\mathrm{dw}_o$.
#
# **Through merge.** Merging moves entries and changes none. The derivative of an output by the one
# input that it is a copy of is 1, by all others 0. So the gradient moves back the same way: which
# function of yours does that?
#
# **Through attention,** with axes exchanged before and back after it: an exchange of axes moves
# entries, too. `attention_backward` sums over the query heads of a group, so $\mathrm{dk}$ and
# $\mathrm{dv}$ have `n_kv_heads` heads.
#
# **Through RoPE.** A rotation $R$ turns each pair, so the gradient is multiplied by $R^\top$, which
# turns it back by the same angle: `rope_backward`. It applies to the gradients of what was turned.
#
# **Through split,** to three gradients of shape `(B, T, columns)`, and through three linear layers:
#
# $$q = x \, w_q \qquad k = x \, w_k \qquad v = x \, w_v$$
#
# Each gives a gradient for its weight and one for $x$, of the same shape $(B, T, d_{model})$. By
# the total derivative, what is $\mathrm{dx}$?
#
# **Two checks for free.** The output is linear in $w_v$, and linear in $w_o$. A function that is
# linear in $w$ fulfils $\sum \mathrm{dw} \odot w = \sum \mathrm{dout} \odot \mathrm{out}$ (stretch
# $w$ by $1 + s$ and differentiate by $s$ to see it). So both weights give the same number, and you
# know which.
#
# **One thing to try.** Draw the gradient of a single output token, `dx` for a `dout` that is zero
# elsewhere. Which tokens get a gradient? And which of them would, if you had forgotten to exchange
# the axes and attended over the heads of each token instead of over tokens?

# %%
def multi_head_attention_backward(dout: Floats, cache: Any) -> tuple[Floats, Params]:
    """Push `dout` back through `multi_head_attention`.

    Args:
        dout: (B, T, d_model). Gradient of the loss with respect to the output.
        cache: What `multi_head_attention` returned. Left as it is.

    Returns:
        dx: (B, T, d_model), dtype of `dout`.
        dparams: The gradients of `w_q`, `w_k`, `w_v` and `w_o` under these keys.

    Source:
        Vaswani et al. 2017, section 3.2.2, differentiated.
    """
    raise NotImplementedError("multi_head_attention_backward is yours to write")

# %%
from functools import partial

from autograder.selfcheck import Check, Student, ask_my_checker

if __name__ == "__main__":  # here, in the notebook: what does your own gradient checker say?
    rng, where = np.random.default_rng(), (Config(9, 4, 1, 2, 1, 5, 8), np.arange(3))
    shapes = {"w_q": (4, 4), "w_k": (4, 2), "w_v": (4, 2), "w_o": (4, 4)}
    drawn: Params = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    ask_my_checker(
        "vol1_numpy/gradcheck",
        lambda x: multi_head_attention(x, drawn, *where)[0],
        lambda dout, x: multi_head_attention_backward(
            dout, multi_head_attention(x, drawn, *where)[1]
        )[:1],
        (rng.standard_normal((2, 3, 4)),),
        ("dx",),
    )


def visible_multi_head_attention_backward(student: Student, check: Check) -> None:
    """Your own forward differenced in every weight and in x, grouped heads; a cache used twice."""
    config = Config(9, 8, 1, 4, 2, 5, 8, rope_theta=50.0)
    rng = np.random.default_rng(0)
    x, dout = rng.standard_normal((2, 2, 3, 8))
    shapes = {"w_q": (8, 8), "w_k": (8, 4), "w_v": (8, 4), "w_o": (8, 8)}
    params = {name: 0.5 * rng.standard_normal(shape) for name, shape in shapes.items()}
    positions = np.array([[0, 1, 2], [5, 7, 8]])

    def forward(name: str, value: Any) -> Any:
        token, given = (value, params) if name == "x" else (x, params | {name: value})
        return student.keep(student.multi_head_attention, token, given, config, positions)[0]

    both = student.keep(student.multi_head_attention, x, params, config, positions)
    cache = student.keep(student.library("operator.getitem"), both, 1)
    dx, dparams = student.multi_head_attention_backward(dout, cache)
    names = sorted(dparams)
    check.true(names == sorted(params), f"dparams has the keys {names}, expected {sorted(params)}")
    for name in ("w_o", "w_v", "w_k", "w_q"):
        check.gradient(dparams[name], partial(forward, name), params[name], dout, f"d{name}")
    check.gradient(dx, partial(forward, "x"), x, dout, "dx")
    again, _ = student.multi_head_attention_backward(dout, cache)
    check.close(again, dx, "dx of a second call with the same cache")

# %% [markdown]
# ## Where to read more
#
# - Vaswani et al., *Attention Is All You Need*, 2017 (arXiv:1706.03762): section 3.2.2.
# - Michel, Levy and Neubig, *Are Sixteen Heads Really Better than One?*, 2019 (arXiv:1905.10650):
#   how many heads a trained model can do without.
# - Elhage et al., *A Mathematical Framework for Transformer Circuits*, 2021: heads as independent
#   terms of a sum.
