"""Softmax: scores become probabilities, and gradients flow back through them."""

# %% [markdown]
# # Softmax
#
# **The question.** Attention compares a query with every key and gets *scores*; the last layer of a
# language model gives one *logit* per word of the vocabulary. Both are arbitrary real numbers. How
# do we turn them into probabilities, and how does a gradient travel back through that step?
#
# You write three functions:
#
# | function | shapes |
# | --- | --- |
# | `softmax(x, axis=-1)` | `(..., V)` to `(..., V)` |
# | `softmax_jacobian(probs)` | `(V,)` to `(V, V)` |
# | `softmax_backward(dout, probs, axis=-1)` | `(..., V)` and `(..., V)` to `(..., V)` |
#
# You need NumPy, the quotient rule, and about an hour.

# %%
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

# %% [markdown]
# ## 1. Forward
#
# Exponentials are positive and keep the order of the scores; dividing by their sum makes them add
# up to one:
#
# $$p_i = \frac{e^{x_i}}{\sum_{k} e^{x_k}}$$
#
# ![Bars: the scores 2, 1, 0 and -1 become the probabilities 0.64, 0.24, 0.09 and 0.03; adding 2
# to every score leaves the probabilities as they are.](figures/softmax.svg)
#
# **The trap.** $e^{x}$ overflows float32 near $x = 89$ and float64 near $x = 710$, and `inf /
# inf` is `nan`. Attention scores can reach such values, in a badly scaled model or after one bad
# step of training. The way out is a property of the formula. Multiply numerator and denominator
# by the same constant $e^{-c}$:
#
# $$p_i = \frac{e^{-c} \, e^{x_i}}{e^{-c} \sum_k e^{x_k}} = \frac{e^{x_i - c}}{\sum_k e^{x_k - c}}$$
#
# So a shift of a whole row changes nothing. Which $c$ makes sure that no exponent is ever positive,
# and that at least one term of the sum is exactly 1?
#
# **Shapes.** `axis` says along which axis the probabilities add up to one, and $V$ is its length;
# what lies along it is called a row here, whichever axis it is. Each row has its own $c$ and its
# own sum: `keepdims=True` keeps them aligned. As everywhere in this course, the result is a new
# array of the dtype that came in, and `x` stays as it is.


# %%
def softmax(x: Floats, axis: int = -1) -> Floats:
    """Turn scores into probabilities.

    Args:
        x: (..., V). Scores, any finite values.
        axis: The axis along which the result sums to one.

    Returns:
        probs: (..., V), dtype of `x`. Positive or zero, summing to one along `axis`.

    Source:
        Goodfellow, Bengio and Courville 2016, section 4.1.
    """
    ### BEGIN SOLUTION
    # exp overflows float32 near 89; shifting by the row maximum changes nothing else.
    exps = np.exp(x - x.max(axis=axis, keepdims=True))
    probs: Floats = exps / exps.sum(axis=axis, keepdims=True)
    return probs
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_softmax(student: Student, check: Check) -> None:
    """Worked numbers, rows, an axis, large scores."""
    x = np.log([[1.0, 3.0], [2.0, 2.0]])
    check.close(student.softmax(x), [[0.25, 0.75], [0.5, 0.5]], "softmax(log [[1, 3], [2, 2]])")
    columns = student.softmax(np.log([[1.0, 4.0], [3.0, 4.0]]), axis=0)
    check.close(columns, [[0.25, 0.5], [0.75, 0.5]], "softmax(..., axis=0)")
    large = student.softmax(np.array([[1000.0, 1000.0, -1000.0], [-2000.0, -2000.0, -2000.0]]))
    want = [[0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3]]
    check.close(large, want, "softmax([[1000, 1000, -1000], [-2000, -2000, -2000]])")


# %% [markdown]
# ## 2. The Jacobian of one row
#
# One row has $V$ inputs and $V$ outputs, so its derivative is a $V \times V$ matrix with entries
# $J_{ij} = \partial p_i / \partial x_j$. Write $Z = \sum_k e^{x_k}$, so $p_i = e^{x_i} / Z$, and
# note that $\partial Z / \partial x_j = e^{x_j}$. The quotient rule has two cases.
#
# *The score's own probability,* $i = j$. The numerator depends on $x_i$ too:
#
# $$\frac{\partial p_i}{\partial x_i} = \frac{e^{x_i} Z - e^{x_i} e^{x_i}}{Z^2}$$
#
# *Another one's,* $i \neq j$. The numerator is a constant:
#
# $$\frac{\partial p_i}{\partial x_j} = \frac{0 \cdot Z - e^{x_i} e^{x_j}}{Z^2}$$
#
# Two steps are yours. First rewrite both cases with nothing but $p_i$ and $p_j$: every fraction
# $e^{x} / Z$ is a probability. Then write both as *one* matrix expression in the vector $p$: a part
# that has entries on the diagonal only, and a part that has entries everywhere.
#
# **Two checks for free.** (1) The probabilities add up to one whatever the scores are, so every
# *column* of $J$ adds up to zero. (2) A shift of all scores changes nothing, so every *row* adds
# up to zero, too.


# %%
def softmax_jacobian(probs: Floats) -> Floats:
    """Differentiate every probability of one row by every score.

    Args:
        probs: (V,). What `softmax` returned for one row.

    Returns:
        jacobian: (V, V), dtype of `probs`. Entry [i, j] is the derivative of probability i by
            score j.

    Source:
        Bridle 1990, Probabilistic interpretation of feedforward classification network outputs.
    """
    ### BEGIN SOLUTION
    jacobian: Floats = np.diag(probs) - np.outer(probs, probs)
    return jacobian
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_softmax_jacobian(student: Student, check: Check) -> None:
    """A matrix worked out by hand, and your own softmax differenced row by row."""
    worked = student.softmax_jacobian(np.array([0.25, 0.75]))
    check.close(worked, [[0.1875, -0.1875], [-0.1875, 0.1875]], "softmax_jacobian([0.25, 0.75])")
    x = np.array([0.3, -1.0, 0.8])
    jacobian = student.softmax_jacobian(student.softmax(x))
    for i in range(3):
        one = np.eye(3)[i]
        check.gradient(jacobian[i], student.softmax, x, one, f"row {i} of the Jacobian")


# %% [markdown]
# ## 3. Backward, without ever building the matrix
#
# Backpropagation hands you `dout`, the derivative of the loss with respect to every probability,
# and wants the derivative with respect to every score. By the chain rule
#
# $$\mathrm{dx}_j = \sum_i \mathrm{dout}_i \, J_{ij}$$
#
# With a vocabulary of 50,000 words the matrix $J$ of *one* row has 2.5 billion entries, 20 GB. It
# is never built. Insert your $J_{ij}$ from section 2. Its diagonal part survives for $i = j$
# only, so the sum collapses to one term; its other part stays a sum over all $i$. In that sum one
# factor does not depend on $i$: take it out. What stays inside is *one number per row*. Then take
# out the factor that both terms share, and you have two lines of NumPy.
#
# **Shapes.** The sum runs along `axis`, once per row. Nothing larger than the input is needed.
#
# **One thing to try.** Call `softmax_backward` with a `dout` of ones. Before you run it: what must
# come out, and which of the two checks for free says so? (This is also why a gradient check
# with `dout = ones` would accept a backward that returns zeros.)


# %%
def softmax_backward(dout: Floats, probs: Floats, axis: int = -1) -> Floats:
    """Push `dout` back through `softmax`.

    Args:
        dout: (..., V). Gradient of the loss with respect to the probabilities.
        probs: (..., V). What `softmax` returned.
        axis: The axis along which `probs` sums to one.

    Returns:
        dx: (..., V), dtype of `dout`. Gradient with respect to the scores; sums to zero along
            `axis`.

    Source:
        Bridle 1990, Probabilistic interpretation of feedforward classification network outputs.
    """
    ### BEGIN SOLUTION
    expected = (dout * probs).sum(axis=axis, keepdims=True)  # one number per row
    dx: Floats = probs * (dout - expected)
    return dx
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student, ask_my_checker

if __name__ == "__main__":  # here, in the notebook: what does your own gradient checker say?
    ask_my_checker(
        "vol1_numpy/gradcheck",
        softmax,
        lambda dout, x: (softmax_backward(dout, softmax(x)),),
        (np.random.default_rng().standard_normal((3, 4)),),
        ("dx",),
    )


def visible_softmax_backward(student: Student, check: Check) -> None:
    """A gradient worked out by hand, and your own softmax differenced along both axes."""
    worked = student.softmax_backward(np.array([[1.0, 0.0]]), np.array([[0.25, 0.75]]))
    check.close(worked, [[0.1875, -0.1875]], "softmax_backward([1, 0], [0.25, 0.75])")
    x = np.array([[0.5, -1.0, 2.0], [0.0, 0.3, -0.7]])
    dout = np.array([[1.0, -2.0, 0.5], [0.3, 0.7, -1.1]])
    dx = student.softmax_backward(dout, student.softmax(x))
    check.gradient(dx, student.softmax, x, dout, "dx")
    dx = student.softmax_backward(dout, student.softmax(x, axis=0), axis=0)
    check.gradient(dx, lambda v: student.softmax(v, axis=0), x, dout, "dx with axis=0")


# %% [markdown]
# ## Where to read more
#
# - Goodfellow, Bengio and Courville, *Deep Learning*, 2016: 4.1 (overflow), 6.2.2.3 (softmax).
# - Milakov and Gimelshein, *Online normalizer calculation for softmax*, 2018 (arXiv:1805.02867):
#   the maximum and the sum in one pass, which is what FlashAttention builds on.
