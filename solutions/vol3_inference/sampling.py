"""Sampling: from the logits of a model to the next token."""

# %% [markdown]
# # Sampling
#
# **The question.** After every step a language model has one logit per word of its vocabulary, and
# one of these words must be written down. The most likely one, always? Then the model says the same
# thing every time, and soon the same sentence again and again. Any word, by its probability? Then
# once in a while comes one of the ten thousand words that make no sense here. Each has almost no
# probability, but there are so many. What lies in between?
#
# You write four functions:
#
# | function | shapes |
# | --- | --- |
# | `sample_probs(logits, temperature=1.0, top_k=0, top_p=1.0)` | `(B, V)` to `(B, V)` |
# | `draw(probs, u)` | `(..., V)` and `(...)` to `(...)` |
# | `repetition_penalty(logits, ids, penalty)` | `(B, V)` and `(B, T)` to `(B, V)` |
# | `min_p(probs, p)` | `(B, V)` to `(B, V)` |
#
# The first gives the distribution to draw from, the second one token per row from a uniform number;
# the third makes less likely what was said before, the fourth drops what is far less likely than
# the best.
#
# Nothing here draws a random number. That is done elsewhere, so that everything on this page can
# be computed and checked exactly. You need NumPy and the softmax, and about an hour and a half.

# %%
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]

# %% [markdown]
# ## 1. Which tokens, and how likely
#
# Three knobs, always in this order.
#
# **Temperature** divides the logits before the softmax:
#
# $$p_i \propto e^{z_i / \tau}$$
#
# A small $\tau$ stretches the differences between logits, a large one flattens them. What happens
# to $p_i / p_j$ when $\tau$ goes to 0, if $z_i > z_j$? The limit is the choice that is called
# *greedy*, and `temperature=0` means exactly that: probability 1 for the largest logit. Of several
# largest ones the lowest id gets all of it. Dividing by zero does not get you there.
#
# **Top-k** keeps the $k$ most likely tokens and gives the others probability 0. What is left is
# divided by its sum, so that it is a distribution again. Exactly $k$ are kept: if the $k$-th and
# the next are equally likely, the lower id stays. `top_k=0` switches it off, and so does any $k$
# that is at least $V$.
#
# **Top-p**, or *nucleus* sampling, lets the model itself say how many candidates there are: the
# smallest set of most likely tokens whose probabilities add up to at least $p$. When the model is
# sure, that is one token; when it is not, hundreds. Sort the tokens by probability, the most likely
# first, and write $s_j$ for the probability of everything *before* the token in place $j$:
#
# $$s_1 = 0 \qquad s_j = p_{(1)} + \dots + p_{(j-1)}$$
#
# The token in place $j$ is needed as long as what comes before it is not enough yet. Which
# comparison of $s_j$ with $p$ is that? It keeps the token that *crosses* $p$. It must also keep at
# least one token for every $p$, and `top_p=0` is allowed. `top_p=1.0` switches it off.
#
# ![Bars: seven probabilities sorted by size; after top-k with k = 5 the last two are gone and the
# rest has grown; after top-p with p = 0.8 four are left: 0.78 lies before the fourth, and 0.91
# before the fifth.](figures/sampling.svg)
#
# **The order matters.** Top-p looks at the probabilities that top-k has left, after they have been
# made to add up to one again. Six tokens with probabilities 0.3, 0.3, 0.1, 0.1, 0.1 and 0.1, with
# `top_k=2` and `top_p=0.5`: how many are left with the division in between, and how many without?
#
# **Sorting back.** Sorting is the natural way to do this, but the result has to be in the order of
# the ids. `np.argsort` gives the place of each token in the sorted row. It needs `kind="stable"`
# for ties, and care with the direction: reversing an ascending stable order also reverses the ties.
# `logits[rows, order]` takes each row in its own order if `rows` is a column of row numbers, and an
# assignment to `probs[rows, order]` puts it back.
#
# **Shapes.** `logits` is $(B, V)$; each row is on its own. The result has the dtype of the logits.
# Logits may be in the thousands.


# %%
def sample_probs(
    logits: Floats, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
) -> Floats:
    """Turn logits into the distribution that the next token is drawn from.

    Temperature first, then top-k, then top-p, each followed by a division by the sum.

    Args:
        logits: (B, V). Any finite values.
        temperature: Divides the logits. 0 gives all probability to the largest logit.
        top_k: Keep exactly so many most likely tokens; 0, V or more keeps all.
        top_p: Keep tokens as long as those before them have less than this; at least one.
            1.0 keeps all.

    Returns:
        probs: (B, V), dtype of `logits`. Each row sums to one. Among equally likely tokens those
            with lower ids are kept.

    Source:
        Holtzman et al. 2020, section 3 (arXiv:1904.09751); Fan et al. 2018 (arXiv:1805.04833).
    """
    ### BEGIN SOLUTION
    rows = np.arange(len(logits))[:, np.newaxis]
    order = np.argsort(-logits, kind="stable")  # the most likely first, ties by id
    ranked = logits[rows, order]
    if temperature == 0:
        temperature, top_k = 1.0, 1
    ranked = np.exp((ranked - ranked[:, :1]) / temperature)
    if top_k > 0:
        ranked[:, top_k:] = 0
    ranked = ranked / ranked.sum(axis=-1, keepdims=True)
    if top_p < 1:
        before = np.cumsum(ranked, axis=-1) - ranked
        needed = before < top_p
        needed[:, 0] = True
        ranked = np.where(needed, ranked, 0)
        ranked = ranked / ranked.sum(axis=-1, keepdims=True)
    probs: Floats = np.empty_like(logits)
    probs[rows, order] = ranked
    return probs
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_sample_probs(student: Student, check: Check) -> None:
    """Worked numbers for each knob alone, for two together, and for ties."""
    logits = np.log(np.array([[1.0, 4.0, 2.0, 1.0]]))
    plain = student.sample_probs(logits)
    check.close(plain, [[0.125, 0.5, 0.25, 0.125]], "sample_probs(log [1, 4, 2, 1])")
    cold = student.sample_probs(logits, 0.5)
    check.close(cold, np.array([[1, 16, 4, 1]]) / 22, "with temperature=0.5")
    check.close(student.sample_probs(logits, 0.0), [[0.0, 1.0, 0.0, 0.0]], "with temperature=0")
    three = student.sample_probs(logits, 1.0, 3)
    check.close(three, np.array([[1, 4, 2, 0]]) / 7, "with top_k=3; ids 0 and 3 are tied")
    crossing = student.sample_probs(logits, 1.0, 0, 0.7)
    check.close(crossing, np.array([[0, 2, 1, 0]]) / 3, "with top_p=0.7")
    check.close(student.sample_probs(logits, 1.0, 0, 0.0), [[0.0, 1.0, 0.0, 0.0]], "with top_p=0")
    both = student.sample_probs(logits, 1.0, 2, 0.6)
    check.close(both, [[0.0, 1.0, 0.0, 0.0]], "with top_k=2 and top_p=0.6")
    large = student.sample_probs(np.array([[3000.0, 3000.0, -3000.0]]))
    check.close(large, [[0.5, 0.5, 0.0]], "sample_probs([3000, 3000, -3000])")


# %% [markdown]
# ## 2. One number decides
#
# Lay the probabilities of a row end to end, in the order of the ids: they fill the interval from 0
# to 1, and each token owns a piece as long as its probability. A number $u$, uniform between 0 and
# 1, falls into one of these pieces. So the token is the first one whose cumulative sum, its own
# probability included, exceeds $u$.
#
# ![A bar from 0 to 1 cut into pieces of lengths 0.125, 0.5, 0.25 and 0.125 with the ids 0 to 3; an
# arrow at u = 0.7 points into the piece of id 2.](figures/sampling_draw.svg)
#
# **Exceeds, not reaches.** $u$ can be exactly 0, and then a first token with probability 0 must not
# be taken. Which of $<$ and $\leq$ is right, for which of the two sides?
#
# **Rounding.** The probabilities of a row add up to one only up to rounding, above all in float32.
# If the sum ends at 0.9999998 and $u$ is larger, no cumulative sum exceeds it. Then the token is
# the last one that has any probability. It need not be the last one of the row.
#
# **One thing to try.** Draw 10,000 numbers with `np.random.default_rng(0).random(10_000)`, give all
# of them to `draw` at once with the row repeated by `np.broadcast_to`, and count the tokens with
# `np.bincount`. How far are the shares from the probabilities, and how far with 100 times as many?


# %%
def draw(probs: Floats, u: Floats) -> Ints:
    """Choose one token per row.

    Args:
        probs: (..., V). Distributions; each row sums to one up to rounding.
        u: (...). Numbers in [0, 1), one per row.

    Returns:
        ids: (...), int64. The smallest id whose cumulative sum exceeds `u`; never one with
            probability 0, also where rounding leaves the sum of a row below `u`.

    Source:
        Devroye 1986, Non-Uniform Random Variate Generation, section III.2.
    """
    ### BEGIN SOLUTION
    sums = np.cumsum(probs, axis=-1)
    below = (sums <= np.asarray(u)[..., np.newaxis]).sum(axis=-1)  # ids that are too low
    last = probs.shape[-1] - 1 - np.argmax(probs[..., ::-1] > 0, axis=-1)
    ids: Ints = np.minimum(below, last)
    return ids
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_draw(student: Student, check: Check) -> None:
    """Numbers inside pieces, at their ends, and a row that does not quite add up to one."""
    row = np.array([0.125, 0.5, 0.25, 0.125])
    u = np.array([0.1, 0.2, 0.7, 0.9])
    ids = student.draw(np.broadcast_to(row, (4, 4)).copy(), u)
    check.close(ids, [0, 1, 2, 3], "draw with u = 0.1, 0.2, 0.7, 0.9")
    ends = student.draw(np.broadcast_to(row, (2, 4)).copy(), np.array([0.125, 0.625]))
    check.close(ends, [1, 2], "draw with u at the end of a piece")
    first = student.draw(np.array([[0.0, 1.0]]), np.array([0.0]))
    check.close(first, [1], "draw([0, 1], u = 0)")
    short = student.draw(np.array([[0.5, 0.4999, 0.0]]), np.array([0.99999]))
    check.close(short, [1], "draw([0.5, 0.4999, 0], u = 0.99999)")
    grid = student.draw(np.full((2, 3, 4), 0.25), np.full((2, 3), 0.6))
    check.close(grid, np.full((2, 3), 2), "draw with two leading axes")


# %% [markdown]
# ## 3. Less of the same
#
# A model that has just written a word finds it likely again. Keskar et al. lower the logits of
# everything that has been said, before the temperature:
#
# $$z_i' = \begin{cases} z_i / \theta & z_i > 0 \\ z_i \, \theta & z_i \le 0 \end{cases}
#   \qquad \text{for every token } i \text{ in the text so far}$$
#
# with a penalty $\theta$ a little above 1. Two cases, because a division *raises* a negative
# logit. A token that occurs five times is penalised once, not five times; a row is penalised for
# its own text only.
#
# **Shapes.** `logits` is $(B, V)$, `ids` the text so far, $(B, T)$. With a column of row numbers as
# before, a mask of shape $(B, V)$ can be set at all tokens of each row at once.


# %%
def repetition_penalty(logits: Floats, ids: Ints, penalty: float) -> Floats:
    """Lower the logits of tokens that have occurred.

    Args:
        logits: (B, V). Before the temperature. Not modified.
        ids: (B, T), int64. The text so far, row by row; T is at least 1.
        penalty: Positive logits are divided by it, the others multiplied; 1.0 changes nothing.

    Returns:
        out: (B, V), dtype of `logits`. Each distinct id of a row is penalised once.

    Source:
        Keskar et al. 2019, section 4.1 (arXiv:1909.05858).
    """
    ### BEGIN SOLUTION
    said = np.zeros(logits.shape, dtype=bool)
    said[np.arange(len(ids))[:, np.newaxis], ids] = True
    lowered = np.where(logits > 0, logits / penalty, logits * penalty)
    out: Floats = np.where(said, lowered, logits)
    return out
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_repetition_penalty(student: Student, check: Check) -> None:
    """Logits of both signs, a token that occurs twice, rows with different texts."""
    logits = np.array([[2.0, -2.0, 4.0, 0.0], [2.0, -2.0, 4.0, 1.0]])
    out = student.repetition_penalty(logits, np.array([[0, 1, 1], [2, 2, 2]]), 2.0)
    want = [[1.0, -4.0, 4.0, 0.0], [2.0, -2.0, 2.0, 1.0]]
    check.close(out, want, "repetition_penalty with penalty=2")


# %% [markdown]
# ## 4. A bar that moves with the best
#
# Top-p adds up; min-p compares. It keeps every token whose probability is at least $p$ times that
# of the most likely one, and divides by the sum of what is left. With $p = 0.1$ and a model that is
# 90 % sure, only what has at least 9 % stays; if the best has 2 %, everything from 0.2 % on. It
# comes after top-p, on probabilities, so there is no exponential here.


# %%
def min_p(probs: Floats, p: float) -> Floats:
    """Drop tokens that are much less likely than the most likely one.

    Args:
        probs: (B, V). What `sample_probs` returned. Not modified.
        p: Between 0 and 1. Tokens with at least p times the largest probability of their row stay.

    Returns:
        out: (B, V), dtype of `probs`. Each row sums to one.

    Source:
        Nguyen et al. 2024 (arXiv:2407.01082).
    """
    ### BEGIN SOLUTION
    kept = np.where(probs >= p * probs.max(axis=-1, keepdims=True), probs, 0)
    out: Floats = kept / kept.sum(axis=-1, keepdims=True)
    return out
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_min_p(student: Student, check: Check) -> None:
    """A bar below and at a probability, and rows with bars of their own."""
    probs = np.array([[0.5, 0.25, 0.125, 0.125], [0.25, 0.25, 0.25, 0.25]])
    half = student.min_p(probs, 0.5)
    check.close(half, [[2 / 3, 1 / 3, 0.0, 0.0], [0.25] * 4], "min_p with p=0.5")
    check.close(student.min_p(probs, 0.0), probs, "min_p with p=0")


# %% [markdown]
# ## Where to read more
#
# - Holtzman et al., *The Curious Case of Neural Text Degeneration*, 2020 (arXiv:1904.09751): what
#   goes wrong with greedy and with plain sampling, and top-p.
# - Fan, Lewis and Dauphin, *Hierarchical Neural Story Generation*, 2018 (arXiv:1805.04833): top-k.
# - Nguyen et al., *Turning Up the Heat: Min-p Sampling*, 2024 (arXiv:2407.01082).
# - Keskar et al., *CTRL*, 2019 (arXiv:1909.05858): the repetition penalty.
