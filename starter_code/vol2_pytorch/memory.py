"""Memory: train with a large batch, half the bytes and few activations on one small device."""

# %% [markdown]
# # Training in little memory
#
# **The question.** A batch of half a million tokens makes training stable, and the activations of
# one thousandth of it fill the device. How does one train as with the large batch in the memory
# that there is, without changing what is learned?
#
# Three tools, from the loop inwards:
#
# | to write | what it saves | what it costs |
# | --- | --- | --- |
# | `accumulate(model, pieces)` | activations of all pieces but one | nothing |
# | `autocast_step(model, x, y, optimizer)` | half the bytes of activations | some digits |
# | `Checkpointed(block)` | activations inside a block | a second forward |
#
# You need PyTorch modules, the chain rule, and about two hours.
# `torch.utils.checkpoint` does what the third one does, and is not allowed here.

# %%
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

# %% [markdown]
# ## 1. A batch in pieces
#
# The loss of a batch is a mean over the tokens that count, those whose target is not -100:
#
# $$L = \frac{1}{N} \sum_{p} \sum_{t \in p} \ell_t \qquad N = \sum_p N_p$$
#
# Derivatives are linear, so the gradient of $L$ is a sum over pieces $p$, and `.backward()` *adds*
# to `.grad`. One piece after the other: forward, backward, its activations are gone, next.
#
# The question is what each piece has to be divided by. Take two pieces with 90 and 10 tokens that
# count, and losses with means 2 and 4. The mean of the means is 3. The mean over all tokens is $(90
# \cdot 2 + 10 \cdot 4) / 100 = 2.2$. Dividing each piece by its own count, and then by the number
# of pieces, gives a token in the short piece nine times the weight of one in the long piece. That
# is the usual bug, and it was in much-used libraries for years: nothing crashes, the loss goes
# down, and a run in pieces differs from one without. What is each piece's *sum* divided by, and
# when does one have to know that number?
#
# If no token counts, the loss is 0 and so are the gradients; 0 / 0 is neither.
#
# ## 2. Sixteen bits, in the right places
#
# bfloat16 has the range of float32 and 8 significant bits: about 2.4 decimal digits. That is enough
# for the factors of a matrix product, whose errors average out. It is not enough for a *sum that
# grows slowly*. Between 1 and 2 the numbers are $2^{-7} = 0.0078$ apart: a weight of 1 that is to
# move by 0.001 stays where it is, in every one of a thousand steps.
#
# | what | dtype | why |
# | --- | --- | --- |
# | products in forward and backward | bfloat16 | fast, half the bytes |
# | parameters, gradients, moments | float32 | small changes have to add up |
# | softmax and loss | float32 | a logarithm of a sum over the vocabulary |
#
# `torch.autocast(device_type, dtype=torch.bfloat16)` is a context in which matrix products cast
# their arguments, while the parameters stay as they are. Backward follows the dtypes that forward
# used, so `backward()` stands outside. (float16 has more digits and little range: its gradients
# underflow, and the loss has to be scaled. bfloat16 needs none of that.)
#
# ## 3. Forget and compute again
#
# For backward, a block keeps what its operations need: about a dozen tensors of the size of its
# input. With $L$ blocks that is $12 L$ of them. Keep only the *input* of each block, and when
# backward arrives, run the block forward once more: then there are $L$ inputs and, at any time, the
# inside of one block. The price is one more forward, a third of the work of a step.
#
# ![Top: without checkpointing, the inner activations of all four blocks wait for backward. Bottom:
# with it, four inputs wait, and only the block that backward has reached is computed
# again.](figures/memory.svg)
#
# A `torch.autograd.Function` is the place for it. Its `forward(ctx, ...)` runs without recording,
# `ctx.save_for_backward(x)` keeps the input, and `backward(ctx, dout)` gets the gradient of the
# output and returns one gradient, or `None`, for each argument of `forward`. In there:
#
# 1. Take the saved `x` as a new leaf (`detach`, `requires_grad_`), and run the block on it under
#    `torch.enable_grad()`.
# 2. Ask `torch.autograd.grad(out, inputs, dout, allow_unused=True)` for the gradients.
#
# What are the inputs of the block? $x$, and *its parameters*: autograd sees only what has gone
# through `apply`. Otherwise the first block of a model, whose input needs no gradient, would not be
# trained at all.
#
# **The same randomness.** Dropout in the second forward has to draw the masks of the first. Keep
# `torch.get_rng_state()` at the first forward and set it for the second. And a model that
# checkpoints must draw the same numbers *afterwards* as one that does not: where does the generator
# stand after backward?
#
# **The same dtypes.** Backward runs outside of the autocast context of the forward. If the block
# ran under autocast the first time, it has to the second time:
# `torch.is_autocast_enabled(device_type)` and `torch.get_autocast_dtype(device_type)` tell.
#
# What cannot be the same: a block that changes itself when it runs, such as batch normalisation
# with its running means, is changed twice.

# %%
def accumulate(model: nn.Module, pieces: list[tuple[torch.Tensor, torch.Tensor]]) -> float:
    """Compute loss and gradients of one large batch that comes in pieces.

    Only one piece's activations are in memory at a time. Parameters do not change.

    Args:
        model: Maps ids (B, T) to logits (B, T, V). Afterwards the `.grad` of its parameters are the
            gradients of the returned loss; what was in there before is dropped.
        pieces: Pairs of ids x and targets y, int64 (B, T); B, T and the number of targets that are
            -100, which do not count, differ from piece to piece.

    Returns:
        loss: Mean cross-entropy over all targets of all pieces that are not -100, a float. If there
            are none, 0.0 with gradients of zero.

    Source:
        Hugging Face 2024, "Fixing gradient accumulation".
    """
    raise NotImplementedError("accumulate is yours to write")

# %%
from typing import Any

import numpy as np

from autograder.selfcheck import Check, Student

_TABLE = np.array([[0.0, 1.0, -1.0], [2.0, 0.0, 0.5], [-1.0, 0.5, 0.0]])


def _table_model(student: Student) -> Any:
    """A model whose logits are the rows of a table: an embedding."""
    make = student.library("torch.nn.Embedding.from_pretrained")
    return student.keep(make, _TABLE, freeze=False)


def visible_accumulate(student: Student, check: Check) -> None:
    """Two pieces of different lengths, one target ignored, against the same numbers by hand."""
    model = _table_model(student)
    pieces = [
        (np.array([[0, 1, 2]]), np.array([[1, 2, -100]])),
        (np.array([[2]]), np.array([[0]])),
    ]
    shifted = _TABLE - np.log(np.exp(_TABLE).sum(-1, keepdims=True))
    expected = -(shifted[0, 1] + shifted[1, 2] + shifted[2, 0]) / 3
    for call in ("the first", "a second"):
        loss = student.accumulate(model, pieces)
        check.close(loss, expected, f"the loss of {call} call, a mean over 3 tokens")
        want = np.exp(shifted)
        want[[0, 1, 2], [1, 2, 0]] -= 1
        got = student.part(model, "weight").grad
        check.close(got, want / 3, f"the gradient after {call} call")
    nothing = [(np.array([[0]]), np.array([[-100]]))]
    loss = student.accumulate(model, nothing)
    check.close(loss, 0.0, "the loss when no target counts")

# %%
def autocast_step(
    model: nn.Module, x: torch.Tensor, y: torch.Tensor, optimizer: torch.optim.Optimizer
) -> float:
    """Make one update with products in bfloat16 and everything that adds up in float32.

    Args:
        model: Maps ids (B, T) to logits (B, T, V); its parameters are float32, and stay that.
        x: (B, T), int64 ids on the model's device.
        y: (B, T), int64 targets; -100 does not count.
        optimizer: Over the model's parameters. Gradients from before are dropped.

    Returns:
        loss: Mean cross-entropy over the targets that count, before the update, a float, computed
            in float32 from the logits that the model gives under autocast. 0.0 with gradients of
            zero if no target counts.

    Source:
        Micikevicius et al. 2018, "Mixed Precision Training" (arXiv:1710.03740), section 3.
    """
    raise NotImplementedError("autocast_step is yours to write")

# %%
def visible_autocast_step(student: Student, check: Check) -> None:
    """A layer whose weights differ by less than bfloat16 can tell, and a step that is as small."""
    linear = student.library("torch.nn.Linear")(2, 2, bias=False)
    weight = np.array([[1.001, 1.0], [1.0, 1.0]], dtype=np.float32)
    linear.load_state_dict({"weight": weight})
    table = student.library("torch.nn.Embedding")(1, 2)
    table.load_state_dict({"weight": np.array([[512.0, 512.0]], dtype=np.float32)})
    model = student.library("torch.nn.Sequential")(table, linear)
    frozen = student.library("torch.optim.SGD")(linear.parameters(), lr=2e-7)
    loss = student.autocast_step(model, np.array([[0]]), np.array([[1]]), frozen)
    check.close(
        loss,
        np.log(2),
        "the loss of two logits that are equal in bfloat16 (512.512 and 512 in float32)",
        rtol=1e-5,
    )
    moved = linear.weight - weight
    want = np.array([[-1.0, -1.0], [1.0, 1.0]]) * 256 * 2e-7
    check.close(moved, want, "how far the weights have moved", rtol=0.02)
    kind = student.library("builtins.str")(student.part(student.part(linear, "weight"), "dtype"))
    check.true(kind == "torch.float32", f"the weights are {kind} afterwards; leave them float32")

# %%
class Checkpointed(nn.Module):
    """A block that keeps only its input for backward, and computes the rest again.

    Output, gradients and use of PyTorch's generator are those of the block: the generator is after
    forward, and after backward, where it would be without checkpointing. All parameters of the
    block get their gradients, whether the input needs one or not; frozen ones get none. A block
    that runs under autocast is run again under autocast.

    Args:
        block: Takes a tensor and, perhaps, further arguments that need no gradient; gives a tensor.
            Kept as `.block`.

    Source:
        Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost" (arXiv:1604.06174).
    """

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        raise NotImplementedError("Checkpointed.__init__ is yours to write")

    def forward(self, x: torch.Tensor, *rest: Any) -> torch.Tensor:
        """Apply the block.

        Args:
            x: What the block takes, float.
            rest: Further arguments for the block, passed on as they are.

        Returns:
            out: What the block gives.
        """
        raise NotImplementedError("Checkpointed.forward is yours to write")

# %%
def _saved(student: Student, call: Any) -> tuple[int, Any]:
    """Bytes that are kept for backward during a call, as hooks see them, and the result."""
    sizes: list[int] = []

    def pack(tensor: Any) -> Any:
        sizes.append(tensor.nbytes)
        return tensor

    hooks = "torch.autograd.graph.saved_tensors_hooks"
    context = student.keep(student.library(hooks), pack, lambda tensor: tensor)
    student.keep(student.library(hooks + ".__enter__"), context)
    try:
        result = call()
    finally:
        student.keep(student.library(hooks + ".__exit__"), context)
    return sum(sizes), result


def visible_Checkpointed(student: Student, check: Check) -> None:
    """Output, gradients and random numbers against the block's own; what is kept, in bytes."""
    keep, layers = student.keep, []
    double = student.library("torch.float64")
    for _ in range(3):
        layers.append(keep(student.library("torch.nn.Linear"), 4, 4, dtype=double))
        layers.append(keep(student.library("torch.nn.Dropout"), 0.5))
        layers.append(keep(student.library("torch.nn.Tanh")))
    block = keep(student.library("torch.nn.Sequential"), *layers)
    x = np.random.default_rng(0).normal(size=(50, 4))
    results = []
    for module in (block, student.Checkpointed(block)):
        block.zero_grad()
        student.library("torch.default_generator.manual_seed")(0)
        held = student.library("torch.Tensor.requires_grad_")
        leaf = keep(held, student.hold(x))
        size, out = _saved(student, lambda m=module, x=leaf: keep(m, x))
        between = student.library("torch.rand")(2)
        student.keep(student.library("torch.Tensor.backward"), out, np.cos(x))
        weight = student.part(layers[0], "weight")
        after = student.library("torch.rand")(2)
        results.append((student.fetch(out), leaf.grad, weight.grad, between, after, size))
    names = (
        "the output",
        "the gradient of x",
        "the gradient of the first weight",
        "random numbers drawn after forward",
        "random numbers drawn after backward",
    )
    for name, want, got in zip(names, results[0], results[1], strict=False):
        check.true(isinstance(got, np.ndarray), f"{name} is not there")
        check.close(got, want, name)
    plain, kept = results[0][5], results[1][5]
    check.true(
        kept < plain / 3, f"{kept} bytes are kept for backward, {plain} without; keep x only"
    )

# %% [markdown]
# ## One thing to try
#
# Wrap every block of your `Llama` and print the largest batch that still fits, and the tokens per
# second, with and without. Then wrap only every second block: which of the two costs more? With $L$
# blocks of which every $k$-th input is kept, the memory is about $L / k + k$ block inputs; which
# $k$ is best, and what does the answer have to do with the title of the paper below?
#
# ## Where to read more
#
# - Chen, Xu, Zhang and Guestrin, *Training Deep Nets with Sublinear Memory Cost*, 2016
#   (arXiv:1604.06174).
# - Micikevicius et al., *Mixed Precision Training*, 2018 (arXiv:1710.03740): why the weights are
#   kept in float32 (section 3.1).
# - Kalamkar et al., *A Study of BFLOAT16 for Deep Learning Training*, 2019 (arXiv:1905.12322).
# - Hugging Face, *Fixing Gradient Accumulation*, 2024: the bug of section 1 in the wild.
