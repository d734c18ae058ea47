"""AdamW as PyTorch wants an optimizer: groups, states that can be saved, closures."""

# %% [markdown]
# # AdamW for PyTorch
#
# **The question.** You have written AdamW for a list of arrays. In a training program other parts
# want to have a say: a schedule changes the learning rate, a checkpoint saves what the optimizer
# remembers, some parameters decay and others do not, and a part of the model may be frozen. What
# must an optimizer look like for all of them to work with it, and which parameters should decay?
#
# | to write | what it is |
# | --- | --- |
# | `AdamW(params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)` | an optimizer |
# | `decay_groups(model, weight_decay)` | who decays, as two groups of parameters |
#
# The library's own Adam and AdamW are not to be used here; they are what yours is compared with.
# You need the optimizers of Volume 1, and about an hour.

# %%
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import nn

# %% [markdown]
# ## 1. What an optimizer is made of
#
# `torch.optim.Optimizer` does the bookkeeping. Hand `super().__init__` the parameters and a dict of
# the defaults, and you have:
#
# - **`self.param_groups`**, a list of dicts. Each has its `"params"`, a list of tensors, and an
#   entry for each of your defaults. `AdamW(model.parameters())` makes one group. A caller may also
#   give a list of dicts that differ: `[{"params": a, "lr": 1e-4}, {"params": b}]`; what a dict does
#   not say comes from the defaults.
# - **`self.state`**, a dict with a dict for every parameter, empty at first: `self.state[p]`.
# - **`zero_grad`**, **`state_dict`** and **`load_state_dict`**, which know these two and nothing
#   else.
#
# ![Every parameter belongs to a group. A group has its own lr, betas, eps and weight decay, which a
# schedule may change between two steps. To every parameter belongs a state: the count of steps, the
# mean of its gradients, the mean of their squares. Groups and states together are what state_dict
# saves.](figures/adamw.svg)
#
# Three rules follow:
#
# 1. Read `lr` and the others from the group, at each step. A schedule writes `group["lr"]` between
#    two steps, and knows nothing of your attributes.
# 2. What must survive from one step to the next belongs into `self.state[p]`, the count of steps,
#    too. An attribute `self.t` is not saved: a run that is resumed would begin its bias correction
#    anew, with steps that are far too large or too small.
# 3. The count belongs to the *parameter*. One that had no gradient (`p.grad` is `None`: it took no
#    part) is not touched, and its count stays where it is.
#
# ## 2. One step
#
# For each parameter $p$ with gradient $g$, as in Volume 1, with $t = 1$ at its first update:
#
# $$m \leftarrow \beta_1 m + (1 - \beta_1) \, g \qquad
#   v \leftarrow \beta_2 v + (1 - \beta_2) \, g^2$$
#
# $$p \leftarrow (1 - \eta \lambda) \, p \qquad
#   p \leftarrow p - \eta \, \frac{\hat{m}}{\sqrt{\hat{v}} + \epsilon}$$
#
# The corrected $\hat{m}$ and $\hat{v}$ are yours from Volume 1: what do the weights of the sum add
# up to after $t$ updates?
#
# **In place.** The model, a tied layer and perhaps another program share the memory of $p$: write
# into it (`p.add_`, `p.mul_`, `p.copy_`, `p[...] = `).
#
# **Unseen by autograd.** A parameter wants a gradient, and PyTorch refuses to change it in place
# while it records. The step is no part of the loss: let nothing be recorded.
#
# **Nothing shared.** $m$ and $v$ are tensors of your own. If `m` *is* the gradient of the first
# step, the next `zero_grad` or backward changes it.
#
# **Closure.** `step(closure)` first calls `closure()`, which computes the loss and the gradients
# once more, and returns what it returned. It has to record for that, even though the rest of `step`
# does not: `with torch.enable_grad():`. Without a closure `step` returns `None`.


# %%
class AdamW(torch.optim.Optimizer):
    """Adam with decoupled weight decay.

    Args:
        params: Tensors, or dicts with "params" and settings of their own.
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
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        ### BEGIN SOLUTION
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults)
        ### END SOLUTION

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient, in place.

        Args:
            closure: Computes the loss and the gradients; called once, before anything else.

        Returns:
            loss: What `closure` returned, or None.
        """
        ### BEGIN SOLUTION
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        _update(p, p.grad, self.state[p], **group)
        return loss
        ### END SOLUTION


### BEGIN SOLUTION
def _update(
    p: torch.Tensor,
    g: torch.Tensor,
    state: dict[str, Any],
    *,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
    **others: Any,
) -> None:
    """One step of one parameter, with the settings of its group."""
    if not state:
        state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
    state["step"] += 1
    m, v, t = state["m"], state["v"], state["step"]
    m.lerp_(g, 1 - betas[0])
    v.lerp_(g * g, 1 - betas[1])
    p.mul_(1 - lr * weight_decay)
    m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
    p.sub_(lr * m_hat / (v_hat.sqrt() + eps))


### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_AdamW(student: Student, check: Check) -> None:
    """Steps worked out by hand, groups, a changed rate, saving and loading, None, a closure."""
    put, parameter = student.library("builtins.setattr"), student.library("torch.nn.Parameter")

    def made(*values: float) -> Any:
        return student.keep(parameter, student.hold(np.array(values)))

    def step(optimizer: Any, *pairs: Any) -> None:
        for p, grad in pairs:
            put(p, "grad", grad if grad is None else np.array(grad))
        check.true(optimizer.step() is None, "step() returns something without a closure")

    p = made(1.0)
    optimizer = student.AdamW([p], lr=0.1, betas=(0.5, 0.75), eps=1.0, weight_decay=0.0)
    step(optimizer, (p, [2.0]))  # m = 1, v = 1; corrected 2 and 4; 1 - 0.1 * 2 / (2 + 1)
    check.close(student.fetch(p), [1 - 0.2 / 3], "p after one step")
    step(optimizer, (p, [-1.0]))  # m = 0, so it stays where it is
    check.close(student.fetch(p), [1 - 0.2 / 3], "p after two steps")

    # A first step moves by lr against the sign; before it p decays by 1 - lr * weight_decay.
    a, b = made(2.0, -4.0), made(3.0)
    groups = [{"params": [a], "weight_decay": 0.2}, {"params": [b], "lr": 0.25}]
    optimizer = student.AdamW(groups, lr=0.5, eps=1e-12, weight_decay=0.4)
    step(optimizer, (a, [0.0, 0.0]), (b, None))
    check.close(student.fetch(a), [1.8, -3.6], "a parameter with decay 0.2, after a zero gradient")
    check.close(student.fetch(b), [3.0], "a parameter without a gradient")
    step(optimizer, (a, None), (b, [7.0]))  # its own first step: 0.9 * 3 - 0.25
    check.close(student.fetch(b), [2.45], "a parameter after its own first step")
    groups_there = student.part(optimizer, "param_groups")
    second = student.keep(student.library("operator.getitem"), groups_there, 1)
    student.library("operator.setitem")(second, "lr", 0.0)
    step(optimizer, (b, [7.0]))
    check.close(student.fetch(b), [2.45], "a parameter whose group has been given the rate 0")

    values = np.array([0.3, -0.7])
    p, q = made(*values), made(*values)
    first, resumed = student.AdamW([p], lr=0.1), student.AdamW([q], lr=0.1)
    step(first, (p, [1.0, -2.0]))
    student.keep(student.library("torch.Tensor.copy_"), student.part(q, "data"), student.fetch(p))
    saved = student.keep(student.library("copy.deepcopy"), student.keep(first.state_dict))
    resumed.load_state_dict(saved)
    step(first, (p, [0.5, 3.0]))
    step(resumed, (q, [0.5, 3.0]))
    check.close(student.fetch(q), student.fetch(p), "p after state_dict and load_state_dict")


# %% [markdown]
# ## 3. Who decays?
#
# Decay draws a number towards 0. For a matrix that is a reasonable wish: small weights, smooth
# functions. For a *gain*, which begins as 1 and multiplies a normalised feature, it is not, and for
# a bias there is nothing to be gained either. The usual rule asks for the number of axes: tensors
# with two or more (matrices, embeddings among them) decay, the others (gains, biases, single
# numbers) do not.
#
# So the parameters go into two groups. Two things to mind, in any model:
#
# - A tied parameter has several names and must be in *one* group, *once*: given twice, it would be
#   updated twice.
# - What does not want a gradient is frozen and belongs in none.
#
# Which of the ways to list a model's parameters knows the first of these? The answer is in the
# documentation of `nn.Module`.


# %%
def decay_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Divide the trainable parameters of a model into those that decay and the rest.

    Args:
        model: Any module. Left as it is.
        weight_decay: For tensors with at least two axes.

    Returns:
        groups: Two dicts with "params", a list, and "weight_decay": first the tensors with two axes
            or more, then the others with 0.0. A list may be empty.

    Source:
        Loshchilov and Hutter 2019; Brown et al. 2020, appendix B.
    """
    ### BEGIN SOLUTION
    trained = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_decay_groups(student: Student, check: Check) -> None:
    """A model with a bias, a gain, a table, a tied and a frozen layer."""
    linear, module = student.library("torch.nn.Linear"), student.library("torch.nn.ModuleList")
    first, tied, frozen = linear(3, 4), linear(3, 4, bias=False), linear(5, 6)
    student.library("builtins.setattr")(tied, "weight", student.part(first, "weight"))
    frozen.requires_grad_(False)
    norm, table = student.library("torch.nn.LayerNorm")(7), student.library("torch.nn.Embedding")
    model = module([first, tied, frozen, norm, table(8, 2)])
    groups = student.decay_groups(model, 0.3)
    check.true(len(groups) == 2, f"there are {len(groups)} groups, expected 2")
    for group, decay, shapes in zip(
        groups, (0.3, 0.0), ([(4, 3), (8, 2)], [(4,), (7,), (7,)]), strict=True
    ):
        check.close(group["weight_decay"], decay, "weight_decay of a group")
        got = sorted(p.shape for p in group["params"])
        check.true(got == shapes, f"the group with decay {decay} has {got}, expected {shapes}")
    student.library("torch.optim.SGD")(groups, lr=0.1)


# %% [markdown]
# ## One thing to try
#
# Train a small model twice, with `AdamW(model.parameters(), weight_decay=0.1)` and with
# `AdamW(decay_groups(model, 0.1))`, and plot the norms of its gains over the steps. Then save
# `optimizer.state_dict()` after half of a run, and resume without loading it: what does the loss do
# in the first twenty steps, and which of $m$, $v$ and $t$ is to blame?
#
# ## Where to read more
#
# - Loshchilov and Hutter, *Decoupled weight decay regularization*, 2019 (arXiv:1711.05101).
# - Kingma and Ba, *Adam: a method for stochastic optimization*, 2015 (arXiv:1412.6980).
# - Brown et al., *Language models are few-shot learners*, 2020 (arXiv:2005.14165), appendix B: the
#   settings of GPT-3.
# - PyTorch documentation, *torch.optim*, "Base class".
