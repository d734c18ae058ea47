"""A block: two sublayers add to a stream, and on the way back two gradients add to one."""

# %% [markdown]
# # The block
#
# **The question.** Attention moves information between tokens, the feed-forward layer works on each
# token. A model stacks dozens of both. A gradient that has to pass through a hundred layers is
# multiplied a hundred times, and a product of a hundred factors vanishes or explodes unless each is
# close to 1. How are the layers put together so that the gradient arrives, and why does it matter
# on which side of the sum the norm stands?
#
# You write four functions, two arrangements of the same parts:
#
# | function | to |
# | --- | --- |
# | `block(x, params, config, positions)` | `out`, `cache` |
# | `block_backward(dout, cache)` | `dx`, `dparams` |
# | `post_norm_block(x, params, config, positions)` | `out`, `cache` |
# | `post_norm_block_backward(dout, cache)` | `dx`, `dparams` |
#
# `x`, `out`, `dout` and `dx` are `(B, T, d_model)`. `params` holds the nine arrays of one block:
#
# | key | shape |
# | --- | --- |
# | `attn_norm`, `mlp_norm` | `(d_model,)` |
# | `w_q`, `w_o` | `(d_model, d_model)` |
# | `w_k`, `w_v` | `(d_model, n_kv_heads * d_head)` |
# | `w_gate`, `w_up` | `(d_model, d_ff)` |
# | `w_down` | `(d_ff, d_model)` |
#
# You need RMSNorm, multi-head attention and SwiGLU, and about an hour and a half.

# %%
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .activations import silu, silu_backward
from .linear import linear, linear_backward
from .multi_head import Config, multi_head_attention, multi_head_attention_backward
from .rmsnorm import rmsnorm, rmsnorm_backward
from .swiglu import swiglu, swiglu_backward

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Params = dict[str, Floats]

# %% [markdown]
# ## 1. Pre-norm, forward
#
# A token's vector is a *stream* that runs through the whole model. Every sublayer reads a
# normalised copy of it, and *adds* what it found:
#
# $$\mathrm{middle} = x + \mathrm{attention}(\mathrm{norm}(x)) \qquad
# \mathrm{out} = \mathrm{middle} + \mathrm{swiglu}(\mathrm{norm}(\mathrm{middle}))$$
#
# ![Two columns of boxes, read upwards. Left, pre-norm: a straight line leads from x to out; twice a
# branch leaves it, passes a norm and then a sublayer, and is added to the line. Right, post-norm:
# the branch passes the sublayer only, and the norms stand on the line itself, after each
# sum.](figures/block.svg)
#
# The first norm has the gain `attn_norm`, the second one `mlp_norm`; both use the config's
# `norm_eps`. `multi_head_attention` takes the whole `params`: it picks its four.
#
# With $w_o = 0$ and $w_{down} = 0$ nothing is added, and the block is the identity. A new block can
# therefore start as a small change of the stream, and a deep stack of them is at first nothing to
# be afraid of.
#
# **The cache.** It is a composite like the one before: keep what the way back needs. One of the
# things to keep is a cache itself. `swiglu_backward` is handed no cache and multiplies by `w_gate`
# and `w_up` once more. Call it all the same: it is right. Whoever wants to save the two products
# writes another SwiGLU here, from linear layers and silu, which returns its branches too, and a
# backward that takes them; you have the gradients of both.


# %%
### BEGIN SOLUTION
def _swiglu(x: Floats, params: Params) -> tuple[Floats, Any]:
    """`swiglu`, and the branches it computed: a pure backward would compute them once more."""
    gate, up = linear(x, params["w_gate"]), linear(x, params["w_up"])  # (B, T, d_ff)
    opened = silu(gate)
    return linear(opened * up, params["w_down"]), (x, gate, up, opened, params)


### END SOLUTION


def block(x: Floats, params: Params, config: Config, positions: Ints) -> tuple[Floats, Any]:
    """Add to every token what attention and then SwiGLU make of it, norms before each.

    Args:
        x: (B, T, d_model). The stream.
        params: The nine arrays of one block, without prefix.
        config: Gives n_heads, n_kv_heads, rope_theta and norm_eps.
        positions: (T,) or (B, T). The position of each token.

    Returns:
        out: (B, T, d_model), dtype of `x`.
        cache: What the backward needs, in any form.

    Source:
        Touvron et al. 2023, section 2.2; Xiong et al. 2020, section 3.
    """
    ### BEGIN SOLUTION
    normed = rmsnorm(x, params["attn_norm"], config.norm_eps)
    attended, attention_cache = multi_head_attention(normed, params, config, positions)
    middle = x + attended
    mlp_in = rmsnorm(middle, params["mlp_norm"], config.norm_eps)
    widened, swiglu_cache = _swiglu(mlp_in, params)
    return middle + widened, (x, attention_cache, middle, swiglu_cache, params, config)
    ### END SOLUTION


# %%
from types import SimpleNamespace

from autograder.selfcheck import Check, Student


def visible_block(student: Student, check: Check) -> None:
    """One token by hand, an idle block, the future, float32."""
    config = SimpleNamespace(n_heads=1, n_kv_heads=1, rope_theta=10.0, norm_eps=0.0)
    # The norm makes (0.2, 1.4) of the token and the gain (1, 7); w_v exchanges the two, so middle
    # is (8, 8). The second norm makes (1, 1), the gain (2, 3): gate log 3, up 5, silu 3/4 log 3.
    log3, zeros = np.log(3.0), np.zeros((2, 2))
    params = {
        "attn_norm": np.array([5.0, 5.0]),
        "w_q": zeros,
        "w_k": zeros,
        "w_v": np.eye(2)[::-1],
        "w_o": np.eye(2),
        "mlp_norm": np.array([2.0, 3.0]),
        "w_gate": np.array([[log3 / 2], [0.0]]),
        "w_up": np.ones((2, 1)),
        "w_down": np.array([[4.0, 0.0]]),
    }
    run, at = student.block, np.arange(1)
    out = student.keep(run, np.array([[[1.0, 7.0]]]), params, config, at)[0]
    check.close(out, [[[8.0 + 15.0 * log3, 8.0]]], "out")
    idle = params | {"w_o": zeros, "w_down": np.zeros((1, 2))}
    out = student.keep(run, np.array([[[1.0, 7.0]]]), idle, config, at)[0]
    check.close(out, [[[1.0, 7.0]]], "out with w_o and w_down zero")

    rng = np.random.default_rng(0)
    params |= {name: rng.standard_normal((2, 2)) for name in ("w_q", "w_k", "w_v", "w_o")}
    x = rng.standard_normal((2, 3, 2))
    early = student.keep(run, x, params, config, np.arange(3))[0]
    x[:, 2] = 5.0
    late = student.keep(run, x, params, config, np.arange(3))[0]
    check.close(late[:, :2], early[:, :2], "out of tokens 0 and 1 when token 2 changes")
    single = {name: w.astype(np.float32) for name, w in params.items()}
    out = student.keep(run, x.astype(np.float32), single, config, np.arange(3))[0]
    check.true(out.dtype == np.float32, f"out is {out.dtype} for float32 arguments")


# %% [markdown]
# ## 2. Pre-norm, backward
#
# **A sum hands its gradient to both sides.** The stream is used twice in
# $\mathrm{out} = \mathrm{middle} + f(\mathrm{middle})$: directly, with derivative 1, and through
# $f$. With the Jacobian $J_f$ of norm and sublayer together, the total derivative is
#
# $$\mathrm{dmiddle} = \mathrm{dout} \, (I + J_f) = \mathrm{dout} + \mathrm{dout} \, J_f$$
#
# The first term arrives as it is. The second one goes back through SwiGLU and then through the
# norm, for which you have functions; on the way they hand you the gradients of four parameters. The
# attention half has the same form with $x$ in place of $\mathrm{middle}$, and what comes *into* it
# is $\mathrm{dmiddle}$ (all of it). Write down $\mathrm{dx}$.
#
# **Why the gradient survives depth.** Stack $L$ sublayers. The Jacobian of the stack is the product
#
# $$(I + J_1)(I + J_2) \cdots (I + J_L) = I + \sum_l J_l + \sum_{l < m} J_l J_m + \dots$$
#
# Whatever the sublayers do, the first term is the identity: the gradient of the loss reaches the
# first layer undiminished along the stream, and each sublayer also gets it directly, in the term in
# which it stands alone. Without the residual sums only the last term of the expansion, a product of
# all $L$ Jacobians, would be left.
#
# **A check for free.** With $w_o = 0$ and $w_{down} = 0$: what is $\mathrm{dx}$? And which of the
# nine parameters still get a gradient that is not zero?


# %%
### BEGIN SOLUTION
def _swiglu_backward(dout: Floats, cache: Any) -> tuple[Floats, Params]:
    """`swiglu_backward`, from what `_swiglu` kept."""
    x, gate, up, opened, params = cache
    dhidden, dw_down, _ = linear_backward(dout, opened * up, params["w_down"])
    dx_gate, dw_gate, _ = linear_backward(silu_backward(dhidden * up, gate), x, params["w_gate"])
    dx_up, dw_up, _ = linear_backward(dhidden * opened, x, params["w_up"])
    return dx_gate + dx_up, {"w_gate": dw_gate, "w_up": dw_up, "w_down": dw_down}


### END SOLUTION


def block_backward(dout: Floats, cache: Any) -> tuple[Floats, Params]:
    """Push `dout` back through `block`.

    Args:
        dout: (B, T, d_model). Gradient of the loss with respect to the output.
        cache: What `block` returned. Left as it is.

    Returns:
        dx: (B, T, d_model), dtype of `dout`.
        dparams: The gradients of the nine parameters under the same keys.

    Source:
        He et al. 2016, Identity mappings in deep residual networks, equation 5.
    """
    ### BEGIN SOLUTION
    x, attention_cache, middle, swiglu_cache, params, config = cache
    dmlp_in, dswiglu = _swiglu_backward(dout, swiglu_cache)
    dbranch, dmlp_norm = rmsnorm_backward(dmlp_in, middle, params["mlp_norm"], config.norm_eps)
    dmiddle = dout + dbranch  # the stream went past the sublayer and through it
    dnormed, dattention = multi_head_attention_backward(dmiddle, attention_cache)
    dbranch, dattn_norm = rmsnorm_backward(dnormed, x, params["attn_norm"], config.norm_eps)
    norms = {"attn_norm": dattn_norm, "mlp_norm": dmlp_norm}
    return dmiddle + dbranch, dattention | dswiglu | norms
    ### END SOLUTION


# %%
from functools import partial
from types import SimpleNamespace

from autograder.selfcheck import Check, Student, ask_my_checker

if __name__ == "__main__":  # here, in the notebook: what does your own gradient checker say?
    rng, where = np.random.default_rng(), (Config(9, 4, 1, 2, 1, 3, 8), np.arange(3))
    sides = {"w_q": (4, 4), "w_k": (4, 2), "w_v": (4, 2), "w_o": (4, 4)}
    sides |= {"w_gate": (4, 3), "w_up": (4, 3), "w_down": (3, 4)}
    drawn: Params = {name: rng.standard_normal(side) for name, side in sides.items()}
    drawn |= {"attn_norm": rng.standard_normal(4), "mlp_norm": rng.standard_normal(4)}
    ask_my_checker(
        "vol1_numpy/gradcheck",
        lambda x: block(x, drawn, *where)[0],
        lambda dout, x: block_backward(dout, block(x, drawn, *where)[1])[:1],
        (rng.standard_normal((2, 3, 4)),),
        ("dx",),
    )


def visible_block_backward(student: Student, check: Check) -> None:
    """An idle block; your own block differenced in x and all parameters; a cache used twice."""
    config = SimpleNamespace(n_heads=2, n_kv_heads=1, rope_theta=20.0, norm_eps=0.1)
    rng = np.random.default_rng(0)
    shapes = dict.fromkeys(("attn_norm", "mlp_norm"), (4,)) | dict.fromkeys(("w_q", "w_o"), (4, 4))
    shapes |= dict.fromkeys(("w_k", "w_v"), (4, 2)) | dict.fromkeys(("w_gate", "w_up"), (4, 3))
    params = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    params["w_down"] = rng.standard_normal((3, 4))
    x, dout = rng.standard_normal((2, 2, 3, 4))

    def forward(name: str, value: Any) -> Any:
        token, given = (value, params) if name == "x" else (x, params | {name: value})
        return student.keep(student.block, token, given, config, np.arange(3))[0]

    def cache_of(given: Any) -> Any:
        both = student.keep(student.block, x, given, config, np.arange(3))
        return student.keep(student.library("operator.getitem"), both, 1)

    idle = params | {"w_o": np.zeros((4, 4)), "w_down": np.zeros((3, 4))}
    dx, _ = student.block_backward(dout, cache_of(idle))
    check.close(dx, dout, "dx with w_o and w_down zero")
    cache = cache_of(params)
    dx, dparams = student.block_backward(dout, cache)
    names = sorted(dparams)
    check.true(names == sorted(params), f"dparams has the keys {names}, expected {sorted(params)}")
    check.gradient(dx, partial(forward, "x"), x, dout, "dx")
    for name, value in params.items():
        check.gradient(dparams[name], partial(forward, name), value, dout, f"d{name}")
    again, _ = student.block_backward(dout, cache)
    check.close(again, dx, "dx of a second call with the same cache")


# %% [markdown]
# ## 3. Post-norm, forward
#
# The first transformer had its norms *on* the stream:
#
# $$\mathrm{middle} = \mathrm{norm}(x + \mathrm{attention}(x)) \qquad
# \mathrm{out} = \mathrm{norm}(\mathrm{middle} + \mathrm{swiglu}(\mathrm{middle}))$$
#
# The same nine parameters, `attn_norm` in the first norm and `mlp_norm` in the second. The
# sublayers read the stream as it is, since it has just been normalised.


# %%
def post_norm_block(
    x: Floats, params: Params, config: Config, positions: Ints
) -> tuple[Floats, Any]:
    """The same sublayers with the norms on the stream, after each sum.

    Args:
        x: (B, T, d_model). The stream.
        params: The nine arrays of one block, without prefix.
        config: Gives n_heads, n_kv_heads, rope_theta and norm_eps.
        positions: (T,) or (B, T). The position of each token.

    Returns:
        out: (B, T, d_model), dtype of `x`.
        cache: What the backward needs, in any form.

    Source:
        Vaswani et al. 2017, section 3.1.
    """
    ### BEGIN SOLUTION
    attended, attention_cache = multi_head_attention(x, params, config, positions)
    summed = x + attended
    middle = rmsnorm(summed, params["attn_norm"], config.norm_eps)
    widened = middle + swiglu(middle, params["w_gate"], params["w_up"], params["w_down"])
    out = rmsnorm(widened, params["mlp_norm"], config.norm_eps)
    return out, (attention_cache, summed, middle, widened, params, config)
    ### END SOLUTION


# %%
from types import SimpleNamespace

from autograder.selfcheck import Check, Student


def visible_post_norm_block(student: Student, check: Check) -> None:
    """One token by hand; an idle block normalises; the size of what comes out."""
    config = SimpleNamespace(n_heads=1, n_kv_heads=1, rope_theta=10.0, norm_eps=0.0)
    # w_v exchanges the two entries, so the sum is (8, 8), the norm (1, 1), and with the gain middle
    # is (2, 3). Gate log 3, up 5, silu 3/4 log 3: w_down makes 1 of it. (3, 3) has the norm (1, 1).
    log3, zeros = np.log(3.0), np.zeros((2, 2))
    params = {
        "attn_norm": np.array([2.0, 3.0]),
        "w_q": zeros,
        "w_k": zeros,
        "w_v": np.eye(2)[::-1],
        "w_o": np.eye(2),
        "mlp_norm": np.array([5.0, 7.0]),
        "w_gate": np.array([[log3 / 2], [0.0]]),
        "w_up": np.ones((2, 1)),
        "w_down": np.array([[1.0 / (3.75 * log3), 0.0]]),
    }
    run, at, x = student.post_norm_block, np.arange(1), np.array([[[1.0, 7.0]]])
    check.close(student.keep(run, x, params, config, at)[0], [[[5.0, 7.0]]], "out")
    ones = dict.fromkeys(("attn_norm", "mlp_norm"), np.ones(2))
    idle = params | ones | {"w_o": zeros, "w_down": np.zeros((1, 2))}
    out = student.keep(run, x, idle, config, at)[0]
    check.close(out, [[[0.2, 1.4]]], "out with w_o and w_down zero and gains 1")
    out = student.keep(run, 9.0 * x, params | ones, config, at)[0]
    check.close((out * out).mean(), 1.0, "the mean square of out with gains 1")


# %% [markdown]
# ## 4. Post-norm, backward
#
# The two rules of section 2 once more, in another order: first through the norm, then the sum hands
# the gradient to both sides. Every gradient has to pass *through* each norm now, the one that goes
# along the stream, too.
#
# **A check for free.** RMSNorm does not see how long a token is (with eps near 0), so its gradient
# has no part along the token, and is shorter the longer the token is. Think of a stream $x$ that is
# 1000 times longer than what the sublayers add. What is $\mathrm{dx}$ then, about, for a pre-norm
# block, and what for a post-norm one?


# %%
def post_norm_block_backward(dout: Floats, cache: Any) -> tuple[Floats, Params]:
    """Push `dout` back through `post_norm_block`.

    Args:
        dout: (B, T, d_model). Gradient of the loss with respect to the output.
        cache: What `post_norm_block` returned. Left as it is.

    Returns:
        dx: (B, T, d_model), dtype of `dout`.
        dparams: The gradients of the nine parameters under the same keys.

    Source:
        Xiong et al. 2020, On layer normalization in the transformer architecture.
    """
    ### BEGIN SOLUTION
    attention_cache, summed, middle, widened, params, config = cache
    gate, up, down = params["w_gate"], params["w_up"], params["w_down"]
    dwidened, dmlp_norm = rmsnorm_backward(dout, widened, params["mlp_norm"], config.norm_eps)
    dbranch, dgate, dup, ddown = swiglu_backward(dwidened, middle, gate, up, down)
    dmiddle = dwidened + dbranch
    dsummed, dattn_norm = rmsnorm_backward(dmiddle, summed, params["attn_norm"], config.norm_eps)
    dbranch, dparams = multi_head_attention_backward(dsummed, attention_cache)
    norms = {"attn_norm": dattn_norm, "mlp_norm": dmlp_norm}
    return dsummed + dbranch, dparams | norms | {"w_gate": dgate, "w_up": dup, "w_down": ddown}
    ### END SOLUTION


# %%
from functools import partial
from types import SimpleNamespace

from autograder.selfcheck import Check, Student, ask_my_checker

if __name__ == "__main__":  # here, in the notebook: what does your own gradient checker say?
    rng, where = np.random.default_rng(), (Config(9, 4, 1, 2, 1, 3, 8), np.arange(3))
    sides = {"w_q": (4, 4), "w_k": (4, 2), "w_v": (4, 2), "w_o": (4, 4)}
    sides |= {"w_gate": (4, 3), "w_up": (4, 3), "w_down": (3, 4)}
    drawn = {name: rng.standard_normal(side) for name, side in sides.items()}
    drawn |= {"attn_norm": rng.standard_normal(4), "mlp_norm": rng.standard_normal(4)}
    ask_my_checker(
        "vol1_numpy/gradcheck",
        lambda x: post_norm_block(x, drawn, *where)[0],
        lambda dout, x: post_norm_block_backward(dout, post_norm_block(x, drawn, *where)[1])[:1],
        (rng.standard_normal((2, 3, 4)),),
        ("dx",),
    )


def visible_post_norm_block_backward(student: Student, check: Check) -> None:
    """Your own post_norm_block differenced in x and in all nine parameters."""
    config = SimpleNamespace(n_heads=2, n_kv_heads=1, rope_theta=20.0, norm_eps=0.1)
    rng = np.random.default_rng(0)
    shapes = dict.fromkeys(("attn_norm", "mlp_norm"), (4,)) | dict.fromkeys(("w_q", "w_o"), (4, 4))
    shapes |= dict.fromkeys(("w_k", "w_v"), (4, 2)) | dict.fromkeys(("w_gate", "w_up"), (4, 3))
    params = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    params["w_down"] = rng.standard_normal((3, 4))

    x, dout = rng.standard_normal((2, 2, 3, 4))

    def forward(name: str, value: Any) -> Any:
        token, given = (value, params) if name == "x" else (x, params | {name: value})
        return student.keep(student.post_norm_block, token, given, config, np.arange(3))[0]

    both = student.keep(student.post_norm_block, x, params, config, np.arange(3))
    cache = student.keep(student.library("operator.getitem"), both, 1)
    dx, dparams = student.post_norm_block_backward(dout, cache)
    names = sorted(dparams)
    check.true(names == sorted(params), f"dparams has the keys {names}, expected {sorted(params)}")
    check.gradient(dx, partial(forward, "x"), x, dout, "dx")
    for name, value in params.items():
        check.gradient(dparams[name], partial(forward, name), value, dout, f"d{name}")


# %% [markdown]
# ## 5. What depth does to the gradient
#
# Both blocks have right gradients now. Which of them can be stacked? Count in *squares*: when
# independent things add, their mean squares add. Say that a sublayer that reads a token of mean
# square 1 returns something of mean square $s^2$, and that a gradient of squared length 1 comes out
# of its way back with $j^2$.
#
# **Post-norm.** The stream enters a sublayer with mean square 1, the sum has $1 + s^2$, and the
# norm divides by its root. On the way back the norm divides the gradient by the same root, and the
# sum makes $1 + j^2$ of its square. So each of $L$ sublayers multiplies the squared length by
#
# $$\frac{1 + j^2}{1 + s^2}$$
#
# **Pre-norm.** Nothing divides the stream: after $l$ sublayers its mean square is $1 + l s^2$. The
# norm before the next sublayer divides by the root of that, on the way back as well, but only in
# the branch. The factor of this sublayer is
#
# $$1 + \frac{j^2}{1 + l s^2}$$
#
# Take the logarithm of the product over all $l$, with $\ln(1 + a) \approx a$ and the sum as an
# integral:
#
# $$\sum_{l=0}^{L-1} \frac{j^2}{1 + l s^2} \approx \frac{j^2}{s^2} \, \ln (1 + L s^2)$$
#
# The last step is yours: write down the factor that all $L$ sublayers together make, for both. One
# is a power of the depth, the other an exponential of it. Which is which? And for which $j$ and $s$
# does the exponential neither explode nor vanish?
#
# **One thing to try.** The function below pushes a random gradient back through stacks of blocks
# with random weights. Call it with your four functions and depths 1, 2, 4, 8, 16 and 32, and see
# whether the lengths follow your two formulas. Do it for several seeds: which of the two depends
# more on luck? Then set `scale` to 0.3. Real models begin with weights about that small, so
# that $s$ and $j$ are close to 0. What becomes of both formulas?


# %%
def gradient_lengths(
    run: Any, back: Any, depths: list[int], *, scale: float = 1.5, seed: int = 0
) -> list[float]:
    """How many times longer a gradient is at the first block than at the last.

    Args:
        run: `block` or `post_norm_block`.
        back: Its backward.
        depths: Numbers of blocks.
        scale: Standard deviation of the weights, times the root of their number of inputs.
        seed: Of the random weights, tokens and gradient.
    """
    config = Config(0, 32, 0, n_heads=4, n_kv_heads=2, d_ff=64, max_T=16)
    columns = {"w_q": 32, "w_k": 16, "w_v": 16, "w_o": 32, "w_gate": 64, "w_up": 64, "w_down": 32}
    rng = np.random.default_rng(seed)
    x, dout = rng.standard_normal((2, 1, 16, 32))
    caches: list[Any] = []
    lengths = []
    for depth in range(1, max(depths) + 1):
        params = {"attn_norm": np.ones(32), "mlp_norm": np.ones(32)}
        for name, n in columns.items():
            rows = 64 if name == "w_down" else 32
            params[name] = rng.standard_normal((rows, n)) * scale / rows**0.5
        x, cache = run(x, params, config, np.arange(16))
        caches.append(cache)
        if depth in depths:
            gradient = dout
            for saved in reversed(caches):
                gradient, _ = back(gradient, saved)
            lengths.append(float(np.linalg.norm(gradient) / np.linalg.norm(dout)))
    return lengths


# %% [markdown]
# ## Where to read more
#
# - He et al., *Identity Mappings in Deep Residual Networks*, 2016 (arXiv:1603.05027): why nothing
#   should stand on the stream.
# - Xiong et al., *On Layer Normalization in the Transformer Architecture*, 2020 (arXiv:2002.04745):
#   pre-norm and post-norm, with the sizes of their gradients worked out.
# - Touvron et al., *LLaMA*, 2023 (arXiv:2302.13971), section 2.2: the choices made here.
