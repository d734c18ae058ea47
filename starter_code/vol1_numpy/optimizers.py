"""Optimizers: gradients become steps, of the right size and in the right direction."""

# %% [markdown]
# # Optimizers
#
# **The question.** Backpropagation gives one gradient array per parameter array. The gradient says
# which way the loss rises. What step do we take, how much of the past do we remember, what do we do
# with a gradient that is far too long, and how does the step size change over a run?
#
# You write what nearly every language model is trained with, and the two rules that it grew from:
#
# | to write | what it does |
# | --- | --- |
# | `sgd_step(params, grads, lr)` | one step downhill |
# | `momentum_step(params, grads, velocity, lr, momentum)` | a step that remembers the last ones |
# | `AdamW(params, lr, betas, eps, weight_decay)` and its `step(grads)` | a step size per number |
# | `clip_grad_norm(grads, max_norm)` | a limit on the length of the whole gradient |
# | `lr_schedule(step, max_lr, min_lr, warmup, total)` | the learning rate at each step |
#
# You need NumPy, the geometric series, expectations, and about two hours.
#
# **Everything is updated in place.** `params` is a list of arrays that the model also holds, so a
# step has to change *those arrays*. `p -= d` and `p[...] = p - d` write into the array that the
# caller gave; `p = p - d` makes a new array and binds the local name to it, and the model never
# hears of it; `params[i] = p - d` changes the list and leaves the model's array as it was.
# What works in place returns `None`, so that nobody takes the result for a copy. Gradients are not
# parameters: only `clip_grad_norm` may change them.

# %%
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

# %% [markdown]
# ## 1. Steepest descent
#
# Collect all parameters in one long vector $p$, with gradient $g$. For a small step $d$ the loss
# changes by
#
# $$L(p + d) - L(p) \approx g \cdot d = \lVert g \rVert \, \lVert d \rVert \cos \varphi$$
#
# where $\varphi$ is the angle between the step and the gradient. Among all steps of one length,
# which angle lowers the loss the most? Take a step in that direction, $\eta$ (`lr`) times as long
# as the gradient.
#
# **How large may the rate be?** On a parabola $L = \tfrac{1}{2} c \, p^2$ the gradient is $c \, p$,
# and one step multiplies $p$ by $1 - \eta c$. The step shrinks $p$ only while $\eta c < 2$. With
# several directions of different curvature, the steepest one limits the rate for all of them. The
# flattest one, whose $c$ is far smaller, then needs about $1 / (\eta c)$ steps.
#
# ![Three panels show the level lines of a long narrow valley and 15 steps from the same start. SGD
# zigzags between the walls and stops short of the minimum. Momentum swings past the floor of the
# valley, comes back, and is almost there. AdamW first moves diagonally, equally fast in both
# directions, and then turns along the valley.](figures/optimizers.svg)
#
# **Shapes.** `params` and `grads` are lists of equal length; arrays at the same place have the same
# shape. The arrays differ in shape from one another, so go through the lists one pair at a time.

# %%
def sgd_step(params: list[Floats], grads: Sequence[Floats], lr: float) -> None:
    """Take one step of gradient descent, changing the arrays in `params` themselves.

    Args:
        params: Arrays of any shape. Updated in place.
        grads: One gradient per parameter, of its shape and dtype. Left as they are.
        lr: Learning rate, the length of the step as a multiple of the gradient.

    Source:
        Goodfellow, Bengio and Courville 2016, sections 4.3 and 8.3.1.
    """
    raise NotImplementedError("sgd_step is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_sgd_step(student: Student, check: Check) -> None:
    """Worked numbers, a parabola, the caller's own array."""
    params = student.hold([np.array([[1.0, 2.0]]), np.array([3.0])])
    student.sgd_step(params, [np.array([[10.0, -10.0]]), np.array([4.0])], 0.1)
    worked = (np.array([[0.0, 3.0]]), np.array([2.6]))
    check.close(student.fetch(params), worked, "params")
    p = student.hold(np.array([1.0, -2.0]))
    for _ in range(3):  # the gradient of 2 p**2 is 4 p, so each step keeps 1 - 0.1 * 4 of p
        student.sgd_step(student.hold([p]), [4 * student.fetch(p)], 0.1)
    check.close(student.fetch(p), [0.216, -0.432], "p after three steps on a parabola")

# %% [markdown]
# ## 2. Momentum: a weighted sum of the past
#
# In a narrow valley the part of the gradient that points across it changes sign at every step, the
# part along it does not. A sum over the last steps cancels the first and collects the second. Keep
# a *velocity* $v$ with $v_0 = 0$, one array per parameter, and let it lose a part of itself at each
# step before it takes up the new gradient:
#
# $$v_t = \mu \, v_{t-1} + g_t$$
#
# Insert the formula into itself, twice:
#
# $$v_t = g_t + \mu \, g_{t-1} + \mu^2 \, g_{t-2} + \mu^3 \, v_{t-3} = \dots
# = \sum_{k=0}^{t-1} \mu^k \, g_{t-k}$$
#
# The velocity is an exponentially weighted sum of all gradients so far. Note that it is a *sum*,
# not a mean: when the gradient is the same $g$ at every step, the geometric series gives
#
# $$v_t = \frac{1 - \mu^t}{1 - \mu} \, g$$
#
# so with $\mu = 0.9$ the steps grow to ten times the plain ones. The parameter then moves like in
# section 1, with the *new* velocity where the gradient stood. Some texts put the rate into the
# velocity, $v_t = \mu v_{t-1} + \eta g_t$; as long as the rate is constant that gives the same
# parameters, and when a schedule changes the rate it does not. Here the velocity knows nothing of
# the rate.
#
# **A check for free.** With `momentum = 0` the past is forgotten at once. Which function of this
# page does `momentum_step` then agree with?

# %%
def momentum_step(
    params: list[Floats],
    grads: Sequence[Floats],
    velocity: list[Floats],
    lr: float,
    momentum: float,
) -> None:
    """Take one step with momentum, changing the arrays in `params` and `velocity` themselves.

    Args:
        params: Arrays of any shape. Updated in place.
        grads: One gradient per parameter, of its shape and dtype. Left as they are.
        velocity: One array per parameter, zeros before the first step. Updated in place.
        lr: Learning rate.
        momentum: The part of the velocity that is kept from one step to the next.

    Source:
        Polyak 1964; Sutskever, Martens, Dahl and Hinton 2013, section 2.
    """
    raise NotImplementedError("momentum_step is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_momentum_step(student: Student, check: Check) -> None:
    """Two steps worked out by hand, and the geometric series."""
    params = student.hold([np.array([1.0, 2.0])])
    velocity = student.hold([np.zeros(2)])
    student.momentum_step(params, [np.array([1.0, -2.0])], velocity, 0.1, 0.5)
    check.close(student.fetch(velocity), (np.array([1.0, -2.0]),), "velocity after one step")
    check.close(student.fetch(params), (np.array([0.9, 2.2]),), "params after one step")
    student.momentum_step(params, [np.array([3.0, 0.0])], velocity, 0.1, 0.5)
    check.close(student.fetch(velocity), (np.array([3.5, -1.0]),), "velocity after two steps")
    check.close(student.fetch(params), (np.array([0.55, 2.3]),), "params after two steps")
    velocity = student.hold([np.zeros(1)])
    for _ in range(4):
        student.momentum_step(student.hold([np.ones(1)]), [np.ones(1)], velocity, 0.1, 0.5)
    check.close(student.fetch(velocity), (np.array([1.875]),), "velocity after four gradients of 1")

# %% [markdown]
# ## 3. AdamW: a step size for every number
#
# One rate for all parameters is a compromise: the gradient of an embedding row is tiny most of the
# time, that of a gain vector is not. Adam divides each gradient by its own typical size. It keeps
# two running means per number, of the gradient and of its square:
#
# $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) \, g_t \qquad
# v_t = \beta_2 v_{t-1} + (1 - \beta_2) \, g_t^2 \qquad m_0 = v_0 = 0$$
#
# ### Why the means are too small at first
#
# Unroll as in section 2:
#
# $$m_t = (1 - \beta_1) \sum_{k=0}^{t-1} \beta_1^k \, g_{t-k}$$
#
# Say the gradients are random with the same expectation $E[g]$ at every step. Expectations go
# through the sum:
#
# $$E[m_t] = E[g] \, (1 - \beta_1) \sum_{k=0}^{t-1} \beta_1^k$$
#
# The mean starts at zero and has not forgotten that yet: the weights do not add up to one. Two
# steps are yours. Replace the sum by its closed form, from section 2. Then divide $m_t$ by the
# factor that stands before $E[g]$; call the result $\hat{m}_t$. The same argument with $\beta_2$
# and $E[g^2]$ gives $\hat{v}_t$. With $\beta_2 = 0.999$ the uncorrected $v_1$ is a thousand times
# too small: to divide by its root would make the first step about 30 times too long.
#
# Here $t$ counts the updates of *this* parameter, beginning with 1 at the first one. A parameter
# whose gradient is `None` (it took no part in this step: a frozen layer, an expert that no token
# chose) is not touched at all: neither the array, nor its $m$ and $v$, nor its $t$. A gradient of
# zeros is a gradient like any other.
#
# ### The step
#
# $$p_t = p_{t-1} - \eta \, \frac{\hat{m}_t}{\sqrt{\hat{v}_t} + \epsilon}$$
#
# The small $\epsilon$ stands *outside* the root. At the first step $\hat{m}_1 = g$ and
# $\hat{v}_1 = g^2$: insert that, with $\epsilon \to 0$, and you see how far every number moves
# however small its gradient is. The right panel above shows it. Then multiply all gradients of a
# run by 1000: what does that change in $\hat{m}$, in $\sqrt{\hat{v}}$, in the step?
#
# ### Weight decay, and why it is not a gradient
#
# To keep weights small, one may add $\tfrac{\lambda}{2} \lVert p \rVert^2$ to the loss, which adds
# $\lambda p$ to the gradient. For plain gradient descent that is
#
# $$p - \eta \, (g + \lambda p) = (1 - \eta \lambda) \, p - \eta g$$
#
# so the penalty *is* a shrinking of the weights by a constant factor. Under Adam it is not. There
# $g + \lambda p$ enters both running means, and the step divides by the root of $\hat{v}$:
#
# $$\eta \, \frac{\dots + \lambda p}{\sqrt{\hat{v}} + \epsilon}$$
#
# A weight with large gradients is hardly decayed, one with small gradients strongly, and the
# strength depends on the scale of the loss. AdamW takes the decay out of the gradient (it
# *decouples* it): first the weights shrink by the factor from the formula for plain descent, *then*
# Adam's step is taken, with means that have only seen $g$.
#
# **In code.** An object keeps what must survive from one step to the next: for each parameter its
# $m$, its $v$ and its own $t$. Two optimizers share nothing. A schedule changes the rate while
# training: if the rate is an attribute `lr`, the training loop can set it before each step.
#
# **Order of work** in `step`, for every parameter that has a gradient: count, update both means,
# decay, correct, move. Correct into new arrays: $m$ and $v$ themselves stay uncorrected.

# %%
class AdamW:
    """Adam with decoupled weight decay.

    Args:
        params: Arrays of any shape. `step` updates them in place.
        lr: Learning rate.
        betas: The part of each running mean, of the gradient and of its square, that is kept from
            one step to the next.
        eps: Added to the root of the corrected second mean.
        weight_decay: Strength of the decoupled decay, per unit of `lr`.

    Source:
        Kingma and Ba 2015, algorithm 1; Loshchilov and Hutter 2019, algorithm 2.
    """

    def __init__(
        self,
        params: list[Floats],
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
    ) -> None:
        raise NotImplementedError("AdamW.__init__ is yours to write")

    def step(self, grads: Sequence[Floats | None]) -> None:
        """Update every parameter that has a gradient.

        Args:
            grads: Per parameter its gradient, of the same shape and dtype, or None: then the
                parameter, its means and its step count stay as they are. Left as they are.
        """
        raise NotImplementedError("AdamW.step is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_AdamW(student: Student, check: Check) -> None:
    """Two steps worked out by hand, the sign at the first step, decay alone, None."""
    params = student.hold([np.array([1.0])])
    opt = student.AdamW(params, 0.1, (0.5, 0.75), 1.0, 0.0)
    opt.step([np.array([2.0])])  # m = 1, v = 1; corrected 2 and 4; 1 - 0.1 * 2 / (2 + 1)
    check.close(student.fetch(params), (np.array([1 - 0.2 / 3]),), "params after one step")
    opt.step([np.array([-1.0])])  # m = 0, so it stays where it is
    check.close(student.fetch(params), (np.array([1 - 0.2 / 3]),), "params after two steps")

    params = student.hold([np.array([1.0, 1.0, 1.0])])
    student.AdamW(params, 0.1, (0.9, 0.999), 1e-12, 0.0).step([np.array([5.0, -1e-3, 200.0])])
    check.close(student.fetch(params), (np.array([0.9, 1.1, 0.9]),), "params after a first step")

    params = student.hold([np.array([2.0, -4.0]), np.array([3.0])])
    opt = student.AdamW(params, 0.5, (0.9, 0.999), 1e-8, 0.2)
    opt.step([np.zeros(2), None])  # a zero gradient decays by 1 - 0.5 * 0.2, None does nothing
    after = (np.array([1.8, -3.6]), np.array([3.0]))
    check.close(student.fetch(params), after, "params after the gradients [0, 0] and None")
    opt.step([None, np.array([7.0])])  # the second parameter's own first step: 0.9 * 3 - 0.5
    after = (np.array([1.8, -3.6]), np.array([2.2]))
    check.close(student.fetch(params), after, "params after None and [7]")

# %% [markdown]
# ## 4. Clipping: a limit on the whole gradient
#
# One unlucky batch can give a gradient a hundred times longer than usual and throw the model far
# away. The remedy keeps the direction and limits the length. The length is that of *all* gradients
# seen as one vector: with arrays $g^{(1)}, g^{(2)}, \dots$
#
# $$N = \Big( \sum_a \sum_i \big( g^{(a)}_i \big)^2 \Big)^{1/2}$$
#
# Limiting each array on its own, or each number, would turn the step into another direction.
#
# Multiply every gradient by one common factor $s$. The new norm is $s N$. Two demands fix $s$: a
# gradient with $N \le M$ (`max_norm`) is not changed, and a longer one has norm exactly $M$
# afterwards. Solve $s N = M$ for $s$, and write both cases as the minimum of two numbers.
#
# **Two traps.** When $N = 0$ there is nothing to divide by and nothing to do. And libraries add
# $10^{-6}$ to the norm to avoid that division, which makes the result slightly too short; here the
# factor is exact.
#
# The function returns $N$ from *before*: it belongs in every training log, as the first sign that
# something goes wrong.

# %%
def clip_grad_norm(grads: list[Floats], max_norm: float) -> float:
    """Shorten all gradients by one factor so that their common norm is at most `max_norm`.

    Args:
        grads: Arrays of any shape. Scaled in place, exactly; left alone if the norm is at most
            `max_norm`.
        max_norm: The largest norm that is let through, positive.

    Returns:
        norm: The norm of all gradients together before scaling, a float.

    Source:
        Pascanu, Mikolov and Bengio 2013, section 3.2.
    """
    raise NotImplementedError("clip_grad_norm is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_clip_grad_norm(student: Student, check: Check) -> None:
    """A norm of 13 from 3, 4 and 12; a limit above it; zeros."""
    grads = student.hold([np.array([[3.0, -4.0]]), np.array([12.0])])
    check.close(student.clip_grad_norm(grads, 6.5), 13.0, "norm")
    clipped = (np.array([[1.5, -2.0]]), np.array([6.0]))
    check.close(student.fetch(grads), clipped, "grads clipped to norm 6.5")
    check.close(student.clip_grad_norm(grads, 20.0), 6.5, "norm of the clipped gradients")
    check.close(student.fetch(grads), clipped, "grads with a limit above their norm")
    grads = student.hold([np.zeros(2)])
    check.close(student.clip_grad_norm(grads, 1.0), 0.0, "norm of zeros")
    check.close(student.fetch(grads), (np.zeros(2),), "zeros")

# %% [markdown]
# ## 5. The schedule: warm-up, then half a cosine
#
# Adam's running means know little in the first steps, so the rate starts at zero and rises in a
# straight line. At the end, small steps settle into the minimum. In between the rate falls
# smoothly:
#
# ![The learning rate over the steps of a run: a straight rise from 0 to max_lr at step warmup, half
# a cosine down to min_lr at step total, and constant from there on.](figures/lr_schedule.svg)
#
# - Below `warmup`: the line from 0 at step 0 that would reach `max_lr` at step `warmup`.
# - From `warmup` to `total`: let $u$ be the part of this stretch that is done, 0 at `warmup` and 1
#   at `total`. $\cos(\pi u)$ falls from 1 to $-1$, with slope zero at both ends.
# - From `total` on: `min_lr`, for ever. A cosine left to itself would rise again.
#
# Two steps are yours. Write $u$ with `step`, `warmup` and `total`. Then find the two numbers $a$
# and $b$ for which $a + b \cos(\pi u)$ is $\eta_{max}$ at $u = 0$ and $\eta_{min}$ at $u = 1$: add
# the two equations, and subtract them.
#
# With `warmup = 0` there is no line and no division by its length: the first rate is `max_lr`.
#
# **One thing to try.** Plot the schedule of LLaMA's 7B run: 2,000 steps of warm-up, `max_lr` 3e-4,
# a tenth of it at the end. Then train a parabola with `AdamW` and a constant rate, with and without
# bias correction, and look at the first ten steps.

# %%
def lr_schedule(step: int, max_lr: float, min_lr: float, warmup: int, total: int) -> float:
    """Give the learning rate of one step.

    Args:
        step: Which step, 0 for the first one. May exceed `total`.
        max_lr: The rate at step `warmup`.
        min_lr: The rate at step `total` and after it.
        warmup: Steps of the linear rise from 0; 0 for none.
        total: The step at which the cosine ends, above `warmup`.

    Returns:
        lr: A float.

    Source:
        Loshchilov and Hutter 2017, equation 5; Touvron et al. 2023, section 2.3.
    """
    raise NotImplementedError("lr_schedule is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_lr_schedule(student: Student, check: Check) -> None:
    """The ends of each stretch, thirds of the cosine, no warm-up."""
    rates = [student.lr_schedule(step, 0.5, 0.1, 4, 10) for step in (0, 1, 4, 6, 7, 8, 10, 99)]
    worked = [0.0, 0.125, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1]
    check.close(rates, tuple(worked), ", ".join(f"lr_{s}" for s in (0, 1, 4, 6, 7, 8, 10, 99)))
    check.close(student.lr_schedule(0, 0.5, 0.1, 0, 10), 0.5, "the first rate without warm-up")

# %% [markdown]
# ## Where to read more
#
# - Kingma and Ba, *Adam: a method for stochastic optimization*, 2015 (arXiv:1412.6980): section 3
#   is the bias correction.
# - Loshchilov and Hutter, *Decoupled weight decay regularization*, 2019 (arXiv:1711.05101): AdamW.
# - Loshchilov and Hutter, *SGDR: stochastic gradient descent with warm restarts*, 2017
#   (arXiv:1608.03983): the cosine.
# - Pascanu, Mikolov and Bengio, *On the difficulty of training recurrent neural networks*, 2013
#   (arXiv:1211.5063): clipping, with pictures of the cliffs that make it necessary.
# - Sutskever, Martens, Dahl and Hinton, *On the importance of initialization and momentum in deep
#   learning*, 2013.
# - Touvron et al., *LLaMA: open and efficient foundation language models*, 2023 (arXiv:2302.13971):
#   section 2.3 is this page with numbers.
