"""Linear layers: tokens times a weight matrix, and why each gradient needs a transpose."""

# %% [markdown]
# # Linear
#
# **The question.** Nearly all parameters of a LLaMA are entries of weight matrices: queries, keys,
# values, the feed-forward layers and the head all begin with the same step, a token's vector times
# a matrix. What does that step compute, and how does a gradient travel back from its output to the
# tokens, to the weights and to the bias? Every framework transposes something on that way. Here
# you find out what is transposed, and why.
#
# You write two functions:
#
# | function | shapes |
# | --- | --- |
# | `linear(x, w, b=None)` | `(..., d_in)`, `(d_in, d_out)` and `(d_out,)` to `(..., d_out)` |
# | `linear_backward(dout, x, w)` | to `dx` like `x`, `dw` like `w`, and `db`, `(d_out,)` |
#
# You need NumPy, the chain rule for several variables, and about 45 minutes.

# %%
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

# %% [markdown]
# ## 1. Forward
#
# One token is a vector $x$ of `d_in` numbers. Output $j$ weighs all of them, each with its own
# weight, and adds a constant:
#
# $$\mathrm{out}_j = \sum_i x_i \, w_{ij} + b_j$$
#
# So $w_{ij}$ leads from input $i$ to output $j$. Weights are stored as `(d_in, d_out)` in this
# volume. (PyTorch's `nn.Linear` stores `(d_out, d_in)`; Volumes 2 and 3 follow it there.)
#
# **Many tokens.** With a second index $t$ for the token,
#
# $$\mathrm{out}_{tj} = \sum_i x_{ti} \, w_{ij} + b_j$$
#
# A matrix product $(a c)_{tj} = \sum_i a_{ti} \, c_{ij}$ sums over the *last* index of its left
# factor and the *first* index of its right one. In the sum above $i$ already stands in these two
# places, so nothing has to be transposed. All tokens meet the same weights and the same bias, and
# no token meets another one.
#
# **Shapes.** A batch of sequences is `(B, T, d_in)`, a list of tokens `(N, d_in)`; any number of
# leading axes will do, and they stay as they are. `@` and broadcasting handle them if only the last
# axis is spoken of. `b` is optional: LLaMA's layers have none, and `None` says so.


# %%
def linear(x: Floats, w: Floats, b: Floats | None = None) -> Floats:
    """Multiply each token by a weight matrix and add a bias.

    Args:
        x: (..., d_in). Tokens.
        w: (d_in, d_out). Weights; entry [i, j] leads from input i to output j.
        b: (d_out,). Added to every token's output; None for no bias.

    Returns:
        out: (..., d_out), dtype of `x`.

    Source:
        Goodfellow, Bengio and Courville 2016, section 6.2.2.1.
    """
    ### BEGIN SOLUTION
    product: Floats = x @ w  # all leading axes of x are tokens
    return product if b is None else product + b
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_linear(student: Student, check: Check) -> None:
    """Worked numbers with and without a bias, a batch, a square matrix, float32."""
    x, w = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]])
    b = np.array([10.0, 20.0, 30.0])
    want = np.array([[1.0, 2.0, 0.0], [3.0, -1.0, 7.0]])
    check.close(student.linear(x, w), want, "linear([[1, 2], [3, -1]], w)")
    check.close(student.linear(x, w, b), want + b, "the same with a bias")
    batch = student.linear(x[:, np.newaxis], w, b)
    check.close(batch, (want + b)[:, np.newaxis], "the same two tokens as a (2, 1, 2) batch")
    square = student.linear(x, np.array([[0.0, 1.0], [0.0, 0.0]]))
    check.close(
        square, [[0.0, 1.0], [0.0, 3.0]], "w[0, 1] = 1 and nothing else: out[:, 1] = x[:, 0]"
    )
    single = student.linear(*(a.astype(np.float32) for a in (x, w, b)))
    check.true(single.dtype == np.float32, f"linear of float32 arrays gives {single.dtype}")


# %% [markdown]
# ## 2. Backward
#
# Backpropagation hands you `dout`, the derivative of the loss $L$ by every output, and wants the
# derivatives by every entry of `x`, `w` and `b`. A number may reach the loss through several
# outputs. The *total derivative* adds up all these ways: for any number $z$
#
# $$\frac{\partial L}{\partial z} = \sum_{t} \sum_{j} \mathrm{dout}_{tj} \,
# \frac{\partial \, \mathrm{out}_{tj}}{\partial z}$$
#
# So the only question is which outputs a number reaches, and with what factor:
#
# ![Three grids of outputs, four tokens by three features. An entry of x reaches one row, all the
# outputs of its token, with a weight as the factor of each. An entry of w reaches one column, one
# feature of every token, with an entry of x as the factor of each. An entry of b reaches one
# column likewise, with factor 1.](figures/linear.svg)
#
# **The tokens.** Take $z = x_{si}$, input $i$ of token $s$. It occurs in the outputs of its own
# token, in each with another weight:
#
# $$\frac{\partial \, \mathrm{out}_{tj}}{\partial x_{si}} =
# w_{ij} \text{ for } t = s, \text{ else } 0
# \qquad \text{so} \qquad \mathrm{dx}_{si} = \sum_j \mathrm{dout}_{sj} \, w_{ij}$$
#
# Of the double sum one sum is left. Its index $j$ is the last of `dout`, as a matrix product wants
# it. In $w_{ij}$ it is the last one as well, and a matrix product wants it first. What do you do to
# `w`?
#
# **The weights.** Take $z = w_{ik}$, the weight from input $i$ to output $k$. Every token uses it,
# for one output:
#
# $$\frac{\partial \, \mathrm{out}_{tj}}{\partial w_{ik}} = x_{ti} \text{ for } j = k,
# \text{ else } 0$$
#
# Insert it. Which of the two sums is left now, and where does its index stand in the two factors?
# The result has index $i$ first and $k$ second, so you know which factor is the left one, too.
#
# **The bias.** Take $z = b_k$. Every token adds it, to one output, with factor 1. Which sum is
# left?
#
# **Transposes.** The forward product sums over input features; the first gradient sums over output
# features and the second over tokens. Each time another pair of the three indices $t$, $i$ and $j$
# survives, and a transpose does nothing but bring the summed index to the place where a matrix
# product looks for it. Shapes usually tell the same: of `(N, d_in)`, `(d_in, d_out)` and
# `(N, d_out)`, any two give the third in one way only. But where all sizes are equal every product
# fits, and most of them are wrong: trust the indices.
#
# **Shapes.** In a batch, $t$ stands for all leading axes together. For `dx` that needs no thought.
# For `dw` and `db` the sum runs over every token of every sequence, so first lay all tokens one
# below the other: `reshape(-1, d)` does it for `x` and `dout` alike, and keeps them in the same
# order. Two traps: `.T` of an array with three axes reverses all three, and a `reshape` to swapped
# sizes is no transpose, since it leaves the numbers in their old order in memory.
#
# **What it costs.** A product of `(N, d_in)` and `(d_in, d_out)` takes `N * d_in * d_out`
# multiplications and about as many additions, that is 2 operations per weight and token. The
# backward has two products of that size. Forward and backward together cost 6 operations per weight
# and token, from which the training cost of a whole language model is usually estimated.
#
# **One thing to try.** Call `linear_backward` once with some `dout` and `x`, and once with both
# repeated: `np.concatenate([x, x])`. Before you run it: what happens to each of the three
# gradients? (This is why a loss is usually a mean over tokens and not a sum.)


# %%
def linear_backward(dout: Floats, x: Floats, w: Floats) -> tuple[Floats, Floats, Floats]:
    """Push `dout` back through `linear`.

    Args:
        dout: (..., d_out). Gradient of the loss with respect to the output.
        x: (..., d_in). The tokens that `linear` was given.
        w: (d_in, d_out). The weights that it was given.

    Returns:
        dx: (..., d_in), dtype of `dout`. Gradient with respect to the tokens.
        dw: (d_in, d_out), dtype of `dout`. Gradient with respect to the weights, over all tokens.
        db: (d_out,), dtype of `dout`. Gradient with respect to a bias, over all tokens.

    Source:
        Giles 2008, Collected matrix derivative results for forward and reverse mode algorithmic
        differentiation, section 2.2.
    """
    ### BEGIN SOLUTION
    tokens = x.reshape(-1, x.shape[-1])  # (N, d_in): every token of every sequence
    douts = dout.reshape(-1, dout.shape[-1])  # (N, d_out)
    dx: Floats = (douts @ w.T).reshape(x.shape)  # one large product, not one per sequence
    dw: Floats = tokens.T @ douts
    db: Floats = douts.sum(axis=0)
    return dx, dw, db
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student, ask_my_checker

if __name__ == "__main__":  # here, in the notebook: what does your own gradient checker say?
    rng = np.random.default_rng()
    ask_my_checker(
        "vol1_numpy/gradcheck",
        linear,
        lambda dout, x, w, b: linear_backward(dout, x, w),
        (rng.standard_normal((2, 3)), rng.standard_normal((3, 4)), rng.standard_normal((4,))),
        ("dx", "dw", "db"),
    )


def visible_linear_backward(student: Student, check: Check) -> None:
    """Gradients worked out by hand, your own linear differenced: rows, a batch, a square matrix."""
    x, w = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]])
    dout = np.array([[1.0, 0.0, 2.0], [0.0, -1.0, 1.0]])
    dx = np.array([[5.0, -2.0], [2.0, -2.0]])
    dw, db = np.array([[1.0, -3.0, 5.0], [2.0, 1.0, 3.0]]), np.array([1.0, -1.0, 3.0])
    check.close(student.linear_backward(dout, x, w), (dx, dw, db), "dx, dw, db")

    def differences(
        rng: np.random.Generator, tokens: tuple[int, ...], d_in: int, d_out: int
    ) -> None:
        x, dout = rng.standard_normal((*tokens, d_in)), rng.standard_normal((*tokens, d_out))
        w, b = rng.standard_normal((d_in, d_out)), rng.standard_normal(d_out)
        dx, dw, db = student.linear_backward(dout, x, w)
        about = f"for x of shape {x.shape} and w of shape {w.shape}"
        check.gradient(dx, lambda v: student.linear(v, w), x, dout, f"dx {about}")
        check.gradient(dw, lambda v: student.linear(x, v), w, dout, f"dw {about}")
        check.gradient(db, lambda v: student.linear(x, w, v), b, dout, f"db {about}")

    rng = np.random.default_rng(0)
    differences(rng, (4,), d_in=2, d_out=3)
    differences(rng, (2, 3), d_in=2, d_out=4)
    differences(rng, (3, 3), d_in=3, d_out=3)


# %% [markdown]
# ## Where to read more
#
# - Giles, *Collected matrix derivative results for forward and reverse mode algorithmic
#   differentiation*, 2008: the same gradients from matrix identities, and many others.
# - Parr and Howard, *The Matrix Calculus You Need For Deep Learning*, 2018 (arXiv:1802.01528).
# - Kaplan et al., *Scaling Laws for Neural Language Models*, 2020 (arXiv:2001.08361), section 2.1:
#   6 operations per weight and token, and what that leaves out.
