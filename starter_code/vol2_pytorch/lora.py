"""LoRA: fine-tune a frozen linear layer by training two thin matrices beside it."""

# %% [markdown]
# # LoRA
#
# **The question.** A trained language model consists of linear layers with millions of weights
# each. Fine-tuning all of them needs several times the model's own memory, and leaves a full copy
# of the model for every task. Can a layer learn something new while all of its weights stay as
# they are?
#
# You write one class, `LoRALinear(base, r, alpha)`:
#
# | method | what it does |
# | --- | --- |
# | `__init__` | takes a trained `nn.Linear`, freezes it and puts two small matrices beside it |
# | `forward` | `(..., d_in)` to `(..., d_out)`: the layer's output plus what the matrices add |
# | `merge` | moves what the matrices have learned into the layer's own weight |
#
# You need PyTorch modules and parameters, the chain rule, and about an hour and a half.

# %%
import torch
from torch import nn

# %% [markdown]
# ## 1. What it costs to train a weight
#
# Take one layer with $d_{in} = d_{out} = 4096$. Every trained number needs a gradient, and AdamW
# keeps two moments of it. In float32 that is 12 bytes on top of the 4 of the number itself.
#
# Low-rank adaptation freezes the weight $W$ and trains a *change* of it that is a product of two
# thin matrices, $B$ with shape $(d_{out}, r)$ and $A$ with shape $(r, d_{in})$:
#
# | trained | numbers | gradient and moments |
# | --- | --- | --- |
# | $W$ | $4096 \cdot 4096 = 16{,}777{,}216$ | 201 MB |
# | $A$ and $B$ with $r = 8$ | $8 \cdot (4096 + 4096) = 65{,}536$ | 0.8 MB |
#
# That is 256 times less, and what has to be stored per task is 0.26 MB instead of 67 MB. What does
# *not* shrink: $W$ itself, and the activations that backward needs.
#
# The price: each row of the product is a combination of the $r$ rows of $A$, so the change has rank
# $r$ at most. Hu et al. find that for fine-tuning this is enough with surprisingly small $r$.
#
# ![Left: while training, the input x goes through the large frozen weight W and, beside it, through
# the flat matrix A and the tall matrix B, scaled by alpha / r; both results are added to y. Right:
# after the merge there is one weight of the old size.](figures/lora.svg)
#
# ## 2. Forward
#
# $$y = x W^\top + b + \frac{\alpha}{r} \, x A^\top B^\top$$
#
# **Shapes.** Weights are stored as `nn.Linear` stores them, $(\text{out}, \text{in})$, hence the
# transposes. `x` is $(\ldots, d_{in})$ with any number of leading axes.
#
# **Order.** $(x A^\top) B^\top$ goes through a bottleneck of width $r$: 65,536 multiplications for
# one token of the layer above. $x (A^\top B^\top)$ gives the same values, but first builds a matrix
# as large as $W$: 151 million multiplications.
#
# ## 3. Backward: what each matrix learns from
#
# Autograd does this for you, but the formulas decide how the matrices must start. Let `x` have $N$
# rows, write $s = \alpha / r$ and name the bottleneck $h$:
#
# $$h_{nk} = \sum_i x_{ni} A_{ki} \qquad y_{no} = \text{base}_{no} + s \sum_k h_{nk} B_{ok}$$
#
# Given `dout`, the derivative of the loss by every $y_{no}$, one entry $B_{ok}$ acts on column $o$
# of $y$ in every row $n$:
#
# $$\mathrm{dB}_{ok} = \sum_n \mathrm{dout}_{no} \, \frac{\partial y_{no}}{\partial B_{ok}}
#   = s \sum_n \mathrm{dout}_{no} \, h_{nk}$$
#
# $A$ sits one step further back. First the gradient arrives at the bottleneck, then at $A$:
#
# $$\mathrm{dh}_{nk} = s \sum_o \mathrm{dout}_{no} \, B_{ok} \qquad
#   \mathrm{dA}_{ki} = \sum_n \mathrm{dh}_{nk} \, x_{ni}$$
#
# And `x` gets gradients from both paths, since the layers before it want to learn, too. A frozen
# layer gets no gradient *for its weights*; it still passes one *through*:
#
# $$\mathrm{dx}_{ni} = \sum_o \mathrm{dout}_{no} \, W_{oi} + \sum_k \mathrm{dh}_{nk} \, A_{ki}$$
#
# ## 4. How the matrices start
#
# Fine-tuning should begin with exactly the model that was trained, so at the start $B A = 0$.
# Three ways to get there, and the last step is yours: write $\mathrm{dA}$ and $\mathrm{dB}$ of
# section 3 as matrix products and insert
#
# 1. $A = 0$ and $B = 0$,
# 2. $A$ random and $B = 0$,
# 3. $A = 0$ and $B$ random.
#
# Which gradients are zero at the first step? Which are still zero at the second? In one case the
# layer never learns anything, whatever the learning rate. The other two look like mirror images;
# LoRA takes the second, and Hayou et al. show that it bears larger learning rates.
#
# Random also means: each layer draws its own $A$, and rows differ from each other. With equal rows
# the $r$ directions start as one. Any distribution with mean zero will do; a standard deviation of
# $1 / \sqrt{d_{in}}$ makes the entries of $h$ as large as those of $x$. Draw from PyTorch's global
# generator, so that `torch.manual_seed` makes a run repeatable.
#
# ## 5. What $\alpha / r$ is for
#
# The product is a sum of $r$ terms, $B A = \sum_k B_{:k} A_{k:}$. The first step of Adam moves
# each entry of $B$ by the learning rate, whatever the size of its gradient. Each of the $r$ terms
# then changes the output by about as much, and in the direction that lowers the loss: the more
# terms, the larger the step of the whole layer. Dividing by $r$ turns the sum into a mean, and
# $\alpha$ says how large that mean counts. So $r$ can go from 8 to 64 with $\alpha$ and the
# learning rate left alone.
#
# With $\alpha$ fixed, doubling $r$ halves the factor. With $\alpha = r$ the factor is 1.
# (Kalajdzievski argues for $\alpha / \sqrt{r}$, because with $1 / r$ high ranks learn too slowly.
# Here it is $\alpha / r$.)
#
# ## 6. Merging
#
# After training the extra path need not cost anything. Both paths are linear in `x`:
#
# $$x W^\top + s \, x A^\top B^\top = x \, (W + \; ?)^\top$$
#
# What stands for the question mark? Its shape, $(d_{out}, d_{in})$, tells you the order of the
# factors. Four things to get right:
#
# - **In place.** The base layer may be known elsewhere (the model, a tied weight): its weight is
#   changed, not replaced, and it is still frozen.
# - **Unseen by autograd.** $A$ and $B$ require gradients. If autograd records the sum, the weight
#   becomes part of their graph.
# - **Once.** A second `merge()` must not add the change again.
# - **Not twice in `forward`, either.** The `LoRALinear` itself may still be in use after the
#   merge, and gives the outputs that it gave before.

# %%
class LoRALinear(nn.Module):
    """A frozen linear layer with a trainable low-rank change beside it.

    Args:
        base: nn.Linear with weight (d_out, d_in), with or without a bias. That layer itself is kept
            as `.base` and frozen, its bias too.
        r: Rank of the change, at least 1.
        alpha: The change is scaled by alpha / r.

    Attributes:
        lora_A: nn.Parameter (r, d_in), random, dtype and device of base.weight.
        lora_B: nn.Parameter (d_out, r), zeros, dtype and device of base.weight.

    Raises:
        ValueError: `r` is less than 1; `base` is left as it was.

    Source:
        Hu et al. 2021, section 4.1 (arXiv:2106.09685).
    """

    def __init__(self, base: nn.Linear, r: int, alpha: float) -> None:
        super().__init__()
        raise NotImplementedError("LoRALinear.__init__ is yours to write")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the layer with its change, before and after `merge`; no dropout.

        Args:
            x: (..., d_in), dtype of the base layer. Not modified.

        Returns:
            out: (..., d_out), dtype of `x`.
        """
        raise NotImplementedError("LoRALinear.forward is yours to write")

    def merge(self) -> nn.Linear:
        """Add the change to the base layer's weight, in place and once.

        Returns:
            base: The base layer, still frozen. A second call changes nothing.
        """
        raise NotImplementedError("LoRALinear.merge is yours to write")

# %%
from typing import Any

import numpy as np

from autograder.selfcheck import Check, Student

_W, _BIAS = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]]), np.array([0.5, -0.5])
_A, _B = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]), np.array([[1.0, 0.0], [2.0, 1.0]])
_X = np.array([[1.0, 2.0, 3.0]])


def _write(student: Student, owner: Any, **values: Any) -> None:
    """Overwrite parameters in place, unseen by autograd."""
    for name, value in values.items():
        data = student.part(student.part(owner, name), "data")
        student.keep(student.library("torch.Tensor.copy_"), data, value)


def _new_layer(student: Student, check: Check, base: Any) -> Any:
    """A LoRALinear with r = 2 and alpha = 3, as it should be before its first step."""
    layer, another = student.LoRALinear(base, 2, 3.0), student.LoRALinear(base, 2, 3.0)
    a, b = layer.lora_A, layer.lora_B
    for name, value, shape in (("lora_A", a, (2, 3)), ("lora_B", b, (2, 2))):
        check.true(isinstance(value, np.ndarray), f"{name} is not a tensor; make it nn.Parameter")
        same = value.shape == shape
        check.true(same, f"{name} has shape {value.shape}, expected {shape}")
        same = value.dtype == np.float64
        check.true(same, f"{name} is {value.dtype} beside a float64 weight; follow the base")
    check.close(b, np.zeros((2, 2)), "lora_B of a new layer")
    check.true(a.any(), "lora_A of a new layer is zero; with lora_B zero, too, nothing is learned")
    check.true((a != another.lora_A).any(), "two new layers have the same lora_A; draw it anew")
    check.close(layer(_X), [[7.5, 1.5]], "the output of a new layer")
    for name in ("weight", "bias"):
        frozen = not student.part(base, name).requires_grad
        check.true(frozen, f"base.{name} still requires a gradient; freeze the base")
    return layer


def _gradients(student: Student, check: Check, layer: Any) -> None:
    """The gradients that autograd finds, and your own forward differenced by A and by B."""
    dout = np.array([[1.0, -0.5]])
    for name, values in (("lora_A", _A), ("lora_B", _B)):

        def forward(v: Any, name: str = name) -> Any:
            _write(student, layer, **{name: v})
            return layer(_X)

        wrt = [student.part(layer, name)]
        # A scalar loss: to take `dout` itself, autograd would import a part of the compiler.
        weighted = student.keep(student.library("torch.mul"), student.keep(layer, _X), dout)
        loss = student.keep(student.library("torch.sum"), weighted)
        (got,) = student.library("torch.autograd.grad")(loss, wrt)
        check.gradient(got, forward, values, dout, f"the gradient of {name}")
        _write(student, layer, **{name: values})


def visible_LoRALinear(student: Student, check: Check) -> None:
    """A layer worked out by hand: its start, its output, its gradients, two merges, rank 0."""
    base = student.library("torch.nn.Linear")(3, 2, dtype=student.library("torch.float64"))
    base.load_state_dict({"weight": _W, "bias": _BIAS})
    layer = _new_layer(student, check, base)
    _write(student, layer, lora_A=_A, lora_B=_B)
    check.close(layer(_X), [[9.0, 12.0]], "the output with A and B given")
    _gradients(student, check, layer)
    for call in ("the first", "a second"):
        same = student.library("operator.is_")(layer.merge(), base)
        check.true(same, f"{call} merge() does not return the base layer")
        worked = [[2.5, 0.0, 2.0], [3.0, 2.5, 1.5]]
        check.close(base.weight, worked, f"base.weight after {call} merge()")
        check.close(layer(_X), [[9.0, 12.0]], f"the output after {call} merge()")
    frozen = not student.part(base, "weight").requires_grad
    check.true(frozen, "base.weight requires a gradient after merge(); it stays frozen")
    check.raises(ValueError, student.LoRALinear, base, 0, 3.0)

# %% [markdown]
# ## One thing to try
#
# Make two layers `nn.Linear(64, 64)` with the same bias, wrap one and fit it to the outputs of the
# other with `torch.optim.AdamW(layer.parameters(), lr=1e-2)` on random inputs. Print the norms of
# `lora_A.grad` and `lora_B.grad` at the first and at the second step: do they agree with your
# answer to section 4? Then set `lora_A` to zero as well and start again. Then try ranks 1, 4, 16
# and 64 with `alpha = 8`: which loss can a rank reach at best, and what has it to do with the
# singular values of the difference of the two weights?
#
# ## Where to read more
#
# - Hu et al., *LoRA: Low-Rank Adaptation of Large Language Models*, 2021 (arXiv:2106.09685):
#   section 4.1 is this exercise, section 7 looks at which matrices to adapt and how small the rank
#   may be.
# - Hayou, Ghosh and Yu, *The Impact of Initialization on LoRA Finetuning Dynamics*, 2024
#   (arXiv:2406.08447): why A is the random one.
# - Kalajdzievski, *A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA*, 2023
#   (arXiv:2312.03732): the case for the square root.
