"""Gradients of your own inside PyTorch: what autograd records, and what you put in its place."""

# %% [markdown]
# # Autograd
#
# **The question.** PyTorch finds every gradient by recording each operation and going back through
# the record. A formula worked out on paper knows more: which terms cancel, what can be computed
# again, what need not be remembered. How do you put your own backward in the place of the
# recorded one, and what do you gain?
#
# You write three operations, each as a class with a forward and a backward and the function that
# calls it:
#
# | function | shapes |
# | --- | --- |
# | `rmsnorm(x, gain, eps=1e-5)` | `(..., d)` and `(d,)` to `(..., d)` |
# | `rope(x, positions, theta=10000.0)` | `(B, T, n_heads, d_head)`, the same comes out |
# | `cross_entropy(logits, targets, ignore_index=-100)` | `(..., V)` and `(...)` to one number |
#
# The backward is yours to derive. Here the library does not differentiate: a backward that asks
# autograd for its answer is refused, and so is an output that autograd has recorded.
#
# You need the three derivations of Volume 1, and about an hour and a half.

# %%
from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

# %% [markdown]
# ## 1. What autograd records, and how to step in
#
# Take RMSNorm written with PyTorch's operations,
# `x * torch.rsqrt((x * x).mean(-1, keepdim=True) + eps) * gain`. Each operation makes a tensor,
# adds a node to the graph, and lets the node keep what its own derivative needs. The last product
# needs both of its factors, and one of them is as large as `x` and exists for this one purpose.
# Backward then visits the nodes one by one, each with a pass over memory.
#
# ![Left: the graph that autograd records for RMSNorm, six nodes, of which three keep a tensor as
# large as x. Right: one node of your own, which keeps x, the gain and one number per
# token.](figures/autograd.svg)
#
# A `torch.autograd.Function` is *one* node. It is a class with two static methods, and it is called
# by `.apply`:
#
# - `forward(ctx, *arguments)` computes. Nothing inside of it is recorded. What backward will need
#   goes into `ctx`.
# - `backward(ctx, dout)` receives the gradient of the loss by the output and returns one gradient
#   *for each argument of forward*, in their order, None for those that are no tensors.
#
# The rules that the page checks:
#
# - **`ctx.save_for_backward`** keeps tensors, `ctx.saved_tensors` gives them back. A tensor that is
#   kept as `ctx.x = x` works as well, until somebody changes it in place between forward and
#   backward: then the gradient is wrong, and nobody is told. Saved properly, PyTorch notices.
#   Numbers may be attributes of `ctx`.
# - **`ctx.needs_input_grad`** is a tuple of bools, one per argument. A gradient that nobody asked
#   for may be None, which saves the work.
# - **Nothing is yours to change.** `dout`, the arguments and what was saved are left as they are.
#   With `retain_graph=True` backward runs a second time, and has to give the same.
# - **Any layout.** Arguments and `dout` may be transposed, sliced, or expanded from a single
#   number. `reshape` takes them all, `view` does not.
# - **Second derivatives.** With `create_graph=True` the operations *in backward* are recorded. If
#   backward uses only saved arguments, that gives the right second derivative. If it uses something
#   that *forward* computed, the dependence on the arguments is not in the graph, and the second
#   derivative is silently wrong. `@once_differentiable` below `@staticmethod` makes it an error.
#   Right or an error: both are accepted.
#
# ## 2. RMSNorm
#
# For one token $x$ of width $d$, with $r$ for one over the root mean square:
#
# $$r = \Big( \tfrac{1}{d} \sum_k x_k^2 + \mathrm{eps} \Big)^{-1/2} \qquad
# \mathrm{out}_i = g_i \, x_i \, r$$
#
# Every output depends on $x_j$ along two paths: directly, if $i = j$, and through $r$. From the
# definition of $r$
#
# $$\frac{\partial r}{\partial x_j} = -\tfrac{1}{2} \, (\ldots)^{-3/2} \cdot \tfrac{2}{d} \, x_j
# = - \frac{r^3 x_j}{d}$$
#
# so that, by the total derivative,
#
# $$\mathrm{dx}_j = \mathrm{dout}_j \, g_j \, r
# + \Big( \sum_i \mathrm{dout}_i \, g_i \, x_i \Big) \frac{\partial r}{\partial x_j}$$
#
# The last step is yours: insert, and write it with $\hat x = x r$, so that a *mean* appears and no
# power of $r$ above the first is left. For the gain, $\mathrm{out}_i = g_i \hat x_i$ in *every*
# row, and all rows add up.
#
# *What to keep.* The arguments are in memory anyway, because somebody else made them. $r$ is one
# number per token. $\hat x$ is as large as `x`, and is one multiplication away.


# %%
class RMSNormFunction(torch.autograd.Function):
    """RMSNorm with its gradient: one node of the graph."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, gain: torch.Tensor, eps: float) -> torch.Tensor:
        """Compute `out` (..., d), and keep what backward needs."""
        ### BEGIN SOLUTION
        r = torch.rsqrt((x * x).mean(dim=-1, keepdim=True) + eps)  # (..., 1)
        ctx.save_for_backward(x, gain, r)
        return x * r * gain
        ### END SOLUTION

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dout: torch.Tensor) -> Any:
        """The gradients of x, of gain, and None for eps."""
        ### BEGIN SOLUTION
        x, gain, r = ctx.saved_tensors
        dx = dgain = None
        normed = x * r
        if ctx.needs_input_grad[0]:
            weighted = dout * gain
            dx = (weighted - normed * (weighted * normed).mean(dim=-1, keepdim=True)) * r
        if ctx.needs_input_grad[1]:
            dgain = (dout * normed).reshape(-1, x.shape[-1]).sum(dim=0)
        return dx, dgain, None
        ### END SOLUTION


def rmsnorm(x: torch.Tensor, gain: torch.Tensor, eps: float = 1e-5) -> torch.Tensor:
    """Bring every token to root mean square 1, then scale each feature.

    Args:
        x: (..., d). Any layout; not modified.
        gain: (d,), dtype of `x`.
        eps: What is added to the mean square.

    Returns:
        out: (..., d), dtype of `x`. Made by a Function of yours.

    Source:
        Zhang and Sennrich 2019, equation 4 (arXiv:1910.07467).
    """
    ### BEGIN SOLUTION
    out: torch.Tensor = RMSNormFunction.apply(x, gain, eps)  # type: ignore[no-untyped-call]
    return out
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student, recorded


def _leaf(student: Student, values: Any) -> Any:
    """A tensor on the student's side that wants a gradient."""
    return student.keep(student.library("torch.Tensor.requires_grad_"), student.hold(values))


def _own(student: Student, check: Check, out: Any) -> None:
    """The graph behind `out` is made of the student's nodes; a changed layout is no matter."""
    name = recorded(student, out)
    check.true(name != "nothing", "the result has no gradient; call your Function by .apply")
    check.true(not name, f"autograd has recorded an operation ({name}); do it in your Function")


def _gradients(student: Student, out: Any, wrt: list[Any], dout: Any) -> Any:
    """What backward gives for `wrt` at the second time; a scalar loss, so that any dout will do."""
    weighted = student.keep(student.library("torch.mul"), out, dout)
    loss = student.keep(student.library("torch.sum"), weighted)
    grad = student.library("torch.autograd.grad")
    grad(loss, wrt, retain_graph=True)
    return grad(loss, wrt)


def visible_rmsnorm(student: Student, check: Check) -> None:
    """Tokens worked out by hand, one node, your own forward differenced, second derivatives."""
    gain, x = np.array([5.0, 10.0]), np.array([[[1.0, 7.0], [-7.0, 1.0]]])
    check.close(student.rmsnorm(x, gain, 0.0), [[[1.0, 14.0], [-7.0, 2.0]]], "out with eps 0")
    check.close(student.rmsnorm(x, gain, 11.0), x * gain / 6.0, "out with eps 11")
    rng = np.random.default_rng(0)
    x, gain, dout = rng.standard_normal((2, 3, 4)), rng.standard_normal(4), rng.standard_normal(4)
    held = _leaf(student, x), _leaf(student, gain)
    out = student.keep(student.rmsnorm, *held, 0.5)
    _own(student, check, out)
    dx, dgain = _gradients(student, out, list(held), np.broadcast_to(dout, x.shape))
    every = np.broadcast_to(dout, x.shape)
    check.gradient(dx, lambda v: student.rmsnorm(v, gain, 0.5), x, every, "dx")
    check.gradient(dgain, lambda v: student.rmsnorm(x, v, 0.5), gain, every, "dgain")


# %% [markdown]
# ## 3. RoPE
#
# Neighbours $(a, b)$ of a head turn by $\varphi = m \, \theta^{-2i / d_{head}}$ at position $m$,
# with angles in float64 and cosine and sine in the dtype of `x`:
#
# $$a' = a \cos \varphi - b \sin \varphi \qquad b' = a \sin \varphi + b \cos \varphi$$
#
# The operation is *linear* in `x`: its derivative contains no `x`, so there is nothing of `x` to
# keep. Autograd sees that, too, and keeps the cosines and sines; the positions are less still. With
# $\mathrm{d}a'$, $\mathrm{d}b'$ for the entries of `dout`,
#
# $$\mathrm{d}a = \mathrm{d}a' \, \frac{\partial a'}{\partial a} + \mathrm{d}b' \,
# \frac{\partial b'}{\partial a} \qquad
# \mathrm{d}b = \mathrm{d}a' \, \frac{\partial a'}{\partial b} + \mathrm{d}b' \,
# \frac{\partial b'}{\partial b}$$
#
# The last step is yours: read the four derivatives off, and see by which angle the pair
# $(\mathrm{d}a', \mathrm{d}b')$ turns. Once you see it, backward is one call of something that you
# have. And if that something is your own Function's `.apply`, second derivatives are right as well.
#
# Positions are `(T,)` or `(B, T)`; they are whole numbers and get no gradient.


# %%
### BEGIN SOLUTION
def _turned(x: torch.Tensor, positions: torch.Tensor, theta: float) -> torch.Tensor:
    """The pairs of x (B, T, n_heads, d_head) turned by their positions."""
    d_head = x.shape[-1]
    pairs = torch.arange(0, d_head, 2, dtype=torch.float64, device=x.device)
    angles = positions[..., None, None] * theta ** (-pairs / d_head)  # (..., T, 1, d_head / 2)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


### END SOLUTION


class RoPEFunction(torch.autograd.Function):
    """The rotation with its gradient: one node of the graph."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, positions: torch.Tensor, theta: float) -> torch.Tensor:
        """Compute `out` (B, T, n_heads, d_head), and keep what backward needs."""
        ### BEGIN SOLUTION
        ctx.save_for_backward(positions)
        ctx.theta = theta
        return _turned(x, positions, theta)
        ### END SOLUTION

    @staticmethod
    def backward(ctx: Any, dout: torch.Tensor) -> Any:
        """The gradient of x, and None for positions and theta."""
        ### BEGIN SOLUTION
        (positions,) = ctx.saved_tensors
        dx = RoPEFunction.apply(dout, -positions, ctx.theta)  # type: ignore[no-untyped-call]
        return dx, None, None
        ### END SOLUTION


def rope(x: torch.Tensor, positions: torch.Tensor, theta: float = 10000.0) -> torch.Tensor:
    """Turn each pair of neighbouring features by an angle proportional to its token's position.

    Args:
        x: (B, T, n_heads, d_head). Any layout; not modified; d_head is even.
        positions: (T,) or (B, T), int64.
        theta: Pair i turns by theta**(-2i / d_head) radians per position.

    Returns:
        out: (B, T, n_heads, d_head), dtype of `x`. Made by a Function of yours.

    Source:
        Su et al. 2021, section 3.2.2 and equation 34 (arXiv:2104.09864).
    """
    ### BEGIN SOLUTION
    out: torch.Tensor = RoPEFunction.apply(x, positions, theta)  # type: ignore[no-untyped-call]
    return out
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_rope(student: Student, check: Check) -> None:
    """A pair worked out by hand, one node, your own forward differenced, nothing kept of x."""
    x = np.array([[[[1.0, 0.0, 0.0, 2.0]]]])  # theta 16: the pairs turn by 1 and by 1/4
    slow = -2.0 * np.sin(0.25), 2.0 * np.cos(0.25)
    want = [[[[np.cos(1.0), np.sin(1.0), *slow]]]]
    check.close(student.rope(x, np.array([1]), 16.0), want, "out at position 1, theta 16")
    x, dout = np.random.default_rng(0).standard_normal((2, 2, 3, 2, 4))
    for positions in (np.array([3, 0, 8]), np.array([[3, 0, 8], [1, 5, 5]])):
        held = _leaf(student, x)
        out = student.keep(student.rope, held, positions, 9.0)
        _own(student, check, out)
        node = student.part(out, "grad_fn")
        if student.library("builtins.hasattr")(node, "saved_tensors"):
            size = sum(one.size for one in student.fetch(student.part(node, "saved_tensors")))
            check.true(size < x.size, f"{size} numbers are kept for backward; x is not needed")
        (dx,) = _gradients(student, out, [held], dout)

        def forward(v: Any, positions: Any = positions) -> Any:
            return student.rope(v, positions, 9.0)

        check.gradient(dx, forward, x, dout, f"dx, positions of shape {positions.shape}")


# %% [markdown]
# ## 4. Cross-entropy
#
# For one row of logits $z$ with the target $y$,
#
# $$\ell = \mathrm{lse}(z) - z_y \qquad \mathrm{lse}(z) = \ln \sum_k e^{z_k} \qquad
# L = \frac{1}{n} \sum_{\text{rows that count}} \ell$$
#
# where $n$ counts the targets that are not `ignore_index`; if there is none, $L = 0$ and all
# gradients are zero. Differentiate both terms of $\ell$:
#
# $$\frac{\partial}{\partial z_j} \mathrm{lse}(z) = \frac{e^{z_j}}{\sum_k e^{z_k}} \qquad
# \frac{\partial z_y}{\partial z_j} = 1 \text{ for } j = y, \text{ else } 0$$
#
# The last step is yours. Three details:
#
# - **`dout` is a number.** The loss need not be the end: somebody may scale it (gradient
#   accumulation does) or add another one. Everything is multiplied by what arrives.
# - **What to keep.** With 128,256 words the logits are by far the largest tensor of the model.
#   Autograd keeps the log-probabilities, a second tensor of that size. For
#   $e^{z_j - \mathrm{lse}}$ the logits do, which are there already, and one number per row.
# - **Large logits.** `torch.logsumexp` shifts by the maximum itself, and
#   $e^{z_j - \mathrm{lse}}$ is never above 1.


# %%
class CrossEntropyFunction(torch.autograd.Function):
    """The mean cross-entropy with its gradient: one node of the graph."""

    @staticmethod
    def forward(
        ctx: Any, logits: torch.Tensor, targets: torch.Tensor, ignore_index: int
    ) -> torch.Tensor:
        """Compute the loss, a tensor without axes, and keep what backward needs."""
        ### BEGIN SOLUTION
        kept = targets != ignore_index
        labels = torch.where(kept, targets, 0).unsqueeze(-1)  # -100 is no place in a row
        lse = logits.logsumexp(dim=-1, keepdim=True)
        count = kept.sum().clamp(min=1)
        ctx.save_for_backward(logits, labels, kept, lse, count)
        losses = (lse - logits.gather(-1, labels)).squeeze(-1)
        return torch.where(kept, losses, 0.0).sum() / count
        ### END SOLUTION

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dout: torch.Tensor) -> Any:
        """The gradient of logits, and None for targets and ignore_index."""
        ### BEGIN SOLUTION
        logits, labels, kept, lse, count = ctx.saved_tensors
        dlogits = torch.exp(logits - lse)
        dlogits.scatter_add_(-1, labels, torch.full_like(lse, -1.0))
        dlogits *= (kept * (dout / count)).unsqueeze(-1)
        return dlogits, None, None
        ### END SOLUTION


def cross_entropy(
    logits: torch.Tensor, targets: torch.Tensor, ignore_index: int = -100
) -> torch.Tensor:
    """Average -ln p over the targets, p being the probability that the logits give to each.

    Args:
        logits: (..., V). Any layout; not modified.
        targets: (...), int64. The right word at each place, or `ignore_index`.
        ignore_index: Targets of this value do not count.

    Returns:
        loss: (), dtype of `logits`; 0.0 if no target counts. Made by a Function of yours.

    Source:
        Goodfellow, Bengio and Courville 2016, sections 3.13 and 6.2.2.3.
    """
    ### BEGIN SOLUTION
    apply: Any = CrossEntropyFunction.apply
    loss: torch.Tensor = apply(logits, targets, ignore_index)
    return loss
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_cross_entropy(student: Student, check: Check) -> None:
    """Worked numbers, one node, your own forward differenced, a scaled loss, nothing to count."""
    logits = np.log([[[1.0, 1.0, 2.0], [1.0, 6.0, 1.0]], [[2.0, 3.0, 3.0], [8.0, 4.0, 4.0]]])
    targets = np.array([[0, 2], [0, 1]])  # of probability 1/4, 1/8, 1/4 and 1/4
    check.close(student.cross_entropy(logits, targets), 2.25 * np.log(2.0), "the loss")
    gap = np.array([[0, 2], [-100, 1]])
    loss = student.cross_entropy(logits, gap)
    check.close(loss, 7 / 3 * np.log(2.0), "the loss without the third target")
    loss = student.cross_entropy(logits, targets, 0)
    check.close(loss, 2.5 * np.log(2.0), "the loss with ignore_index 0")
    large = student.cross_entropy(np.array([[0.0, 1000.0], [-3000.0, 0.0]]), np.array([0, 0]))
    check.close(large, 2000.0, "the mean of errors of 1000 and 3000")
    held = _leaf(student, logits)
    loss = student.keep(student.cross_entropy, held, gap)
    _own(student, check, loss)
    (dlogits,) = _gradients(student, loss, [held], np.array(2.5))
    forward = student.cross_entropy
    check.gradient(dlogits, lambda v: forward(v, gap), logits, 2.5, "dlogits of 2.5 times the loss")
    loss = student.keep(student.cross_entropy, held, np.full((2, 2), -100))
    check.close(student.fetch(loss), 0.0, "the loss if no target counts")
    (dlogits,) = _gradients(student, loss, [held], np.array(1.0))
    check.close(dlogits, 0.0 * logits, "dlogits if no target counts")


# %% [markdown]
# ## 5. Manual against automatic
#
# The next cell runs each of your three operations against the same written with PyTorch's
# operations: the largest difference of a gradient, the time for forward and backward, and the bytes
# that the graph keeps between the two, not counting the arguments, which are there in any case.
# `saved_tensors_hooks` sees everything that is saved.
#
# Before you run it, estimate the bytes: with $N$ tokens of width $d$ in float32, what does the
# graph of RMSNorm keep beside `x` and `gain`? Then change what you save ($\hat x$ in place of $r$,
# say) and look at the last column again. Where does the time go: how often does each version read
# or write something as large as `x`? Do not expect to be faster everywhere: what do you compute
# twice in place of keeping it? And how does `torch.nn.functional.rms_norm` compare?


# %%
import time
from collections.abc import Callable


def automatic_rmsnorm(x: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
    """RMSNorm for autograd to record."""
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-5) * gain


def automatic_rope(x: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """RoPE for autograd to record."""
    d_head = x.shape[-1]
    speeds = 10000.0 ** (-torch.arange(0, d_head, 2, dtype=torch.float64) / d_head)
    angles = positions[:, None, None] * speeds
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


def automatic_cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropy for autograd to record; every target counts."""
    return -torch.log_softmax(logits, -1).gather(-1, targets.unsqueeze(-1)).mean()


def kept_bytes(function: Callable[..., torch.Tensor], *args: Any) -> int:
    """The bytes that the graph behind `function(*args)` keeps, those of `args` not counted."""
    seen: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        memory = tensor.untyped_storage()
        seen[memory.data_ptr()] = memory.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        out = function(*args)  # kept until all is counted, so that no address comes twice
    given = {a.untyped_storage().data_ptr() for a in (*args, out)}
    return sum(size for address, size in seen.items() if address not in given)


def compare(
    name: str, own: Callable[..., torch.Tensor], automatic: Callable[..., torch.Tensor], *args: Any
) -> str:
    """One line: the difference of the gradients, then milliseconds and kept megabytes of both."""
    wrt = [a for a in args if a.requires_grad]
    dout = torch.randn_like(own(*args))
    ours, theirs = (torch.autograd.grad(f(*args), wrt, dout) for f in (own, automatic))
    apart = max(float((a - b).abs().max()) for a, b in zip(ours, theirs, strict=True))
    line = f"{name:14} {apart:8.1e}"
    for function in (automatic, own):
        taken = []
        for _ in range(7):
            start = time.perf_counter()
            torch.autograd.grad(function(*args), wrt, dout)
            taken.append(time.perf_counter() - start)
        kept = kept_bytes(function, *args) / 1e6
        line += f"   {sorted(taken)[3] * 1e3:7.2f} ms {kept:7.2f} MB"
    return line


if __name__ == "__main__":  # here, in the notebook
    x = torch.randn(8, 256, 512, requires_grad=True)
    gain = torch.randn(512, requires_grad=True)
    heads = torch.randn(8, 256, 8, 64, requires_grad=True)
    logits = torch.randn(1024, 2000, requires_grad=True)
    targets = torch.randint(2000, (1024,))
    try:
        print(f"{'':14} {'differ':>8}   {'automatic':>21}   {'manual':>21}")
        print(compare("rmsnorm", rmsnorm, automatic_rmsnorm, x, gain))
        print(compare("rope", rope, automatic_rope, heads, torch.arange(256)))
        print(compare("cross_entropy", cross_entropy, automatic_cross_entropy, logits, targets))
    except NotImplementedError as missing:
        print(f"nothing to compare yet: {missing}")

# %% [markdown]
# ## Where to read more
#
# - Paszke et al., *PyTorch: An Imperative Style, High-Performance Deep Learning Library*, 2019
#   (arXiv:1912.01703), section 4.3: what the graph is.
# - The notes *Extending PyTorch* and *Autograd mechanics* in PyTorch's documentation.
# - Zhang and Sennrich, *Root Mean Square Layer Normalization*, 2019 (arXiv:1910.07467).
# - Chen et al., *Training Deep Nets with Sublinear Memory Cost*, 2016 (arXiv:1604.06174): what to
#   keep and what to compute again, for whole networks.
