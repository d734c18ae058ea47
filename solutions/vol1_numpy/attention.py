"""Attention: every query mixes the values of the keys it matches, and gradients flow back."""

# %% [markdown]
# # Attention
#
# **The question.** A token's vector has to take in what earlier tokens said: which of them, and
# how much of each? Each token sends out a *query*. Every token offers a *key*, which says what it
# can be found by, and a *value*, which is what it hands over. How do many queries read many keys
# in a few matrix products, without looking into the future, and how does the gradient travel back?
#
# You write two functions:
#
# | function | shapes |
# | --- | --- |
# | `attention(q, k, v, causal=True)` | to `out`, `(B, n_heads, Tq, d_head)` |
# | `attention_backward(dout, q, k, v, causal=True)` | to `dq`, `dk`, `dv`, as `q`, `k`, `v` |
#
# | array | shape |
# | --- | --- |
# | `q`, `out`, `dout` | `(B, n_heads, Tq, d_head)` |
# | `k`, `v` | `(B, n_kv_heads, Tk, d_head)` |
#
# You need your softmax, the chain rule, and about two hours. Helper functions are welcome: both
# functions need the probabilities.

# %%
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .softmax import softmax, softmax_backward

Floats = NDArray[np.floating[Any]]

# %% [markdown]
# ## 1. Forward
#
# **One head.** Take one head of one sequence: $q$ is $(T_q, d)$, $k$ and $v$ are $(T_k, d)$, with
# $d$ for `d_head`. The score of query $i$ for key $j$ is a dot product, softmax turns the scores of
# one query into probabilities, and the output is the mean of the values under them:
#
# $$s_{ij} = \frac{1}{\sqrt{d}} \sum_{c} q_{ic} \, k_{jc}
# \qquad p_{ij} = \frac{e^{s_{ij}}}{\sum_{m} e^{s_{im}}}
# \qquad o_{ic} = \sum_{j} p_{ij} \, v_{jc}$$
#
# **From sums to matrix products.** In a matrix product $(a b)_{ij} = \sum_m a_{im} b_{mj}$ the
# summed index is the *last* of the left factor and the *first* of the right one. Where an index
# stands elsewhere, that factor is transposed. In the score the summed index $c$ is the last of
# both: which factor has to be transposed? In the output the summed index is $j$: does anything?
# With leading axes in front, transpose the last two axes only: `swapaxes(-1, -2)`.
#
# **Why the scale.** If the $2d$ numbers in a query and a key are independent with mean 0 and
# variance 1, each product has variance 1 and the sum of $d$ of them has variance $d$. Dividing by
# its standard deviation keeps scores near size 1 at any width. Without it, softmax at $d = 128$
# puts almost everything on one key, and its gradient is almost zero. In NumPy write the factor as
# a power of `d_head`: `np.sqrt` of an integer is a float64 scalar and turns float32 scores into
# float64.
#
# **The causal mask.** A token may read itself and what came before it. The $T_q$ queries are the
# *last* $T_q$ of $T_k$ positions, which is what happens with a cache: the keys of earlier tokens
# are kept, and only new tokens ask. So the mask is aligned at the bottom right:
#
# ![Two grids of queries by keys. Left, five queries and five keys: query i sees keys 0 to i, a
# lower triangle. Right, two queries and five keys: they are the last two rows of the left grid, so
# the first sees keys 0 to 3 and the second sees all five.](figures/attention_mask.svg)
#
# Key $j$ stands at position $j$, and query 0 at position $T_k - T_q$. At which position does query
# $i$ stand, and for which $j$ is it not in the future? That comparison is the mask.
#
# Hide keys *before* softmax: a hidden score becomes $-\infty$, and $e^{-\infty}$ is exactly 0, in
# the numerator and in the sum alike. (Zero is an ordinary score: $e^0 = 1$. And a probability set
# to zero after softmax has already taken its share from the others.) A row needs at least one
# visible key, else it is $0 / 0$. With $T_q > T_k$ the first queries would stand before the first
# key, so that is a `ValueError`. Without `causal` there is no mask, and any $T_q$ and $T_k$ will
# do.
#
# **Groups of heads.** Every query head has its own queries, but several may share one head of keys
# and values; the cache shrinks accordingly. There are `n_heads // n_kv_heads` query heads in a
# group, and they are neighbours: head $h$ reads kv head `h // (n_heads // n_kv_heads)`.
#
# ![Six query heads above their key and value heads. Multi-head: six kv heads, each read by one
# query head. Grouped-query: two kv heads; query heads 0, 1 and 2 read kv head 0, and 3, 4 and 5
# read kv head 1. Multi-query: one kv head, read by all six.](figures/attention_groups.svg)
#
# All three are one function. Give every query head the kv head it reads, and then all heads go
# through the same matrix products. Mind the order in which you copy: with two kv heads and six
# query heads it is 0, 0, 0, 1, 1, 1 and not 0, 1, 0, 1, 0, 1.
#
# **Memory.** The scores have shape `(B, n_heads, Tq, Tk)`: here memory is not linear in the inputs.


# %%
### BEGIN SOLUTION
def _per_query_head(x: Floats, n_heads: int) -> Floats:
    """(B, n_kv_heads, Tk, d_head) to (B, n_heads, Tk, d_head): the kv head each one reads."""
    return np.repeat(x, n_heads // x.shape[1], axis=1)


def _probabilities(q: Floats, keys: Floats, causal: bool) -> Floats:
    """How much each query takes of each key: (B, n_heads, Tq, Tk)."""
    Tq, Tk, d_head = q.shape[2], keys.shape[2], q.shape[3]
    scores = (q * d_head**-0.5) @ keys.swapaxes(-1, -2)  # np.sqrt(int) would promote float32
    if causal:
        # Query i stands at position i + Tk - Tq and sees the keys up to there.
        visible = np.tri(Tq, Tk, Tk - Tq, dtype=bool)
        np.copyto(scores, -np.inf, where=~visible)
    return softmax(scores)


### END SOLUTION


def attention(q: Floats, k: Floats, v: Floats, causal: bool = True) -> Floats:
    """Mix, for every query, the values of the keys it matches.

    Args:
        q: (B, n_heads, Tq, d_head). Queries; with `causal` those of the last Tq positions.
        k: (B, n_kv_heads, Tk, d_head). Keys; n_kv_heads divides n_heads, and query head h reads
            kv head h // (n_heads // n_kv_heads).
        v: (B, n_kv_heads, Tk, d_head). Values.
        causal: Hide from each query the keys of later positions.

    Returns:
        out: (B, n_heads, Tq, d_head), dtype of `q`.

    Raises:
        ValueError: `causal` with more queries than keys.

    Source:
        Vaswani et al. 2017, section 3.2.1; Ainslie et al. 2023, section 2.2.
    """
    ### BEGIN SOLUTION
    if causal and q.shape[2] > k.shape[2]:
        raise ValueError(f"{q.shape[2]} queries, {k.shape[2]} keys: the first query sees no key")
    n_heads = q.shape[1]
    probs = _probabilities(q, _per_query_head(k, n_heads), causal)
    out: Floats = probs @ _per_query_head(v, n_heads)
    return out
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_attention(student: Student, check: Check) -> None:
    """Worked numbers, the mask with a cache, groups of heads, large scores, errors, float32."""
    # d_head is 4, so the scale is 1/2: the scores are 0 and log 3, the probabilities 1/4 and 3/4.
    q = np.array([[[[2.0, 0.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0]]]])
    k = np.array([[[[0.0, 1.0, 0.0, 0.0], [np.log(3.0), 0.0, 1.0, 0.0]]]])
    v = np.array([[[[4.0, 0.0, 0.0, 2.0], [0.0, 8.0, 0.0, 2.0]]]])
    first, mixed = [4.0, 0.0, 0.0, 2.0], [1.0, 6.0, 0.0, 2.0]
    check.close(student.attention(q, k, v), [[[first, mixed]]], "out")
    check.close(student.attention(q, k, v, causal=False), [[[mixed, mixed]]], "out, not causal")
    check.close(student.attention(q[:, :, 1:], k, v), [[[mixed]]], "out of the last query alone")
    # d_head is 1: each query weighs the keys 1 to 1 to 2. Kv head 0 has no value but 0.
    ones, keys = np.ones((1, 4, 2, 1)), np.log([[[[1.0], [1.0], [2.0]]] * 2])
    values = np.array([[[[0.0], [0.0], [0.0]], [[1.0], [3.0], [8.0]]]])
    grouped = [[[[0.0], [0.0]], [[0.0], [0.0]], [[2.0], [5.0]], [[2.0], [5.0]]]]
    out = student.attention(ones, keys, values)
    check.close(out, grouped, "out of 4 query heads, 2 kv heads, 2 queries, 3 keys")
    large = student.attention(1000.0 * q, k, v)
    check.close(large, [[[first, [0.0, 8.0, 0.0, 2.0]]]], "out with scores of 1000")
    check.raises(ValueError, student.attention, q, k[:, :, :1], v[:, :, :1])
    alone = student.attention(q, k[:, :, :1], v[:, :, :1], causal=False)
    check.close(alone, [[[first, first]]], "out of 2 queries and 1 key, not causal")
    single = student.attention(*(x.astype(np.float32) for x in (q, k, v)))
    check.true(single.dtype == np.float32, f"out is {single.dtype} for float32 arguments")


# %% [markdown]
# ## 2. Backward
#
# `dout` is the derivative of the loss by every output. Nothing was kept from the forward pass, so
# the probabilities are computed once more, with scale and mask. Then walk back through the three
# steps. All of it is for one head first.
#
# **Through the mean of the values.** In $o_{ic} = \sum_j p_{ij} v_{jc}$ two things vary.
# Probability $p_{ij}$ occurs in every component $c$ of output $i$, each time with factor $v_{jc}$.
# Value $v_{jc}$ occurs in component $c$ of every output $i$, each time with factor $p_{ij}$. So
#
# $$\mathrm{dp}_{ij} = \sum_{c} \mathrm{dout}_{ic} \, v_{jc}
# \qquad \mathrm{dv}_{jc} = \sum_{i} p_{ij} \, \mathrm{dout}_{ic}$$
#
# | result | shape | summed index | stands in the left factor | in the right factor |
# | --- | --- | --- | --- | --- |
# | $\mathrm{dp}$ | $(T_q, T_k)$ | $c$, over `d_head` | last | last |
# | $\mathrm{dv}$ | $(T_k, d)$ | $i$, over the queries | first | first |
#
# The rule of section 1 tells which factor is transposed in each. The shapes confirm it; but where
# $T_q = T_k = d$ every product fits, so trust the indices.
#
# **Through softmax.** Each query's row stands alone: `softmax_backward` takes $\mathrm{dp}$ and
# $p$ to $\mathrm{ds}$, the derivative by the scaled scores, $(T_q, T_k)$ as well.
#
# **Through the mask.** Hiding replaces a score by a constant, and a constant has derivative 0.
# Look at the formula of `softmax_backward`: what does it give where the probability is exactly 0?
# So is there anything left for you to do here?
#
# **Through the scores.** One score touches one query and one key:
#
# $$\frac{\partial s_{ij}}{\partial q_{ic}} = \frac{k_{jc}}{\sqrt{d}}
# \qquad \frac{\partial s_{ij}}{\partial k_{jc}} = \frac{q_{ic}}{\sqrt{d}}$$
#
# Query $i$ asks every key, so its gradient collects $\mathrm{ds}_{ij}$ times this factor over all
# $j$. Key $j$ is asked by every query: over which index does its gradient collect? Write both sums
# down, see where the summed index stands in $\mathrm{ds}$, and transpose accordingly. The result
# $\mathrm{dq}$ is $(T_q, d)$ and $\mathrm{dk}$ is $(T_k, d)$.
#
# **Through the groups.** So far every query head has a copy $k'_h$ of the kv head that it reads,
# and `dk` and `dv` have `n_heads` heads. The copies are one array: $k'_h = k_{h \,//\, g}$ with
# $g$ = `n_heads // n_kv_heads`. What is read in several places gets the *total* derivative,
#
# $$\mathrm{dk}_{m} = \sum_{h \,:\, h \,//\, g \,=\, m} \mathrm{dk}'_{h}$$
#
# and `dv` likewise. The heads of one group are neighbours, so the axis of length `n_heads` can be
# split into two, of lengths `n_kv_heads` and $g$: in which order, and along which do you sum? `dq`
# needs nothing, because no two heads share a query.
#
# **One thing to try.** Add one and the same vector to all keys. By how much does each score of
# query $i$ change, and what does softmax make of that? So before you run it: what must `dk` summed
# over the keys be?


# %%
### BEGIN SOLUTION
def _sum_groups(dx: Floats, n_kv_heads: int) -> Floats:
    """(B, n_heads, Tk, d_head) to (B, n_kv_heads, Tk, d_head): the total over a head's readers."""
    B, n_heads, Tk, d_head = dx.shape
    grouped = dx.reshape(B, n_kv_heads, n_heads // n_kv_heads, Tk, d_head)
    total: Floats = grouped.sum(axis=2)
    return total


### END SOLUTION


def attention_backward(
    dout: Floats, q: Floats, k: Floats, v: Floats, causal: bool = True
) -> tuple[Floats, Floats, Floats]:
    """Push `dout` back through `attention`.

    Args:
        dout: (B, n_heads, Tq, d_head). Gradient of the loss with respect to the output.
        q: (B, n_heads, Tq, d_head). Queries, as `attention` took them.
        k: (B, n_kv_heads, Tk, d_head). Keys.
        v: (B, n_kv_heads, Tk, d_head). Values.
        causal: Whether later keys were hidden.

    Returns:
        dq: (B, n_heads, Tq, d_head), dtype of `dout`.
        dk: (B, n_kv_heads, Tk, d_head), dtype of `dout`. Over all readers of a kv head.
        dv: (B, n_kv_heads, Tk, d_head), dtype of `dout`. Likewise.

    Source:
        Vaswani et al. 2017, section 3.2.1, differentiated; Dao et al. 2022, appendix B.2.
    """
    ### BEGIN SOLUTION
    n_heads, n_kv_heads = q.shape[1], k.shape[1]
    keys, values = _per_query_head(k, n_heads), _per_query_head(v, n_heads)
    probs = _probabilities(q, keys, causal)  # (B, n_heads, Tq, Tk)
    dprobs = dout @ values.swapaxes(-1, -2)
    # A hidden probability is 0 and is a factor of its gradient: nothing passes the mask.
    dscores = softmax_backward(dprobs, probs)
    ddots = dscores * q.shape[3] ** -0.5  # by q k^T, before the scale
    dq = ddots @ keys
    dk = ddots.swapaxes(-1, -2) @ q
    dv = probs.swapaxes(-1, -2) @ dout
    return dq, _sum_groups(dk, n_kv_heads), _sum_groups(dv, n_kv_heads)
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student, ask_my_checker

if __name__ == "__main__":  # here, in the notebook: what does your own gradient checker say?
    rng = np.random.default_rng()
    ask_my_checker(
        "vol1_numpy/gradcheck",
        attention,
        attention_backward,
        (
            rng.standard_normal((1, 4, 2, 3)),
            rng.standard_normal((1, 2, 3, 3)),
            rng.standard_normal((1, 2, 3, 3)),
        ),
        ("dq", "dk", "dv"),
    )


def visible_attention_backward(student: Student, check: Check) -> None:
    """Gradients worked out by hand, and your own attention differenced, grouped heads included."""
    # The head of the forward check: probabilities 1 and 0 (hidden), then 1/4 and 3/4.
    q = np.array([[[[2.0, 0.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0]]]])
    k = np.array([[[[0.0, 1.0, 0.0, 0.0], [np.log(3.0), 0.0, 1.0, 0.0]]]])
    v = np.array([[[[4.0, 0.0, 0.0, 2.0], [0.0, 8.0, 0.0, 2.0]]]])
    dout = np.array([[[[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]]])
    dq = np.array([[[[0.0] * 4, [-0.375 * np.log(3.0), 0.375, -0.375, 0.0]]]])
    dk = np.array([[[[0.75, 0.0, 0.0, 0.0], [-0.75, 0.0, 0.0, 0.0]]]])
    dv = np.array([[[[0.25, 1.0, 0.0, 0.0], [0.75, 0.0, 0.0, 0.0]]]])
    check.close(student.attention_backward(dout, q, k, v), (dq, dk, dv), "dq, dk, dv")

    def differences(rng: np.random.Generator, n_kv_heads: int, Tq: int, causal: bool) -> None:
        q, dout = rng.standard_normal((2, 1, 4, Tq, 2))
        k, v = rng.standard_normal((2, 1, n_kv_heads, 3, 2))
        dq, dk, dv = student.attention_backward(dout, q, k, v, causal=causal)
        about = f"with 4 heads, {n_kv_heads} kv heads, Tq {Tq}, Tk 3, causal {causal}"
        attend = student.attention
        check.gradient(dq, lambda x: attend(x, k, v, causal=causal), q, dout, f"dq {about}")
        check.gradient(dk, lambda x: attend(q, x, v, causal=causal), k, dout, f"dk {about}")
        check.gradient(dv, lambda x: attend(q, k, x, causal=causal), v, dout, f"dv {about}")

    rng = np.random.default_rng(0)
    differences(rng, n_kv_heads=1, Tq=2, causal=True)
    differences(rng, n_kv_heads=2, Tq=3, causal=True)
    differences(rng, n_kv_heads=2, Tq=2, causal=False)


# %% [markdown]
# ## Where to read more
#
# - Vaswani et al., *Attention Is All You Need*, 2017 (arXiv:1706.03762): section 3.2.
# - Shazeer, *Fast Transformer Decoding: One Write-Head is All You Need*, 2019 (arXiv:1911.02150):
#   one kv head for all. Ainslie et al., *GQA*, 2023 (arXiv:2305.13245): groups.
# - Dao et al., *FlashAttention*, 2022 (arXiv:2205.14135): the same function and gradient without
#   ever holding all scores; the backward computes the probabilities again, as yours does.
