"""SwiGLU: each token goes through two branches, one gates the other, and both meet in dx."""

# %% [markdown]
# # SwiGLU
#
# **The question.** Attention moves information between tokens. What is done with it is decided by
# the *feed-forward layer*, which handles every token by itself and holds about two thirds of the
# weights of a LLaMA block. How does it let a token choose which of its hidden features count, and
# how does the gradient come back through a product of two branches?
#
# You write two functions:
#
# | function | result |
# | --- | --- |
# | `swiglu(x, w_gate, w_up, w_down)` | `out` |
# | `swiglu_backward(dout, x, w_gate, w_up, w_down)` | `dx`, `dw_gate`, `dw_up`, `dw_down` |
#
# | array | shape |
# | --- | --- |
# | `x`, `out`, `dout`, `dx` | `(..., d_model)`, with any number of leading axes |
# | `w_gate`, `w_up` and their gradients | `(d_model, d_ff)` |
# | `w_down` and its gradient | `(d_ff, d_model)` |
#
# You need your silu and its gradient, the two gradients of a linear layer, and about an hour.

# %%
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .activations import silu, silu_backward

Floats = NDArray[np.floating[Any]]

# %% [markdown]
# ## 1. Forward
#
# The feed-forward layer of the original transformer widens a token to `d_ff` features, applies an
# activation and comes back: $\mathrm{relu}(x W_1) \, W_2$. In a *gated* layer each hidden feature
# is a product. One branch computes its value, another one decides how much of it passes:
#
# $$\mathrm{out} = \big( \mathrm{silu}(x \, W_{\mathrm{gate}}) \odot x \, W_{\mathrm{up}} \big)
# \, W_{\mathrm{down}}$$
#
# where $\odot$ multiplies entry by entry.
#
# ![x goes into two branches. The upper one is multiplied by w_gate and goes through silu, the lower
# one is multiplied by w_up. They meet in h, their product entry by entry, which w_down takes to
# out. Arrows underneath run back: dout to dh, dh to both branches, and both branches to
# dx.](figures/swiglu.svg)
#
# The gate is silu of the branch, not a sigmoid. Shazeer (2020) tried sigmoid, relu, gelu and silu
# in its place, found the last two best, and offers no explanation. LLaMA takes silu.
#
# **What it costs.** Three matrices instead of two. To stay at the $8 \, d_{\mathrm{model}}^2$
# weights of a layer with two matrices and $d_{\mathrm{ff}} = 4 \, d_{\mathrm{model}}$, the hidden
# width shrinks to two thirds: LLaMA 7B has `d_model` 4096 and `d_ff` 11008, which is $\frac{8}{3}$
# of it, rounded up to a multiple of 256.
#
# **Shapes.** The last axis of `x` meets the first of a weight, so `x @ w` works with any number of
# leading axes. There are no biases.


# %%
def swiglu(x: Floats, w_gate: Floats, w_up: Floats, w_down: Floats) -> Floats:
    """Widen each token along two branches, let one gate the other, and come back.

    Args:
        x: (..., d_model). Tokens.
        w_gate: (d_model, d_ff). Weights of the branch that goes through silu.
        w_up: (d_model, d_ff). Weights of the branch that is gated.
        w_down: (d_ff, d_model). Weights of the way back.

    Returns:
        out: (..., d_model), dtype of `x`.

    Source:
        Shazeer 2020, equation 6, with beta = 1.
    """
    ### BEGIN SOLUTION
    hidden = silu(x @ w_gate) * (x @ w_up)  # (..., d_ff)
    out: Floats = hidden @ w_down
    return out
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_swiglu(student: Student, check: Check) -> None:
    """Worked numbers, leading axes, the branch that is linear, float32."""
    # x @ w_gate is log 3 times (1, -1, 1), and silu makes (3/4, -1/4, 3/4) of it; x @ w_up is
    # (4, 4, 8), so hidden is log 3 times (3, -1, 6).
    log3, x = np.log(3.0), np.array([[1.0, 2.0]])
    w_gate = log3 * np.array([[1.0, 0.0, 0.0], [0.0, -0.5, 0.5]])
    w_up = np.array([[2.0, 0.0, 0.0], [1.0, 2.0, 4.0]])
    w_down = np.array([[1.0, 0.0], [1.0, 2.0], [0.0, -1.0]])
    out = student.swiglu(x, w_gate, w_up, w_down)
    check.close(out, log3 * np.array([[2.0, -8.0]]), "out")
    batch = np.array([[[1.0, 2.0], [0.0, 0.0]]])
    want = log3 * np.array([[[2.0, -8.0], [0.0, 0.0]]])
    check.close(student.swiglu(batch, w_gate, w_up, w_down), want, "out of a (1, 2, 2) batch")
    check.close(student.swiglu(x, w_gate, 3.0 * w_up, w_down), 3.0 * out, "out with 3 w_up")
    single = student.swiglu(*(a.astype(np.float32) for a in (x, w_gate, w_up, w_down)))
    check.true(single.dtype == np.float32, f"out is {single.dtype} for float32 arguments")


# %% [markdown]
# ## 2. Backward
#
# Give the steps of the forward names, for one token at first:
#
# $$g = x \, W_{\mathrm{gate}} \qquad a = \mathrm{silu}(g) \qquad u = x \, W_{\mathrm{up}} \qquad
# h = a \odot u \qquad \mathrm{out} = h \, W_{\mathrm{down}}$$
#
# Nothing of these was kept, so what the gradient needs is computed once more. Then walk back.
#
# **The way back down.** `out` is a linear layer of $h$, with
# $\mathrm{out}_c = \sum_f h_f \, (W_{\mathrm{down}})_{fc}$. Here the hidden feature $h_f$ occurs in
# every output $c$, and the weight $(W_{\mathrm{down}})_{fc}$ in output $c$ of *every token* $t$:
#
# $$\mathrm{dh}_f = \sum_c \mathrm{dout}_c \, (W_{\mathrm{down}})_{fc} \qquad
# (\mathrm{dW}_{\mathrm{down}})_{fc} = \sum_t h_{tf} \, \mathrm{dout}_{tc}$$
#
# As matrix products, each has a factor to transpose: the one whose summed index is not where a
# product expects it, last in the left factor and first in the right one.
#
# **Through the product.** $h_f = a_f \, u_f$ has two factors, and the derivative by either is the
# other one. So what is $\mathrm{da}$, and what is $\mathrm{du}$? Each is one product entry by
# entry. (The gate decides not only how much of a feature passes forward, but also how much of its
# gradient passes back to $u$.)
#
# **Through silu.** $\mathrm{dg}$ is what `silu_backward` makes of $\mathrm{da}$. At which point is
# the slope taken: $g$, $a$ or $u$?
#
# **Through the two branches.** Both are linear layers, so the rule for $W_{\mathrm{down}}$ gives
# $\mathrm{dW}_{\mathrm{gate}}$ from $\mathrm{dg}$ and $\mathrm{dW}_{\mathrm{up}}$ from
# $\mathrm{du}$. And `x` is read *twice*. A number that reaches the loss on two paths has the total
# derivative,
#
# $$\mathrm{dx}_c = \sum_f \mathrm{dg}_f \, \frac{\partial g_f}{\partial x_c}
# + \sum_f \mathrm{du}_f \, \frac{\partial u_f}{\partial x_c}$$
#
# Insert the two derivatives, and write each sum as a matrix product.
#
# **Shapes.** The sum over tokens runs over all leading axes. With `x.reshape(-1, d_model)` every
# token is one row of a matrix, and the sum over $t$ is a plain matrix product. At the end `dx`
# gets the shape of `x` again.
#
# **A check for free.** `out` is proportional to `w_up`, and to `w_down`: a factor $1 + s$ on either
# adds $s \cdot \mathrm{out}$. So the sum of all entries of `dw_up * w_up`, that of `dw_down *
# w_down` and that of `dout * out` are three equal numbers.
#
# **One thing to try.** Compute the sum of `dw_gate * w_gate`, too. Why is it another number? Then
# divide `w_gate` by 1000 and multiply `w_up` by 1000, and compare it with the other sums once more:
# what does silu look like near 0?


# %%
def swiglu_backward(
    dout: Floats, x: Floats, w_gate: Floats, w_up: Floats, w_down: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Push `dout` back through `swiglu`.

    Args:
        dout: (..., d_model). Gradient of the loss with respect to the output.
        x: (..., d_model). The tokens that `swiglu` was given.
        w_gate: (d_model, d_ff). Weights of the branch that goes through silu.
        w_up: (d_model, d_ff). Weights of the branch that is gated.
        w_down: (d_ff, d_model). Weights of the way back.

    Returns:
        dx: (..., d_model), dtype of `x`. Over both branches.
        dw_gate: (d_model, d_ff), dtype of `x`. Over all tokens.
        dw_up: (d_model, d_ff), dtype of `x`. Likewise.
        dw_down: (d_ff, d_model), dtype of `x`. Likewise.

    Source:
        Shazeer 2020, equation 6, differentiated.
    """
    ### BEGIN SOLUTION
    # To the weights it does not matter where a token stands: one row for each.
    rows, drows = x.reshape(-1, x.shape[-1]), dout.reshape(-1, x.shape[-1])
    gate, up = rows @ w_gate, rows @ w_up  # (tokens, d_ff)
    opened = silu(gate)
    dhidden = drows @ w_down.T
    dup = dhidden * opened
    dgate = silu_backward(dhidden * up, gate)
    dx = dgate @ w_gate.T + dup @ w_up.T  # both branches read x
    return dx.reshape(x.shape), rows.T @ dgate, rows.T @ dup, (opened * up).T @ drows
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student, ask_my_checker

if __name__ == "__main__":  # here, in the notebook: what does your own gradient checker say?
    rng = np.random.default_rng()
    ask_my_checker(
        "vol1_numpy/gradcheck",
        swiglu,
        swiglu_backward,
        (
            rng.standard_normal((2, 3)),
            rng.standard_normal((3, 4)),
            rng.standard_normal((3, 4)),
            rng.standard_normal((4, 3)),
        ),
        ("dx", "dw_gate", "dw_up", "dw_down"),
    )


def visible_swiglu_backward(student: Student, check: Check) -> None:
    """Gradients worked out by hand, your own swiglu differenced, three equal sums."""
    # The arrays of the forward check. dhidden is (1, 3, -1), da (4, 12, -8), du log 3 times
    # (3, -3, -3) / 4. The slopes of silu at log 3 and -log 3: (12 + 3 log 3) / 16 and
    # (4 - 3 log 3) / 16.
    log3, x = np.log(3.0), np.array([[1.0, 2.0]])
    w_gate = log3 * np.array([[1.0, 0.0, 0.0], [0.0, -0.5, 0.5]])
    w_up = np.array([[2.0, 0.0, 0.0], [1.0, 2.0, 4.0]])
    w_down = np.array([[1.0, 0.0], [1.0, 2.0], [0.0, -1.0]])
    got = student.swiglu_backward(np.array([[1.0, 1.0]]), x, w_gate, w_up, w_down)
    dx = np.array([[4.5 * log3 + 0.75 * log3**2, -8.25 * log3 + 0.375 * log3**2]])
    dgate = [3.0 + 0.75 * log3, 3.0 - 2.25 * log3, -6.0 - 1.5 * log3]
    dw_gate = np.outer([1.0, 2.0], dgate)
    dw_up = log3 * np.array([[0.75, -0.75, -0.75], [1.5, -1.5, -1.5]])
    dw_down = log3 * np.array([[3.0, 3.0], [-1.0, -1.0], [6.0, 6.0]])
    check.close(got, (dx, dw_gate, dw_up, dw_down), "dx, dw_gate, dw_up, dw_down")

    rng = np.random.default_rng(0)
    x, dout = rng.standard_normal((2, 2, 3, 2))
    ws = [rng.standard_normal(s) for s in ((2, 4), (2, 4), (4, 2))]
    dx, *dws = student.swiglu_backward(dout, x, *ws)
    check.gradient(dx, lambda v: student.swiglu(v, *ws), x, dout, "dx")

    for i, name in enumerate(("dw_gate", "dw_up", "dw_down")):

        def forward(w: Any, i: int = i) -> Any:
            return student.swiglu(x, *ws[:i], w, *ws[i + 1 :])

        check.gradient(dws[i], forward, ws[i], dout, name)
    total = (dout * student.swiglu(x, *ws)).sum()
    check.close((dws[1] * ws[1]).sum(), total, "the sum of dw_up * w_up")
    check.close((dws[2] * ws[2]).sum(), total, "the sum of dw_down * w_down")


# %% [markdown]
# ## Where to read more
#
# - Shazeer, *GLU Variants Improve Transformer*, 2020 (arXiv:2002.05202): four pages.
# - Dauphin et al., *Language Modeling with Gated Convolutional Networks*, 2016 (arXiv:1612.08083):
#   where the gate comes from, and why its gradient does not vanish (section 3).
# - Touvron et al., *LLaMA*, 2023 (arXiv:2302.13971), section 2.2.
