"""LayerNorm: tokens get mean 0 and variance 1, and gradients flow back along three paths."""

# %% [markdown]
# # LayerNorm
#
# **The question.** The vectors that pass through a deep network drift: one token grows, another is
# shifted as a whole, and a layer that was trained on vectors of one kind gets another. How do we
# give every token the same mean and the same spread, and which gradient reaches a number that is
# compared with its own neighbours?
#
# You write two functions:
#
# | function | shapes |
# | --- | --- |
# | `layernorm(x, gain, bias, eps=1e-5)` | `(..., d_model)`, `(d_model,)` twice, to `out` like `x` |
# | `layernorm_backward(dout, x, gain, eps=1e-5)` | to `dx` like `x`, `dgain`, `dbias` like `gain` |
#
# You need NumPy, the chain rule for several variables, and about an hour and a half. GPT-2 has this
# layer in every block; LLaMA simplified it, and the next exercise is about that.

# %%
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

# %% [markdown]
# ## 1. Forward
#
# Take one token, a vector $x$ of $n$ = `d_model` numbers. Subtract their mean $\mu$, divide by
# their standard deviation $r$, then give every feature a learned scale and a learned offset:
#
# $$\mu = \frac{1}{n} \sum_k x_k \qquad c_i = x_i - \mu \qquad
# r = \sqrt{\frac{1}{n} \sum_k c_k^2 + \mathrm{eps}}$$
#
# $$\hat{x}_i = \frac{c_i}{r} \qquad
# \mathrm{out}_i = \mathrm{gain}_i \, \hat{x}_i + \mathrm{bias}_i$$
#
# So $\hat{x}$ has mean 0 and variance 1 (up to eps), and does not notice when all entries of $x$
# are shifted by one number, or multiplied by one positive factor. The variance is the *biased* one:
# the sum of squares is divided by $n$, not by $n - 1$.
#
# **eps.** A token whose entries are all equal has variance 0. With eps *under the root*, $r$ is not
# zero and the output is the bias. Where the variance is no larger than eps, eps decides.
#
# **Shapes.** There is one $\mu$ and one $r$ *per token*: `x` is `(..., d_model)`, they are
# `(..., 1)`. Neither the other tokens nor the other sequences of the batch have a say, unlike in
# batch normalisation. Gain and bias are shared by all tokens.
#
# **The trap.** The variance is also the mean of the squares minus the square of the mean, and this
# needs one pass over the data instead of two. Do not use it. Take entries near 10,000 that differ
# by about 1: both terms are about 100,000,000, and of the digits of their difference, which is
# about 1, eight are lost. In float32 there are only seven. Subtract first, square afterwards.
#
# As everywhere in this course, the result is a new array of the dtype that came in, and the
# arguments stay as they are.


# %%
def layernorm(x: Floats, gain: Floats, bias: Floats, eps: float = 1e-5) -> Floats:
    """Bring each token to mean 0 and variance 1, then scale and shift every feature.

    Args:
        x: (..., d_model). Tokens.
        gain: (d_model,). A learned scale for each feature.
        bias: (d_model,). A learned offset for each feature.
        eps: Added to the variance, under the root.

    Returns:
        out: (..., d_model), dtype of `x`.

    Source:
        Ba, Kiros and Hinton 2016, section 3.
    """
    ### BEGIN SOLUTION
    centred = x - x.mean(axis=-1, keepdims=True)
    # Subtracting first keeps the digits that mean(x^2) - mean(x)^2 would lose.
    variance = (centred * centred).mean(axis=-1, keepdims=True)  # (..., 1)
    out: Floats = centred / np.sqrt(variance + eps) * gain + bias
    return out
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_layernorm(student: Student, check: Check) -> None:
    """Worked numbers, a batch, a shift and a factor, equal entries, the default eps, float32."""
    # Means 3 and 10, variances 4 and 16; with eps = 9 the root of the second is 5.
    gain, bias = np.array([2.0, 3.0]), np.array([10.0, -1.0])
    x = np.array([[1.0, 5.0], [14.0, 6.0]])
    one = student.layernorm(x[:1], gain, bias, eps=1e-20)
    check.close(one, [[8.0, 2.0]], "layernorm([[1, 5]], eps near 0)")
    two = student.layernorm(x[1:], gain, bias, eps=9.0)
    check.close(two, [[11.6, -3.4]], "layernorm([[14, 6]], eps=9)")
    both = student.layernorm(x[:, np.newaxis], gain, bias, eps=9.0)
    check.close(both[1], two, "the second token of a (2, 1, 2) batch")
    x = np.array([[0.5, -1.0, 2.0, 0.1], [0.3, 0.3, -0.7, 1.2]])
    gain, bias = np.array([2.0, 3.0, -1.0, 0.5]), np.array([1.0, 0.0, 0.0, 5.0])
    near = student.layernorm(x, gain, bias, eps=1e-20)
    shifted = student.layernorm(x + 1e6, gain, bias, eps=1e-20)
    check.close(shifted, near, "layernorm(x + 1,000,000) compared with your layernorm(x)")
    larger = student.layernorm(1000.0 * x, gain, bias, eps=1e-20)
    check.close(larger, near, "layernorm(1000 x) compared with your layernorm(x), eps near 0,")
    check.close(student.layernorm(0.0 * x + 7.0, gain, bias), [bias, bias], "out of equal entries")
    # Variance 3e-5 and eps 1e-5 under the root make sqrt(4e-5).
    small = student.layernorm(np.sqrt([[3e-5, 3e-5]]) * [1, -1], np.ones(2), np.zeros(2))
    check.close(small, np.sqrt([[0.75, 0.75]]) * [1, -1], "out of small entries, default eps")
    single = student.layernorm(*(a.astype(np.float32) for a in (x, gain, bias)))
    check.true(single.dtype == np.float32, f"layernorm of float32 arrays gives {single.dtype}")


# %% [markdown]
# ## 2. Backward
#
# `dout` is the derivative of the loss with respect to every entry of `out`. The tool is the *total
# derivative*: find every path on which a number reaches the loss, multiply the derivatives along
# each path, and add the paths up.
#
# **The bias and the gain.** Every token of the batch uses the same $\mathrm{bias}_i$ and
# $\mathrm{gain}_i$, at feature $i$. With $t$ running over all tokens,
#
# $$\mathrm{dbias}_i = \sum_t \mathrm{dout}_{t,i} \,
# \frac{\partial \, \mathrm{out}_{t,i}}{\partial \, \mathrm{bias}_i} \qquad
# \mathrm{dgain}_i = \sum_t \mathrm{dout}_{t,i} \,
# \frac{\partial \, \mathrm{out}_{t,i}}{\partial \, \mathrm{gain}_i}$$
#
# What are the two derivatives? The sums run over all leading axes, however many there are.
#
# **From out to x-hat.** The rest is about one token. Feature by feature, one path:
#
# $$g_i = \mathrm{dout}_i \, \mathrm{gain}_i$$
#
# **From x-hat to x: three paths.** In $\hat{x}_i = (x_i - \mu) / r$ the entry $x_j$ occurs directly
# if $i = j$, and for *every* $i$ inside $\mu$ and inside $r$:
#
# ![The entry x_j reaches the x-hats on three paths: directly, its own x-hat only; through the mean
# mu, all of them; through the root r, all of them. From mu an arrow to r is crossed out: it carries
# nothing.](figures/layernorm.svg)
#
# $$\mathrm{dx}_j = \underbrace{g_j \, \frac{\partial \hat{x}_j}{\partial x_j}
# \Big|_{\mu, r \text{ fixed}}}_{\text{direct}} \; + \;
# \underbrace{\Big( \sum_i g_i \, \frac{\partial \hat{x}_i}{\partial \mu} \Big)
# \frac{\partial \mu}{\partial x_j}}_{\text{through } \mu} \; + \;
# \underbrace{\Big( \sum_i g_i \, \frac{\partial \hat{x}_i}{\partial r} \Big)
# \frac{\partial r}{\partial x_j}}_{\text{through } r}$$
#
# The derivatives of $\hat{x}$, each with everything else fixed:
#
# $$\frac{\partial \hat{x}_j}{\partial x_j} = \frac{1}{r} \qquad
# \frac{\partial \hat{x}_i}{\partial \mu} = -\frac{1}{r} \qquad
# \frac{\partial \hat{x}_i}{\partial r} = -\frac{c_i}{r^2} = -\frac{\hat{x}_i}{r}$$
#
# The mean is simple, $\partial \mu / \partial x_j = 1 / n$. For the root differentiate both sides
# of $r^2 = \frac{1}{n} \sum_k c_k^2 + \mathrm{eps}$. Every $c_k = x_k - \mu$ depends on $x_j$
# through $\mu$, and $c_j$ directly as well:
#
# $$2 r \, \frac{\partial r}{\partial x_j}
# = \frac{2}{n} \sum_k c_k \, \frac{\partial c_k}{\partial x_j}
# = \frac{2}{n} \Big( c_j - \frac{1}{n} \sum_k c_k \Big)$$
#
# What is the sum of all $c_k$? So the way from $\mu$ into $r$ carries nothing, and
#
# $$\frac{\partial r}{\partial x_j} = \frac{c_j}{n \, r} = \frac{\hat{x}_j}{n}$$
#
# The last step is yours: insert all five, and take the factor that the three terms share out in
# front. With the $1/n$ drawn into the sums, two numbers per token are left: what are they called?
#
# **Shapes.** Both numbers need a last axis of size 1. The Jacobian of a token, `d_model` times
# `d_model` entries, is never built.
#
# **Two checks for free.** (1) A shift of a token changes nothing, so its gradient adds up to zero,
# $\sum_j \mathrm{dx}_j = 0$, whatever eps is. (2) A factor changes nothing as eps goes to 0, so
# $\sum_j \mathrm{dx}_j \, \hat{x}_j = 0$ then. Each of the paths through $\mu$ and $r$ takes one
# direction out of $g$.
#
# **One thing to try.** Take `d_model` = 2 and eps near 0. What values can $\hat{x}$ have? So before
# you run it: what must `dx` be, for every `dout`?


# %%
def layernorm_backward(
    dout: Floats, x: Floats, gain: Floats, eps: float = 1e-5
) -> tuple[Floats, Floats, Floats]:
    """Push `dout` back through `layernorm`.

    Args:
        dout: (..., d_model). Gradient of the loss with respect to the output.
        x: (..., d_model). The tokens that `layernorm` was given.
        gain: (d_model,). The gain that it was given.
        eps: The eps that it was given.

    Returns:
        dx: (..., d_model), dtype of `x`. Gradient with respect to the tokens.
        dgain: (d_model,), dtype of `gain`. Gradient with respect to the gain, over all tokens.
        dbias: (d_model,), dtype of `gain`. Gradient with respect to the bias, over all tokens.

    Source:
        Ba, Kiros and Hinton 2016, section 3, differentiated.
    """
    ### BEGIN SOLUTION
    centred = x - x.mean(axis=-1, keepdims=True)
    root = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + eps)  # (..., 1)
    x_hat = centred / root
    dx_hat = dout * gain
    # Every entry of a token reaches the loss through the mean and through the root, too.
    by_mean = dx_hat.mean(axis=-1, keepdims=True)  # (..., 1)
    by_root = (dx_hat * x_hat).mean(axis=-1, keepdims=True)  # (..., 1)
    dx: Floats = (dx_hat - by_mean - x_hat * by_root) / root
    dgain: Floats = (dout * x_hat).reshape(-1, gain.size).sum(axis=0)  # all tokens share it
    dbias: Floats = dout.reshape(-1, gain.size).sum(axis=0)
    return dx, dgain, dbias
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student, ask_my_checker

if __name__ == "__main__":  # here, in the notebook: what does your own gradient checker say?
    rng = np.random.default_rng()
    ask_my_checker(
        "vol1_numpy/gradcheck",
        layernorm,
        lambda dout, x, gain, bias: layernorm_backward(dout, x, gain),
        (rng.standard_normal((2, 5)), rng.standard_normal((5,)), rng.standard_normal((5,))),
        ("dx", "dgain", "dbias"),
    )


def visible_layernorm_backward(student: Student, check: Check) -> None:
    """Gradients worked out by hand, your own layernorm differenced, both checks for free."""
    # Mean 5, variance 16, with eps = 9 the root is 5: x_hat is (-0.8, 0.8), dx_hat (2, -6), the
    # mean of dx_hat -2, the mean of dx_hat * x_hat -3.2.
    worked = student.layernorm_backward(
        np.array([[1.0, -2.0]]), np.array([[1.0, 9.0]]), np.array([2.0, 3.0]), eps=9.0
    )
    want = np.array([[0.288, -0.288]]), np.array([-0.8, -1.6]), np.array([1.0, -2.0])
    check.close(worked, want, "dx, dgain, dbias")
    rng = np.random.default_rng(0)
    x, dout = rng.standard_normal((2, 2, 3, 4))
    gain, bias, eps = rng.standard_normal(4), rng.standard_normal(4), 0.2
    dx, dgain, dbias = student.layernorm_backward(dout, x, gain, eps=eps)
    check.gradient(dx, lambda v: student.layernorm(v, gain, bias, eps=eps), x, dout, "dx")
    check.gradient(dgain, lambda v: student.layernorm(x, v, bias, eps=eps), gain, dout, "dgain")
    check.gradient(dbias, lambda v: student.layernorm(x, gain, v, eps=eps), bias, dout, "dbias")
    check.close(dx.sum(axis=-1), np.zeros((2, 3)), "the sum of dx of each token")
    dx, _, _ = student.layernorm_backward(dout, x, gain, eps=1e-20)
    along = (dx * (x - x.mean(axis=-1, keepdims=True))).sum(axis=-1)
    check.close(along, np.zeros((2, 3)), "the sum of dx * (x - mean) of each token, eps near 0,")


# %% [markdown]
# ## Where to read more
#
# - Ba, Kiros and Hinton, *Layer Normalization*, 2016 (arXiv:1607.06450): section 5 tables which
#   shifts and factors each kind of normalisation ignores.
# - Xiong et al., *On Layer Normalization in the Transformer Architecture*, 2020
#   (arXiv:2002.04745): before or after the sublayer, and what that does to gradients.
# - Zhang and Sennrich, *Root Mean Square Layer Normalization*, 2019 (arXiv:1910.07467): is the mean
#   needed? The next exercise.
