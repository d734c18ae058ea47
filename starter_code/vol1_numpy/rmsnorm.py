"""RMSNorm: tokens are brought to one size, and gradients flow back along two paths."""

# %% [markdown]
# # RMSNorm
#
# **The question.** Every block of a transformer adds its result to the token vectors that it was
# given, so these tend to grow from block to block, and some tokens grow far more than others. How
# do we hand each layer vectors of one size, and what does that do to the gradient on its way back?
#
# You write two functions:
#
# | function | shapes |
# | --- | --- |
# | `rmsnorm(x, gain, eps=1e-5)` | `(..., d_model)` and `(d_model,)` to `(..., d_model)` |
# | `rmsnorm_backward(dout, x, gain, eps=1e-5)` | to `dx` like `x`, `dgain` like `gain` |
#
# You need NumPy, the chain rule for several variables, and about an hour.

# %%
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

# %% [markdown]
# ## 1. Forward
#
# Take one token, a vector $x$ of $n$ = `d_model` numbers. Its *root mean square* $r$ says how large
# a typical entry is. Divide by it, then let every feature have a learned scale, its `gain`:
#
# $$r = \sqrt{\frac{1}{n} \sum_k x_k^2 + \mathrm{eps}} \qquad \hat{x}_i = \frac{x_i}{r} \qquad
# \mathrm{out}_i = \mathrm{gain}_i \, \hat{x}_i$$
#
# ![Left: for two features, the token x and the token 3 x, three times as long, lie on one ray from
# the origin; RMSNorm moves both to the same point x-hat on the circle of radius root 2. Right: the
# gradient that arrives at x-hat is split into a part along the ray and a part along the circle;
# only the part along the circle goes on to x.](figures/rmsnorm.svg)
#
# The mean of all $\hat{x}_i^2$ is 1 (up to eps), so $\hat{x}$ lies on a sphere of radius $\sqrt{n}$
# whatever the length of $x$ was. Only the direction of $x$ survives: `rmsnorm` of $3x$ is `rmsnorm`
# of $x$.
#
# **eps.** A token of zeros has no direction. With eps *under the root*, $r$ is never zero, and
# zeros stay zeros. For ordinary tokens eps is invisible; for tokens whose entries are near
# $\sqrt{\mathrm{eps}}$, about 0.003 for the default, it decides how much they are enlarged. Added
# after the root, the same number would do something else.
#
# **Shapes.** There is one $r$ *per token*: `x` is `(..., d_model)`, $r$ is `(..., 1)`. No token
# knows of the others; generating text one token at a time, in Volume 3, relies on that. The result
# is a new array, and the arguments stay as they are: whoever calls you still needs them.
#
# **Precision.** float32 goes in and float32 comes out. Python numbers keep an array's dtype, NumPy
# numbers do not: `np.sqrt(6)` is a float64 and makes a float64 of every float32 array that it
# meets. LLaMA's own code computes this step in float32 even where the rest of the model works in 16
# bits, for good reason: in float16 the square of 300 is already infinite.
#
# **Why not LayerNorm?** LayerNorm subtracts the mean of a token's entries, divides by their
# standard deviation, then applies a gain and a bias. So its output ignores both a factor on $x$ and
# a shift of all its entries. Zhang and Sennrich (2019) suspected that only the first of the two
# matters, dropped the mean, and found models about as good whose running time was 7 to 64 %
# shorter, depending on the model: one statistic instead of two, no bias, and one term less in the
# backward. LLaMA (2023) takes RMSNorm over from them. It puts the norm *before* each sublayer, so
# that no norm stands on the residual path from the last block back to the first.

# %%
def rmsnorm(x: Floats, gain: Floats, eps: float = 1e-5) -> Floats:
    """Divide each token by its root mean square and scale every feature.

    Args:
        x: (..., d_model). Tokens.
        gain: (d_model,). A learned scale for each feature.
        eps: Added to the mean square, under the root.

    Returns:
        out: (..., d_model), dtype of `x`.

    Source:
        Zhang and Sennrich 2019, section 4; eps as in LLaMA (Touvron et al. 2023).
    """
    raise NotImplementedError("rmsnorm is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_rmsnorm(student: Student, check: Check) -> None:
    """Worked numbers, a batch, a factor on x, small entries with the default eps, float32."""
    gain = np.array([2.0, 3.0])
    x = np.array([[2.0, 4.0], [10.0, -4.0]])  # mean squares 10 and 58; with eps = 6 the roots: 4, 8
    want = np.array([[1.0, 3.0], [2.5, -1.5]])
    check.close(student.rmsnorm(x, gain, eps=6.0), want, "rmsnorm([[2, 4], [10, -4]], eps=6)")
    batch = student.rmsnorm(x[:, np.newaxis], gain, eps=6.0)
    check.close(batch, want[:, np.newaxis], "rmsnorm of the same two tokens as a (2, 1, 2) batch")
    short, long = (student.rmsnorm(f * x, gain, eps=1e-20) for f in (1.0, 1000.0))
    check.close(long, short, "rmsnorm(1000 x) compared with your rmsnorm(x), eps near 0,")
    small = student.rmsnorm(np.array([[0.001, -0.001, 0.004]]), np.ones(3))  # eps is 1e-5
    check.close(small, [[0.25, -0.25, 1.0]], "rmsnorm([0.001, -0.001, 0.004]), default eps")
    single = student.rmsnorm(x.astype(np.float32), gain.astype(np.float32))
    check.true(single.dtype == np.float32, f"rmsnorm of float32 arrays gives {single.dtype}")

# %% [markdown]
# ## 2. Backward
#
# Backpropagation hands you `dout`, the derivative of the loss with respect to every entry of `out`,
# and wants the derivatives with respect to `x` and `gain`. There is one tool, the *total
# derivative*: find every path on which a number reaches the loss, multiply the derivatives along
# each path, add the paths up.
#
# **The gain.** One entry $\mathrm{gain}_i$ is used by *every* token of the batch, at feature $i$
# only: as many paths as there are tokens. With $t$ running over all tokens
#
# $$\mathrm{dgain}_i = \sum_t \mathrm{dout}_{t,i} \,
# \frac{\partial \, \mathrm{out}_{t,i}}{\partial \, \mathrm{gain}_i}$$
#
# What is that derivative, and over which axes of a `(B, T, d_model)` array does the sum run? Two
# leading axes are an example: there may be one, or three.
#
# **From out to x-hat.** No output depends on another token's entries, so the rest is about one
# token. Feature by feature $\mathrm{out}_i = \mathrm{gain}_i \, \hat{x}_i$, one path, and the
# gradient that reaches $\hat{x}_i$ is
#
# $$g_i = \mathrm{dout}_i \, \mathrm{gain}_i$$
#
# **From x-hat to x.** Here the paths part. $x_j$ stands in the numerator of $\hat{x}_j$: the
# *direct path*, on which $r$ counts as a constant. And $x_j$ is part of $r$, which divides *every*
# $\hat{x}_i$: the path *through the root mean square*. The total derivative adds them:
#
# $$\mathrm{dx}_j = \underbrace{g_j \, \frac{\partial \hat{x}_j}{\partial x_j}
# \Big|_{r \text{ fixed}}}_{\text{direct}} \; + \;
# \underbrace{\Big( \sum_i g_i \, \frac{\partial \hat{x}_i}{\partial r} \Big)
# \frac{\partial r}{\partial x_j}}_{\text{through } r}$$
#
# Three derivatives are needed. The first, from $\hat{x}_j = x_j / r$ with $r$ fixed:
#
# $$\frac{\partial \hat{x}_j}{\partial x_j} \Big|_{r \text{ fixed}} = \frac{1}{r}$$
#
# The second, from $\hat{x}_i = x_i \, r^{-1}$ with $x_i$ fixed; one factor $x_i / r$ is $\hat{x}_i$
# again:
#
# $$\frac{\partial \hat{x}_i}{\partial r} = -\frac{x_i}{r^2} = -\frac{\hat{x}_i}{r}$$
#
# For the third, avoid the root: differentiate $r^2 = \frac{1}{n} \sum_k x_k^2 + \mathrm{eps}$ on
# both sides. Of the sum only the term with $k = j$ depends on $x_j$, and eps is a constant:
#
# $$2 r \, \frac{\partial r}{\partial x_j} = \frac{2 x_j}{n} \qquad \text{so} \qquad
# \frac{\partial r}{\partial x_j} = \frac{x_j}{n \, r} = \frac{\hat{x}_j}{n}$$
#
# The last step is yours: insert the three, and take the factor that both terms share out in front.
# One factor of the second term depends on $j$; the rest is *one number per token*. With the $1/n$
# drawn into the sum, what is that number called?
#
# **Shapes.** Like $r$, that number needs a last axis of size 1. The Jacobian of a token, with its
# `d_model` times `d_model` entries, appears nowhere: nothing larger than `x` is needed.
#
# **A check for free.** Stretch a token, $x \to (1 + s) \, x$: with eps = 0 the output stays as it
# is, and so does the loss. So the gradient has no part along $x$: $\sum_j \mathrm{dx}_j \, x_j = 0$
# for every token. In the figure, `dx` is a tangent of the circle. (An eps above 0 leaves a rest,
# $\mathrm{eps} / r^2$ times $\sum_i g_i \, \hat{x}_i$. Whoever reads the picture as a recipe and
# removes *all* of $g$ along $x$ loses that rest.)
#
# **One thing to try.** Compute `dx` for some `x`, and for `100 * x` with the same `dout` and eps
# near 0. Both have the same output. Before you run it: by what factor do the two gradients differ,
# and where in your formula do you see it? (A token that has grown large gets a small gradient: the
# norm tames its own input.) Then compare `x` with `1e-4 * x` at the default eps. Why is the factor
# not 10,000?

# %%
def rmsnorm_backward(
    dout: Floats, x: Floats, gain: Floats, eps: float = 1e-5
) -> tuple[Floats, Floats]:
    """Push `dout` back through `rmsnorm`.

    Args:
        dout: (..., d_model). Gradient of the loss with respect to the output.
        x: (..., d_model). The tokens that `rmsnorm` was given.
        gain: (d_model,). The gain that it was given.
        eps: The eps that it was given.

    Returns:
        dx: (..., d_model), dtype of `x`. Gradient with respect to the tokens.
        dgain: (d_model,), dtype of `gain`. Gradient with respect to the gain, over all tokens.

    Source:
        Zhang and Sennrich 2019, section 4.2.
    """
    raise NotImplementedError("rmsnorm_backward is yours to write")

# %%
from autograder.selfcheck import Check, Student, ask_my_checker

if __name__ == "__main__":  # here, in the notebook: what does your own gradient checker say?
    rng = np.random.default_rng()
    ask_my_checker(
        "vol1_numpy/gradcheck",
        rmsnorm,
        rmsnorm_backward,
        (rng.standard_normal((2, 5)), rng.standard_normal((5,))),
        ("dx", "dgain"),
    )


def visible_rmsnorm_backward(student: Student, check: Check) -> None:
    """Gradients worked out by hand, your own rmsnorm differenced, dx orthogonal to x."""
    x, gain = np.array([[2.0, 4.0]]), np.array([2.0, 3.0])  # with eps = 6 the root is 4
    worked = student.rmsnorm_backward(np.array([[1.0, -2.0]]), x, gain, eps=6.0)
    want = (np.array([[0.8125, -0.875]]), np.array([0.5, -2.0]))
    check.close(worked, want, "dx, dgain")
    x = np.array([[[0.5, -1.0, 2.0], [0.1, 0.3, -0.7]], [[1.5, 0.2, -0.4], [-0.6, 0.9, 0.8]]])
    dout = np.array([[[1.0, -2.0, 0.5], [0.3, 0.7, -1.1]], [[-0.2, 0.4, 1.3], [0.6, -0.5, 0.9]]])
    gain, eps = np.array([0.8, -1.5, 1.2]), 0.2
    dx, dgain = student.rmsnorm_backward(dout, x, gain, eps=eps)
    check.gradient(dx, lambda v: student.rmsnorm(v, gain, eps=eps), x, dout, "dx")
    check.gradient(dgain, lambda v: student.rmsnorm(x, v, eps=eps), gain, dout, "dgain")
    dx, _ = student.rmsnorm_backward(dout, x, gain, eps=1e-20)
    check.close((dx * x).sum(axis=-1), np.zeros((2, 2)), "the sum of dx * x, eps near 0,")

# %% [markdown]
# ## Where to read more
#
# - Zhang and Sennrich, *Root Mean Square Layer Normalization*, 2019 (arXiv:1910.07467): the idea,
#   the two invariances, and what the norm does to gradients (section 4.2).
# - Ba, Kiros and Hinton, *Layer Normalization*, 2016 (arXiv:1607.06450): what it simplifies.
# - Touvron et al., *LLaMA*, 2023 (arXiv:2302.13971), section 2.2: where the norms sit.
