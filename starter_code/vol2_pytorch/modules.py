"""The whole model as PyTorch modules, with the names that a Hugging Face checkpoint has."""

# %% [markdown]
# # Modules
#
# **The question.** In Volume 1 the model was a set of functions and a dict of arrays, and every
# gradient was yours to derive. PyTorch derives them. What is left to decide is how the model is
# *put together*: which object owns which parameter, and what that parameter is called. Get the
# names right, and the same checkpoint file fits your model, the `transformers` library and every
# inference engine. How do you build it so?
#
# You write five modules and one function:
#
# | | to |
# | --- | --- |
# | `RMSNorm(d_model, eps)` | `(..., d_model)` to `(..., d_model)` |
# | `SwiGLU(d_model, d_ff)` | `(..., d_model)` to `(..., d_model)` |
# | `Attention(config)` | `x` `(B, T, d_model)` and positions to `(B, T, d_model)` |
# | `Block(config)` | likewise |
# | `Llama(config)` | ids `(B, T)` to logits `(B, T, vocab_size)` |
# | `load_numpy(model, params)` | puts the arrays of Volume 1 into a model |
#
# Nothing here has a bias. `torch.nn.functional` is allowed, with `rms_norm`, `silu` and
# `scaled_dot_product_attention`: you have written what they do. You need the model of Volume 1, and
# about two hours.

# %%
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

Floats = NDArray[np.floating[Any]]

# %% [markdown]
# The sizes come in the record that you know from Volume 1.

# %%
@dataclass(frozen=True)
class Config:
    """The sizes of a model, and the constants that are not learned; the one of Volume 1.

    Args:
        vocab_size: How many different tokens there are.
        d_model: Width of a token.
        n_layers: How many blocks.
        n_heads: Query heads; d_head is d_model // n_heads, and even.
        n_kv_heads: Heads of keys and values; divides n_heads.
        d_ff: Hidden width of the feed-forward layer.
        max_T: The longest sequence.
        rope_theta: Base of the frequencies in RoPE.
        norm_eps: What RMSNorm adds under its root.
        tied: The head is the embedding's own table.
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
# ## 1. What a module is
#
# An `nn.Module` is an object with a `forward` that *knows its parameters*. Whatever `nn.Parameter`
# or module you assign to an attribute of it is registered under that attribute's name, and a
# parameter deep inside is called by the path to it: `model.layers.0.mlp.up_proj.weight`. That is
# how `parameters()` finds what an optimizer should train, how `.to(device)` and `.double()` reach
# everything, and what the keys of `state_dict()` are, which is what a checkpoint contains.
#
# ![Nested boxes. Llama holds model and lm_head. model holds embed_tokens, layers 0 to L - 1 and
# norm. Each layer holds input_layernorm, self_attn with q_proj, k_proj, v_proj and o_proj,
# post_attention_layernorm, and mlp with gate_proj, up_proj and
# down_proj.](figures/modules.svg)
#
# Four things follow:
#
# - **A plain tensor is invisible.** `self.weight = torch.ones(d)` trains nothing, is not saved and
#   does not move to the GPU. It has to be an `nn.Parameter`.
# - **A list hides its modules**, and so does a dict. `nn.ModuleList` is the list that does not.
# - **Everything that is registered is saved.** A causal mask or a table of cosines is no part of
#   what was learned; compute it where it is used.
# - **`__init__` of `nn.Module` comes first**, before any attribute is set.
#
# Weights are stored as `nn.Linear` stores them, `(out, in)`, and used as $x W^\top$. In Volume 1
# they were `(in, out)`.
#
# ## 2. RMSNorm
#
# The formula is the one you know, with `weight` for the gain:
#
# $$\mathrm{out}_i = \mathrm{weight}_i \; x_i \Big/
# \sqrt{\tfrac{1}{d} \textstyle\sum_k x_k^2 + \mathrm{eps}}$$
#
# A new module starts with ones. The result has the dtype of `x`; in bfloat16, whose numbers have
# three digits, the mean of the squares must not be summed up in those.

# %%
class RMSNorm(nn.Module):
    """Bring every token to root mean square 1, then scale each feature.

    Args:
        d_model: Width of a token.
        eps: What is added to the mean square.

    Attributes:
        weight: nn.Parameter (d_model,), the gain; ones at the start.

    Source:
        Zhang and Sennrich 2019, equation 4 (arXiv:1910.07467).
    """

    def __init__(self, d_model: int, eps: float = 1e-5) -> None:
        super().__init__()
        raise NotImplementedError("RMSNorm.__init__ is yours to write")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the norm.

        Args:
            x: (..., d_model).

        Returns:
            out: (..., d_model), dtype of `x`.
        """
        raise NotImplementedError("RMSNorm.forward is yours to write")

# %%
from autograder.selfcheck import Check, Student


def _filled(student: Student, module: Any, weights: dict[str, Any]) -> Any:
    """The module in float64, with these parameters."""
    student.keep(module.double)
    student.keep(module.load_state_dict, weights)
    return module


def _named(student: Student, check: Check, module: Any, shapes: dict[str, Any]) -> None:
    """The state dict has these names with these shapes, and nothing else."""
    state = student.keep(module.state_dict)
    names = student.library("builtins.list")(state)
    for name in sorted({*shapes} - {*names}):
        check.true(False, f"state_dict() has no {name}; is it a parameter, and so named?")
    for name in sorted({*names} - {*shapes}):
        check.true(False, f"state_dict() has {name}, which is no parameter of this module")
    for name, shape in shapes.items():
        got = student.fetch(student.keep(student.library("operator.getitem"), state, name)).shape
        check.true(got == shape, f"{name} has shape {got}, expected {shape}")


def visible_RMSNorm(student: Student, check: Check) -> None:
    """Its one parameter; a token of root mean square 5; eps; float32."""
    norm = student.RMSNorm(2)
    _named(student, check, norm, {"weight": (2,)})
    check.close(norm.weight, np.ones(2), "weight of a new module")
    x = np.array([[[1.0, 7.0], [-7.0, 1.0]]])
    norm = _filled(student, student.RMSNorm(2, 0.0), {"weight": np.array([5.0, 10.0])})
    check.close(norm(x), [[[1.0, 14.0], [-7.0, 2.0]]], "out with eps 0 and weight (5, 10)")
    norm = _filled(student, student.RMSNorm(2, 11.0), {"weight": np.ones(2)})
    check.close(norm(x), x / 6.0, "out with eps 11 and weight (1, 1)")
    out = student.RMSNorm(2)(x.astype(np.float32))
    check.true(out.dtype == np.float32, f"out is {out.dtype} for float32")

# %% [markdown]
# ## 3. SwiGLU
#
# $$\mathrm{out} = \big( \mathrm{silu}(x W_{gate}^\top) \odot x W_{up}^\top \big) W_{down}^\top$$
#
# Three linear layers. Which of the two branches goes through the nonlinearity is decided by its
# name, so a checkpoint gives wrong results, and no error, if they are exchanged.

# %%
class SwiGLU(nn.Module):
    """The gated feed-forward layer, without biases.

    Args:
        d_model: Width of a token.
        d_ff: Hidden width.

    Attributes:
        gate_proj, up_proj: nn.Linear from d_model to d_ff.
        down_proj: nn.Linear from d_ff to d_model.

    Source:
        Shazeer 2020, equation 6 (arXiv:2002.05202).
    """

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        raise NotImplementedError("SwiGLU.__init__ is yours to write")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the layer.

        Args:
            x: (..., d_model).

        Returns:
            out: (..., d_model), dtype of `x`.
        """
        raise NotImplementedError("SwiGLU.forward is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_SwiGLU(student: Student, check: Check) -> None:
    """Its three parameters; two hidden features by hand."""
    mlp = student.SwiGLU(3, 2)
    shapes = {"gate_proj.weight": (2, 3), "up_proj.weight": (2, 3), "down_proj.weight": (3, 2)}
    _named(student, check, mlp, shapes)
    gate = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    up = np.array([[0.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    down = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, -1.0]])
    weights = {"gate_proj.weight": gate, "up_proj.weight": up, "down_proj.weight": down}
    # The gate is (2, -1), the up branch (3, 3).
    hidden = np.array([2.0 / (1.0 + np.exp(-2.0)), -1.0 / (1.0 + np.exp(1.0))]) * 3.0
    out = _filled(student, mlp, weights)(np.array([[2.0, 1.0, 3.0]]))
    check.close(out, [[hidden[0], hidden[1], 2.0 * hidden[0] - hidden[1]]], "out of (2, 1, 3)")

# %% [markdown]
# ## 4. Attention
#
# With $d_{head} = d_{model} / n_{heads}$:
#
# | step | shape |
# | --- | --- |
# | `q_proj(x)` | `(B, T, n_heads * d_head)` |
# | `k_proj(x)`, `v_proj(x)` | `(B, T, n_kv_heads * d_head)` |
# | split into heads | `(B, T, heads, d_head)` |
# | RoPE on queries and keys, not on values | the same |
# | heads before tokens | `(B, heads, T, d_head)` |
# | attention, causal, scale $d_{head}^{-1/2}$ | `(B, n_heads, T, d_head)` |
# | back, heads joined | `(B, T, d_model)` |
# | `o_proj` | `(B, T, d_model)` |
#
# The feature axis is `(heads, d_head)` in memory, heads outside. A `view` as
# `(B, heads, T, d_head)` has the right shape and mixes tokens with features.
#
# **Groups.** Query head $h$ reads key and value head $\lfloor h / (n_{heads} / n_{kv}) \rfloor$.
# `scaled_dot_product_attention` does so with `enable_gqa=True`; if you repeat the heads yourself,
# is it `repeat` or `repeat_interleave`?
#
# **RoPE.** Neighbours $(a, b) = (x_{2i}, x_{2i+1})$ of a head turn by
# $\varphi = m \, \theta^{-2i / d_{head}}$ at position $m$:
#
# $$(a, b) \mapsto (a \cos \varphi - b \sin \varphi, \; a \sin \varphi + b \cos \varphi)$$
#
# Written so, with every second feature at a time, it is seven passes over memory for the two lines
# and their sum. The same rotation is *one product* if a pair is read as the complex number
# $a + ib$: what is it multiplied by? `torch.view_as_complex` reads pairs of neighbours so without
# copying them, `torch.view_as_real` goes back, `torch.polar` makes a number from size and angle.
# Either way is right; the second makes fewer passes over memory.
#
# Checkpoints on Hugging Face have the features of a head in another order; whoever writes or reads
# such a file reorders the rows of `q_proj` and `k_proj` (`to_half_split` of Volume 1). The module
# itself stays with neighbours.
#
# *Positions* are `(T,)`, or `(B, T)` where rows of a batch stand at different places; without any
# they are $0, \dots, T - 1$. One angle per position and pair, the same for all heads: where in
# `x[..., 0::2]`, which is `(B, T, heads, d_head / 2)`, does an axis have to be inserted? Positions
# say how far a pair turns and nothing else: who may read whom is decided by the order in `x`.
#
# *Precision.* Compute the angles in float64, take cosine and sine, and go to the dtype of `x` then.
# In bfloat16 the positions 256 and 257 are the same number. A table that is registered as a buffer
# is converted together with the module, `.double()` makes float64 of what float32 has rounded, and
# it appears in `state_dict()` unless it is registered with `persistent=False`. Computing cosines
# where they are needed costs little beside the matrix products.

# %%
class Attention(nn.Module):
    """Causal multi-head attention with grouped queries and RoPE, without biases.

    Args:
        config: Gives d_model, n_heads, n_kv_heads and rope_theta.

    Attributes:
        q_proj, o_proj: nn.Linear from d_model to d_model.
        k_proj, v_proj: nn.Linear from d_model to n_kv_heads * d_head.

    Source:
        Ainslie et al. 2023, section 2.2 (arXiv:2305.13245); Su et al. 2021 (arXiv:2104.09864).
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        raise NotImplementedError("Attention.__init__ is yours to write")

    def forward(self, x: torch.Tensor, positions: torch.Tensor | None = None) -> torch.Tensor:
        """Let every token read itself and the tokens before it.

        Args:
            x: (B, T, d_model).
            positions: (T,) or (B, T), int64: where each token stands, for RoPE. 0, ..., T - 1 if
                None. The mask goes by the order in x, whatever the positions are.

        Returns:
            out: (B, T, d_model), dtype of `x`.
        """
        raise NotImplementedError("Attention.forward is yours to write")

# %%
from types import SimpleNamespace

from autograder.selfcheck import Check, Student


def _sizes(**changed: Any) -> SimpleNamespace:
    """A small config."""
    sizes: dict[str, Any] = {"vocab_size": 3, "d_model": 4, "n_layers": 2, "d_ff": 2}
    sizes |= {"n_heads": 2, "n_kv_heads": 1}
    sizes |= {"max_T": 8, "rope_theta": 10.0, "norm_eps": 0.5, "tied": False}
    return SimpleNamespace(**{**sizes, **changed})


def _one_head(student: Student, check: Check) -> None:
    """Two tokens by hand: a query turned by 1 meets a key that is not turned."""
    square = {f"{name}_proj.weight": np.eye(2) for name in "qkvo"}
    one = student.Attention(_sizes(d_model=2, n_heads=1, n_kv_heads=1))
    one = _filled(student, one, square)
    far, near = np.exp(-np.sin(1.0) / 2**0.5), np.exp(1.0 / 2**0.5)
    want = [[[1.0, 0.0], [far / (far + near), near / (far + near)]]]
    check.close(one(np.array([[[1.0, 0.0], [0.0, 1.0]]])), want, "out of (1, 0), (0, 1)")


def visible_Attention(student: Student, check: Check) -> None:
    """Names; two tokens by hand; no scores, so a mean; groups; positions; one token at a time."""
    _one_head(student, check)
    attention = student.Attention(_sizes(n_heads=4, d_model=8, n_kv_heads=2))
    shapes = dict.fromkeys(("q_proj.weight", "o_proj.weight"), (8, 8))
    shapes |= dict.fromkeys(("k_proj.weight", "v_proj.weight"), (4, 8))
    _named(student, check, attention, shapes)
    rng = np.random.default_rng(0)
    weights = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    x = rng.standard_normal((2, 3, 8))
    even = weights | {"q_proj.weight": np.zeros((8, 8)), "o_proj.weight": np.eye(8)}
    values = (x @ weights["v_proj.weight"].T).cumsum(axis=1) / np.arange(1.0, 4.0)[:, None]
    want = np.repeat(values.reshape(2, 3, 2, 2), 2, axis=2).reshape(2, 3, 8)
    check.close(_filled(student, attention, even)(x), want, "out with q_proj zero, o_proj identity")

    attention = _filled(student, attention, weights)
    out = attention(x)
    check.close(attention(x, np.arange(3)), out, "out at positions 0, 1, 2 and at none given")
    check.close(attention(x, np.arange(3) + 50), out, "out with all positions 50 further on")
    rows = np.array([[0, 1, 2], [4, 9, 10]])
    want = np.concatenate([out[:1], attention(x[1:], rows[1])])
    check.close(attention(x, rows), want, "out at positions (0, 1, 2), (4, 9, 10)")
    check.true(np.abs(want - out).max() > 1e-3, "positions 4, 9, 10 give what 0, 1, 2 give")
    check.close(attention(x[:, :2]), out[:, :2], "out of the first two tokens alone")

# %% [markdown]
# ## 5. The block
#
# $$\mathrm{middle} = x + \mathrm{attention}(\mathrm{norm}_1(x)) \qquad
# \mathrm{out} = \mathrm{middle} + \mathrm{swiglu}(\mathrm{norm}_2(\mathrm{middle}))$$
#
# The checkpoint calls the first norm `input_layernorm` and the second one
# `post_attention_layernorm`: it comes *after attention*, and before SwiGLU. Both are RMSNorm in
# spite of their names, and both use the config's `norm_eps`.

# %%
class Block(nn.Module):
    """Attention and SwiGLU, each on the normed stream and added to it.

    Args:
        config: Gives all sizes, rope_theta and norm_eps.

    Attributes:
        input_layernorm, post_attention_layernorm: RMSNorm, before attention and before SwiGLU.
        self_attn: Attention.
        mlp: SwiGLU.

    Source:
        Touvron et al. 2023, section 2.2 (arXiv:2302.13971).
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        raise NotImplementedError("Block.__init__ is yours to write")

    def forward(self, x: torch.Tensor, positions: torch.Tensor | None = None) -> torch.Tensor:
        """Apply the block.

        Args:
            x: (B, T, d_model).
            positions: (T,) or (B, T), int64; 0, ..., T - 1 if None.

        Returns:
            out: (B, T, d_model), dtype of `x`.
        """
        raise NotImplementedError("Block.forward is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_Block(student: Student, check: Check) -> None:
    """Names; with both sublayers idle the identity; with one idle, the other by itself."""
    config = _sizes()
    block = student.Block(config)
    norms = ("input_layernorm.weight", "post_attention_layernorm.weight")
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(norms, (4,))
    shapes |= {f"self_attn.{name}_proj.weight": (4, 4) for name in "qo"}
    shapes |= {f"self_attn.{name}_proj.weight": (2, 4) for name in "kv"}
    shapes |= {f"mlp.{name}_proj.weight": (2, 4) for name in ("gate", "up")}
    shapes["mlp.down_proj.weight"] = (4, 2)
    _named(student, check, block, shapes)
    rng = np.random.default_rng(0)
    weights = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    no_attention = weights | {"self_attn.o_proj.weight": np.zeros((4, 4))}
    no_mlp = weights | {"mlp.down_proj.weight": np.zeros((4, 2))}
    x = rng.standard_normal((2, 3, 4))

    def part(name: str) -> dict[str, Any]:
        return {n.removeprefix(name): w for n, w in weights.items() if n.startswith(name)}

    def normed(name: str) -> Any:
        return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + 0.5) * weights[name]

    idle = _filled(student, block, no_attention | {"mlp.down_proj.weight": np.zeros((4, 2))})
    check.close(idle(x), x, "out with both sublayers idle")
    mlp = _filled(student, student.SwiGLU(4, 2), part("mlp."))
    want = x + mlp(normed("post_attention_layernorm.weight"))
    check.close(_filled(student, block, no_attention)(x), want, "out with attention idle")
    attention = _filled(student, student.Attention(config), part("self_attn."))
    rows = np.array([[0, 1, 2], [4, 9, 10]])
    want = x + attention(normed("input_layernorm.weight"), rows)
    check.close(_filled(student, block, no_mlp)(x, rows), want, "out with SwiGLU idle")

# %% [markdown]
# ## 6. The model
#
# `Llama` has two parts. `lm_head` is the last linear layer; everything below it sits in one module
# called `model`, with `embed_tokens` (an `nn.Embedding`), `layers` (an `nn.ModuleList`) and the
# final `norm`. Its names then begin as they do in every LLaMA checkpoint, with `model.` or
# `lm_head.`. The positions are handed through to every layer. `max_T` is the longest text that the
# model is *trained* for: it has no parameter of that size, since RoPE needs no table.
#
# **Tied.** If the config says so, `lm_head.weight` *is* `embed_tokens.weight`: the same
# `nn.Parameter` under two names. `state_dict()` shows both names, `parameters()` counts it once,
# and its gradient is the sum of both uses, without any work of yours. Which way round must a table
# `(vocab_size, d_model)` stand for a layer that stores `(out, in)`? Assign the parameter, do not
# copy it.
#
# **The start.** `nn.Linear` starts with numbers between $\pm 1 / \sqrt{d_{in}}$ and `nn.Embedding`
# with a standard deviation of 1, which makes the first logits of a tied model as large as
# $\sqrt{d_{model}}$ and the first loss far larger than $\ln V$. All matrices of a new `Llama` are
# drawn from $N(0, 0.02^2)$, by PyTorch's global generator; gains are ones.

# %%
class Llama(nn.Module):
    """The language model. Weights are N(0, 0.02**2) at the start, gains are ones.

    Args:
        config: All sizes, and whether the head is tied.

    Attributes:
        config: The config.
        model: Holds `embed_tokens` (nn.Embedding), `layers` (nn.ModuleList of Block) and `norm`.
        lm_head: nn.Linear from d_model to vocab_size without bias; when tied, its weight is
            embed_tokens.weight itself.

    Source:
        Touvron et al. 2023, section 2.2 (arXiv:2302.13971).
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        raise NotImplementedError("Llama.__init__ is yours to write")

    def forward(self, ids: torch.Tensor, positions: torch.Tensor | None = None) -> torch.Tensor:
        """Score, for every position, each token as the one that comes next.

        Args:
            ids: (B, T), int64.
            positions: (T,) or (B, T), int64; 0, ..., T - 1 if None.

        Returns:
            logits: (B, T, vocab_size), dtype of the parameters.
        """
        raise NotImplementedError("Llama.forward is yours to write")

# %%
from autograder.selfcheck import Check, Student


def _shapes(config: Any) -> dict[str, tuple[int, ...]]:
    """Every name of a state dict, and its shape."""
    d, wide = config.d_model, config.d_ff
    narrow = d // config.n_heads * config.n_kv_heads
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (config.vocab_size, d)}
    for i in range(config.n_layers):
        inside = {f"self_attn.{name}_proj": (d, d) for name in "qo"}
        inside |= {f"self_attn.{name}_proj": (narrow, d) for name in "kv"}
        inside |= {"mlp.gate_proj": (wide, d), "mlp.up_proj": (wide, d), "mlp.down_proj": (d, wide)}
        shapes |= {f"model.layers.{i}.{name}.weight": shape for name, shape in inside.items()}
        for name in ("input_layernorm", "post_attention_layernorm"):
            shapes[f"model.layers.{i}.{name}.weight"] = (d,)
    return shapes | {"model.norm.weight": (d,), "lm_head.weight": (config.vocab_size, d)}


def _start(student: Student, check: Check) -> None:
    """What a new model is drawn from, tied and not."""
    config = _sizes(vocab_size=60, d_model=40, n_heads=4, n_kv_heads=2, d_ff=50)
    for tied in (False, True):
        config.tied = tied
        model = student.Llama(config)
        state = student.keep(model.state_dict)
        for name in _shapes(config):
            value = student.fetch(student.keep(student.library("operator.getitem"), state, name))
            if value.ndim == 1:
                check.close(value, np.ones(40), f"{name} of a new model")
            else:
                std = float(value.std())
                check.true(0.015 < std < 0.025, f"{name} starts with the deviation {std:.3g}")


def visible_Llama(student: Student, check: Check) -> None:
    """Names, tied and not; idle blocks by hand; positions, the batch, the future; the start."""
    sizes = {"d_model": 2, "n_heads": 1, "n_kv_heads": 1, "norm_eps": 0.0}
    config, tied = _sizes(**sizes), _sizes(**sizes, tied=True)
    _named(student, check, student.Llama(config), _shapes(config))
    _named(student, check, student.Llama(tied), _shapes(tied))
    # The blocks add nothing; (1, 7) and (7, -1) have the root mean square 5, (4, 4) has 4.
    weights = {name: np.zeros(shape) for name, shape in _shapes(config).items()}
    weights |= {name: w + 1.0 for name, w in weights.items() if w.ndim == 1}
    weights["model.embed_tokens.weight"] = np.array([[1.0, 7.0], [7.0, -1.0], [4.0, 4.0]])
    weights["model.norm.weight"] = np.array([5.0, 10.0])
    weights["lm_head.weight"] = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, -1.0]])
    ids = np.array([[2, 0, 1]])
    want = [[[5.0, 10.0, 0.0], [1.0, 14.0, -12.0], [7.0, -2.0, 16.0]]]
    check.close(
        _filled(student, student.Llama(config), weights)(ids), want, "logits of [[2, 0, 1]]"
    )
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    want = [[[75.0, 25.0, 60.0], [99.0, -7.0, 60.0], [-7.0, 51.0, 20.0]]]
    model = _filled(student, student.Llama(tied), weights)
    check.close(model(ids), want, "logits, tied")
    table = student.part(student.part(model, "lm_head"), "weight")
    same = student.part(student.part(student.part(model, "model"), "embed_tokens"), "weight")
    is_same = student.library("operator.is_")(table, same)
    check.true(is_same, "lm_head.weight of a tied model is not the parameter of embed_tokens")

    rng = np.random.default_rng(0)
    weights = {name: w + rng.standard_normal(w.shape) for name, w in weights.items()}
    model = _filled(student, student.Llama(config), weights)
    ids, rows = np.array([[0, 1, 2, 1], [2, 2, 0, 1]]), np.array([[0, 1, 2, 3], [3, 5, 6, 9]])
    logits = model(ids, rows)
    check.close(model(ids[1:], rows[1]), logits[1:], "logits of the second sequence alone")
    check.close(model(ids[:1]), logits[:1], "logits with no positions given")
    check.close(model(ids[:, :2], rows[:, :2]), logits[:, :2], "logits of the first two tokens")
    _start(student, check)

# %% [markdown]
# ## 7. The arrays of Volume 1
#
# | Volume 1 | here | stored as |
# | --- | --- | --- |
# | `embedding` | `model.embed_tokens.weight` | `(vocab_size, d_model)` in both |
# | `blocks.{i}.attn_norm` | `model.layers.{i}.input_layernorm.weight` | `(d_model,)` |
# | `blocks.{i}.w_q`, `w_k`, `w_v`, `w_o` | `model.layers.{i}.self_attn.{q,k,v,o}_proj.weight` | ? |
# | `blocks.{i}.mlp_norm` | `model.layers.{i}.post_attention_layernorm.weight` | `(d_model,)` |
# | `blocks.{i}.w_gate`, `w_up`, `w_down` | `model.layers.{i}.mlp.{gate,up,down}_proj.weight` | ? |
# | `final_norm` | `model.norm.weight` | `(d_model,)` |
# | `head` | `lm_head.weight`, absent when tied | ? |
#
# Both use neighbouring pairs in RoPE, so no column is reordered. Three things to get right:
#
# - **In place.** An optimizer or a tied head holds the parameters of this model: their numbers
#   change, the objects stay, and so do dtype and device. Autograd must not see it.
# - **A square matrix fits either way.** A forgotten transpose of `w_q` raises no error. And
#   `copy_` broadcasts: a vector of one number fits a vector of any length.
# - **All or nothing.** Names that do not match one to one, or a wrong shape, raise ValueError
#   before anything is changed. A model that is half loaded is hard to find out about.
#
# Then the logits and every gradient equal those that you derived by hand, to the last digits of
# float64. That is the strongest test of Volume 1 there is, and of this page.

# %%
def load_numpy(model: Llama, params: Mapping[str, Floats]) -> None:
    """Give the model the parameters of a model from Volume 1, in place.

    Args:
        model: Keeps its parameters, their dtype and device; only the numbers in them change.
        params: The arrays of Volume 1 by their names; weights are (in, out). Left as they are.

    Raises:
        ValueError: A name is missing or unknown, or a shape does not fit. The model is as before.

    Source:
        Wolf et al. 2020 (arXiv:1910.03771): the names of LlamaForCausalLM.
    """
    raise NotImplementedError("load_numpy is yours to write")

# %%
from autograder.selfcheck import Check, Student


def _as_numpy(student: Student, array: Any) -> Any:
    """A NumPy array on the student's side, where arrays arrive as tensors."""
    return student.keep(student.library("torch.Tensor.numpy"), student.hold(array))


def _volume_1(config: Any, rng: np.random.Generator) -> dict[str, Any]:
    """Parameters as Volume 1 names and stores them."""
    d, narrow = config.d_model, config.d_model // config.n_heads * config.n_kv_heads
    shapes: dict[str, tuple[int, ...]] = {"embedding": (config.vocab_size, d), "final_norm": (d,)}
    for i in range(config.n_layers):
        inside: dict[str, tuple[int, ...]] = {"attn_norm": (d,), "mlp_norm": (d,)}
        inside |= {"w_q": (d, d), "w_k": (d, narrow), "w_v": (d, narrow), "w_o": (d, d)}
        inside |= {"w_gate": (d, config.d_ff), "w_up": (d, config.d_ff), "w_down": (config.d_ff, d)}
        shapes |= {f"blocks.{i}.{name}": shape for name, shape in inside.items()}
    shapes |= {} if config.tied else {"head": (d, config.vocab_size)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def _found(student: Student, model: Any) -> dict[str, Any]:
    """Every entry of the state dict."""
    return dict(student.library("builtins.dict")(student.keep(model.state_dict)))


def visible_load_numpy(student: Student, check: Check) -> None:
    """A few parameters by name, tied and not; what must be refused changes nothing."""
    rng = np.random.default_rng(0)
    for config in (_sizes(), _sizes(tied=True)):
        model, params = student.Llama(config), _volume_1(config, rng)
        student.keep(model.double)
        given = {name: _as_numpy(student, w) for name, w in params.items()}
        check.true(student.load_numpy(model, given) is None, "load_numpy returns something")
        found = _found(student, model)
        pairs = {"model.embed_tokens.weight": params["embedding"]}
        pairs["model.norm.weight"] = params["final_norm"]
        pairs["model.layers.1.input_layernorm.weight"] = params["blocks.1.attn_norm"]
        pairs["model.layers.0.self_attn.k_proj.weight"] = params["blocks.0.w_k"].T
        pairs["model.layers.1.mlp.down_proj.weight"] = params["blocks.1.w_down"].T
        pairs["lm_head.weight"] = params["embedding"] if config.tied else params["head"].T
        for name, want in pairs.items():
            check.close(found[name], want, name)
        less = {name: w for name, w in given.items() if name != "blocks.0.w_up"}
        short = given | {"final_norm": _as_numpy(student, np.ones(1))}
        for wrong in (less, short, given | {"blocks.2.w_up": given["blocks.0.w_up"]}):
            moved = {name: _as_numpy(student, params[name] + 1.0) for name in ("embedding",)}
            check.raises(ValueError, student.load_numpy, model, wrong | moved)
        after = _found(student, model)
        for name, want in found.items():
            check.close(after[name], want, f"{name} after params that do not fit")

# %% [markdown]
# ## One thing to try
#
# Make a small model, draw Volume 1 parameters with your `init_params`, load them, and compare
# `loss_and_grads` with `torch.nn.functional.cross_entropy` and `.backward()`, name by name. How far
# apart are the two after `model.float()`? Which parameter's gradient loses the most digits, and
# which of the two is closer to the truth?
#
# ## Where to read more
#
# - Touvron et al., *LLaMA: Open and Efficient Foundation Language Models*, 2023
#   (arXiv:2302.13971), section 2.2.
# - Paszke et al., *PyTorch: An Imperative Style, High-Performance Deep Learning Library*, 2019
#   (arXiv:1912.01703): why a model is a Python object.
# - Wolf et al., *Transformers: State-of-the-Art Natural Language Processing*, 2020
#   (arXiv:1910.03771): the library whose names these are.
# - Press and Wolf, *Using the Output Embedding to Improve Language Models*, 2017
#   (arXiv:1608.05859): tied tables.
