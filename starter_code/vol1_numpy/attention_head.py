"""One attention head: a token asks, is found, and is read, and three gradients meet in it."""

# %% [markdown]
# # One attention head
#
# **The question.** A token takes in what earlier tokens say by playing three parts at once: it asks
# with a *query*, it can be found by its *key*, and it hands over its *value*. All three are made
# from the same vector $x$. When the loss says how the output should change, how does one gradient
# for $x$ come together from three parts, and where does it stop so that no token learns from the
# future?
#
# You write two functions:
#
# | function | to |
# | --- | --- |
# | `attention_head(x, w_q, w_k, w_v, causal=True)` | `out` |
# | `attention_head_backward(dout, x, w_q, w_k, w_v, causal=True)` | `dx`, `dw_q`, `dw_k`, `dw_v` |
#
# | array | shape |
# | --- | --- |
# | `x` | `(B, T, d_model)` |
# | `w_q`, `w_k`, `w_v` | `(d_model, d_head)` |
# | `out`, `dout` | `(B, T, d_head)` |
#
# You need your softmax and your linear layer, the total derivative, and about an hour and a half.
# Helper functions are welcome: both functions need the probabilities.

# %%
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .linear import linear, linear_backward
from .softmax import softmax, softmax_backward

Floats = NDArray[np.floating[Any]]

# %% [markdown]
# ## 1. Forward
#
# ![A graph read from left to right. The token x splits into three branches, through w_q, w_k and
# w_v, to q, k and v. The branches of q and k meet in the scores; scale, mask and softmax turn these
# into probs; probs and v meet in out. Dashed lines lead the same ways back: from dout to dprobs
# and dv, from dprobs over dscores to dq and dk, and from dq, dk and dv to dx, where three of them
# arrive.](figures/attention_head.svg)
#
# Look at one sequence, a matrix $x$ with one row per token. Three matrix products give every token
# its query, its key and its value, each of width $d$ = `d_head`:
#
# $$q = x \, w_q \qquad k = x \, w_k \qquad v = x \, w_v$$
#
# The *score* of query $i$ for key $j$ is the dot product of row $i$ of $q$ with row $j$ of $k$,
# divided by $\sqrt{d}$, the standard deviation that such a sum of $d$ products of independent
# numbers of variance 1 has. In NumPy write the factor as a power of `d_head`: `np.sqrt` of an
# integer is a float64 scalar, and turns float32 scores into float64.
#
# $$s_{ij} = \frac{1}{\sqrt{d}} \sum_c q_{ic} \, k_{jc}$$
#
# Which factor has to be transposed to make a matrix product of it? The scores are `(T, T)`: rows
# are queries, columns are keys.
#
# **The causal mask.** A language model predicts the next token, so token $i$ may read the tokens
# $j \le i$ and no later ones. A score that must not count is replaced by $-\infty$ *before* the
# softmax:
#
# $$s'_{ij} = \begin{cases} s_{ij} & j \le i \\ -\infty & j > i \end{cases}$$
#
# $e^{-\infty}$ is exactly 0, so a hidden token takes no share at all. (A score of 0 would not hide
# it, $e^0$ is 1; and a probability set to 0 after the softmax has taken its share already.) The
# first token sees itself alone. With `causal=False` nothing is replaced.
#
# **Probabilities and output.** Softmax along the keys turns the scores of each query into
# probabilities $p_{ij}$, which sum to 1 over $j$. The output of token $i$ is the mean of all values
# under them:
#
# $$o_{ic} = \sum_j p_{ij} \, v_{jc}$$
#
# **Batch.** With `(B, T, ...)` every sequence stands alone, and `@` multiplies the last two axes.
# Transpose those two only: `swapaxes(-1, -2)`.

# %%
def attention_head(x: Floats, w_q: Floats, w_k: Floats, w_v: Floats, causal: bool = True) -> Floats:
    """Let every token take in the tokens that its query matches.

    Args:
        x: (B, T, d_model). Tokens.
        w_q: (d_model, d_head). Makes queries.
        w_k: (d_model, d_head). Makes keys.
        w_v: (d_model, d_head). Makes values.
        causal: Hide from each token the tokens after it.

    Returns:
        out: (B, T, d_head), dtype of `x`.

    Source:
        Vaswani et al. 2017, section 3.2.1.
    """
    raise NotImplementedError("attention_head is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_attention_head(student: Student, check: Check) -> None:
    """Worked numbers with and without the mask, a batch, a long token, float32."""
    # d_head is 4, so the scale is 1/2. The first entry of a token is its value; the second makes
    # its query 2 and its key 0 or log 3, so the scores are 0 and log 3, the weights 1/4 and 3/4.
    x = np.array([[[4.0, 1.0, 0.0], [8.0, 1.0, np.log(3.0)]]])
    w_q, w_k, w_v = np.zeros((3, 3, 4))
    w_q[1, 0], w_k[2, 0], w_v[0, 1] = 2.0, 1.0, 1.0
    first, both = [0.0, 4.0, 0.0, 0.0], [0.0, 7.0, 0.0, 0.0]
    check.close(student.attention_head(x, w_q, w_k, w_v), [[first, both]], "out")
    free = student.attention_head(x, w_q, w_k, w_v, causal=False)
    check.close(free, [[both, both]], "out, not causal")
    other = np.array([[[5.0, 1.0, 7.0], [9.0, 1.0, 7.0]]])  # equal keys: the plain mean, 7
    batch = student.attention_head(np.concatenate([x, other]), w_q, w_k, w_v)
    want = [[first, both], [[0.0, 5.0, 0.0, 0.0], [0.0, 7.0, 0.0, 0.0]]]
    check.close(batch, want, "out of a batch of two sequences")
    long = student.attention_head(1000.0 * x, w_q, w_k, w_v)
    check.close(long, [[[0.0, 4000.0, 0.0, 0.0], [0.0, 8000.0, 0.0, 0.0]]], "out of 1000 x")
    single = student.attention_head(*(a.astype(np.float32) for a in (x, w_q, w_k, w_v)))
    check.true(single.dtype == np.float32, f"out is {single.dtype} for float32 arguments")

# %% [markdown]
# ## 2. Backward
#
# `dout` is the derivative of the loss by every output, `(B, T, d_head)`. Walk the graph backwards,
# one node at a time. Two rules are enough.
#
# **The product rule for matrices,** which you found for the linear layer. If $c = a \, b$ and
# $\mathrm{dc}$ is known, then
#
# $$\mathrm{da} = \mathrm{dc} \; b^\top \qquad \mathrm{db} = a^\top \, \mathrm{dc}$$
#
# **The total derivative.** What is used in several places gets the *sum* of what comes back from
# each of them.
#
# Now the nodes, from the end:
#
# | node | it is | what comes in | what goes on |
# | --- | --- | --- | --- |
# | output | $o = p \, v$ | $\mathrm{dout}$ | $\mathrm{dp}$ and $\mathrm{dv}$ |
# | softmax | each row of $p$ from the same row of $s'$ | $\mathrm{dp}$ | $\mathrm{ds}'$ |
# | mask | $s'$ is $s$, or the constant $-\infty$ | $\mathrm{ds}'$ | $\mathrm{ds}$ |
# | scores | $s = q \, k^\top / \sqrt{d}$ | $\mathrm{ds}$ | $\mathrm{dq}$ and $\mathrm{dk}$ |
# | three linear layers | $q = x \, w_q$, and so on | $\mathrm{dq}, \mathrm{dk}, \mathrm{dv}$ | |
#
# **Output.** The product rule with $a = p$ and $b = v$. Both results have the shape of what they
# are the gradient of; check that.
#
# **Softmax.** Your `softmax_backward` takes `dprobs` and `probs`, row by row.
#
# **Mask, a constant.** A hidden score has been replaced, so no change of $q$ or $k$ reaches $s'$
# there: the derivative of a constant is 0. Write down what `softmax_backward` returns where the
# probability is exactly 0. Is there anything left for you to do?
#
# **Scores.** The constant factor $1 / \sqrt{d}$ stays a factor of the gradient. Then the product
# rule with $a = q$ and $b = k^\top$. It gives $\mathrm{dq}$ at once; for the other factor it gives
# the gradient of $k^\top$, which is `(d_head, T)`. One transposition more, and use that
# $(a^\top c)^\top = c^\top a$: what is $\mathrm{dk}$?
#
# **Three linear layers.** Query, key and value each came from $x$, so your `linear_backward` goes
# back through each, with $\mathrm{dq}$, $\mathrm{dk}$ and $\mathrm{dv}$. A weight is used by every
# token of every sequence, so its gradient sums over both: `linear_backward` does. And the token is
# used by three layers:
#
# $$\mathrm{dx} = \frac{\partial L}{\partial q} \frac{\partial q}{\partial x} +
# \frac{\partial L}{\partial k} \frac{\partial k}{\partial x} +
# \frac{\partial L}{\partial v} \frac{\partial v}{\partial x}$$
#
# The last step is yours: three matrix products for the three terms. Each of them alone looks
# plausible and has the right shape, and a model trained with one of them missing still learns
# something, so nothing but a gradient check will tell.
#
# **A check for free.** A loss that looks at the output of the first token alone cannot depend on
# any later token. So if `dout` is zero from the second token on, what must `dx` be there?
#
# **One thing to try.** Print the three terms of `dx` for a random head, and for one where `w_q` is
# zero. All scores are then 0, every token takes the plain mean, and two of the three terms vanish.
# Which ones, and which weight still gets a gradient that could change this?

# %%
def attention_head_backward(
    dout: Floats, x: Floats, w_q: Floats, w_k: Floats, w_v: Floats, causal: bool = True
) -> tuple[Floats, Floats, Floats, Floats]:
    """Push `dout` back through `attention_head`.

    Args:
        dout: (B, T, d_head). Gradient of the loss with respect to the output.
        x: (B, T, d_model). Tokens, as `attention_head` took them.
        w_q: (d_model, d_head). Makes queries.
        w_k: (d_model, d_head). Makes keys.
        w_v: (d_model, d_head). Makes values.
        causal: Whether later tokens were hidden.

    Returns:
        dx: (B, T, d_model), dtype of `dout`. Over the three parts that a token plays.
        dw_q: (d_model, d_head), dtype of `dout`. Over all tokens of all sequences.
        dw_k: (d_model, d_head), dtype of `dout`. Likewise.
        dw_v: (d_model, d_head), dtype of `dout`. Likewise.

    Source:
        Vaswani et al. 2017, section 3.2.1, differentiated.
    """
    raise NotImplementedError("attention_head_backward is yours to write")

# %%
from autograder.selfcheck import Check, Student, ask_my_checker

if __name__ == "__main__":  # here, in the notebook: what does your own gradient checker say?
    rng = np.random.default_rng()
    ask_my_checker(
        "vol1_numpy/gradcheck",
        attention_head,
        attention_head_backward,
        (
            rng.standard_normal((1, 3, 4)),
            rng.standard_normal((4, 2)),
            rng.standard_normal((4, 2)),
            rng.standard_normal((4, 2)),
        ),
        ("dx", "dw_q", "dw_k", "dw_v"),
    )


def visible_attention_head_backward(student: Student, check: Check) -> None:
    """Gradients worked out by hand, and your own attention_head differenced."""
    # The head of the forward check: weights 1 and 0 (hidden), then 1/4 and 3/4. The loss is the
    # second output, so dprobs is (4, 8), its mean 7, dscores (-3/4, 3/4), and ddots half of that.
    root = np.log(3.0)
    x = np.array([[[4.0, 1.0, 0.0], [8.0, 1.0, root]]])
    w_q, w_k, w_v, dout = (np.zeros(s) for s in [(3, 4), (3, 4), (3, 4), (1, 2, 4)])
    w_q[1, 0], w_k[2, 0], w_v[0, 1], dout[0, 1, 1] = 2.0, 1.0, 1.0, 1.0
    dx, dw_q, dw_k, dw_v = student.attention_head_backward(dout, x, w_q, w_k, w_v)
    want = [[[0.25, 0.0, -0.75], [0.75, 0.75 * root, 0.75]]]
    check.close(dx, want, "dx")
    zeros = [0.0, 0.0, 0.0]
    check.close(dw_q.T, [[3.0 * root, 0.375 * root, 0.375 * root**2], *[zeros] * 3], "dw_q.T")
    check.close(dw_k.T, [[3.0, 0.0, 0.75 * root], *[zeros] * 3], "dw_k.T")
    check.close(dw_v.T, [zeros, [7.0, 1.0, 0.75 * root], zeros, zeros], "dw_v.T")

    def differences(rng: np.random.Generator, causal: bool) -> None:
        x, dout = rng.standard_normal((2, 3, 3)), rng.standard_normal((2, 3, 2))
        w_q, w_k, w_v = rng.standard_normal((3, 3, 2))
        dx, *dw = student.attention_head_backward(dout, x, w_q, w_k, w_v, causal=causal)

        def head(x: Any = x, w_q: Any = w_q, w_k: Any = w_k, w_v: Any = w_v) -> Any:
            return student.attention_head(x, w_q, w_k, w_v, causal=causal)

        check.gradient(dw[2], lambda w: head(w_v=w), w_v, dout, f"dw_v with causal {causal}")
        check.gradient(dw[0], lambda w: head(w_q=w), w_q, dout, f"dw_q with causal {causal}")
        check.gradient(dw[1], lambda w: head(w_k=w), w_k, dout, f"dw_k with causal {causal}")
        check.gradient(dx, lambda x: head(x=x), x, dout, f"dx with causal {causal}")

    rng = np.random.default_rng(0)
    differences(rng, causal=True)
    differences(rng, causal=False)

# %% [markdown]
# ## Where to read more
#
# - Vaswani et al., *Attention Is All You Need*, 2017 (arXiv:1706.03762): section 3.2.1.
# - Bahdanau, Cho and Bengio, *Neural Machine Translation by Jointly Learning to Align and
#   Translate*, 2014 (arXiv:1409.0473): where the weighted mean comes from, with another score.
# - Elhage et al., *A Mathematical Framework for Transformer Circuits*, 2021: one head as two
#   products, $w_q w_k^\top$ (where to look) and $w_v w_o$ (what to move).
