"""AdamW as a PyTorch optimizer: groups, state per parameter, and which tensors decay."""

# %% [markdown]
# # AdamW
#
# **The question.** The rule of AdamW takes six lines. What turns it into an optimizer that a
# training program can rely on: different settings for different parameters, parameters that take
# no part in a step, a schedule that turns the learning rate, a run that is stopped and resumed?
#
# You write the class that trains every model of this volume, without using the library's:
#
# | to write | what it does |
# | --- | --- |
# | `AdamW(params, lr, betas, eps, weight_decay)` and `step` | the rule, for groups of parameters |
# | `decay_groups(model, weight_decay)` | sorts a model's parameters into decayed and not decayed |
#
# You need the rule itself, which `optimizers` of Volume 1 derives, PyTorch parameters and their
# `.grad`, and about an hour.

# %%
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

# %% [markdown]
# ## 1. The rule, in short
#
# For one parameter $p$ with gradient $g$, two running means are kept, of the gradient and of its
# square, and a count $t$ of this parameter's updates:
#
# $$m \leftarrow \beta_1 m + (1 - \beta_1) \, g \qquad
#   v \leftarrow \beta_2 v + (1 - \beta_2) \, g^2 \qquad t \leftarrow t + 1$$
#
# Both start at zero and are too small at first. A mean of constant values that starts at zero has
# reached, after $t$ steps, the share
#
# $$(1 - \beta) \, (1 + \beta + \dots + \beta^{t - 1})$$
#
# of what it should be. Sum that up and divide by it: this gives $\hat m$ and $\hat v$. The step is
#
# $$p \leftarrow p - \eta \, \frac{\hat m}{\sqrt{\hat v} + \epsilon}$$
#
# ## 2. Decay: where it goes in
#
# A penalty $\frac{\lambda}{2} \lVert p \rVert^2$ in the loss adds $\lambda p$ to the gradient. Put
# through the rule above, that becomes part of $\hat m$ *and* of $\hat v$. Take a parameter whose
# gradient is noise of size $\sigma$ around zero. Then $\sqrt{\hat v}$ is about $\sigma$, and in
# each step the penalty takes away about
#
# $$\eta \, \frac{\lambda p}{\sigma} \qquad \text{instead of} \qquad \eta \lambda p$$
#
# Two numbers of one size, one with gradients a hundred times smaller than the other, are decayed
# with strengths that differ by a factor of a hundred. And if the loss is multiplied by ten, the
# decay becomes ten times weaker.
#
# ![The size of two weights over 300 steps. With the penalty in the gradient (L2) the weight with
# small gradients falls to zero and the one with large gradients hardly moves. With
# decoupled decay both shrink along the same curve.](figures/adamw.svg)
#
# AdamW *decouples* the decay: the means see $g$ alone, and the weight is shrunk beside the step, by
# a factor. Which factor? Plain gradient descent with the penalty is
#
# $$p - \eta \, (g + \lambda p)$$
#
# Collect what stands before $p$. That factor is applied first, with the *present* learning rate, so
# that a schedule turns both; then the step of section 1 is taken.
#
# ## 3. What `torch.optim.Optimizer` gives you
#
# The base class keeps the books, so that schedulers, checkpoints and training loops work with every
# optimizer in the same way.
#
# - `super().__init__(params, defaults)`, where `defaults` is a dict of settings. `params` may be an
#   iterable of parameters or a list of dicts, one per *group*:
#   `[{"params": [...], "lr": 0.1}, {"params": [...]}]`. What a group does not say, it gets from
#   `defaults`.
# - `self.param_groups` is the list of these dicts, each with all settings and `"params"`. A
#   scheduler writes `group["lr"]` between two steps, so **settings are read from the group, at
#   every step**; a copy made in `__init__` does not hear of it.
# - `self.state[p]` is a dict for each parameter, empty at first. `state_dict()` saves the groups
#   and this, `load_state_dict()` brings them back. So **everything that must survive lives there**:
#   $m$, $v$ and $t$. An attribute of your own (`self.t`) is not saved, and a resumed run would
#   start its bias correction anew.
#
# When is the state of a parameter made? In `__init__` would be too early: parameters can be added
# later (`add_param_group`), and one that never gets a gradient needs no memory. At its first update
# its dict is empty, which is how you know. `torch.zeros_like(p)` follows dtype and device.
#
# ## 4. One step
#
# For each group, for each of its parameters `p`:
#
# - `p.grad` is None if the parameter took no part in the loss: a frozen layer, an expert that no
#   token chose. **None is not zero.** A parameter without a gradient is not touched: not its
#   value, not its means, not its count. A gradient of zeros moves it (by the momentum) and decays
#   it.
# - Therefore $t$ is counted per parameter. A parameter that joins at step 1000 begins with $t = 1$.
# - The update changes `p` itself, the tensor that the model holds, and must not be recorded by
#   autograd: `@torch.no_grad()` above `step`. In-place methods (`mul_`, `add_`, `addcmul_`,
#   `addcdiv_`) need no new memory.
# - The gradient is left as it is; others (a log, an average over processes) still read it.
# - $m$ and $v$ stay *uncorrected*: $\hat m$ and $\hat v$ are new tensors.
#
# **The closure.** Some training loops pass `step` a function that clears the gradients, computes
# the loss, calls `backward` and returns the loss. It is called once, before anything is updated,
# and `step` returns what it returns. Note what `@torch.no_grad()` does to it: inside, autograd has
# to be on (`torch.enable_grad()`). Without a closure, `step` returns None.


# %%
class AdamW(torch.optim.Optimizer):
    """Adam with decoupled weight decay.

    Args:
        params: Parameters, or dicts of them with settings of their own: groups.
        lr: Learning rate.
        betas: What each running mean, of the gradient and of its square, keeps per step.
        eps: Added to the root of the corrected second mean.
        weight_decay: Strength of the decoupled decay, per unit of `lr`.

    Source:
        Loshchilov and Hutter 2019, algorithm 2; Kingma and Ba 2015, algorithm 1.
    """

    def __init__(
        self,
        params: Iterable[torch.Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        ### BEGIN SOLUTION
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        )
        ### END SOLUTION

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient, with the settings of its group.

        Args:
            closure: Computes the loss and the gradients anew; called once, with autograd on.

        Returns:
            loss: What `closure` returned, or None without one.
        """
        ### BEGIN SOLUTION
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._update(p, group)
        return loss

    def _update(self, p: torch.Tensor, group: dict[str, Any]) -> None:
        """Move one parameter in place."""
        g, state = p.grad, self.state[p]
        if not state:
            state["step"] = 0
            state["m"], state["v"] = torch.zeros_like(p), torch.zeros_like(p)
        state["step"] += 1
        t, m, v = state["step"], state["m"], state["v"]
        lr, (beta1, beta2) = group["lr"], group["betas"]
        m.mul_(beta1).add_(g, alpha=1 - beta1)
        v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        p.mul_(1 - lr * group["weight_decay"])
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        p.addcdiv_(m_hat, v_hat.sqrt() + group["eps"], value=-lr)
        ### END SOLUTION


# %%
from typing import Any

import numpy as np

from autograder.selfcheck import Check, Student


def _parameter(student: Student, *values: float) -> Any:
    """A float64 parameter that stays with your code."""
    return student.keep(student.library("torch.nn.Parameter"), np.array(values))


def _step(student: Student, optimizer: Any, **grads: Any) -> None:
    """Set gradients by hand and take a step; `grads` are parameters' handles and values."""
    for p, g in grads.values():
        student.library("builtins.setattr")(p, "grad", None if g is None else np.array(g))
    student.keep(optimizer.step)


def visible_AdamW(student: Student, check: Check) -> None:
    """Steps worked out by hand: the rule, two groups, None, a new rate, a state that is saved."""
    a = _parameter(student, 1.0)
    optimizer = student.AdamW([a], 0.1, (0.5, 0.75), 1.0, 0.0)
    _step(student, optimizer, a=(a, [2.0]))  # m = 1, v = 1; corrected 2 and 4; 0.1 * 2 / (2 + 1)
    check.close(student.fetch(a), [1 - 0.2 / 3], "p after one step")
    _step(student, optimizer, a=(a, [-1.0]))  # m = 0, so it stays where it is
    check.close(student.fetch(a), [1 - 0.2 / 3], "p after two steps")

    a, b = _parameter(student, 2.0), _parameter(student, 3.0)
    groups = [{"params": [a], "weight_decay": 0.2}, {"params": [b], "weight_decay": 0.0}]
    optimizer = student.AdamW(groups, lr=0.5)
    _step(student, optimizer, a=(a, [0.0]), b=(b, None))  # zeros decay by 1 - 0.5 * 0.2
    check.close(student.fetch(a), [1.8], "a parameter whose gradient is 0")
    check.close(student.fetch(b), [3.0], "a parameter whose gradient is None")
    _step(student, optimizer, a=(a, None), b=(b, [7.0]))  # its own first step: 3 - 0.5
    check.close(student.fetch(b), [2.5], "the first step of a parameter after a None")
    inside = student.part(optimizer, "param_groups")
    second = student.keep(student.library("operator.getitem"), inside, 1)
    student.library("operator.setitem")(second, "lr", 0.25)
    _step(student, optimizer, b=(b, [7.0]))
    check.close(student.fetch(b), [2.25], "p after group['lr'] was halved")

    fresh = student.AdamW([{"params": [a]}, {"params": [b]}])
    fresh.load_state_dict(student.keep(optimizer.state_dict))
    _step(student, fresh, b=(b, [7.0]))  # equal gradients: the corrected means are exact
    check.close(student.fetch(b), [2.0], "p after a step of an optimizer with a loaded state")
    check.true(fresh.step() is None, "step() without a closure does not return None")


# %% [markdown]
# ## 5. What decays and what does not
#
# Weight decay keeps the directions of a matrix from growing that the data does not need. A norm's
# gain or a bias is not such a direction: a gain of 0 switches a channel off, and pulling it there
# helps nothing. The usual rule looks at the number of axes: **tensors with two or more decay**
# (linear weights, embeddings, convolutions), the rest does not.
#
# The result is a list of two groups as section 3 describes them, the decayed one first, each with
# its own `"weight_decay"`. Consider:
#
# - A group without `"weight_decay"` gets the optimizer's default. What is the default here?
# - A *tied* head is the same parameter under two names. To `Optimizer` a parameter that is
#   given twice is an error, and an update per name would be one too many. `model.parameters()`
#   knows each parameter once.
# - A frozen parameter (`requires_grad` is False) is in no group.
# - A model may have no vectors, or nothing but vectors. There are two groups all the same, so that
#   checkpoints of one program fit each other.


# %%
def decay_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Sort the trainable parameters of a model into two groups for an optimizer.

    Args:
        model: Any module; parameters may be tied or frozen.
        weight_decay: For tensors with at least 2 axes.

    Returns:
        groups: Two dicts with "params", a list, and "weight_decay": first the tensors with at least
            2 axes, then the others with 0.0. Each trainable parameter is in one of them, once.

    Source:
        Loshchilov and Hutter 2019; Brown et al. 2020, appendix B; Karpathy, nanoGPT.
    """
    ### BEGIN SOLUTION
    trained = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in trained if p.ndim >= 2]
    others = [p for p in trained if p.ndim < 2]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_decay_groups(student: Student, check: Check) -> None:
    """An embedding, a norm, a tied head and a frozen layer."""
    layer = student.library("torch.nn.Linear")
    embedding, norm = (
        student.library("torch.nn.Embedding")(7, 3),
        student.library("torch.nn.LayerNorm")(3),
    )
    head, frozen = layer(3, 7), student.keep(layer(3, 2).requires_grad_, False)
    weight = student.part(embedding, "weight")
    student.library("builtins.setattr")(head, "weight", weight)
    model = student.library("torch.nn.Sequential")(embedding, norm, frozen, head)
    groups = student.decay_groups(model, 0.1)
    check.true(len(groups) == 2, f"there are {len(groups)} groups, expected 2")
    for group, decay, shapes in ((groups[0], 0.1, [(7, 3)]), (groups[1], 0.0, [(3,), (3,), (7,)])):
        found = group.get("weight_decay", "missing")
        check.true(found == decay, f"a group's weight_decay is {found}, expected {decay}")
        got = sorted(p.shape for p in group["params"])
        check.true(got == shapes, f"with weight_decay {decay} there are {got}, expected {shapes}")


# %% [markdown]
# ## One thing to try
#
# Train a small network twice, with your `AdamW` and with `torch.optim.AdamW`, from the same seed
# and with float64 parameters. How far apart are the weights after 1,000 steps, and where does the
# difference come from? Then save `state_dict()` after 500 steps, load it into a new optimizer and
# go on; compare with the run that was not interrupted. Keep `t` in an attribute instead: how does
# the loss look just after the interruption?
#
# ## Where to read more
#
# - Loshchilov and Hutter, *Decoupled weight decay regularization*, 2019 (arXiv:1711.05101):
#   figure 1 shows what decoupling does to the search for settings.
# - Kingma and Ba, *Adam: a method for stochastic optimization*, 2015 (arXiv:1412.6980).
# - Brown et al., *Language models are few-shot learners*, 2020 (arXiv:2005.14165): appendix B has
#   the settings that most later models begin from.
# - The documentation of `torch.optim`, on per-parameter options.
