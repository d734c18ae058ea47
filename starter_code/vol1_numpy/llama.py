"""The whole model: token ids go in, logits come out, and every parameter gets its gradient."""

# %% [markdown]
# # LLaMA
#
# **The question.** Every part is there: embedding, blocks, norm, head, loss. What does it take to
# make a language model of them, with any number of layers, so that one call gives the loss of a
# batch and the gradient of every single parameter? And with which numbers does such a model begin,
# so that its first gradients are worth anything?
#
# You write five functions:
#
# | function | to |
# | --- | --- |
# | `init_params(config, rng)` | `params`, a dict of arrays |
# | `count_params(config)` | how many numbers that is |
# | `swiglu_rms(d_model, d_ff, std)` | how large the first outputs of SwiGLU are |
# | `llama(params, ids, config)` | `logits`, `cache` |
# | `loss_and_grads(params, ids, targets, config)` | `loss`, `grads` |
#
# | array | shape |
# | --- | --- |
# | `ids`, `targets` | `(B, T)`, int64 |
# | `logits` | `(B, T, vocab_size)` |
#
# You need the block, the embedding and the cross-entropy, and about two hours.

# %%
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .block import block, block_backward
from .cross_entropy import cross_entropy, cross_entropy_backward
from .embedding import embedding, embedding_backward
from .linear import linear, linear_backward
from .multi_head import Config
from .rmsnorm import rmsnorm, rmsnorm_backward

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Params = dict[str, Floats]

# %% [markdown]
# ## 1. The parameters
#
# All parameters live in one flat dict. Block number $i$ has its nine under `blocks.{i}.`:
#
# | key | shape | begins as |
# | --- | --- | --- |
# | `embedding` | `(vocab_size, d_model)` | random |
# | `blocks.{i}.attn_norm`, `blocks.{i}.mlp_norm` | `(d_model,)` | ones |
# | `blocks.{i}.w_q`, `blocks.{i}.w_o` | `(d_model, d_model)` | random |
# | `blocks.{i}.w_k`, `blocks.{i}.w_v` | `(d_model, n_kv_heads * d_head)` | random |
# | `blocks.{i}.w_gate`, `blocks.{i}.w_up` | `(d_model, d_ff)` | random |
# | `blocks.{i}.w_down` | `(d_ff, d_model)` | random |
# | `final_norm` | `(d_model,)` | ones |
# | `head` | `(d_model, vocab_size)`, absent when `tied` | random |
#
# Random means independent numbers from $N(0, 0.02^2)$, a standard deviation that came with the
# first GPT and that nearly everyone copied. They come from the generator `rng` that is handed in,
# and from nothing else: the same seed gives the same model. Weights must not be equal to one
# another. (If two columns of `w_gate` and of `w_up` and the rows of `w_down` behind them were
# equal, they would get equal gradients and stay equal for ever: two features with the power of
# one.)
#
# **Tied.** A `tied` model has no head of its own: the logits are products with the embedding rows.
# The embedding maps an id to a vector, the head a vector to a score per id; with one table for
# both, a token that is likely is one whose own vector points where the stream points.

# %%
def init_params(config: Config, rng: np.random.Generator) -> Params:
    """Draw the parameters of a new model.

    Args:
        config: All sizes, and whether the head is tied.
        rng: Where the random numbers come from.

    Returns:
        params: Every key of the table above, float64. Gains are ones, the rest is N(0, 0.02**2).

    Source:
        Radford et al. 2018, Improving language understanding by generative pre-training, 4.1.
    """
    raise NotImplementedError("init_params is yours to write")

# %%
from types import SimpleNamespace

from autograder.selfcheck import Check, Student


def visible_init_params(student: Student, check: Check) -> None:
    """Keys and shapes, tied and not; mean and standard deviation; the same seed, another seed."""
    sizes = {"vocab_size": 50, "d_model": 24, "n_layers": 2, "n_heads": 6, "n_kv_heads": 2}
    config = SimpleNamespace(**sizes, d_ff=40, max_T=8, tied=False)
    rng = student.library("numpy.random.default_rng")
    params = student.init_params(config, rng(0))
    shapes = {"attn_norm": (24,), "w_q": (24, 24), "w_k": (24, 8), "w_v": (24, 8), "w_o": (24, 24)}
    shapes |= {"mlp_norm": (24,), "w_gate": (24, 40), "w_up": (24, 40), "w_down": (40, 24)}
    want = {f"blocks.{i}.{name}": shape for i in range(2) for name, shape in shapes.items()}
    want |= {"embedding": (50, 24), "final_norm": (24,), "head": (24, 50)}
    got = {name: value.shape for name, value in params.items()}
    check.true(got.keys() == want.keys(), f"the keys that differ: {sorted(got.keys() ^ want)}")
    for name, shape in want.items():
        check.true(got[name] == shape, f"{name} has shape {got[name]}, expected {shape}")
        if name.endswith("norm"):
            check.close(params[name], np.ones(24), name)
        else:
            mean, std = params[name].mean(), params[name].std()
            check.true(abs(mean) < 0.006, f"{name} has the mean {mean:.3g}, expected about 0")
            check.true(0.016 < std < 0.024, f"{name} has the standard deviation {std:.3g}")
    again, other = student.init_params(config, rng(0)), student.init_params(config, rng(1))
    for name in ("embedding", "blocks.1.w_up"):
        check.close(again[name], params[name], f"{name} with the same seed")
        check.true(np.all(other[name] != params[name]), f"{name} does not depend on the seed")
    tied = student.init_params(SimpleNamespace(**{**vars(config), "tied": True}), rng(0))
    check.true(set(tied) == set(want) - {"head"}, "a tied model has every key but head")

# %% [markdown]
# ## 2. How many numbers?
#
# "A 7B model" is this sum. It needs the sizes alone, so do not make the arrays to count them: those
# of the first check take 27 GB in float32. What is not learned does not count: masks, RoPE's
# angles, the cache.
#
# Before you run the check, estimate. In a block without groups, with $d$ for `d_model` and
# $d_{ff} \approx \tfrac{8}{3} d$: how many $d^2$ are in the attention, how many in SwiGLU? That is
# why people say "12 $d^2$ per layer". And how large a part of the whole is the embedding when the
# vocabulary has 128,256 tokens?

# %%
def count_params(config: Config) -> int:
    """Count the learned numbers of a model, without making them.

    Args:
        config: All sizes, and whether the head is tied.

    Returns:
        count: int. The sum of the sizes of all arrays that `init_params` makes.

    Source:
        Touvron et al. 2023, table 2.
    """
    raise NotImplementedError("count_params is yours to write")

# %%
from types import SimpleNamespace

from autograder.selfcheck import Check, Student


def visible_count_params(student: Student, check: Check) -> None:
    """LLaMA 7B, Llama 3 8B, TinyLlama; a model of 60 numbers, tied and not."""
    names = ("vocab_size", "d_model", "n_layers", "n_heads", "n_kv_heads", "d_ff")
    for title, sizes, want in (
        ("LLaMA 7B", (32_000, 4096, 32, 32, 32, 11_008), 6_738_415_616),
        ("Llama 3 8B", (128_256, 4096, 32, 32, 8, 14_336), 8_030_261_248),
        ("TinyLlama", (32_000, 2048, 22, 32, 4, 5632), 1_100_048_384),
        ("a tiny model", (5, 2, 1, 1, 1, 3), 60),
    ):
        config = SimpleNamespace(**dict(zip(names, sizes, strict=True)), max_T=2048, tied=False)
        count = student.count_params(config)
        check.true(count == want, f"{title} has {want} parameters, yours {count}")
    config.tied = True
    count = student.count_params(config)
    check.true(count == 50, f"the tiny model, tied, has 50 parameters, yours {count}")

# %% [markdown]
# ## 3. How large should weights be?
#
# **One linear layer.** Let the $n_{in}$ entries of $x$ be independent with mean 0 and variance 1,
# and the weights with variance $\sigma^2$. Products of independent things multiply their variances,
# sums add them:
#
# $$\mathrm{Var}\Big( \sum_i x_i \, w_{ij} \Big) = n_{in} \, \sigma^2$$
#
# To keep the variance at 1 it takes $\sigma^2 = 1 / n_{in}$. On the way back
# $\mathrm{dx}_i = \sum_j \mathrm{dout}_j \, w_{ij}$ is a sum over the $n_{out}$ outputs, so the
# same argument asks for $\sigma^2 = 1 / n_{out}$. Both cannot be had. Glorot and Bengio (2010) take
# the mean of $n_{in}$ and $n_{out}$ in place of either; this choice is called *Xavier*, after
# Glorot's first name. Write it down: $\sigma^2 = \dots$
#
# **Where does 0.02 come from, then?** It contains no width at all. For $n_{in} = n_{out} = 2500$ it
# is Xavier's value; a smaller model should have more. One sometimes reads that 0.02 is what SwiGLU
# needs, because it multiplies two branches. That can be checked.
#
# **SwiGLU, exactly.** Let the entries of a token have mean square 1, and all three weights the
# standard deviation $\sigma$. With many features, one entry of the gate branch is normal with
# variance $g^2 = d_{model} \, \sigma^2$, and so is one of the up branch, and they are independent.
# So for a hidden feature $h = \mathrm{silu}(\mathrm{gate}) \cdot \mathrm{up}$
#
# $$E[h^2] = E[\mathrm{silu}(z)^2] \; g^2, \qquad z \sim N(0, g^2)$$
#
# There is no closed form for the expectation, but the integral is harmless:
#
# $$E[\mathrm{silu}(z)^2] = \int \mathrm{silu}(g \, t)^2 \, \frac{e^{-t^2/2}}{\sqrt{2 \pi}} \, dt$$
#
# with $\mathrm{silu}(z) = z / (1 + e^{-z})$. From $t = -10$ to 10, in a few thousand steps, the sum
# of value times step width is exact to many digits. The last step is yours: an output entry is a
# sum of $d_{ff}$ hidden features times weights of `w_down`. What is its mean square, and its root?
#
# **One thing to try.** Fill in this table with your function, and then find by trial, for each row,
# the $\sigma$ that makes the result 1. Does 0.02 follow from SwiGLU?
#
# | `d_model` | `d_ff` | result for 0.02 | Xavier | result for it | $\sigma$ for 1 |
# | ---: | ---: | --- | --- | --- | --- |
# | 64 | 172 | | | | |
# | 768 | 2048 | | | | |
# | 4096 | 11008 | | | | |
#
# (Why does a number without a width in it work all the same? Because norms set the size of whatever
# is read, before each sublayer and before the head, however small the weights before them were. The
# logits of a new model are products of a normalised vector and a column of the head: what standard
# deviation do they have?)

# %%
def swiglu_rms(d_model: int, d_ff: int, std: float) -> float:
    """How large an entry of SwiGLU's output is, typically, in a new model.

    Args:
        d_model: Width of the token, whose entries have mean square 1.
        d_ff: Hidden width.
        std: Standard deviation of all three weights, which are independent and normal.

    Returns:
        rms: float. The root mean square of an output entry, to 4 digits or better.

    Source:
        Glorot and Bengio 2010, section 4.2.1, the argument carried over to SwiGLU.
    """
    raise NotImplementedError("swiglu_rms is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_swiglu_rms(student: Student, check: Check) -> None:
    """Very small and very large weights, where the integral is easy; weights that were drawn."""
    # silu(z) is z / 2 for small z: the square root of d_ff std^2 * g^2 / 4 * g^2.
    small = student.swiglu_rms(100, 400, 1e-6)
    check.close(small, 20 * 1e-6 * (1e-5) ** 2 / 2, "swiglu_rms(100, 400, 1e-6)", rtol=1e-4)
    # For large z it is z or 0, each for half of them: d_ff std^2 * g^2 / 2 * g^2.
    large = student.swiglu_rms(100, 400, 1000.0)
    check.close(large, 2e4 * 1e8 / 2**0.5, "swiglu_rms(100, 400, 1000)", rtol=1e-3)
    rng = np.random.default_rng(0)
    x, w_gate, w_up = rng.standard_normal((500, 100)), *rng.normal(0.0, 0.2, (2, 100, 400))
    gate = x @ w_gate
    out = (gate / (1 + np.exp(-gate)) * (x @ w_up)) @ rng.normal(0.0, 0.2, (400, 100))
    drawn = float((out * out).mean() ** 0.5)
    said = student.swiglu_rms(100, 400, 0.2)
    check.true(
        abs(said / drawn - 1) < 0.1, f"weights that were drawn gave {drawn:.3g}, yours {said}"
    )

# %% [markdown]
# ## 4. Forward
#
# ![From bottom to top: ids go through the embedding into the stream; blocks 0 to L - 1 follow; then
# the final norm and the head, which gives the logits. A dashed line joins embedding and head: when
# tied, they are one table.](figures/llama.svg)
#
# 1. The rows of the embedding for the ids: the stream, `(B, T, d_model)`.
# 2. One block after the other. Each takes its nine parameters *without* the prefix, and the
#    positions $0, \dots, T - 1$.
# 3. The final norm, with the gain `final_norm` and the config's `norm_eps`.
# 4. The head: a linear layer with `head`, or, when tied, with the embedding. Which way round must
#    the table stand for that?
#
# The logits at position $t$ are scores for the token that *follows* position $t$. Nothing here is
# random, and no sequence of the batch knows of the others.

# %%
def llama(params: Params, ids: Ints, config: Config) -> tuple[Floats, Any]:
    """Score, for every position, each token as the one that comes next.

    Args:
        params: What `init_params` gives, in float64 or float32.
        ids: (B, T). Token ids, T up to max_T.
        config: All sizes, and whether the head is tied.

    Returns:
        logits: (B, T, vocab_size), dtype of the parameters.
        cache: What the way back needs, in any form.

    Source:
        Touvron et al. 2023, section 2.2.
    """
    raise NotImplementedError("llama is yours to write")

# %%
from types import SimpleNamespace

from autograder.selfcheck import Check, Student


def visible_llama(student: Student, check: Check) -> None:
    """Idle blocks by hand, tied and not; the batch, the future, the blocks in order, float32."""
    sizes = {"vocab_size": 3, "d_model": 2, "n_layers": 2, "n_heads": 1, "n_kv_heads": 1}
    config = SimpleNamespace(**sizes, d_ff=2, max_T=8, rope_theta=10.0, norm_eps=0.0, tied=False)
    # The blocks add nothing; (1, 7) and (7, -1) have the root mean square 5, (4, 4) has 4.
    square = {name: np.zeros((2, 2)) for name in ("w_q", "w_k", "w_v", "w_o")}
    square |= {name: np.zeros((2, 2)) for name in ("w_gate", "w_up", "w_down")}
    norms = {name: np.ones(2) for name in ("attn_norm", "mlp_norm")}
    table = np.array([[1.0, 7.0], [7.0, -1.0], [4.0, 4.0]])
    params = {f"blocks.{i}.{n}": w for i in (0, 1) for n, w in (square | norms).items()}
    params |= {"embedding": table, "final_norm": np.array([5.0, 10.0])}
    params["head"] = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]])
    ids = np.array([[2, 0, 1]])
    want = [[[5.0, 10.0, 0.0], [1.0, 14.0, -12.0], [7.0, -2.0, 16.0]]]
    check.close(student.keep(student.llama, params, ids, config)[0], want, "logits of [[2, 0, 1]]")
    tied = SimpleNamespace(**{**vars(config), "tied": True})
    del params["head"]
    want = [[[75.0, 25.0, 60.0], [99.0, -7.0, 60.0], [-7.0, 51.0, 20.0]]]
    check.close(student.keep(student.llama, params, ids, tied)[0], want, "logits, tied")

    rng = np.random.default_rng(0)
    params = {name: w + rng.standard_normal(w.shape) for name, w in params.items()}
    ids = np.array([[0, 1, 2, 1], [2, 2, 0, 1]])
    logits = student.keep(student.llama, params, ids, tied)[0]
    alone = student.keep(student.llama, params, ids[1:], tied)[0]
    check.close(alone, logits[1:], "logits of the second sequence alone compared with the batch")
    early = student.keep(student.llama, params, ids[:, :2], tied)[0]
    check.close(early, logits[:, :2], "logits of the first two tokens compared with those of all")
    turned = {name.replace("s.0", "s.2").replace("s.1", "s.0"): w for name, w in params.items()}
    turned = {name.replace("s.2", "s.1"): w for name, w in turned.items()}
    other = student.keep(student.llama, turned, ids, tied)[0]
    check.true(np.abs(other - logits).max() > 1e-3, "exchanging the blocks changes nothing")
    single = {name: w.astype(np.float32) for name, w in params.items()}
    logits = student.keep(student.llama, single, ids, tied)[0]
    check.true(logits.dtype == np.float32, f"logits are {logits.dtype} for float32 parameters")

# %% [markdown]
# ## 5. The loss and every gradient
#
# The loss is the mean cross-entropy of all targets that are not -100. `targets` says, for each
# position, which token came next; whoever calls has shifted them already.
#
# Back from the loss, through the forward in reverse order: loss, head, final norm, the blocks from
# the last to the first, embedding. Each of these steps is a function of yours. What comes out of a
# block is a gradient for the stream, which goes on to the block before it, and nine gradients that
# get their prefix back. The result has exactly the keys of `params`.
#
# **The tied table has two paths.** When tied, one table $E$ is used twice: it gives the stream its
# first vectors, and at the end its transpose is the head,
# $\mathrm{logits} = \mathrm{final} \, E^\top$. By the total derivative
#
# $$\mathrm{d}E = \mathrm{d}E_{\mathrm{lookup}} + \mathrm{d}E_{\mathrm{head}}$$
#
# The first term comes from `embedding_backward`, and has entries in the rows of the ids of this
# batch alone. For the second `linear_backward` gives you the gradient of the matrix it was handed,
# which is $E^\top$. Which shape does that have, and what is $\mathrm{d}E_{\mathrm{head}}$? Every
# row gets a part of it, because every token of the vocabulary has a logit.
#
# **Two checks for free.** Set `final_norm` to zeros: all logits are 0. What is the loss, exactly?
# And with new parameters from `init_params` the logits are small, so the loss must be close to that
# same number (above it by about half the variance of the logits). If the first loss of a training
# run is anything else, something is wrong before it has begun.
#
# **One thing to try.** Take your own `check_gradient` and put it on `loss_and_grads`, one parameter
# at a time. Which of the tensors takes longest, and how many loss evaluations would it take for a
# 7B model? How many does backpropagation take?

# %%
def loss_and_grads(
    params: Params, ids: Ints, targets: Ints, config: Config
) -> tuple[float, Params]:
    """The loss of a batch, and its gradient with respect to every parameter.

    Args:
        params: What `init_params` gives, in float64 or float32. Left as they are.
        ids: (B, T). Token ids.
        targets: (B, T). The id that follows at each position; -100 where none counts.
        config: All sizes, and whether the head is tied.

    Returns:
        loss: float. Mean over the targets that count.
        grads: One array per key of `params`, of its shape and dtype.

    Source:
        Touvron et al. 2023, section 2.2, differentiated; Press and Wolf 2017 for tied tables.
    """
    raise NotImplementedError("loss_and_grads is yours to write")

# %%
from functools import partial
from types import SimpleNamespace

from autograder.selfcheck import Check, Student, ask_my_checker

if __name__ == "__main__":  # here, in the notebook: what does your own gradient checker say?
    config, ids = Config(5, 4, 1, 2, 1, 3, 8, tied=True), np.array([[0, 3, 3], [4, 1, 0]])

    def run(embedding: Floats) -> tuple[float, Params]:
        drawn = init_params(config, np.random.default_rng(0))  # the same each time
        given = drawn | {"embedding": embedding}
        return loss_and_grads(given, ids, np.roll(ids, -1, axis=1), config)

    ask_my_checker(
        "vol1_numpy/gradcheck",
        lambda table: run(table)[0],
        lambda dout, table: (dout * run(table)[1]["embedding"],),
        (np.random.default_rng().standard_normal((5, 4)),),
        ("the tied table",),
    )


def visible_loss_and_grads(student: Student, check: Check) -> None:
    """ln V when all logits are 0; your own loss differenced in every parameter, tied and not."""
    sizes = {"vocab_size": 3, "d_model": 4, "n_layers": 2, "n_heads": 2, "n_kv_heads": 1}
    config = SimpleNamespace(**sizes, d_ff=2, max_T=8, rope_theta=9.0, norm_eps=0.1, tied=False)
    rng = np.random.default_rng(0)
    shapes = dict.fromkeys(("w_q", "w_o"), (4, 4)) | {"w_down": (2, 4)}
    shapes |= dict.fromkeys(("w_k", "w_v", "w_gate", "w_up"), (4, 2))
    shapes = {f"blocks.{i}.{n}": shape for i in (0, 1) for n, shape in shapes.items()}
    shapes |= {"embedding": (3, 4), "head": (4, 3)}
    params = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    gains = [f"blocks.{i}.{n}" for i in (0, 1) for n in ("attn_norm", "mlp_norm")]
    params |= {name: rng.standard_normal(4) for name in (*gains, "final_norm")}
    ids, targets = np.array([[0, 1, 1], [2, 1, 0]]), np.array([[1, 1, -100], [1, 0, 2]])
    silent = params | {"final_norm": np.zeros(4)}
    loss, _ = student.loss_and_grads(silent, ids, targets, config)
    check.close(loss, np.log(3.0), "the loss with final_norm zero")

    def differences(params: Any, config: Any, names: Any, about: str) -> None:
        def loss_of(name: str, value: Any) -> Any:
            given = params | {name: value}
            return student.keep(student.loss_and_grads, given, ids, targets, config)[0]

        _, grads = student.loss_and_grads(params, ids, targets, config)
        check.true(grads.keys() == params.keys(), f"the keys of grads differ from params {about}")
        for name in names:
            by = partial(loss_of, name)
            check.gradient(grads[name], by, params[name], 1.0, f"the gradient of {name} {about}")

    differences(params, config, params, "(untied)")
    head = params.pop("head")
    params["embedding"] += head.T
    tied = SimpleNamespace(**{**vars(config), "tied": True})
    differences(params, tied, ("embedding", "final_norm", "blocks.0.w_up"), "(tied)")

# %% [markdown]
# ## Where to read more
#
# - Touvron et al., *LLaMA: Open and Efficient Foundation Language Models*, 2023
#   (arXiv:2302.13971): section 2.2 lists the choices, table 2 the sizes.
# - Glorot and Bengio, *Understanding the difficulty of training deep feedforward neural networks*,
#   2010: variances on the way forward and back.
# - Radford et al., *Improving Language Understanding by Generative Pre-Training*, 2018 (the first
#   GPT): section 4.1 gives 0.02, and the norms as the reason why that is good enough.
# - Press and Wolf, *Using the Output Embedding to Improve Language Models*, 2017
#   (arXiv:1608.05859).
