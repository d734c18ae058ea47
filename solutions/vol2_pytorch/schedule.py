"""A learning rate that rises and falls, a limit on the gradient, and one step of training."""

# %% [markdown]
# # Schedule
#
# **The question.** The optimizer turns a gradient into a step. Two things around it decide whether
# a run survives its first thousand steps and what it has reached at the end: how large the steps
# may be at which time, and what happens when a gradient is far too long. Where in the loop do they
# stand, and what goes wrong, silently, where they stand elsewhere?
#
# | to write | what it does |
# | --- | --- |
# | `warmup_cosine(optimizer, min_lr, warmup, total)` | a `LambdaLR`: a rise, then half a cosine |
# | `clip_grad_norm(parameters, max_norm)` | a limit on the length of the whole gradient |
# | `train_step(loss_fn, optimizer, scheduler, max_norm)` | one update, everything in its place |
#
# The formulas are those of `optimizers` in Volume 1; here they meet PyTorch's machinery. Clipping
# by the library (`torch.nn.utils`) is not allowed. You need about an hour.

# %%
import math
from collections.abc import Callable, Iterable

import torch
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

# %% [markdown]
# ## 1. Warm-up and cosine
#
# At the start Adam's means are built from a handful of gradients, so its steps are large and nearly
# random in direction: the rate rises from zero. At the end, small steps settle into a minimum: the
# rate falls. In between nothing should happen abruptly:
#
# ![The learning rate of two groups over a run. Each rises in a straight line from 0 to its own rate
# at step warmup and falls along half a cosine to the same min_lr at step total, where both stay.
# Dots mark the steps 0, 1 and 2.](figures/schedule.svg)
#
# For a group whose own rate is $\eta$ (what the optimizer was given), at step $s$:
#
# - $s <$ `warmup`: the line from 0 at step 0 to $\eta$ at step `warmup`;
# - up to `total`: $a + b \cos(\pi u)$, where $u$ goes from 0 at `warmup` to 1 at `total`. It is
#   $\eta$ at $u = 0$ and `min_lr` at $u = 1$; these two equations give $a$ and $b$;
# - from `total` on: `min_lr`. A cosine left to itself would rise again.
#
# With `warmup = 0` there is no line, with `warmup = total` no cosine. Neither may divide by zero.
#
# ## 2. A factor, not a rate
#
# `LambdaLR(optimizer, functions)` keeps for each group the rate that it had when the scheduler was
# made, and sets
#
# $$\text{lr} = \eta \cdot f(s)$$
#
# where $f$ is the function of this group: one function for all groups, or a list of one per group.
# It returns a *factor*. During the warm-up the factor is the same for all groups. The floor is not:
# `min_lr` is a rate, the same for all groups, so what is the factor at step `total` of a group with
# rate $\eta$? Divide the three lines of section 1 by $\eta$.
#
# **A trap of Python.** Functions made in a loop share the loop's variable:
# `[lambda s: rate * s for rate in rates]` gives functions that all use the *last* rate. A function
# that makes one function (`def factor(rate): def at(step): ...; return at`) gives each its own.
#
# **When is it step 0?** Making a `LambdaLR` sets the rate of step 0 at once; each
# `scheduler.step()` goes one further. So the first update is made with the rate of step 0, which
# is 0 here: it fills the optimizer's means and moves nothing.


# %%
def warmup_cosine(
    optimizer: torch.optim.Optimizer, min_lr: float, warmup: int, total: int
) -> LambdaLR:
    """Make a scheduler: a linear rise, half a cosine, then a constant.

    Args:
        optimizer: With positive rates. A group's present rate is the one that it rises to.
        min_lr: The rate of every group at step `total` and after it, also if `warmup` is `total`.
        warmup: The step at which a group reaches its own rate; 0 for no rise.
        total: The step at which the cosine ends, at least `warmup` and at least 1.

    Returns:
        scheduler: A LambdaLR at step 0.

    Source:
        Loshchilov and Hutter 2017, equation 5; Touvron et al. 2023, section 2.3.
    """

    ### BEGIN SOLUTION
    def factor(lr: float) -> Callable[[int], float]:
        floor = min_lr / lr

        def at(step: int) -> float:
            if step >= total:
                return floor
            if step < warmup:
                return step / warmup
            done = (step - warmup) / (total - warmup)
            return floor + 0.5 * (1 - floor) * (1 + math.cos(math.pi * done))

        return at

    return LambdaLR(optimizer, [factor(group["lr"]) for group in optimizer.param_groups])
    ### END SOLUTION


# %%
from typing import Any

import numpy as np

from autograder.selfcheck import Check, Student


def _rates(student: Student, lrs: list[float], *settings: Any) -> list[tuple[float, ...]]:
    """The rates of each group at steps 0, 1, 2, ... as an optimizer sees them."""
    make = student.library("torch.nn.Parameter")
    groups = [{"params": [student.keep(make, np.ones(1))], "lr": lr} for lr in lrs]
    optimizer = student.library("torch.optim.SGD")(groups)
    scheduler = student.keep(student.warmup_cosine, optimizer, *settings)
    optimizer.step()
    out = []
    for _ in range(settings[-1] + 3):
        out.append(tuple(group["lr"] for group in optimizer.param_groups))
        scheduler.step()
    return out


def visible_warmup_cosine(student: Student, check: Check) -> None:
    """Two groups by hand, no rise, no cosine."""
    got = _rates(student, [0.5, 0.9], 0.1, 4, 10)
    one = [0, 0.125, 0.25, 0.375, 0.5, 0.3 + 0.1 * 3**0.5, 0.4, 0.3, 0.2, 0.3 - 0.1 * 3**0.5]
    two = [0, 0.225, 0.45, 0.675, 0.9, 0.5 + 0.2 * 3**0.5, 0.7, 0.5, 0.3, 0.5 - 0.2 * 3**0.5]
    for i, worked in enumerate((one, two)):
        rates = [row[i] for row in got]
        check.close(rates, worked + [0.1] * 3, f"the rates of group {i}")
    check.close(_rates(student, [0.5], 0.1, 0, 2), [[0.5], [0.3], [0.1], [0.1], [0.1]], "warmup 0")
    check.close(
        _rates(student, [0.5], 0.1, 2, 2), [[0.0], [0.25], [0.1], [0.1], [0.1]], "warmup = total"
    )


# %% [markdown]
# ## 3. Clipping
#
# One unlucky batch can give a gradient a hundred times as long as usual. The remedy keeps its
# direction and limits its length, which is that of *all* gradients as one vector. With gradients
# $g^{(1)}, g^{(2)}, \dots$ of the parameters:
#
# $$N = \Big( \sum_a \sum_i \big( g^{(a)}_i \big)^2 \Big)^{1/2}$$
#
# If $N$ is larger than $M$ (`max_norm`), multiply all gradients by the one factor that gives them
# the length $M$; if not, leave them alone. $N$ may be zero. (The library divides by $N + 10^{-6}$;
# that is accepted here, too.)
#
# Three things that Volume 1's version did not have to think of:
#
# - `parameters` may be a generator, as `model.parameters()` is. Who goes through it once for the
#   norm finds nothing left to scale.
# - `.grad` may be None; such a parameter has no part in the norm. All of them may be.
# - The gradients are scaled *in place*. `p.grad = p.grad * s` makes a new tensor, and whoever holds
#   the old one (an average over processes that is still on its way, a hook) does not see it.
#   Nothing of this is to be recorded by autograd.
#
# The norm from before is returned. It belongs in every log: it rises before a run breaks.
#
# **With Adam, why at all?** The size of the gradient cancels in $\hat m / \sqrt{\hat v}$ only if it
# is the same at every step. One gradient a hundred times too long enters $v$ with its square and
# keeps the steps small for about $1 / (1 - \beta_2)$ steps. Clipping keeps it out.


# %%
def clip_grad_norm(parameters: Iterable[torch.Tensor], max_norm: float) -> float:
    """Shorten all gradients by one factor so that their common norm is at most `max_norm`.

    Args:
        parameters: Tensors whose `.grad` is scaled in place, or None; may be a generator.
        max_norm: The largest norm that is let through, positive.

    Returns:
        norm: The norm of all gradients together before scaling, a float; 0.0 without gradients.

    Source:
        Pascanu, Mikolov and Bengio 2013, section 3.2.
    """
    ### BEGIN SOLUTION
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = math.sqrt(sum(float(g.square().sum()) for g in grads))
    if norm > max_norm:  # so a norm of zero never divides
        for g in grads:
            g.mul_(max_norm / norm)
    return norm
    ### END SOLUTION


# %%
from typing import Any

import numpy as np

from autograder.selfcheck import Check, Student


def visible_clip_grad_norm(student: Student, check: Check) -> None:
    """A norm of 13 from 3, 4 and 12, a generator, a limit above the norm, nothing but None."""
    make, write = student.library("torch.nn.Parameter"), student.library("builtins.setattr")
    parameters: list[Any] = [student.keep(make, np.ones(n)) for n in (2, 1, 3)]
    grads = [student.hold(np.array([3.0, -4.0])), student.hold(np.array([12.0]))]
    for p, g in zip(parameters, grads, strict=False):
        write(p, "grad", g)
    norm = student.clip_grad_norm(student.keep(student.library("builtins.iter"), parameters), 6.5)
    check.close(float(norm), 13.0, "norm")
    clipped = (np.array([1.5, -2.0]), np.array([6.0]))
    got = tuple(student.fetch(g) for g in grads)
    check.close(got, clipped, "the gradients themselves, clipped to 6.5", rtol=1e-6)
    check.close(float(student.clip_grad_norm(parameters, 20.0)), 6.5, "a short norm", rtol=1e-6)
    got = tuple(student.fetch(g) for g in grads)
    check.close(got, clipped, "gradients with a limit above their norm", rtol=1e-6)
    check.close(float(student.clip_grad_norm(parameters[2:], 1.0)), 0.0, "the norm of no gradient")


# %% [markdown]
# ## 4. Everything in its place
#
# One step of training is six lines, of which every order runs:
#
# ![The loop: clear the gradients, loss, backward, clip, optimizer step, scheduler step, and back.
# Clipping stands between backward and the optimizer's step; the scheduler comes
# last.](figures/train_step.svg)
#
# What has to come before what, and why:
#
# - `backward` *adds* to `.grad`. So the gradients are cleared before it; what was there belongs to
#   another step.
# - The norm is that of this step's complete gradient: clip after `backward`. And it has to be short
#   when the optimizer reads it.
# - The scheduler's `step()` says that an update has been made. Called before the optimizer's, it
#   skips the rate of step 0, and the whole schedule runs one step early.
# - The loss that is returned is the one that the gradient belongs to, so from *before* the update.
#   To compute it a second time would double the work (and with dropout give another number).
# - `loss_fn()` returns a tensor, which holds the graph of the whole step in memory as long as
#   somebody keeps it. A list of such losses is a classic memory leak: return a float.
#
# Which parameters are clipped? All of the optimizer's, over all of its groups together.


# %%
def train_step(
    loss_fn: Callable[[], torch.Tensor],
    optimizer: torch.optim.Optimizer,
    scheduler: LRScheduler,
    max_norm: float,
) -> float:
    """Make one update.

    Args:
        loss_fn: Computes the loss, a tensor with its graph; called once.
        optimizer: Its parameters may hold gradients from before, which do not count.
        scheduler: One step further afterwards.
        max_norm: Limit on the norm of all gradients of the optimizer's parameters together.

    Returns:
        loss: What `loss_fn` returned, a float.

    Source:
        The documentation of torch.optim, section "Taking an optimization step".
    """
    ### BEGIN SOLUTION
    optimizer.zero_grad()
    loss = loss_fn()
    loss.backward()  # type: ignore[no-untyped-call]
    clip_grad_norm((p for group in optimizer.param_groups for p in group["params"]), max_norm)
    optimizer.step()
    scheduler.step()
    return loss.item()
    ### END SOLUTION


# %%
import numpy as np

from autograder.selfcheck import Check, Student


def visible_train_step(student: Student, check: Check) -> None:
    """A loss p.x whose gradient is x, with norm 5: what each step moves, by which rate."""
    p = student.keep(student.library("torch.nn.Parameter"), np.array([1.0, 1.0]))
    x = student.hold(np.array([3.0, 4.0]))
    loss_fn = student.keep(student.library("functools.partial"), student.library("torch.dot"), p, x)
    optimizer = student.library("torch.optim.SGD")([p], lr=0.1)
    halving = student.library("torch.optim.lr_scheduler.ExponentialLR")(optimizer, gamma=0.5)
    student.library("builtins.setattr")(p, "grad", np.array([100.0, 100.0]))  # of another step
    loss = student.train_step(loss_fn, optimizer, halving, 10.0)
    check.true(type(loss) is float, f"the loss is a {type(loss).__name__}; return a float")
    check.close(loss, 7.0, "the loss")
    check.close(student.fetch(p), [0.7, 0.6], "p after a step with rate 0.1")
    loss = student.train_step(loss_fn, optimizer, halving, 2.5)  # half of the gradient is left
    check.close(loss, 4.5, "the second loss")
    check.close(student.fetch(p), [0.625, 0.5], "p after a clipped step with rate 0.05", rtol=1e-6)
    (rate,) = halving.get_last_lr()
    check.close(rate, 0.025, "the rate after two steps")


# %% [markdown]
# ## One thing to try
#
# Fit a small network with your `AdamW`, once as above and once with the scheduler's step before the
# optimizer's. Does PyTorch say anything? Plot both rates. Then make one batch in a hundred a
# thousand times too large and train with `max_norm` 1 and with no limit, and plot the loss around
# such a batch: how many steps does it take to recover, and what has $\beta_2$ to do with it?
#
# ## Where to read more
#
# - Loshchilov and Hutter, *SGDR: stochastic gradient descent with warm restarts*, 2017
#   (arXiv:1608.03983): the cosine.
# - Pascanu, Mikolov and Bengio, *On the difficulty of training recurrent neural networks*, 2013
#   (arXiv:1211.5063): clipping, with pictures of the cliffs that make it necessary.
# - Touvron et al., *LLaMA: open and efficient foundation language models*, 2023 (arXiv:2302.13971):
#   section 2.3 has the numbers of a real run.
# - The documentation of `torch.optim`, on the order of `optimizer.step()` and `scheduler.step()`.
