"""Activations: relu, gelu and silu are x times a gate, and so are their gradients."""

# %% [markdown]
# # Activations
#
# **The question.** Two linear layers in a row are one linear layer: $(x W_1) W_2 = x (W_1 W_2)$.
# What has to stand between them so that depth is worth something, and how does a gradient pass it?
#
# An *activation* is a function of one number, applied to every entry of an array. The original
# transformer uses relu, GPT-2 uses gelu, LLaMA uses silu. You write the three and their gradients:
#
# | function | gradient | shapes |
# | --- | --- | --- |
# | `relu(x)` | `relu_backward(dout, x)` | all of one shape, any number of axes |
# | `gelu(x)` | `gelu_backward(dout, x)` | likewise |
# | `silu(x)` | `silu_backward(dout, x)` | likewise |
#
# You need the product rule, the chain rule, and about an hour. Helper functions are welcome.

# %%
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

# %% [markdown]
# ## 1. One idea for all three
#
# Each of the three is the input times a *gate* $g$ between 0 and 1, which is near 0 for very
# negative entries, near 1 for large ones, and is opened by the input itself:
#
# $$\mathrm{out} = x \, g(x)$$
#
# ![Left: relu, gelu and silu between -4 and 4. All three go to 0 on the left and to x on the right;
# relu has a kink at 0, gelu and silu dip below 0 first, silu deepest, to -0.28 at x = -1.28. Right:
# their slopes. That of relu jumps from 0 to 1, those of gelu and silu pass 1/2 at x = 0, go above 1
# and below 0 before they settle.](figures/activations.svg)
#
# No entry knows of another, so the Jacobian has entries on its diagonal only, and backpropagation
# is a product entry by entry. With the product rule
#
# $$\mathrm{dx} = \mathrm{dout} \cdot \big( g(x) + x \, g'(x) \big)$$
#
# So each activation needs its gate and the derivative of its gate. Nothing else is to be done, and
# everything works for an array of any shape.
#
# ## 2. relu
#
# The gate is open or shut: $g(x) = 1$ for $x > 0$, else $0$. In other words
#
# $$\mathrm{relu}(x) = \max(x, 0)$$
#
# The result is a new array. Writing zeros into `x` itself is tempting, and takes away from the
# caller what the gradient is computed from later.


# %%
def relu(x: Floats) -> Floats:
    """Keep what is positive; the rest becomes 0.

    Args:
        x: (...). Any finite values.

    Returns:
        out: (...), dtype of `x`.

    Source:
        Glorot, Bordes and Bengio 2011, section 3.1.
    """
    ### BEGIN SOLUTION
    out: Floats = np.maximum(x, 0)
    return out
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_relu(student: Student, check: Check) -> None:
    """Worked numbers, float32."""
    x = np.array([[-2.0, 0.0, 3.0], [0.5, -0.25, -10000.0]])
    check.close(student.relu(x), [[0.0, 0.0, 3.0], [0.5, 0.0, 0.0]], "relu of worked numbers")
    single = student.relu(x.astype(np.float32))
    check.true(single.dtype == np.float32, f"relu of a float32 array gives {single.dtype}")


# %% [markdown]
# **Backward.** Beside 0 the gate is constant, so $g' = 0$: what is left of $g + x g'$? *At* 0 there
# is no derivative: the slope is 0 on one side, 1 on the other. Everybody takes 0 there, and so do
# you. Zeros are not rare: after a relu about half of the entries are exactly 0.
#
# The gate is opened by `x`, the input of the forward, and not by the sign of `dout`.


# %%
def relu_backward(dout: Floats, x: Floats) -> Floats:
    """Push `dout` back through `relu`.

    Args:
        dout: (...). Gradient of the loss with respect to the output.
        x: (...). What `relu` was given.

    Returns:
        dx: (...), dtype of `dout`. Gradient with respect to the input; 0 where `x` is 0.

    Source:
        Glorot, Bordes and Bengio 2011, section 3.1.
    """
    ### BEGIN SOLUTION
    dx: Floats = dout * (x > 0)
    return dx
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_relu_backward(student: Student, check: Check) -> None:
    """A gradient worked out by hand, the slope at 0, your own relu differenced."""
    dout, x = np.array([[2.0, -3.0, 5.0, 7.0]]), np.array([[4.0, 0.5, -1.0, 0.0]])
    check.close(student.relu_backward(dout, x), [[2.0, -3.0, 0.0, 0.0]], "dx")
    x = np.array([[[0.3, -1.2], [2.0, -0.4]], [[-0.1, 0.9], [1.5, -3.0]]])
    dout = np.array([[[1.0, -2.0], [0.5, 0.3]], [[0.7, -1.1], [-0.2, 0.4]]])
    check.gradient(student.relu_backward(dout, x), student.relu, x, dout, "dx")


# %% [markdown]
# ## 3. gelu
#
# Hendrycks and Gimpel open the gate with the probability that a standard normal number is below
# $x$. It has no elementary formula, so they give a fit by a hyperbolic tangent, which GPT-2 and
# many others use ever since. That *tanh form* is what we mean by gelu:
#
# $$\mathrm{gelu}(x) = \frac{x}{2} \big( 1 + \tanh u \big) \qquad
# u = \sqrt{\frac{2}{\pi}} \, \big( x + 0.044715 \, x^3 \big)$$
#
# The two differ by up to 0.0005: little, but more than rounding, and a checkpoint should be run
# with the form that it was trained with.
#
# **Precision.** float32 goes in and float32 comes out. `np.sqrt(2 / np.pi)` is a NumPy float64
# and makes a float64 of every float32 array that it meets; `math.sqrt` gives a Python number, which
# does not.


# %%
### BEGIN SOLUTION
SCALE, CUBIC = math.sqrt(2 / math.pi), 0.044715


### END SOLUTION


def gelu(x: Floats) -> Floats:
    """Multiply by the tanh form of the normal distribution function.

    Args:
        x: (...). Any finite values up to 1e4 in size.

    Returns:
        out: (...), dtype of `x`.

    Source:
        Hendrycks and Gimpel 2016, section 2.
    """
    ### BEGIN SOLUTION
    gate = 0.5 + 0.5 * np.tanh(SCALE * (x + CUBIC * x * x * x))
    out: Floats = x * gate
    return out
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_gelu(student: Student, check: Check) -> None:
    """Worked numbers, the sum of both sides, large entries, float32."""
    # At x = 1: u = 0.797885 * 1.044715 = 0.833562, tanh u = 0.682384. At 2: 0.797885 * 2.357720.
    x = np.array([[1.0, 2.0], [0.0, -1.0]])
    want = [[0.841192, 1.954598], [0.0, -0.158808]]
    check.close(student.gelu(x), want, "gelu([[1, 2], [0, -1]])", rtol=1e-6)
    x = np.array([0.1, 0.7, 1.9, 3.0])
    both = student.gelu(x) - student.gelu(-x)
    check.close(both, x, "gelu(x) - gelu(-x), which is x because both gates add up to 1,")
    large = student.gelu(np.array([-1e4, 1e4]))
    check.close(large, [0.0, 1e4], "gelu([-10000, 10000])")
    single = student.gelu(x.astype(np.float32))
    check.true(single.dtype == np.float32, f"gelu of a float32 array gives {single.dtype}")


# %% [markdown]
# **Backward.** The gate is $g = \frac{1}{2} (1 + \tanh u)$, a function of $u$, which is a function
# of $x$. The derivative of the tangent is
#
# $$\frac{d \tanh u}{du} = \frac{1}{\cosh^2 u} = 1 - \tanh^2 u$$
#
# Of these two, the right one never leaves the interval from 0 to 1 on its way; on the left
# $\cosh u$ overflows for large entries. By the chain rule
#
# $$g'(x) = \frac{1}{2} \big( 1 - \tanh^2 u \big) \, \frac{du}{dx}$$
#
# Two steps are yours: differentiate $u$ by $x$ (it has two terms, and a factor in front of both),
# then insert $g$ and $g'$ into $\mathrm{dout} \cdot (g + x g')$ from section 1. The forward kept
# nothing, so $\tanh u$ is computed once more.


# %%
def gelu_backward(dout: Floats, x: Floats) -> Floats:
    """Push `dout` back through `gelu`.

    Args:
        dout: (...). Gradient of the loss with respect to the output.
        x: (...). What `gelu` was given.

    Returns:
        dx: (...), dtype of `dout`. Gradient with respect to the input.

    Source:
        Hendrycks and Gimpel 2016, section 2, differentiated.
    """
    ### BEGIN SOLUTION
    t = np.tanh(SCALE * (x + CUBIC * x * x * x))
    du = SCALE * (1 + 3 * CUBIC * x * x)
    # The product rule: the gate, and x times the slope of the gate.
    dx: Floats = dout * 0.5 * (1 + t + x * (1 - t * t) * du)
    return dx
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student, ask_my_checker

if __name__ == "__main__":  # here, in the notebook: what does your own gradient checker say?
    rng = np.random.default_rng()
    ask_my_checker(
        "vol1_numpy/gradcheck",
        gelu,
        lambda dout, x: (gelu_backward(dout, x),),
        (rng.standard_normal((2, 5)),),
        ("dx",),
    )


def visible_gelu_backward(student: Student, check: Check) -> None:
    """The slope at 0, your own gelu differenced, both sides, large entries."""
    check.close(student.gelu_backward(np.array([6.0]), np.zeros(1)), [3.0], "dx at x = 0")
    x = np.array([[0.3, -1.2, 2.0], [-0.75, 0.1, 1.1]])
    dout = np.array([[1.0, -2.0, 0.5], [0.3, 0.7, -1.1]])
    dx = student.gelu_backward(dout, x)
    check.gradient(dx, student.gelu, x, dout, "dx")
    both = dx + student.gelu_backward(dout, -x)
    check.close(both, dout, "dx at x plus dx at -x, whose slopes add up to 1,")
    large = student.gelu_backward(np.array([2.0, 3.0]), np.array([-1e4, 1e4]))
    check.close(large, [0.0, 3.0], "dx at x = -10000 and 10000")


# %% [markdown]
# ## 4. silu
#
# Also called *swish*. The gate is the logistic function, the *sigmoid*:
#
# $$\mathrm{silu}(x) = x \, \sigma(x) \qquad \sigma(x) = \frac{1}{1 + e^{-x}}$$
#
# **The trap.** Multiply numerator and denominator by $e^x$ and you get the equal form
# $e^x / (1 + e^x)$. In float64 $e^{x}$ is infinite from $x = 710$ on: what are the two forms at
# $x = 10000$, and what are they at $x = -10000$? (For $e^{-x}$ NumPy prints a warning there,
# although the result is right. A form without any overflow is
# $\frac{1}{2} \big( 1 + \tanh \frac{x}{2} \big)$: so gelu's gate is a sigmoid, too, of $2u$.)


# %%
### BEGIN SOLUTION
def _sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), by way of tanh: the exponential overflows for very negative x."""
    gate: Floats = 0.5 + 0.5 * np.tanh(0.5 * x)
    return gate


### END SOLUTION


def silu(x: Floats) -> Floats:
    """Multiply by the logistic function.

    Args:
        x: (...). Any finite values.

    Returns:
        out: (...), dtype of `x`.

    Source:
        Ramachandran, Zoph and Le 2017, section 4; Elfwing, Uchibe and Doya 2017, equation 6.
    """
    ### BEGIN SOLUTION
    return x * _sigmoid(x)
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_silu(student: Student, check: Check) -> None:
    """Worked numbers, the sum of both sides, large entries, float32."""
    # exp(-log 3) = 1/3, so the gate is 3/4; exp(log 4) = 4, so the gate at -log 4 is 1/5.
    x = np.array([[np.log(3.0), 0.0], [-np.log(4.0), -np.log(3.0)]])
    want = [[0.75 * np.log(3.0), 0.0], [-0.2 * np.log(4.0), -0.25 * np.log(3.0)]]
    check.close(student.silu(x), want, "silu([[log 3, 0], [-log 4, -log 3]])")
    x = np.array([0.1, 0.7, 1.9, 3.0])
    both = student.silu(x) - student.silu(-x)
    check.close(both, x, "silu(x) - silu(-x), which is x because both gates add up to 1,")
    large = student.silu(np.array([-1e4, 1e4]))
    check.close(large, [0.0, 1e4], "silu([-10000, 10000])")
    single = student.silu(x.astype(np.float32))
    check.true(single.dtype == np.float32, f"silu of a float32 array gives {single.dtype}")


# %% [markdown]
# **Backward.** The sigmoid is a quotient with a constant numerator, so
#
# $$\sigma'(x) = \frac{e^{-x}}{\big( 1 + e^{-x} \big)^2}
# = \frac{1}{1 + e^{-x}} \cdot \frac{e^{-x}}{1 + e^{-x}}$$
#
# The first fraction is $\sigma(x)$. What do the two fractions add up to, and so what is the second
# one? With that, $\sigma'$ is written in $\sigma$ alone. Insert it into the product rule,
# $\mathrm{dout} \cdot (g + x g')$, and take out the factor that both terms share: one sigmoid and
# a few products per entry.
#
# **A check for free.** Both gates add up to one, $g(x) + g(-x) = 1$. So `silu(x) - silu(-x)` is
# `x`, and differentiated: the slope at $x$ and the slope at $-x$ add up to 1. It holds for all
# three activations (for relu everywhere but at 0).
#
# **One thing to try.** Compute `silu_backward` with `dout = 1` for `x` from -3 to 0. It changes its
# sign: where, and what does `silu` do there? Left of that point an entry has to *rise* for
# its output to fall. And is there an `x` whose gradient is larger than `dout`?


# %%
def silu_backward(dout: Floats, x: Floats) -> Floats:
    """Push `dout` back through `silu`.

    Args:
        dout: (...). Gradient of the loss with respect to the output.
        x: (...). What `silu` was given.

    Returns:
        dx: (...), dtype of `dout`. Gradient with respect to the input.

    Source:
        Ramachandran, Zoph and Le 2017, section 4; Elfwing, Uchibe and Doya 2017, equation 7.
    """
    ### BEGIN SOLUTION
    gate = _sigmoid(x)
    dx: Floats = dout * (gate * (1 + x * (1 - gate)))
    return dx
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_silu_backward(student: Student, check: Check) -> None:
    """A gradient worked out by hand, your own silu differenced, both sides, large entries."""
    # At log 3 the gate is 3/4 and its slope 3/16.
    worked = student.silu_backward(np.array([16.0, 6.0]), np.array([np.log(3.0), 0.0]))
    check.close(worked, [12.0 + 3.0 * np.log(3.0), 3.0], "dx at x = log 3 and 0")
    x = np.array([[0.3, -1.2, 2.0], [-0.75, 0.1, 1.1]])
    dout = np.array([[1.0, -2.0, 0.5], [0.3, 0.7, -1.1]])
    dx = student.silu_backward(dout, x)
    check.gradient(dx, student.silu, x, dout, "dx")
    both = dx + student.silu_backward(dout, -x)
    check.close(both, dout, "dx at x plus dx at -x, whose slopes add up to 1,")
    large = student.silu_backward(np.array([2.0, 3.0]), np.array([-1e4, 1e4]))
    check.close(large, [0.0, 3.0], "dx at x = -10000 and 10000")


# %% [markdown]
# ## Where to read more
#
# - Glorot, Bordes and Bengio, *Deep Sparse Rectifier Neural Networks*, 2011: relu.
# - Hendrycks and Gimpel, *Gaussian Error Linear Units*, 2016 (arXiv:1606.08415).
# - Ramachandran, Zoph and Le, *Searching for Activation Functions*, 2017 (arXiv:1710.05941):
#   swish found by search; Elfwing, Uchibe and Doya, 2017 (arXiv:1702.03118), who named it SiLU.
