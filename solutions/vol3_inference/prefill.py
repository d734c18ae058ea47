"""Prefill and decode: the model reads a prompt in pieces and goes on token by token."""

# %% [markdown]
# # Prefill and decode
#
# **The question.** Without a cache, the model reads the whole text again for every new token. A
# prompt of $P$ tokens and an answer of $n$ send $P + (P + 1) + \dots + (P + n - 1)$ tokens through
# the model. With a cache each token is sent once, $P + n - 1$ in all. (Why $- 1$?) What has to
# change in a model so that it *continues* a text whose keys and values it finds in a cache, and how
# do you know that, but for rounding, the result is the same?
#
# You write two functions:
#
# | function | `tokens` |
# | --- | --- |
# | `prefill(params, config, cache, tokens, chunk=None)` | `(B, T)`, a prompt or a part of one |
# | `decode(params, config, cache, tokens)` | `(B,)`, one per row |
#
# Both add to the cache and give logits, `(B, vocab_size)`, for what comes after the last token.
#
# `params` and `config` are those of your LLaMA of Volume 1, and its parts are there to be used:
# `rmsnorm`, `rope`, `attention`, `swiglu`, `split_heads` and `merge_heads`. A product `x @ w` is a
# linear layer, and `table[ids]` an embedding. `cache` is a `KVCache`, empty or not.
#
# You need these parts, the cache, and about an hour and a half.

# %%
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..vol1_numpy.attention import attention
from ..vol1_numpy.multi_head import Config, merge_heads, split_heads
from ..vol1_numpy.rmsnorm import rmsnorm
from ..vol1_numpy.rope import rope
from ..vol1_numpy.swiglu import swiglu

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Params = dict[str, Floats]


class Cache(Protocol):
    """What is asked of a cache here; `KVCache` and `Int8KVCache` of the last exercise have it."""

    @property
    def length(self) -> int:
        """The number of tokens that every layer has."""

    def append(self, layer: int, k: Floats, v: Floats) -> tuple[Floats, Floats]:
        """Store (B, n_kv_heads, T, d_head) of a layer; ValueError if they do not fit.

        Returns:
            k, v: (B, n_kv_heads, so far, d_head). Everything this layer has, the oldest first.
        """


# %% [markdown]
# What follows makes a small model and a cache that keeps a list of what it is given. The checks
# below use it; it is not part of the exercise.


# %%
def small_model(n_layers: int, n_kv_heads: int, tied: bool = False) -> tuple[Params, Config]:
    """Random parameters of a model with 5 tokens, 4 query heads and d_head 2, and its config."""
    sizes = {"vocab_size": 5, "d_model": 8, "n_layers": n_layers, "n_heads": 4, "d_ff": 3}
    sizes |= {"n_kv_heads": n_kv_heads, "max_T": 12}
    config: Any = SimpleNamespace(**sizes, rope_theta=9.0, norm_eps=0.1, tied=tied)
    narrow = 2 * n_kv_heads
    shapes = {"attn_norm": (8,), "mlp_norm": (8,), "w_q": (8, 8), "w_o": (8, 8)}
    shapes |= {"w_k": (8, narrow), "w_v": (8, narrow)}
    shapes |= {"w_gate": (8, 3), "w_up": (8, 3), "w_down": (3, 8)}
    shapes = {f"blocks.{i}.{n}": shape for i in range(n_layers) for n, shape in shapes.items()}
    shapes |= {"embedding": (5, 8), "final_norm": (8,)} | ({} if tied else {"head": (8, 5)})
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}, config


def watched(
    student: Any, n_layers: int, max_T: int
) -> tuple[Any, list[tuple[int, int]], list[Any]]:
    """An empty cache, the (layer, number of tokens) of each append, and all keys by layer."""
    calls: list[tuple[int, int]] = []
    kept: list[Any] = [[] for _ in range(n_layers)]

    def append(layer: int, k: Floats, v: Floats) -> tuple[Floats, Floats]:
        if sum(x.shape[2] for x, _ in kept[layer]) + k.shape[2] > max_T:
            raise ValueError("the tokens do not fit")
        calls.append((layer, k.shape[2]))
        kept[layer].append((k.copy(), v.copy()))
        length = min(sum(x.shape[2] for x, _ in tokens) for tokens in kept)
        student.keep(student.library("builtins.setattr"), cache, "length", length)
        keys, values = zip(*kept[layer], strict=True)
        return np.concatenate(keys, axis=2), np.concatenate(values, axis=2)

    make: Callable[..., Any] = student.library("types.SimpleNamespace")
    cache = student.keep(make, append=append, length=0)
    return cache, calls, kept


# %% [markdown]
# ## 1. To continue
#
# Let the cache hold $s$ tokens, `cache.length`, and let $T$ more come. Only these are sent through
# the model:
#
# | array | shape |
# | --- | --- |
# | `x`, the stream of the new tokens | `(B, T, d_model)` |
# | `q`, for `rope` | `(B, T, n_heads, d_head)` |
# | `k` and `v` of the new tokens, for `rope` | `(B, T, n_kv_heads, d_head)` |
# | the same for `cache.append` and `attention` | heads before tokens |
# | keys and values that `append` gives back | `(B, n_kv_heads, s + T, d_head)` |
#
# ![A row of twelve places in a cache. A first piece of four tokens fills the places 0 to 3, a
# second piece 4 to 7, a third piece, with the two tokens that remain, 8 and 9. Then decode adds 10
# and 11, one at a time. Logits come out once after the prompt and once after each decoded
# token.](figures/prefill.svg)
#
# **Nothing old changes.** The stream of token $j$ in any layer depends on the tokens $0, \dots, j$
# and on no later one. That is what the causal mask is for, and it holds layer by layer: if the
# streams of tokens $0, \dots, j$ that enter a block do not depend on later tokens, then the keys
# and values made of them do not, nor does what attention mixes for $j$, nor the SwiGLU, which sees
# one token at a time. So the keys and values that were stored when token $j$ was read are the very
# numbers that the whole text would give. A query of a new token needs nothing else of the past:
# not its queries, not its stream.
#
# **Where they stand.** New token number $i$ is number $s + i$ of the text. Its query and its key
# are turned by that angle, *before* the key is stored. What comes back from the cache has been
# turned already. What do you turn, then, and by which positions? Mind *when* you read
# `cache.length`: it counts the tokens that every layer has. In a model of one layer it has grown
# as soon as that layer has stored its part.
#
# **What they see.** Query $i$ sees the keys $0, \dots, s + i$. In the first piece of a text the
# mask is a square with a triangle in it. Later it is wider than high, `(T, s + T)`, and the
# triangle stands at its right end:
#
# ![Four queries, tokens 4 to 7, over eight keys, 0 to 7. Every query sees the keys 0 to 3 of the
# cache; over the keys 4 to 7 there is a triangle: token 4 sees one of them, token 7 sees all four.
# A square mask, laid over the first four keys, would hide keys of the cache and show none of the
# new ones.](figures/prefill_mask.svg)
#
# A square mask laid over the wrong end raises no error and gives fluent nonsense. What does your
# `attention` do when there are more keys than queries?
#
# **One row of logits.** The prompt's tokens are known. Of all its logits only those of the *last*
# token are wanted: they say what comes next. With a vocabulary of 128,256 and a prompt of 8,000
# tokens, all of them would be a float32 array of 4.1 GB. Cut the stream before the final norm and
# the head, not after.

# %% [markdown]
# ## 2. In pieces
#
# A prompt of $T$ tokens at once makes $n_{heads} \, T^2$ scores per row. At 8,000 tokens and 32
# heads that is 8 GB in float32. And while it is being read, everybody else who is served by the
# same machine waits. So engines read a long prompt in pieces of `chunk` tokens: each piece goes
# through the whole model, all layers, before the next one begins. How many scores does a piece of
# $c$ tokens make when the cache holds $s$? The last piece may be shorter, and `chunk=None` is one
# piece.
#
# After section 1 there is nothing left to prove: a piece *continues* the pieces before it. So any
# `chunk` gives the same cache and the same logits. The logits of which piece are returned, and what
# would be wasted if every piece made some?
#
# **Errors.** No token, or a `chunk` below 1: ValueError, and the cache is as it was. If the tokens
# do not fit, `append` raises ValueError. Let it pass; pieces that went in before stay.
#
# **A window.** `SlidingKVCache` is not asked for here, and it would not do. After a piece of $c$
# tokens it gives back the newest `window` keys. The last token of the piece sees exactly these, but
# the first one should see $c - 1$ that are older, and they are gone. With $c = 1$ nothing is
# missing: who appends single tokens has exact attention with a window.
#
# **One thing to try.** Take your own cache, `mine("vol3_inference/kv_cache").KVCache` in a
# notebook, a model with `d_model` 256 and a prompt of 512 tokens, and measure `prefill` with
# `chunk` 1, 8, 64 and 512. Where does the time per token stop falling, and how often is each weight
# fetched? Then take an `Int8KVCache` instead: how far do the logits move?


# %%
### BEGIN SOLUTION
def _read(params: Params, config: Config, cache: Cache, tokens: Ints) -> Floats:
    """Send tokens (B, T) through all blocks behind those of the cache: (B, T, d_model)."""
    positions = np.arange(cache.length, cache.length + tokens.shape[1])
    x = params["embedding"][tokens]
    for i in range(config.n_layers):
        at = f"blocks.{i}."
        normed = rmsnorm(x, params[at + "attn_norm"], config.norm_eps)
        q = split_heads(normed @ params[at + "w_q"], config.n_heads)
        k = split_heads(normed @ params[at + "w_k"], config.n_kv_heads)
        v = split_heads(normed @ params[at + "w_v"], config.n_kv_heads)
        q, k = rope(q, positions, config.rope_theta), rope(k, positions, config.rope_theta)
        keys, values = cache.append(i, k.swapaxes(1, 2), v.swapaxes(1, 2))
        mixed = attention(q.swapaxes(1, 2), keys, values)
        x = x + merge_heads(mixed.swapaxes(1, 2)) @ params[at + "w_o"]
        normed = rmsnorm(x, params[at + "mlp_norm"], config.norm_eps)
        x = x + swiglu(normed, *(params[at + name] for name in ("w_gate", "w_up", "w_down")))
    return x


### END SOLUTION


def prefill(
    params: Params, config: Config, cache: Cache, tokens: Ints, chunk: int | None = None
) -> Floats:
    """Read tokens behind those that the cache has, and score what comes after the last one.

    Args:
        params: The parameters of the model of Volume 1, float64 or float32.
        config: All sizes, and whether the head is tied.
        cache: Keys and values of the text so far, in the dtype of the parameters. Every layer
            appends those of `tokens`, `n_kv_heads` heads with RoPE applied to the keys.
        tokens: (B, T). Token ids, T at least 1. Left as they are.
        chunk: Read pieces of so many tokens, each through all layers before the next one; the
            last may be shorter. None is one piece.

    Returns:
        logits: (B, vocab_size), dtype of the parameters. Of the last token.

    Raises:
        ValueError: There is no token, or `chunk` is less than 1; the cache is as it was. Or the
            tokens do not fit into the cache: then pieces before stay in it.

    Source:
        Pope et al. 2022, section 2 (arXiv:2211.05102); Agrawal et al. 2023, section 4
        (arXiv:2308.16369) for pieces.
    """
    ### BEGIN SOLUTION
    T = tokens.shape[1]
    step = T if chunk is None else chunk
    if T == 0 or step < 1:
        raise ValueError(f"{T} tokens in pieces of {step}: both are at least 1")
    for start in range(0, T, step):
        x = _read(params, config, cache, tokens[:, start : start + step])
    last = rmsnorm(x[:, -1], params["final_norm"], config.norm_eps)
    logits: Floats = last @ (params["embedding"].T if config.tied else params["head"])
    return logits
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_prefill(student: Student, check: Check) -> None:
    """A model worked by hand; pieces of any length; what is cached; order; errors; float32."""
    # w_q is 0, so every key counts the same, and attention is the mean of the values so far.
    params, config = small_model(1, 4)
    idle = {"blocks.0.w_q": np.zeros((8, 8)), "blocks.0.w_down": np.zeros((3, 8))}
    tokens = np.array([[0, 3, 4], [2, 2, 1]])
    rows = params["embedding"][tokens]
    normed = rows / np.sqrt((rows**2).mean(axis=-1, keepdims=True) + 0.1)
    values = normed * params["blocks.0.attn_norm"] @ params["blocks.0.w_v"]
    x = rows[:, -1] + values.mean(axis=1) @ params["blocks.0.w_o"]
    x = x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 0.1) * params["final_norm"]
    # d_head is 2, so a key is one pair: a complex number, turned by its position.
    keys = normed * params["blocks.0.attn_norm"] @ params["blocks.0.w_k"]
    turned = (keys[..., ::2] + 1j * keys[..., 1::2]) * np.exp(1j * np.arange(3))[:, np.newaxis]
    stored = np.stack([turned.real, turned.imag], axis=-1), values.reshape(2, 3, 4, 2)
    for chunk in (None, 1, 2):
        cache, _, kept = watched(student, 1, 99)
        logits = student.prefill(params | idle, config, cache, tokens, chunk)
        check.close(logits, x @ params["head"], f"logits with w_q = 0, one layer, chunk={chunk}")
        for i, name in enumerate(("keys", "values")):
            joined = np.concatenate([both[i] for both in kept[0]], axis=2)
            check.close(joined.swapaxes(1, 2), stored[i], f"{name} stored with chunk={chunk}")

    tokens = np.array([[0, 3, 4, 4, 1, 0, 2], [2, 2, 1, 3, 0, 4, 4]])
    for n_kv_heads, tied in ((2, False), (1, True)):
        params, config = small_model(2, n_kv_heads, tied)
        about = f"with {n_kv_heads} kv heads" + (", tied" if tied else "")
        cache, calls, kept = watched(student, 2, 99)
        whole = student.prefill(params, config, cache, tokens)
        check.true(whole.shape == (2, 5), f"logits of two rows are (2, 5), yours {whole.shape}")
        check.same(calls, [(0, 7), (1, 7)], "(layer, tokens) of each append, in one piece")
        shape, want_shape = kept[0][0][0].shape, (2, n_kv_heads, 7, 2)
        check.true(shape == want_shape, f"keys to append are {want_shape}, yours {shape}")
        for chunk, pieces in ((1, [1] * 7), (3, [3, 3, 1]), (6, [6, 1]), (9, [7])):
            cache, calls, others = watched(student, 2, 99)
            logits = student.prefill(params, config, cache, tokens, chunk)
            check.close(logits, whole, f"logits with chunk={chunk} and in one piece {about}")
            want = [(layer, piece) for piece in pieces for layer in (0, 1)]
            check.same(calls, want, f"(layer, tokens) of each append with chunk={chunk}")
            for layer in (0, 1):
                for i, name in enumerate(("keys", "values")):
                    joined = np.concatenate([both[i] for both in others[layer]], axis=2)
                    said = f"{name} of layer {layer} with chunk={chunk} and in one piece {about}"
                    check.close(joined, kept[layer][0][i], said)
        cache, _, _ = watched(student, 2, 99)
        student.prefill(params, config, cache, tokens[:, :2])
        logits = student.prefill(params, config, cache, tokens[:, 2:], 4)
        check.close(logits, whole, f"logits behind a cache of two tokens {about}")

    params, config = small_model(1, 4)
    first, other = (
        student.prefill(params, config, watched(student, 1, 99)[0], np.array([ids]))
        for ids in ([0, 3, 4], [3, 0, 4])
    )
    apart = float(np.abs(first - other).max())
    check.true(apart > 1e-3, "the first two tokens are exchanged, and the logits are the same")
    for ids, chunk, what in (
        (tokens[:, :0], None, "no token"),
        (tokens[:, :3], 0, "chunk=0"),
        (tokens[:, :3], -2, "chunk=-2"),
        (tokens, 2, "seven tokens in a cache for four"),
    ):
        cache, calls, _ = watched(student, 1, 4)
        check.raises(ValueError, student.prefill, params, config, cache, ids, chunk)
        went_in = [(0, 2), (0, 2)] if chunk == 2 else []
        check.same(calls, went_in, f"(layer, tokens) of each append with {what}")
    single = {name: w.astype(np.float32) for name, w in params.items()}
    cache, _, kept = watched(student, 1, 7)
    logits = student.prefill(single, config, cache, tokens)
    check.true(logits.dtype == np.float32, f"logits are {logits.dtype} for float32 parameters")
    dtype = kept[0][0][0].dtype
    check.true(dtype == np.float32, f"keys are {dtype} for float32 parameters")


# %% [markdown]
# ## 3. One more token
#
# After the prompt, somebody has chosen a token for each row from the logits. `decode` takes these,
# `(B,)`, appends them to the text and scores what comes next. It is called once for every token of
# the answer, so most of the time an engine works is spent in it.
#
# How many queries are there, how many keys, and what does the causal mask hide from the last token
# of a text? Which call of the function above is this?
#
# **The cost.** One token per row is multiplied with every weight, and its queries with every key of
# the past. For that all weights are fetched from memory once per step, whether $B$ is 1 or 64. As
# long as the weights take more bytes than the caches, 64 rows cost little more time than one: that
# is why engines decode many texts at once.
#
# **One thing to try.** Write a loop of `prefill`, `argmax` and `decode`, and compare it with your
# uncached `generate`, on the tokens it gives and on time, for answers of 10, 100 and 500 tokens.


# %%
def decode(params: Params, config: Config, cache: Cache, tokens: Ints) -> Floats:
    """Read one more token per row, and score what comes after it.

    Args:
        params: The parameters of the model of Volume 1, float64 or float32.
        config: All sizes, and whether the head is tied.
        cache: Keys and values of the text so far, in the dtype of the parameters. Every layer
            appends those of the one token.
        tokens: (B,). The token that comes next in each row. Left as they are.

    Returns:
        logits: (B, vocab_size), dtype of the parameters.

    Raises:
        ValueError: The token does not fit into the cache, which is as it was.

    Source:
        Pope et al. 2022, section 2 (arXiv:2211.05102).
    """
    ### BEGIN SOLUTION
    return prefill(params, config, cache, tokens[:, np.newaxis])
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_decode(student: Student, check: Check) -> None:
    """Token by token is the whole text; one token per layer and call; a full cache; float32."""
    tokens = np.array([[0, 3, 4, 4], [2, 2, 1, 3]])
    for n_kv_heads, tied in ((2, False), (1, True)):
        params, config = small_model(2, n_kv_heads, tied)
        cache, calls, _ = watched(student, 2, 4)
        for t in range(4):
            logits = student.decode(params, config, cache, tokens[:, t])
            shape = logits.shape
            check.true(shape == (2, 5), f"logits of two rows are (2, 5), yours {shape}")
            want = [(0, 1), (1, 1)] * (t + 1)
            check.same(calls, want, "(layer, tokens) of each append")
            other, _, _ = watched(student, 2, 4)
            whole = student.prefill(params, config, other, tokens[:, : t + 1])
            check.close(logits, whole, f"logits of token {t} compared with those of prefill")
        check.raises(ValueError, student.decode, params, config, cache, tokens[:, 0])
    single = {name: w.astype(np.float32) for name, w in params.items()}
    logits = student.decode(single, config, watched(student, 2, 4)[0], tokens[:, 0])
    check.true(logits.dtype == np.float32, f"logits are {logits.dtype} for float32 parameters")


# %% [markdown]
# ## Where to read more
#
# - Pope et al., *Efficiently Scaling Transformer Inference*, 2022 (arXiv:2211.05102): prefill and
#   decode, and what each costs.
# - Agrawal et al., *Sarathi*, 2023 (arXiv:2308.16369), and *Taming Throughput-Latency Tradeoff in
#   LLM Inference with Sarathi-Serve*, 2024 (arXiv:2403.02310): why prompts are read in pieces.
# - Kwon et al., *PagedAttention*, 2023 (arXiv:2309.06180): where keys and values of many texts are
#   kept.
