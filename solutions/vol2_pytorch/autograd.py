"""Autograd: a backward of your own inside PyTorch, and what it costs to let PyTorch find one."""

# %% [markdown]
# # A backward of your own
#
# **The question.** PyTorch differentiates whatever you compute. To do so, it writes down every
# operation and keeps every array that the way back will need. You have derived gradients that need
# far less. How do you give PyTorch a backward of your own, and what is gained?
#
# You write three classes, and the functions that call them:
#
# | class | function |
# | --- | --- |
# | `RMSNormFunction` | `rmsnorm(x, gain, eps=1e-5)` |
# | `RoPEFunction` | `rope(x, positions, theta=10000.0)` |
# | `CrossEntropyFunction` | `cross_entropy(logits, targets, ignore_index=-100)` |
#
# What is asked for is the way back *by hand*: PyTorch's own differentiation (`torch.autograd.grad`,
# `.backward()`, `torch.func`, recording with `torch.enable_grad`) has no place inside these
# classes, nor have its finished versions of the three operators. When this page is graded, it is
# switched off.
#
# You need these three operators from Volume 1, and about an hour and a half.

# %%
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

# %% [markdown]
# The checks on this page use the next cell. There is nothing to write in it.


# %%
def pushed_back(
    student: Any, function: Any, arrays: Sequence[Any], dout: Any, *others: Any
) -> tuple[Any, Any, Any]:
    """The output of a function, and the gradients of `arrays` when asked for twice."""
    wanting = student.library("torch.Tensor.requires_grad_")
    inputs = [student.keep(wanting, student.hold(array)) for array in arrays]
    out = student.keep(function, *inputs, *others)
    # A scalar loss: to take `dout` itself, autograd would import a part of the compiler.
    loss = student.keep(
        student.library("torch.sum"), student.keep(student.library("torch.mul"), out, dout)
    )
    grad = student.library("torch.autograd.grad")
    return student.fetch(out), grad(loss, inputs, retain_graph=True), grad(loss, inputs)


# %% [markdown]
# ## 1. What is recorded
#
# Every operation on a tensor that wants a gradient leaves a *node*: the inputs it came from, and
# the arrays that its derivative needs. `a * b` keeps `a` and `b`, because each is the other's
# derivative; `exp` keeps its result; a sum keeps nothing. `backward()` goes through the nodes in
# reverse. Follow RMSNorm, written as
# `x * (x.square().mean(-1, keepdim=True) + eps).rsqrt() * gain`:
#
# ![Left, recorded by PyTorch: a chain of six nodes, square, mean, add, rsqrt, multiply, multiply.
# Square keeps x, rsqrt keeps its result, one number per token, the first product keeps x and the
# root, the second one keeps the normalised x and the gain. Right, a Function of one's own: a single
# node, which keeps x, the gain, and the root.](figures/autograd.svg)
#
# Three arrays as large as `x` take part, two of them different ones: `x` itself, and the normalised
# `x`. The second is kept although two factors that are there anyway would give it back. A large
# model runs out of memory for such arrays long before it runs out of memory for weights.
#
# **A Function** replaces the whole chain by one node:
#
# ```python
# class Double(torch.autograd.Function):
#     @staticmethod
#     def forward(ctx, x, factor):         # nothing in here is recorded
#         ctx.save_for_backward(x)         # tensors that backward needs
#         ctx.factor = factor              # what is not a tensor
#         return ...
#
#     @staticmethod
#     def backward(ctx, dout):
#         (x,) = ctx.saved_tensors
#         return ..., None                 # one for each argument of forward; None for no tensor
#
# out = Double.apply(x, 2.0)               # no names, no defaults
# ```
#
# What you may rely on, and what is relied on in you:
#
# - `apply` takes arguments by place only. So a function around it has the names and the defaults.
# - `save_for_backward` is for inputs, results, and whatever you computed on the way. PyTorch then
#   notices if somebody overwrites a saved tensor in between, and lets go of it after the backward.
# - **Backward may run twice** (`retain_graph=True`): do not write into what was saved.
# - **`dout` may have any layout.** After `.sum()` it is a single number that pretends to be an
#   array; writing into it is an error or worse. The same goes for inputs: transposes are common.
# - Gradients have the shapes and the dtype of the inputs.
#
# ## 2. RMSNorm
#
# With one root per token, $r = \big( \tfrac{1}{d} \sum_i x_i^2 + \epsilon \big)^{-1/2}$, and the
# normalised $\hat{x}_i = r \, x_i$, the output is $\mathrm{out}_i = g_i \, \hat{x}_i$. Write
# $h_i = g_i \, \mathrm{dout}_i$ for the gradient that arrives at $\hat{x}_i$. Every $x_j$ acts on
# its own $\hat{x}_j$, and through $r$ on all:
#
# $$\mathrm{dx}_j = \sum_i h_i \frac{\partial \hat{x}_i}{\partial x_j}
#   = r \, h_j + \Big( \sum_i h_i \, x_i \Big) \frac{\partial r}{\partial x_j} \qquad
#   \frac{\partial r}{\partial x_j} = - \frac{r^3 x_j}{d}$$
#
# The last step is yours: insert, and write it with $\hat{x}$ and a mean, so that $r$ is a common
# factor. The gain scales feature $i$ of every token, so its gradient is a sum over all of them:
# which axes does `x` have, and which does the gradient of the gain?
#
# **What to save** is your decision. `x` and the gain are there anyway and cost nothing but that
# they stay; $r$ is one number per token; $\hat{x}$ is as large as `x`, and a product.


# %%
class RMSNormFunction(torch.autograd.Function):
    """RMSNorm as one node: `RMSNormFunction.apply(x, gain, eps)`.

    Source:
        Zhang and Sennrich 2019, equation 4, differentiated.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, gain: torch.Tensor, eps: float) -> torch.Tensor:
        """Normalise every token, and save what `backward` needs.

        Args:
            ctx: Where to save it.
            x: (..., d_model), at least two axes. Not modified.
            gain: (d_model,), dtype of `x`.
            eps: Added under the root.

        Returns:
            out: (..., d_model), dtype of `x`.
        """
        ### BEGIN SOLUTION
        r = (x.square().mean(dim=-1, keepdim=True) + eps).rsqrt()  # (..., 1)
        ctx.save_for_backward(x, gain, r)
        return x * r * gain
        ### END SOLUTION

    @staticmethod
    def backward(ctx: Any, dout: torch.Tensor) -> Any:
        """Push `dout` back.

        Args:
            ctx: What `forward` has saved. May be asked again.
            dout: (..., d_model). Not modified.

        Returns:
            dx: (..., d_model), dtype of `x`.
            dgain: (d_model,).
            none: None, since eps is no tensor.
        """
        ### BEGIN SOLUTION
        x, gain, r = ctx.saved_tensors
        normed, h = x * r, dout * gain
        dx = r * (h - normed * (h * normed).mean(dim=-1, keepdim=True))
        return dx, (dout * normed).reshape(-1, len(gain)).sum(dim=0), None
        ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_RMSNormFunction(student: Student, check: Check) -> None:
    """A token worked out by hand, both gradients, twice; differences of your own forward."""
    apply = student.RMSNormFunction.apply
    # (1, 7) has root mean square 5. With the gain (5, 10) and dout (1, 1), h is (5, 10), and the
    # mean of h times the normalised x is (5 * 1/5 + 10 * 7/5) / 2 = 7.5.
    x, gain = np.array([[1.0, 7.0]]), np.array([5.0, 10.0])
    out, *both = pushed_back(student, apply, (x, gain), np.ones((1, 2)), 0.0)
    check.close(out, [[1.0, 14.0]], "the output")
    for grads, when in zip(both, ("", " when backward runs again"), strict=True):
        check.close(grads[0], [[0.7, -0.1]], f"dx{when}")
        check.close(grads[1], [0.2, 1.4], f"dgain{when}")
    rng = np.random.default_rng(0)
    x, dout, gain = rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 3, 4)), np.arange(4.0)
    _, (dx, dgain), _ = pushed_back(student, apply, (x, gain), dout, 0.1)
    check.gradient(dx, lambda v: apply(v, gain, 0.1), x, dout, "dx")
    check.gradient(dgain, lambda v: apply(x, v, 0.1), gain, dout, "dgain")


# %% [markdown]
# The function around it hands its arguments to `apply` as they are, by place. It is what the rest
# of a program calls.


# %%
def rmsnorm(x: torch.Tensor, gain: torch.Tensor, eps: float = 1e-5) -> torch.Tensor:
    """Scale each token to root mean square 1, and each feature by its gain.

    Args:
        x: (..., d_model), at least two axes.
        gain: (d_model,), dtype of `x`.
        eps: Added under the root.

    Returns:
        out: (..., d_model), dtype of `x`. One node of `RMSNormFunction`.

    Source:
        Zhang and Sennrich 2019, equation 4.
    """
    ### BEGIN SOLUTION
    out: torch.Tensor = RMSNormFunction.apply(x, gain, eps)  # type: ignore[no-untyped-call]
    return out
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_rmsnorm(student: Student, check: Check) -> None:
    """A single node; the default eps; gradients like those of its class."""
    x, gain = np.array([[[1.0, 7.0], [7.0, -1.0]]]), np.array([5.0, 10.0])
    dout = np.array([[[1.0, 1.0], [-1.0, 2.0]]])
    out, grads, _ = pushed_back(student, student.rmsnorm, (x, gain), dout, 1e-3)
    check.close(out, [[[1.0, 14.0], [7.0, -2.0]]], "the output", rtol=1e-4)
    _, want, _ = pushed_back(student, student.RMSNormFunction.apply, (x, gain), dout, 1e-3)
    check.close(tuple(grads), tuple(want), "dx, dgain")
    small = student.rmsnorm(np.full((1, 2), 1e-5**0.5), np.ones(2))
    check.close(small, np.full((1, 2), 0.5**0.5), "the output for x**2 = 1e-5, eps left out,")
    wanting = student.keep(student.library("torch.Tensor.requires_grad_"), student.hold(x))
    node = student.part(student.keep(student.rmsnorm, wanting, gain), "grad_fn")
    name = node.name()
    check.true(name == "RMSNormFunctionBackward", f"the output comes from {name}; call apply")


# %% [markdown]
# ## 3. RoPE
#
# At position $m$ the pair $(a, b)$ of features $2i$ and $2i + 1$ turns by
# $\varphi = m \, \theta^{-2i / d_{head}}$:
#
# $$\begin{pmatrix} a' \\ b' \end{pmatrix} = R \begin{pmatrix} a \\ b \end{pmatrix} \qquad
#   R = \begin{pmatrix} \cos \varphi & - \sin \varphi \\ \sin \varphi & \cos \varphi \end{pmatrix}$$
#
# For any linear map $y = R x$ the chain rule gives
# $\mathrm{dx}_j = \sum_i \mathrm{dout}_i \, R_{ij}$. The rest is yours: which matrix is multiplied
# with `dout`, which motion of the plane is that, and what does it need of $x$? From the answer
# follows what you save. Positions are not learned and have no gradient, though they are a tensor:
# their place in what `backward` returns is `None`.
#
# As in Volume 1, angles are computed in float64 whatever the dtype of `x`, and positions are `(T,)`
# or `(B, T)`. A helper for both directions saves you half of the work.


# %%
### BEGIN SOLUTION
def _turned(x: torch.Tensor, positions: torch.Tensor, theta: float) -> torch.Tensor:
    """Each pair of neighbours of x (B, T, n_heads, d_head) turned by its angle."""
    pairs = torch.arange(0, x.shape[-1], 2, dtype=torch.float64, device=x.device)
    angles = positions[..., None, None] * theta ** (-pairs / x.shape[-1])  # (..., T, 1, d_head / 2)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., ::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2)


### END SOLUTION


class RoPEFunction(torch.autograd.Function):
    """RoPE as one node: `RoPEFunction.apply(x, positions, theta)`.

    Source:
        Su et al. 2021, section 3.2.2 and equation 34.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, positions: torch.Tensor, theta: float) -> torch.Tensor:
        """Turn each pair of neighbouring features, and save what `backward` needs.

        Args:
            ctx: Where to save it.
            x: (B, T, n_heads, d_head). Not modified.
            positions: (T,) or (B, T), int64. Not modified.
            theta: Pair i turns by theta**(-2i / d_head) radians per position.

        Returns:
            out: (B, T, n_heads, d_head), dtype of `x`.
        """
        ### BEGIN SOLUTION
        ctx.save_for_backward(positions)
        ctx.theta = theta
        return _turned(x, positions, theta)
        ### END SOLUTION

    @staticmethod
    def backward(ctx: Any, dout: torch.Tensor) -> Any:
        """Push `dout` back.

        Args:
            ctx: What `forward` has saved. May be asked again.
            dout: (B, T, n_heads, d_head). Not modified.

        Returns:
            dx: (B, T, n_heads, d_head), dtype of `x`.
            none: None for positions.
            nothing: None for theta.
        """
        ### BEGIN SOLUTION
        (positions,) = ctx.saved_tensors
        return _turned(dout, -positions, ctx.theta), None, None
        ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_RoPEFunction(student: Student, check: Check) -> None:
    """A turn by 1 and by 1/4, forward and back; both kinds of positions; differences."""
    apply = student.RoPEFunction.apply
    # d_head is 4: with theta = 16, pair 0 turns by 1 per position and pair 1 by 1/4.
    x, dout = np.array([[[[1.0, 0.0, 0.0, 2.0]]]]), np.array([[[[1.0, 0.0, 0.0, 1.0]]]])
    out, *both = pushed_back(student, apply, (x,), dout, np.array([1]), 16.0)
    one, quarter = np.array([np.cos(1.0), np.sin(1.0)]), np.array([-np.sin(0.25), np.cos(0.25)])
    check.close(out, [[[[*one, *(2.0 * quarter)]]]], "the output")
    for (dx,), when in zip(both, ("", " when backward runs again"), strict=True):
        check.close(dx, [[[[one[0], -one[1], -quarter[0], quarter[1]]]]], f"dx{when}")
    rng = np.random.default_rng(0)
    x, dout = rng.standard_normal((2, 2, 3, 1, 4))

    def same_as_differences(positions: Any) -> None:
        name = f"dx, positions of shape {positions.shape}"
        _, (dx,), _ = pushed_back(student, apply, (x,), dout, positions, 9.0)
        check.gradient(dx, lambda v: apply(v, positions, 9.0), x, dout, name)

    same_as_differences(np.array([3, 0, 8]))
    same_as_differences(np.array([[3, 0, 8], [1, 5, 5]]))


# %% [markdown]
# And the function around it:


# %%
def rope(x: torch.Tensor, positions: torch.Tensor, theta: float = 10000.0) -> torch.Tensor:
    """Turn each pair of neighbouring features by an angle proportional to its token's position.

    Args:
        x: (B, T, n_heads, d_head), d_head even.
        positions: (T,) or (B, T), int64.
        theta: Pair i turns by theta**(-2i / d_head) radians per position.

    Returns:
        out: (B, T, n_heads, d_head), dtype of `x`. One node of `RoPEFunction`.

    Source:
        Su et al. 2021, section 3.2.2 and equation 34.
    """
    ### BEGIN SOLUTION
    out: torch.Tensor = RoPEFunction.apply(x, positions, theta)  # type: ignore[no-untyped-call]
    return out
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_rope(student: Student, check: Check) -> None:
    """A single node; the default theta; there and back again."""
    x = np.random.default_rng(0).standard_normal((2, 3, 2, 4))
    positions = np.array([0, 5, 7])
    first = np.cos(5.0) * x[:, 1, :, 0] - np.sin(5.0) * x[:, 1, :, 1]
    third = np.cos(0.05) * x[:, 1, :, 2] - np.sin(0.05) * x[:, 1, :, 3]
    got = student.rope(x, positions)[:, 1]
    check.close(got[..., 0], first, "feature 0 at position 5")
    check.close(got[..., 2], third, "feature 2 at position 5, theta left out,")
    out, (dx,), _ = pushed_back(student, student.rope, (x,), x, positions, 9.0)
    _, (back,), _ = pushed_back(student, student.rope, (x,), out, positions, 9.0)
    check.close(back, x, "what comes back when the output itself is pushed back")
    check.close((dx * dx).sum(), (x * x).sum(), "the square of the length of dx")
    wanting = student.keep(student.library("torch.Tensor.requires_grad_"), student.hold(x))
    name = student.part(student.keep(student.rope, wanting, positions), "grad_fn").name()
    check.true(name == "RoPEFunctionBackward", f"the output comes from {name}; call apply")


# %% [markdown]
# ## 4. Cross-entropy
#
# Let $n$ of the targets count (the others are `ignore_index`), and let the kept place $t$ have the
# logits $x_{t1}, \dots, x_{tV}$ and the target $y_t$:
#
# $$L = \frac{1}{n} \sum_t \Big( \ln \sum_k e^{x_{tk}} - x_{t y_t} \Big)$$
#
# The derivative of the first term by $x_{tj}$ is the probability $p_{tj}$, that of the second is 1
# for $j = y_t$ and 0 otherwise. Three things remain, and the last step is yours:
#
# - Places that do not count: what is their gradient?
# - The factor $1 / n$, and $n = 0$: then the loss is 0.0 and so is the gradient.
# - **`dout` is a number**, the derivative of whatever is differentiated by *this* loss. If somebody
#   adds $0.1 \, L$ to something, it is 0.1. With dout left out, a test that calls
#   `loss.backward()` and nothing else still passes.
#
# **Safe forms.** As in Volume 1: shift each row by its maximum, never take the logarithm of a
# probability, and mind that -100 is a mark and not a place. `log_softmax` and `logsumexp` are there
# and may be used.
#
# **What to save** is worth a thought. Of the largest array of the whole model, one copy is enough.


# %%
class CrossEntropyFunction(torch.autograd.Function):
    """Mean cross-entropy as one node: `CrossEntropyFunction.apply(logits, targets, ignore_index)`.

    Source:
        Goodfellow, Bengio and Courville 2016, section 6.2.2.3.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: torch.Tensor, targets: torch.Tensor, ignore_index: int
    ) -> torch.Tensor:
        """Average -ln p over the targets that count, and save what `backward` needs.

        Args:
            ctx: Where to save it.
            logits: (..., V). Any finite values. Not modified.
            targets: (...), int64. The right ids, or `ignore_index`. Not modified.
            ignore_index: Targets of this value do not count.

        Returns:
            loss: (), dtype of `logits`. 0.0 if no target counts.
        """
        ### BEGIN SOLUTION
        kept = targets != ignore_index
        n = kept.sum().clamp(min=1)
        log_probs = logits.log_softmax(dim=-1)
        labels = torch.where(kept, targets, 0)[..., None]  # an id, where there is none, too
        losses = -log_probs.gather(-1, labels)[..., 0]
        ctx.save_for_backward(log_probs, labels, kept, n)
        return (losses * kept).sum() / n
        ### END SOLUTION

    @staticmethod
    def backward(ctx: Any, dout: torch.Tensor) -> Any:
        """Push `dout` back.

        Args:
            ctx: What `forward` has saved. May be asked again.
            dout: (). The derivative with respect to the loss. Not modified.

        Returns:
            dlogits: (..., V), dtype of `logits`. Rows that do not count are 0.
            none: None for targets.
            nothing: None for ignore_index.
        """
        ### BEGIN SOLUTION
        log_probs, labels, kept, n = ctx.saved_tensors
        dlogits = log_probs.exp()
        dlogits.scatter_add_(-1, labels, -torch.ones_like(dlogits[..., :1]))
        return dlogits * (kept[..., None] * (dout / n)), None, None
        ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_CrossEntropyFunction(student: Student, check: Check) -> None:
    """Worked numbers, dout, places that do not count, none at all, large errors, differences."""
    apply = student.CrossEntropyFunction.apply
    logits = np.log([[1.0, 1.0, 2.0], [1.0, 6.0, 1.0], [2.0, 3.0, 3.0]])
    targets = np.array([0, -1, 2])  # of probability 1/4 and 3/8; the second does not count
    loss, *both = pushed_back(student, apply, (logits,), np.array(4.0), targets, -1)
    check.close(loss, np.log(32 / 3) / 2, "the loss")
    want = [[-1.5, 0.5, 1.0], [0.0, 0.0, 0.0], [0.5, 0.75, -1.25]]
    for (dlogits,), when in zip(both, ("", " when backward runs again"), strict=True):
        check.close(dlogits, want, f"dlogits for dout = 4{when}")
    loss, (dlogits,), _ = pushed_back(student, apply, (logits,), 4.0, np.full(3, -1), -1)
    check.close(loss, 0.0, "the loss if no target counts")
    check.close(dlogits, np.zeros((3, 3)), "dlogits if no target counts")
    far = np.array([[0.0, 1000.0], [-3000.0, 0.0]])
    loss, (dlogits,), _ = pushed_back(student, apply, (far,), 1.0, np.array([0, 0]), -100)
    check.close(loss, 2000.0, "the mean of errors of 1000 and 3000")
    check.close(dlogits, [[-0.5, 0.5], [-0.5, 0.5]], "dlogits of errors of 1000 and 3000")
    logits = np.random.default_rng(0).standard_normal((2, 3, 4))
    targets = np.array([[0, 3, 2], [-100, 1, 3]])
    _, (dlogits,), _ = pushed_back(student, apply, (logits,), 0.3, targets, -100)
    check.gradient(dlogits, lambda v: apply(v, targets, -100), logits, 0.3, "dlogits")


# %% [markdown]
# And the function around it:


# %%
def cross_entropy(
    logits: torch.Tensor, targets: torch.Tensor, ignore_index: int = -100
) -> torch.Tensor:
    """Average -ln p over the targets that count.

    Args:
        logits: (..., V). Any finite values.
        targets: (...), int64. The right ids, or `ignore_index`.
        ignore_index: Targets of this value do not count.

    Returns:
        loss: (), dtype of `logits`. One node of `CrossEntropyFunction`.

    Source:
        Goodfellow, Bengio and Courville 2016, section 6.2.2.3.
    """
    ### BEGIN SOLUTION
    loss: torch.Tensor = CrossEntropyFunction.apply(  # type: ignore[no-untyped-call]
        logits, targets, ignore_index
    )
    return loss
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_cross_entropy(student: Student, check: Check) -> None:
    """A single node; the default mark; an even guess."""
    targets = np.array([[1, -100, 2]])
    loss, (dlogits,), _ = pushed_back(
        student, student.cross_entropy, (np.zeros((1, 3, 4)),), 1.0, targets
    )
    check.close(loss, np.log(4.0), "the loss of an even guess among 4")
    want = [[[0.125, -0.375, 0.125, 0.125], [0.0] * 4, [0.125, 0.125, -0.375, 0.125]]]
    check.close(dlogits, want, "dlogits of an even guess")
    zeros = student.keep(
        student.library("torch.Tensor.requires_grad_"), student.hold(np.zeros((1, 4)))
    )
    loss = student.keep(student.cross_entropy, zeros, np.array([2]), 3)
    check.close(student.fetch(loss), np.log(4.0), "the loss with another mark")
    name = student.part(loss, "grad_fn").name()
    check.true(name == "CrossEntropyFunctionBackward", f"the loss comes from {name}; call apply")


# %% [markdown]
# ## 5. By hand or by PyTorch?
#
# Two functions to measure with. The first counts what is kept for the way back (arrays that exist
# anyway, like `x`, included); the second times a forward and backward.


# %%
def saved_bytes(function: Callable[..., torch.Tensor], *inputs: Any) -> int:
    """Bytes of all arrays that autograd keeps when a function is called."""
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        function(*inputs)
    return sum(kept.values())


def milliseconds(function: Callable[..., torch.Tensor], *inputs: Any, repeats: int = 20) -> float:
    """Median time of a forward and backward."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        torch.autograd.backward(function(*inputs).sum())
        times.append(1e3 * (time.perf_counter() - start))
    return sorted(times)[repeats // 2]


# %% [markdown]
# Copy the lines of each of your `forward`s into a plain function without `ctx`, so that PyTorch
# records them, and compare values, gradients, bytes and times: by hand, recorded, and the library's
# own `torch.nn.functional.rms_norm` and `cross_entropy`. Bytes for `x` of (8, 128, 512), or 8 heads
# of 64, and logits of (8, 128, 1000), all float32:
#
# | operator | recorded | library | by hand |
# | --- | ---: | ---: | ---: |
# | RMSNorm | 4,200,448 | 4,200,448 | 2,103,296 |
# | RoPE | 32,768 | | 1,024 |
# | cross-entropy | 4,105,224 | 4,104,196 | 4,105,224 |
#
# Half of what RMSNorm keeps was the product. RoPE keeps next to nothing either way: PyTorch does
# not keep `x` for a product with something that wants no gradient. And the loss needs one array as
# large as the logits whatever one does. So a backward by hand is worth its trouble where you know
# something that the operations by themselves do not show. (On a GPU the library has kernels of its
# own for some of this. Measure there, too, if you can.)
#
# ## One thing to try
#
# Let `RMSNormFunction` save the normalised `x` in place of `x`: is the gradient still right, and
# what is the price of the root? Then write `torch.autograd.gradcheck(rmsnorm, (x, gain, eps))` with
# float64 inputs that want gradients: it does what your checker of Volume 1 does. Then leave `dout`
# out of your cross-entropy, and find a training run that does not notice.
#
# ## Where to read more
#
# - PyTorch documentation, *Extending torch.autograd*: every rule of section 1 with its reason.
# - Paszke et al., *Automatic Differentiation in PyTorch*, 2017: what is recorded, and when it is
#   let go.
# - Griewank and Walther, *Evaluating Derivatives*, 2008: the trade of memory for time.
# - Hsu et al., *Liger Kernel: Efficient Triton Kernels for LLM Training*, 2024 (arXiv:2410.10989):
#   these three operators by hand on a GPU, and what it gives.
