"""Modules: the model of Volume 1 as nn.Modules, with the names that checkpoints use."""

# %% [markdown]
# # Modules
#
# **The question.** You have a LLaMA whose every gradient you derived. Training it takes thousands
# of steps, on a GPU if there is one, and nobody wants to write a new backward for each change of
# the model. PyTorch records what is computed and differentiates it. What has to be told to PyTorch
# for that, what does it do by itself, and how do you know that the new model is the old one?
#
# You write five modules, and a function that fills them with the arrays of Volume 1:
#
# | to write | from | to |
# | --- | --- | --- |
# | `RMSNorm(d_model, eps=1e-5)` | `(..., d_model)` | the same |
# | `SwiGLU(d_model, d_ff)` | `(..., d_model)` | the same |
# | `Attention(config)` | `(B, T, d_model)` | the same |
# | `Block(config)` | `(B, T, d_model)` | the same |
# | `Llama(config)` | ids `(B, T)` | logits `(B, T, vocab_size)` |
# | `load_numpy(model, params)` | a model and a dict of arrays | `None` |
#
# You need Volume 1, above all RoPE, attention and the model, and about two hours.

# %%
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Config:
    """The sizes of a model, and the constants that are not learned. As in Volume 1.

    Args:
        vocab_size: How many different tokens there are.
        d_model: Width of a token.
        n_layers: How many blocks.
        n_heads: Query heads; d_head is d_model // n_heads, and even.
        n_kv_heads: Heads of keys and values; divides n_heads.
        d_ff: Hidden width of the feed-forward layer.
        max_T: The longest sequence; every position is below it.
        rope_theta: Base of the frequencies in RoPE.
        norm_eps: What RMSNorm adds under its root.
        tied: The head is the embedding.
    """

    vocab_size: int
    d_model: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    d_ff: int
    max_T: int
    rope_theta: float = 10000.0
    norm_eps: float = 1e-5
    tied: bool = False


# %% [markdown]
# The checks on this page use the next cell. There is nothing to write in it.


# %%
def filled(student: Any, check: Any, module: Any, weights: Mapping[str, Any]) -> Any:
    """`module` in float64 with these weights; says so if its parameters are others."""
    named = student.keep(student.library("builtins.dict"), module.named_parameters())
    names = student.library("builtins.list")(named)
    wanted = f"expected {', '.join(weights)}"
    check.true(set(names) == set(weights), f"the parameters are {', '.join(names)}; {wanted}")
    for name, weight in weights.items():
        shape = module.get_parameter(name).shape
        check.true(shape == weight.shape, f"{name} has shape {shape}, expected {weight.shape}")
    module.double()
    module.load_state_dict(weights, strict=False)
    return module


def differenced(student: Any, check: Any, module: Any, names: Iterable[str], *inputs: Any) -> None:
    """The gradients that autograd finds are those of finite differences of your own forward."""
    dout = np.random.default_rng(1).standard_normal(module(*inputs).shape)
    copy, parameter = student.library("torch.Tensor.copy_"), student.part(module, "get_parameter")
    wrt = {name: student.keep(parameter, name) for name in names}
    # A scalar loss: to take `dout` itself, autograd would import a part of the compiler.
    weighted = student.keep(student.library("torch.mul"), student.keep(module, *inputs), dout)
    loss = student.keep(student.library("torch.sum"), weighted)
    grads = student.library("torch.autograd.grad")(loss, list(wrt.values()), allow_unused=True)
    for (name, handle), got in zip(wrt.items(), grads, strict=True):
        data, before = student.part(handle, "data"), student.fetch(handle)

        def forward(value: Any, data: Any = data) -> Any:
            student.keep(copy, data, value)
            return module(*inputs)

        check.true(got is not None, f"{name} gets no gradient: forward does not use it")
        check.gradient(got, forward, before, dout, f"the gradient of {name}")
        forward(before)


# %% [markdown]
# ## 1. What a module does for you
#
# An `nn.Module` is an object with a `forward`; to call the module is to call that. What else it
# does for you, it does by looking at what is *assigned to its attributes*:
#
# - An `nn.Parameter` becomes one of `module.parameters()`, which is what an optimizer is given. A
#   plain tensor does not: it works, it may even get gradients, and it never learns.
# - A module becomes a child, and its parameters are found, too. Children in a Python list are not
#   found; `nn.ModuleList` and `nn.ModuleDict` are a list and a dict whose entries are.
# - The path of attributes is the parameter's *name*: `model.layers.0.mlp.up_proj.weight`. By these
#   names `state_dict()` saves and `load_state_dict` loads, and a checkpoint that somebody else
#   trained fits your model or does not.
# - `module.double()` or `module.to("cuda")` converts every parameter. What `forward` makes itself
#   (positions, angles) has to go along: it belongs on the device of its input, and the result has
#   the dtype of the input.
#
# So names are part of the interface. Yours are those of `LlamaForCausalLM` in Hugging Face's
# library:
#
# ![A tree. Llama has two children, model and lm_head. The child model has embed_tokens, layers and
# norm. Each of the layers has input_layernorm, self_attn with q_proj, k_proj, v_proj and o_proj,
# post_attention_layernorm, and mlp with gate_proj, up_proj and down_proj. Beside every leaf stands
# its key of Volume 1.](figures/modules.svg)
#
# **Weights lie the other way round.** `nn.Linear(d_in, d_out)` keeps its weight as
# $(d_{out}, d_{in})$, and so do checkpoints. No layer of this model has a bias.
#
# **Library kernels are allowed** on this page. You know what is inside `F.rms_norm` and
# `F.scaled_dot_product_attention`, and how to differentiate it; from here on the fast ones may do
# the work. Look up what each of their arguments means, and what they do when you leave it out.
#
# ## 2. RMSNorm
#
# $$\mathrm{rmsnorm}(x)_i = \frac{x_i}{\sqrt{\tfrac{1}{d} \sum_j x_j^2 + \epsilon}} \; g_i$$
#
# The gain $g$ is called `weight` here. While `forward` runs, PyTorch notes every operation in which
# a parameter takes part. That is all: there is no backward to write, and no cache.


# %%
class RMSNorm(nn.Module):
    """Scale each token to root mean square 1, and each feature by its gain.

    Args:
        d_model: Width of a token.
        eps: Added under the root.

    Attributes:
        weight: nn.Parameter (d_model,), the gain. Begins as ones.

    Source:
        Zhang and Sennrich 2019, equation 4.
    """

    def __init__(self, d_model: int, eps: float = 1e-5) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.weight = nn.Parameter(torch.ones(d_model))
        self.eps = eps
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise every token.

        Args:
            x: (..., d_model), dtype of the weight. Not modified.

        Returns:
            out: (..., d_model), dtype of `x`.
        """
        ### BEGIN SOLUTION
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)
        ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_RMSNorm(student: Student, check: Check) -> None:
    """Two tokens worked out by hand, eps, the gradient of the gain."""
    norm = student.RMSNorm(2, eps=0.0)
    check.close(norm.weight, np.ones(2), "the weight of a new RMSNorm")
    # (1, 7) and (7, -1) have root mean square 5.
    x = np.array([[1.0, 7.0], [7.0, -1.0]])
    weights = {"weight": np.array([5.0, 10.0])}
    filled(student, check, norm, weights)
    check.close(norm(x), [[1.0, 14.0], [7.0, -2.0]], "the output")
    small = filled(student, check, student.RMSNorm(2, 3.0), {"weight": np.ones(2)})
    check.close(small(np.ones((1, 2))), [[0.5, 0.5]], "the output for (1, 1) with eps = 3")
    differenced(student, check, norm, weights, x)


# %% [markdown]
# ## 3. SwiGLU
#
# $$\mathrm{swiglu}(x) = \big( \mathrm{silu}(x \, W_{gate}^\top) \cdot x \, W_{up}^\top \big) \,
# W_{down}^\top$$
#
# The transposes are there because the weights are $(d_{out}, d_{in})$ now; `nn.Linear` sees to
# them. `nn.Linear` makes a bias unless it is told not to.


# %%
class SwiGLU(nn.Module):
    """The feed-forward layer: a gate decides how much of each hidden feature goes on.

    Args:
        d_model: Width of a token.
        d_ff: Hidden width.

    Attributes:
        gate_proj: nn.Linear from d_model to d_ff, no bias. Its output goes through silu.
        up_proj: nn.Linear from d_model to d_ff, no bias.
        down_proj: nn.Linear from d_ff to d_model, no bias.

    Source:
        Shazeer 2020, equation 6.
    """

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.gate_proj = nn.Linear(d_model, d_ff, bias=False)
        self.up_proj = nn.Linear(d_model, d_ff, bias=False)
        self.down_proj = nn.Linear(d_ff, d_model, bias=False)
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the layer to every token.

        Args:
            x: (..., d_model), dtype of the weights. Not modified.

        Returns:
            out: (..., d_model), dtype of `x`.
        """
        ### BEGIN SOLUTION
        out: torch.Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out
        ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_SwiGLU(student: Student, check: Check) -> None:
    """A gate that is wide open or shut, silu(ln 3) by hand, every gradient."""
    weights = {
        "gate_proj.weight": np.array([[np.log(3.0), 0.0], [100.0, 0.0], [-100.0, 0.0]]),
        "up_proj.weight": np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 3.0]]),
        "down_proj.weight": np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]),
    }
    layer = filled(student, check, student.SwiGLU(2, 3), weights)
    # silu(ln 3) is 3/4 ln 3, silu(100) is 100 and silu(-100) is 0, up to 44 digits.
    x = np.array([[1.0, 1.0], [1.0, -2.0]])
    want = [[0.75 * np.log(3.0), 200.0], [-1.5 * np.log(3.0), -400.0]]
    check.close(layer(x), want, "the output")
    rng = np.random.default_rng(0)
    weights = {name: rng.standard_normal(w.shape) for name, w in weights.items()}
    layer.load_state_dict(weights)
    differenced(student, check, layer, weights, x)


# %% [markdown]
# ## 4. Attention
#
# 1. `q_proj`, `k_proj` and `v_proj` give every token `n_heads`, `n_kv_heads` and `n_kv_heads`
#    vectors of width `d_head = d_model // n_heads`, side by side.
# 2. Queries and keys are turned by RoPE. Pairs are *neighbours* as in Volume 1: features $2i$ and
#    $2i + 1$ of a head turn by
#
#    $$\varphi_{m,i} = m \, \theta^{-2i / d_{head}}$$
#
#    at position $m$. (The models on Hugging Face pair feature $i$ with $i + d_{head} / 2$. What
#    that takes, reordered rows of `q_proj` and `k_proj`, happens when a checkpoint is saved or
#    loaded, and nowhere else.)
# 3. Head $h$ attends with the keys and values of head $h \,//\, (n_{heads} / n_{kv\_heads})$,
#    causally, scores scaled by $1 / \sqrt{d_{head}}$.
# 4. The heads' results, side by side again, go through `o_proj`.
#
# **Axes.** After the projections a head is a block of columns, and positions come before heads:
# $(B, T, n, d_{head})$. Attention wants heads before positions. Write down the shape after each
# line of your code; of all places, most mistakes are made here, and most of them raise nothing.
#
# **Positions** are an argument: `(T,)`, or `(B, T)` if the rows of a batch stand at different
# places; left out, they are $0, \dots, T - 1$. They turn queries and keys; who may look at whom
# depends on the order in the sequence alone.
#
# **Precision.** The angles are computed in float64, whatever the dtype of `x`: in float32 the angle
# at position 100,000 is wrong in the third digit. Only the cosines and sines get the dtype of `x`.
# If you would rather keep a table of them, mind two things. It is not learned and must not be in
# `state_dict()`, where nobody else's checkpoint has it. And a table in a buffer is converted with
# the module: one that was made in float32 and turned into float64 has the digits of float32.
#
# The first step is yours: which shape must the cosines have to meet $(B, T, n, d_{head} / 2)$, for
# both kinds of positions?


# %%
### BEGIN SOLUTION
def _rotated(x: torch.Tensor, positions: torch.Tensor, theta: float) -> torch.Tensor:
    """RoPE on neighbouring features, x (B, T, n, d_head) and positions (T,) or (B, T)."""
    pairs = torch.arange(0, x.shape[-1], 2, dtype=torch.float64, device=x.device)
    angles = positions[..., None, None] * theta ** (-pairs / x.shape[-1])  # (..., T, 1, d_head / 2)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., ::2], x[..., 1::2]  # (B, T, n, d_head / 2)
    return torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2)


### END SOLUTION


class Attention(nn.Module):
    """Grouped-query attention with rotary positions, causal.

    Args:
        config: Gives d_model, n_heads, n_kv_heads and rope_theta.

    Attributes:
        q_proj: nn.Linear from d_model to n_heads * d_head, no bias.
        k_proj: nn.Linear from d_model to n_kv_heads * d_head, no bias.
        v_proj: nn.Linear from d_model to n_kv_heads * d_head, no bias.
        o_proj: nn.Linear from n_heads * d_head to d_model, no bias.

    Source:
        Vaswani et al. 2017, section 3.2; Su et al. 2021, equation 34; Ainslie et al. 2023.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.n_heads, self.n_kv_heads = config.n_heads, config.n_kv_heads
        self.theta = config.rope_theta
        d_model, d_head = config.d_model, config.d_model // config.n_heads
        self.q_proj = nn.Linear(d_model, d_model, bias=False)
        self.k_proj = nn.Linear(d_model, self.n_kv_heads * d_head, bias=False)
        self.v_proj = nn.Linear(d_model, self.n_kv_heads * d_head, bias=False)
        self.o_proj = nn.Linear(d_model, d_model, bias=False)
        ### END SOLUTION

    def forward(self, x: torch.Tensor, positions: torch.Tensor | None = None) -> torch.Tensor:
        """Let every token look at itself and at those before it.

        Args:
            x: (B, T, d_model), dtype of the weights. Not modified.
            positions: (T,) or (B, T), int64, on the device of `x`; 0 to T - 1 if None.

        Returns:
            out: (B, T, d_model), dtype of `x`.
        """
        ### BEGIN SOLUTION
        if positions is None:
            positions = torch.arange(x.shape[1], device=x.device)
        q = self.q_proj(x).unflatten(-1, (self.n_heads, -1))  # (B, T, n_heads, d_head)
        k = self.k_proj(x).unflatten(-1, (self.n_kv_heads, -1))  # (B, T, n_kv_heads, d_head)
        v = self.v_proj(x).unflatten(-1, (self.n_kv_heads, -1))
        q, k = (_rotated(heads, positions, self.theta) for heads in (q, k))
        q, k, v = (heads.transpose(1, 2) for heads in (q, k, v))  # (B, n, T, d_head)
        heads = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        out: torch.Tensor = self.o_proj(heads.transpose(1, 2).flatten(2))
        return out
        ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_Attention(student: Student, check: Check) -> None:
    """Two tokens by hand, turned and not; groups of heads; distances; every gradient."""
    namespace = student.library("types.SimpleNamespace")
    sizes = {"d_model": 2, "n_heads": 1, "n_kv_heads": 1, "max_T": 100, "rope_theta": 9.0}
    names = [f"{letter}_proj.weight" for letter in "qkvo"]
    # Everything is x itself. At equal positions the second token's scores are 0 and sqrt(2) ln 3
    # before scaling, so that its weights are 1/4 and 3/4.
    layer = filled(
        student, check, student.Attention(namespace(**sizes)), dict.fromkeys(names, np.eye(2))
    )
    s = (2**0.5 * np.log(3.0)) ** 0.5
    x = np.array([[[1.0, 0.0], [0.0, s]]])
    check.close(layer(x, np.array([7, 7])), [[[1.0, 0.0], [0.25, 0.75 * s]]], "at equal positions")
    # In four features with theta = 16, pair 0 turns by 1 per position and pair 1 by 1/4. At
    # positions 0 and 1 the second token's score with the first is -sin of that, and 1 with itself.
    config = namespace(**sizes | {"d_model": 4, "rope_theta": 16.0})
    layer = filled(student, check, student.Attention(config), dict.fromkeys(names, np.eye(4)))
    first, second = np.eye(4)[[0, 2]], np.eye(4)[[1, 3]]
    w = 1 / (1 + np.exp((1 + np.sin([[1.0], [0.25]])) / 2))
    turned = np.stack([first, w * first + (1 - w) * second], axis=1)
    got = layer(np.stack([first, second], axis=1))
    check.close(got, turned, "at positions 0 and 1, which are the default")

    # Without queries all scores are 0, so that each token averages the values so far. Heads 0 and
    # 1 read the first pair of columns, heads 2 and 3 the second one.
    sizes |= {"d_model": 8, "n_heads": 4, "n_kv_heads": 2}
    zeros, eye = np.zeros((8, 8)), np.eye(8)
    weights = dict(zip(names, (zeros, eye[:4], eye[:4], eye), strict=True))
    layer = filled(student, check, student.Attention(namespace(**sizes)), weights)
    x = np.arange(16.0).reshape(1, 2, 8) ** 2
    want = np.stack([x[0, 0], x[0].mean(axis=0)])[np.newaxis][..., [0, 1, 0, 1, 2, 3, 2, 3]]
    check.close(layer(x), want, "the output of 4 heads in 2 groups, without queries")

    rng = np.random.default_rng(0)
    weights = {name: rng.standard_normal(w.shape) for name, w in weights.items()}
    layer.load_state_dict(weights)
    x = rng.standard_normal((2, 3, 8))
    rows = np.array([[0, 1, 4], [2, 3, 9]])
    out, far = layer(x, rows), layer(x, rows + 50)
    check.close(far, out, "the output with all positions 50 further on")
    for row in (0, 1):
        alone = layer(x[row : row + 1], rows[row])
        check.close(alone, out[row : row + 1], f"row {row} alone, with its positions,")
    early = layer(x[:, :2], rows[:, :2])
    check.close(early, out[:, :2], "the first two tokens without the third")
    differenced(student, check, layer, ("k_proj.weight", "v_proj.weight"), x, rows)


# %% [markdown]
# ## 5. The block
#
# $$\mathrm{middle} = x + \mathrm{attention}(\mathrm{norm}(x)) \qquad
# \mathrm{out} = \mathrm{middle} + \mathrm{swiglu}(\mathrm{norm}(\mathrm{middle}))$$
#
# The names in the tree are historical: `post_attention_layernorm` stands after attention in the
# text of the program, and is the norm *before* the feed-forward layer. Both norms use `norm_eps`.


# %%
class Block(nn.Module):
    """Attention and SwiGLU, each on a normalised copy of the stream and added to it.

    Args:
        config: Gives what `Attention` needs, and d_ff and norm_eps.

    Attributes:
        input_layernorm: RMSNorm, before attention.
        self_attn: Attention.
        post_attention_layernorm: RMSNorm, before SwiGLU.
        mlp: SwiGLU.

    Source:
        Touvron et al. 2023, section 2.2.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.input_layernorm = RMSNorm(config.d_model, config.norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.d_model, config.norm_eps)
        self.mlp = SwiGLU(config.d_model, config.d_ff)
        ### END SOLUTION

    def forward(self, x: torch.Tensor, positions: torch.Tensor | None = None) -> torch.Tensor:
        """Apply both sublayers.

        Args:
            x: (B, T, d_model), dtype of the weights. Not modified.
            positions: (T,) or (B, T), int64, on the device of `x`; 0 to T - 1 if None.

        Returns:
            out: (B, T, d_model), dtype of `x`.
        """
        ### BEGIN SOLUTION
        x = x + self.self_attn(self.input_layernorm(x), positions)
        out: torch.Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out
        ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_Block(student: Student, check: Check) -> None:
    """Its own parts, put together by hand; an idle block; every gradient."""
    sizes = {"d_model": 4, "n_heads": 2, "n_kv_heads": 1, "d_ff": 3, "max_T": 20}
    config = student.library("types.SimpleNamespace")(**sizes, rope_theta=9.0, norm_eps=0.5)
    block = student.Block(config)
    shapes: dict[str, tuple[int, ...]] = {f"self_attn.{x}_proj": (4, 4) for x in "qo"}
    shapes |= {f"self_attn.{x}_proj": (2, 4) for x in "kv"}
    shapes |= {"mlp.gate_proj": (3, 4), "mlp.up_proj": (3, 4), "mlp.down_proj": (4, 3)}
    shapes |= {"input_layernorm": (4,), "post_attention_layernorm": (4,)}
    rng = np.random.default_rng(0)
    weights = {f"{name}.weight": rng.standard_normal(shape) for name, shape in shapes.items()}
    filled(student, check, block, weights)
    x, positions = rng.standard_normal((2, 3, 4)), np.array([1, 2, 5])
    middle = x + block.self_attn(block.input_layernorm(x), positions)
    want = middle + block.mlp(block.post_attention_layernorm(middle))
    check.close(block(x, positions), want, "the output, compared with your own four parts")
    half = np.full((1, 1, 4), 0.5)  # the square of 0.5, and 0.5 under the root: 0.75
    gain = weights["input_layernorm.weight"]
    normed = block.input_layernorm(half)
    check.close(normed, half * gain / 0.75**0.5, "input_layernorm of (0.5, ...), norm_eps = 0.5,")
    names = ("input_layernorm.weight", "self_attn.k_proj.weight", "mlp.up_proj.weight")
    differenced(student, check, block, names, x, positions)
    silent = {name: np.zeros((4, 4)) for name in ("self_attn.o_proj.weight",)}
    silent |= {"mlp.down_proj.weight": np.zeros((4, 3))}
    block.load_state_dict(silent, strict=False)
    check.close(block(x), x, "the output with o_proj and down_proj zero")


# %% [markdown]
# ## 6. The model
#
# Look at the tree: `embed_tokens`, `layers` and `norm` are not children of the whole model but of
# its child `model`. A name is a path, so there has to be a module in between. That may be a class
# of its own or an `nn.ModuleDict`. The forward is that of Volume 1: rows of the embedding, one
# block after the other, the last norm, the head.
#
# **Tied.** A tied model has one matrix for both ends. In Volume 1 the head was the transposed
# embedding. Here `embed_tokens.weight` is `(vocab_size, d_model)`; which shape does the weight of
# the head have, and is a transpose left? Two attributes may hold *the same* `nn.Parameter`: then it
# appears once in `parameters()`, gets the sum of both gradients, and a step of the optimizer moves
# both ends. A copy would do none of this.
#
# **How it begins.** As in Volume 1: every matrix from $N(0, 0.02^2)$, gains 1, drawn with PyTorch's
# global generator, so that `torch.manual_seed` makes a run repeatable. What `nn.Embedding` and
# `nn.Linear` draw by themselves is something else: with entries from $N(0, 1)$ in a tied table the
# first loss is far above $\ln V$.


# %%
### BEGIN SOLUTION
class _Stack(nn.Module):
    """From ids to the normalised stream: everything but the head."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.d_model)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.norm = RMSNorm(config.d_model, config.norm_eps)

    def forward(self, ids: torch.Tensor, positions: torch.Tensor | None) -> torch.Tensor:
        x = self.embed_tokens(ids)
        for layer in self.layers:
            x = layer(x, positions)
        out: torch.Tensor = self.norm(x)
        return out


### END SOLUTION


class Llama(nn.Module):
    """The whole model, with the parameter names of LlamaForCausalLM.

    Args:
        config: All sizes, and whether the head is tied.

    Attributes:
        model: A module with embed_tokens, layers (one Block each) and norm.
        lm_head: nn.Linear from d_model to vocab_size, no bias. Tied, its weight is the very
            parameter of embed_tokens.

    Source:
        Touvron et al. 2023, section 2.2; Radford et al. 2018, section 4.1, for 0.02.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.model = _Stack(config)
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        if config.tied:
            self.lm_head.weight = self.model.embed_tokens.weight
        for parameter in self.parameters():
            if parameter.ndim == 2:  # gains stay 1
                nn.init.normal_(parameter, std=0.02)
        ### END SOLUTION

    def forward(self, ids: torch.Tensor, positions: torch.Tensor | None = None) -> torch.Tensor:
        """Score, for every position, each token as the one that comes next.

        Args:
            ids: (B, T), int64. Token ids.
            positions: (T,) or (B, T), int64, on the device of `ids`; 0 to T - 1 if None.

        Returns:
            logits: (B, T, vocab_size), dtype of the parameters.
        """
        ### BEGIN SOLUTION
        logits: torch.Tensor = self.lm_head(self.model(ids, positions))
        return logits
        ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_Llama(student: Student, check: Check) -> None:
    """Idle blocks by hand, tied and not; its own parts; the future; gradients; how it begins."""
    sizes = {"vocab_size": 3, "d_model": 2, "n_layers": 2, "n_heads": 1, "n_kv_heads": 1}
    constants = {"max_T": 8, "rope_theta": 9.0, "norm_eps": 0.0}
    namespace = student.library("types.SimpleNamespace")
    inner: dict[str, Floats] = {f"self_attn.{x}_proj": np.zeros((2, 2)) for x in "qkvo"}
    inner |= {f"mlp.{name}_proj": np.zeros((2, 2)) for name in ("gate", "up", "down")}
    inner |= {"input_layernorm": np.ones(2), "post_attention_layernorm": np.ones(2)}
    weights = {f"model.layers.{i}.{n}.weight": w for i in (0, 1) for n, w in inner.items()}
    # (1, 7) and (7, -1) have root mean square 5, (4, 4) has 4.
    table = np.array([[1.0, 7.0], [7.0, -1.0], [4.0, 4.0]])
    weights |= {"model.embed_tokens.weight": table, "model.norm.weight": np.array([5.0, 10.0])}
    tied = filled(
        student, check, student.Llama(namespace(**sizes, **constants, d_ff=2, tied=True)), weights
    )
    ids = np.array([[2, 0, 1]])
    want = [[[75.0, 25.0, 60.0], [99.0, -7.0, 60.0], [-7.0, 51.0, 20.0]]]
    check.close(tied(ids), want, "logits of [[2, 0, 1]], tied")
    weights["lm_head.weight"] = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, -1.0]])
    model = filled(
        student, check, student.Llama(namespace(**sizes, **constants, d_ff=2, tied=False)), weights
    )
    want = [[[5.0, 10.0, 0.0], [1.0, 14.0, -12.0], [7.0, -2.0, 16.0]]]
    check.close(model(ids), want, "logits of [[2, 0, 1]]")

    rng = np.random.default_rng(0)
    weights = {name: rng.standard_normal(w.shape) for name, w in weights.items()}
    model.load_state_dict(weights)
    ids, positions = np.array([[0, 1, 2, 1], [2, 2, 0, 1]]), np.array([0, 1, 4, 6])
    logits, x = model(ids, positions), weights["model.embed_tokens.weight"][ids]
    for i in (0, 1):
        x = model.model.layers[i](x, positions)
    want = model.model.norm(x) @ weights["lm_head.weight"].T
    check.close(logits, want, "logits, compared with your own blocks and norm")
    early = model(ids[:, :2], positions[:2])
    check.close(early, logits[:, :2], "logits of the first two tokens, compared with those of all")
    names = [f"model.{name}.weight" for name in ("embed_tokens", "norm", "layers.0.mlp.up_proj")]
    differenced(student, check, model, ["lm_head.weight", *names], ids, positions)
    del weights["lm_head.weight"]
    tied.load_state_dict(weights, strict=False)
    differenced(student, check, tied, ("model.embed_tokens.weight",), ids)

    sizes |= {"vocab_size": 50, "d_model": 24, "n_heads": 6, "n_kv_heads": 2}
    model = student.Llama(namespace(**sizes, **constants, d_ff=40, tied=True))
    for name in ("model.embed_tokens", "model.layers.1.mlp.up_proj", "model.layers.0.mlp.up_proj"):
        std = model.get_parameter(f"{name}.weight").std()
        check.true(0.016 < std < 0.024, f"{name}.weight of a new model has the deviation {std:.3g}")


# %% [markdown]
# ## 7. The same model?
#
# Two programs that nobody has compared are two programs. So take the arrays of Volume 1, fill the
# modules with them, and let both run: in float64 logits and gradients agree to ten digits and more,
# or else one of the two is wrong. Nothing is as good a test of a model as another one.
#
# | key in Volume 1 | shape there | name here |
# | --- | --- | --- |
# | `embedding` | `(vocab_size, d_model)` | `model.embed_tokens.weight` |
# | `blocks.{i}.attn_norm` | `(d_model,)` | `model.layers.{i}.input_layernorm.weight` |
# | `blocks.{i}.w_q` | `(d_in, d_out)` | `model.layers.{i}.self_attn.q_proj.weight` |
# | `blocks.{i}.mlp_norm` | `(d_model,)` | `model.layers.{i}.post_attention_layernorm.weight` |
# | `blocks.{i}.w_gate` | `(d_in, d_out)` | `model.layers.{i}.mlp.gate_proj.weight` |
# | `final_norm` | `(d_model,)` | `model.norm.weight` |
# | `head`, absent when tied | `(d_model, vocab_size)` | `lm_head.weight` |
#
# `w_k`, `w_v` and `w_o` go where `w_q` goes, `w_up` and `w_down` where `w_gate` does.
#
# Which of them have to be transposed? Not all that have two axes: ask of each what multiplies what.
#
# **In place.** The parameters may be known to an optimizer already, and two of them may be one. So
# write *into* them, unseen by autograd, and do not put others in their place. Their dtype and
# device stay. And do not let a parameter share its memory with an array: a step of the optimizer
# would change `params`.


# %%
### BEGIN SOLUTION
_NAMES = {
    "embedding": "model.embed_tokens",
    "final_norm": "model.norm",
    "head": "lm_head",
    "attn_norm": "input_layernorm",
    "mlp_norm": "post_attention_layernorm",
    "w_q": "self_attn.q_proj",
    "w_k": "self_attn.k_proj",
    "w_v": "self_attn.v_proj",
    "w_o": "self_attn.o_proj",
    "w_gate": "mlp.gate_proj",
    "w_up": "mlp.up_proj",
    "w_down": "mlp.down_proj",
}
### END SOLUTION


def load_numpy(model: nn.Module, params: Mapping[str, Floats]) -> None:
    """Fill a model with the parameters of Volume 1, in place.

    Args:
        model: A `Llama`. Its parameters keep their identity, dtype and device.
        params: The flat dict of Volume 1, weights (in, out); `head` is absent when the model is
            tied. Left as it is.

    Source:
        Wolf et al. 2020: the parameter names of LlamaForCausalLM.
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        for key, array in params.items():
            *block, last = key.split(".")
            layer = f"model.layers.{block[1]}." if block else ""
            weight = torch.tensor(array)
            # A row of the embedding is a token in both volumes; all other matrices are (in, out).
            turned = weight.T if last.startswith("w_") or last == "head" else weight
            model.get_parameter(f"{layer}{_NAMES[last]}.weight").copy_(turned)
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_load_numpy(student: Student, check: Check) -> None:
    """Every entry in its place, tied and not; in place; nothing shared."""
    sizes = {"vocab_size": 5, "d_model": 4, "n_layers": 2, "n_heads": 2, "n_kv_heads": 1}
    config = student.library("types.SimpleNamespace")
    square = {"w_q": (4, 4), "w_k": (4, 2), "w_v": (4, 2), "w_o": (4, 4)}
    wide = {"w_gate": (4, 3), "w_up": (4, 3), "w_down": (3, 4)}
    inner = {"attn_norm": (4,), "mlp_norm": (4,), **square, **wide}
    shapes = {f"blocks.{i}.{name}": shape for i in (0, 1) for name, shape in inner.items()}
    shapes |= {"embedding": (5, 4), "final_norm": (4,), "head": (4, 5)}
    rng = np.random.default_rng(0)
    params = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    there = {"attn_norm": "input_layernorm", "mlp_norm": "post_attention_layernorm"}
    there |= {name: f"self_attn.{name[2]}_proj" for name in square}
    there |= {name: f"mlp.{name[2:]}_proj" for name in wide}
    ends = {"embedding": "model.embed_tokens", "final_norm": "model.norm", "head": "lm_head"}
    for tied in (False, True):
        if tied:
            del params["head"]
        model = student.Llama(
            config(**sizes, d_ff=3, max_T=8, rope_theta=9.0, norm_eps=0.1, tied=tied)
        )
        model.double()
        embedding = student.part(
            student.part(student.part(model, "model"), "embed_tokens"), "weight"
        )
        # As arrays of NumPy, which is what Volume 1 has.
        arrays = {
            name: student.keep(student.library("torch.Tensor.numpy"), student.hold(value))
            for name, value in params.items()
        }
        check.true(student.load_numpy(model, arrays) is None, "load_numpy returns something")
        for name, value in params.items():
            *block, last = name.split(".")
            path = f"model.layers.{block[1]}.{there[last]}" if block else ends[name]
            want = value.T if last.startswith("w_") or last == "head" else value
            check.close(model.get_parameter(f"{path}.weight"), want, f"{path}.weight")
        check.close(student.fetch(embedding), params["embedding"], "the parameter that was there")
        student.keep(student.library("numpy.ndarray.fill"), arrays["blocks.0.w_q"], 0.0)
        got = model.get_parameter("model.layers.0.self_attn.q_proj.weight")
        check.close(got, params["blocks.0.w_q"].T, "q_proj.weight after w_q has been overwritten")


# %% [markdown]
# ## One thing to try
#
# Make a `Llama` of a few million parameters and your NumPy model of the same sizes, load the one
# into the other, and time a forward and backward of each on a batch of 8 sequences of 128 tokens.
# Where does the difference come from? (Repeat it with `torch.set_num_threads(1)` and in float64.)
# Then print `model` and compare with the tree above. Then give `F.scaled_dot_product_attention` an
# `x` of 4,096 tokens and look at the memory that your process takes, with and without
# `enable_gqa`, and with your own attention of Volume 1.
#
# ## Where to read more
#
# - Paszke et al., *PyTorch: An Imperative Style, High-Performance Deep Learning Library*, 2019
#   (arXiv:1912.01703): why modules are plain Python objects.
# - Touvron et al., *LLaMA: Open and Efficient Foundation Language Models*, 2023
#   (arXiv:2302.13971), section 2.
# - Wolf et al., *Transformers: State-of-the-Art Natural Language Processing*, 2020
#   (arXiv:1910.03771): where the names come from.
# - Dao et al., *FlashAttention: Fast and Memory-Efficient Exact Attention with IO-Awareness*, 2022
#   (arXiv:2205.14135): what a fast kernel for attention does.
