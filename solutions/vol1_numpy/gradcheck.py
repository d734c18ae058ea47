"""Gradient checking: your own tool that tells a right backward from a wrong one."""

# %% [markdown]
# # Gradient checking
#
# **The question.** In this volume you derive every gradient of a language model by hand. A sign, a
# factor, a sum along the wrong axis: each is easily made and hard to see. The model does not
# complain either. In a trial, 18 backward functions with a bug planted in each were used for
# training, and all 18 still drove the loss to almost zero. So a loss that goes down proves nothing.
# How do you find out whether a gradient is right, without deriving it a second time?
#
# You write the tool that answers this, and you need it in every exercise that follows:
#
# | function | what it gives |
# | --- | --- |
# | `numerical_gradient(f, x, dout, h=1e-5)` | a gradient that nobody derived, shaped like `x` |
# | `relative_error(a, b)` | how far two gradients are apart, one number |
# | `check_gradient(forward, backward, inputs, dout)` | one error per gradient of a backward |
#
# You need NumPy, Taylor series to third order, and about an hour and a half.

# %%
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

TOLERANCE = 1e-6  # a gradient whose error is larger counts as wrong

# %% [markdown]
# ## 1. A gradient that nobody derived
#
# **What a backward computes.** A function turns `x` into `out`, and the rest of the model turns
# `out` into a loss. What a backward gets from that rest is one array, `dout`: how strongly each
# entry of `out` acts on the loss. By the chain rule it returns
#
# $$\mathrm{dx}_j = \sum_i \mathrm{dout}_i \, \frac{\partial \, \mathrm{out}_i}{\partial x_j}$$
#
# Read `dout` as an array of constants and take it under the derivative. Then $\mathrm{dx}$ is the
# gradient of *one number*,
#
# $$L(x) = \sum_i \mathrm{dout}_i \, \mathrm{out}_i(x)$$
#
# so no loss function is needed to check a backward: any `dout` of the right shape gives one.
#
# **From slopes to differences.** Move one entry $x_j$ by a small step $h$ and keep all others.
# Taylor's theorem says what $L$ does, with derivatives by $x_j$ at the point where we stand:
#
# $$L(x_j + h) = L + h \, L' + \frac{h^2}{2} L'' + \frac{h^3}{6} L''' + \dots$$
#
# $$L(x_j - h) = L - h \, L' + \frac{h^2}{2} L'' - \frac{h^3}{6} L''' + \dots$$
#
# The definition of the derivative suggests the *one-sided* difference. By the first line
#
# $$\frac{L(x_j + h) - L}{h} = L' + \frac{h}{2} L'' + \dots$$
#
# Its error shrinks only in proportion to $h$. The last step is yours: subtract the second line from
# the first. Which terms drop out, by what must you divide to be left with $L'$, and which power of
# $h$ does the error have now? That is the *central* difference.
#
# **Not too small.** Why not $h = 10^{-15}$? A float64 has 16 digits, so each $L$ carries a rounding
# error of about $\varepsilon |L|$ with $\varepsilon = 2 \cdot 10^{-16}$, and the division by $h$
# blows it up to $\varepsilon |L| / h$. One error falls with $h$, the other one rises, and the best
# $h$ is where they meet: near $\varepsilon^{1/3} \approx 6 \cdot 10^{-6}$ for central differences.
# With the $\varepsilon = 10^{-7}$ of float32 even the best step leaves an error of about $10^{-5}$,
# which is as large as that of a small bug.
#
# ![Three curves of the error against the step h on logarithmic axes, each falling and then rising
# as h shrinks. One-sided differences reach about 1e-8 near h = 1e-8, central differences about
# 1e-11 near h = 1e-5, central differences in float32 only about 1e-5, near h = 1e-2.
# ](figures/gradcheck.svg)
#
# **What to write.** One entry of `x` at a time: raise it by `h`, evaluate
# $L = \sum$ `f(x) * dout`, lower it, evaluate again, put the value back, write down the quotient.
#
# - Everything happens in float64, also when `x` is float32, and so the result is float64.
# - `x` belongs to the caller: it stays as it is. (It may be read-only, or a strided view.)
# - `f` may return a *view* of what it is given, as a transpose or a reshape does. Compute the first
#   sum before you change the array for the second.


# %%
def numerical_gradient(
    f: Callable[[Floats], Any], x: Floats, dout: Floats, h: float = 1e-5
) -> Floats:
    """Differentiate sum(f(x) * dout) by every entry of `x`, by central differences.

    Args:
        f: Maps an array shaped like `x` to an array shaped like `dout`, or to a number.
        x: (...). The point at which to differentiate. Left as it is.
        dout: Shaped like f(x). How much each entry of f(x) counts.
        h: Half the distance between the two points that are compared.

    Returns:
        grad: Shaped like `x`, float64. The derivative by each entry.

    Source:
        Griewank and Walther 2008, section 1.1; Baydin et al. 2018, section 2.1.
    """
    ### BEGIN SOLUTION
    at = np.array(x, dtype=np.float64)  # a copy
    grad = np.empty_like(at)
    for index in np.ndindex(at.shape):
        value = at[index]
        at[index] = value + h
        above = np.sum(f(at) * dout)  # summed right away: f(at) may be a view of `at`
        at[index] = value - h
        below = np.sum(f(at) * dout)
        at[index] = value
        grad[index] = (above - below) / (2 * h)
    return grad
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_numerical_gradient(student: Student, check: Check) -> None:
    """A quotient worked out by hand, a matrix product, a view, a number, float32, x untouched."""
    # At x = 2 with h = 0.5: (2.5**3 - 1.5**3) / 1 = 12.25.
    worked = student.numerical_gradient(lambda v: v**3, np.array([2.0, 0.0]), np.ones(2), h=0.5)
    check.close(worked, [12.25, 0.25], "numerical_gradient(x**3 at [2, 0], h=0.5)")
    x, m = np.array([[0.5, -1.0, 2.0]]), np.array([[1.0, 2.0], [3.0, -1.0], [0.0, 4.0]])
    got = student.numerical_gradient(lambda v: v @ m, x, np.array([[1.0, 10.0]]))
    check.close(got, [[21.0, -7.0, 40.0]], "numerical_gradient(x @ m, dout=[1, 10])")
    got = student.numerical_gradient(np.transpose, x, np.array([[3.0], [5.0], [7.0]]))
    check.close(got, [[3.0, 5.0, 7.0]], "numerical_gradient(np.transpose), which returns a view,")
    got = student.numerical_gradient(lambda v: float((v * v).sum()), x, np.array(0.5))
    check.close(got, x, "numerical_gradient of sum(x * x), a number, dout=0.5,")
    single = student.numerical_gradient(lambda v: v**2, x.astype(np.float32), np.ones((1, 3)))
    check.close(single, 2 * x, "numerical_gradient(x**2) of a float32 x")
    held = student.hold(x)
    student.numerical_gradient(lambda v: v**2, held, np.ones((1, 3)))
    check.true(np.array_equal(student.fetch(held), x), "x is not the same after the call")


# %% [markdown]
# ## 2. How far apart are two gradients?
#
# The numerical gradient and yours never agree to the last digit. Is a difference of $10^{-6}$
# large? If the gradients themselves are near 1, it is a trace of the finite step. If they are near
# $10^{-6}$, as they are for a mean over a large batch, everything is wrong. So the difference must
# be seen in relation to the size of the gradients.
#
# Per entry this goes wrong: where the true derivative is 0, any rounding error is infinitely large
# in relation to it. So the whole array is taken together, the largest difference in relation to the
# largest entry:
#
# $$E(a, b) = \frac{\max_i |a_i - b_i|}
# {\max \big( \max_i |a_i|, \; \max_i |b_i|, \; 10^{-12} \big)}$$
#
# The $10^{-12}$ is a floor for the case that both arrays are zero: two gradients of zero agree, and
# 0 / 0 should not say otherwise.
#
# **What the number says.** Before you write it, work out with pencil and paper: what is $E$ if one
# gradient is twice the other one? If it has the opposite sign? If it is zero and the other one is
# not? And which is the largest value that $E$ can have at all? You will meet these values again,
# and know from the number alone what kind of mistake it is.
#
# Compute in float64, whatever dtype the two arrays have.


# %%
def relative_error(a: Floats, b: Floats) -> float:
    """Compare two gradients of one shape: largest difference over largest entry.

    Args:
        a: (...). A gradient, at least one entry.
        b: (...). Another one, of the same shape.

    Returns:
        error: A float. max|a - b| / max(max|a|, max|b|, 1e-12), computed in float64.

    Source:
        Higham 2002, Accuracy and Stability of Numerical Algorithms, section 1.2 (relative error in
        a norm; here the maximum norm, with a scale that treats both alike).
    """
    ### BEGIN SOLUTION
    difference = np.abs(np.subtract(a, b, dtype=np.float64)).max()
    error: float = difference / max(np.abs(a).max(), np.abs(b).max(), 1e-12)
    return error
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_relative_error(student: Student, check: Check) -> None:
    """Errors worked out by hand: one wrong entry, a negative one, tiny gradients, zeros."""
    a = np.array([[1.0, -8.0], [2.0, 0.0]])
    one = np.array([[1.0, -8.0], [4.0, 0.0]])
    check.close(student.relative_error(a, one), 0.25, "relative_error([1, -8, 2, 0], 2 becomes 4)")
    larger = np.array([[1.0, -10.0], [2.0, 0.0]])
    check.close(student.relative_error(a, larger), 0.2, "relative_error, -8 becomes -10,")
    check.close(student.relative_error(larger, a), 0.2, "relative_error with a and b exchanged")
    tiny, zero = np.array([2e-13, 1e-13]), np.zeros(2)
    check.close(student.relative_error(tiny, zero), 0.2, "relative_error([2e-13, 1e-13], [0, 0])")
    check.close(student.relative_error(zero, zero), 0.0, "relative_error of zeros and zeros")
    check.close(student.relative_error(1e-6 * a, 1e-6 * one), 0.25, "relative_error, all * 1e-6,")


# %% [markdown]
# ## 3. The checker
#
# `check_gradient` puts the two together. It gets a `forward`, the `backward` that claims to belong
# to it, a point (`inputs`) and a `dout`. It calls the backward once. For each input it holds the
# others fixed, differences the forward, and compares. The result is one error per gradient, so you
# see not only *that* something is wrong but *which* gradient.
#
# ```
# errors = check_gradient(forward, backward, (x, w), dout)   # [3.1e-11, 0.5]: look at dw
# ```
#
# **Which inputs.** Some inputs are integers, token ids for instance. They have no gradient, so they
# are not differentiated and get no error, but forward and backward still need them in their places.
# A backward returns gradients for the float inputs only: with `inputs = (ids, table, gain)` it
# returns `(dtable, dgain)`, and so there are two errors. The float inputs and `dout` are converted
# to float64 before anything is called; the caller's arrays stay as they are.
#
# **What must not slip through.** Three kinds of wrong gradients are easily let pass, because
# Python and NumPy do not object:
#
# - *A wrong shape.* If a bias has shape `(K,)` and its gradient arrives as `(B, K)`, the sum over
#   the batch is missing; NumPy broadcasts the subtraction and never mentions it.
# - *A missing gradient.* `zip` stops at the shorter of two lists. A gradient may also be `None`.
# - *Not a number.* Every comparison with `nan` is false: `nan > TOLERANCE` is, too.
#
# In each of these cases the error is `np.inf`. So it is if the forward gives no finite numbers to
# compare with: what cannot be checked is not right.
#
# **When is a checker good?** One that flags everything finds every bug. One that flags nothing
# never blames a right gradient. Both are useless. Let $\mathrm{TPR}$ be the share of the wrong
# gradients that are flagged (true positive rate), $\mathrm{TNR}$ the share of the right ones that
# are accepted (true negative rate). The hidden checks hand your checker more than ten wrong and
# more than five right backwards, count a gradient as flagged if its error is above `TOLERANCE`, and
# pay for
#
# $$J = \mathrm{TPR} + \mathrm{TNR} - 1 = 1$$
#
# What is $J$ for a checker that flags everything? For one that flags nothing? For one that tosses a
# coin and flags with probability $p$, whatever the gradient is?
#
# **Where it does not work.** At a kink there is no derivative to find: near $x = 0$ a difference of
# `relu` mixes both slopes. If an error is large at one point and tiny at the next one, look for a
# kink within `h` before you look for a bug.
#
# **One thing to try.** Take `f = lambda x: x / x.sum()` and print its numerical gradient, first for
# a `dout` of ones, then for a random one. The first is about $10^{-11}$ everywhere, which is zero
# but for rounding; why? (What do the entries of the output add up to?) At that `dout` a backward
# that returns zeros is right, and nothing can tell it from the true one: your relative error then
# compares rounding errors, and says anything between 0 and 2. This is why `dout` is drawn at
# random.


# %%
### BEGIN SOLUTION
def _disagreement(grad: Any, want: Floats) -> float:
    """The relative error of a gradient, inf where there is nothing to compare."""
    if np.shape(grad) != want.shape:  # of None it is ()
        return np.inf
    if not (np.isfinite(grad).all() and np.isfinite(want).all()):
        return np.inf
    return relative_error(grad, want)


### END SOLUTION


def check_gradient(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: tuple[Any, ...],
    dout: Floats,
) -> list[float]:
    """Compare every gradient of `backward` with differences of `forward`.

    Args:
        forward: Called as forward(*inputs); returns an array or a number.
        backward: Called as backward(dout, *inputs); returns a tuple of gradients, one for each
            float input, in order.
        inputs: The arguments, arrays of floats or integers. Floats are converted to float64.
        dout: Shaped like the output, drawn at random rather than ones. Converted to float64.

    Returns:
        errors: A list, one float for each float input, in order. The relative error of its
            gradient; inf if that is missing, has another shape than the input or holds a value
            that is not finite, or if the differences do.

    Source:
        Bengio 2012, Practical recommendations for gradient-based training of deep architectures,
        section 3.1 (verifying the gradient by finite differences).
    """
    ### BEGIN SOLUTION
    inputs = tuple(x.astype(np.float64) if x.dtype.kind == "f" else x for x in inputs)
    dout = np.asarray(dout, dtype=np.float64)

    def along(i: int) -> Callable[[Floats], Any]:
        """The forward as a function of input `i` alone."""
        return lambda v: forward(*inputs[:i], v, *inputs[i + 1 :])

    grads = iter(backward(dout, *inputs))
    return [
        _disagreement(next(grads, None), numerical_gradient(along(i), x, dout))
        for i, x in enumerate(inputs)
        if x.dtype.kind == "f"
    ]
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_check_gradient(student: Student, check: Check) -> None:
    """A right backward, wrong ones, integer inputs, and what must not slip through."""
    x, w = np.array([[1.0, -2.0], [0.5, 3.0], [2.0, 1.0]]), np.array([2.0, -1.5])
    dout = np.array([[1.0, -0.5], [2.0, 0.25], [-1.0, 1.5]])
    forward = lambda x, w: x * w  # noqa: E731

    def errors(backward: Callable[..., Any]) -> Any:
        return student.check_gradient(forward, backward, (x, w), dout)

    right = errors(lambda dout, x, w: (dout * w, (dout * x).sum(axis=0)))
    check.close(right, (0.0, 0.0), "the errors of a right backward", rtol=1e-5)
    wrong = errors(lambda dout, x, w: (-dout * w, 2 * (dout * x).sum(axis=0)))
    check.close(wrong, (2.0, 0.5), "the errors of (-dx, 2 * dw)", rtol=1e-6)
    inf = np.inf
    wide = errors(lambda dout, x, w: (dout * w, dout * x))
    check.close(wide, (0.0, inf), "the errors if dw is not summed over the batch", rtol=1e-5)
    for lost in ((), (None,)):
        short = errors(lambda dout, x, w, lost=lost: (dout * w, *lost))
        check.close(short, (0.0, inf), "the errors if dw is missing, or None,", rtol=1e-5)
    nan = errors(lambda dout, x, w: (dout * np.nan, (dout * x).sum(axis=0)))
    check.close(nan, (inf, 0.0), "the errors if dx is nan", rtol=1e-5)

    ids, table = np.array([2, 0, 2]), np.array([[1.0], [2.0], [3.0]])
    found = student.check_gradient(
        lambda ids, table: table[ids],
        lambda dout, ids, table: (np.array([[dout[1, 0]], [0.0], [dout[0, 0] + dout[2, 0]]]),),
        (ids, table),
        np.array([[1.0], [5.0], [-3.0]]),
    )
    check.close(found, (0.0,), "the errors with inputs (ids, table), ids integers,", rtol=1e-5)


# %% [markdown]
# ## How to use it from now on
#
# In later exercises derive, write, and then check *your* backward with *your* checker, before you
# run anything else:
#
# - Draw `dout` and the inputs at random. At special points bugs hide: a gain of ones hides a
#   missing factor, a symmetric matrix a missing transpose, a bias of zeros hides the bias.
# - A few numbers are enough. An array of 2 by 3 finds nearly every bug, and it takes two forward
#   passes per entry.
# - Make all sizes different, then all equal: the first finds mixed-up axes, the second silent
#   transposes.
#
# ## Where to read more
#
# - Griewank and Walther, *Evaluating Derivatives*, 2nd edition, 2008, chapter 1: differences, and
#   why programs that need exact derivatives do something else.
# - Baydin et al., *Automatic Differentiation in Machine Learning: a Survey*, 2018
#   (arXiv:1502.05767), section 2.1 with its figure of both errors.
# - Bengio, *Practical recommendations for gradient-based training of deep architectures*, 2012
#   (arXiv:1206.5533), section 3.1.
# - Youden, *Index for rating diagnostic tests*, 1950: where $J$ comes from.
