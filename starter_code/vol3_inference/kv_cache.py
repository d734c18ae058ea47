"""The KV cache: keys and values of the past, kept instead of computed again."""

# %% [markdown]
# # The KV cache
#
# **The question.** A model writes one token at a time. To choose token 1,000 it attends to the keys
# and values of all 999 before it, and to choose token 1,001 to the same 999 and one more. They are
# the same numbers: a key depends on its own token and those before it, and the causal mask sees to
# it that nothing later changes them. Computing them again at every step makes the work grow with
# the square of the text. Keeping them makes it grow with its length. What does the memory cost, and
# what can be done when there is not enough?
#
# You write three classes and a formula:
#
# | name | what it keeps |
# | --- | --- |
# | `KVCache(n_layers, B, n_kv_heads, max_T, d_head, dtype)` | all keys and values |
# | `SlidingKVCache(n_layers, B, n_kv_heads, window, d_head, dtype)` | the newest `window` of them |
# | `Int8KVCache(n_layers, B, n_kv_heads, max_T, d_head)` | all, one byte per number |
# | `kv_cache_bytes(config, B, T, itemsize)` | nothing: it counts the bytes |
#
# Keys and values arrive as the attention takes them, `(B, n_kv_heads, T, d_head)`, with RoPE
# already applied to the keys: $T$ is the length of the prompt at first and then mostly 1.
#
# You need NumPy, the shapes of grouped-query attention, and about two hours.

# %%
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]


class Config(Protocol):
    """The sizes that matter here; the Config of Volume 1 has them."""

    d_model: int
    n_layers: int
    n_heads: int
    n_kv_heads: int

# %% [markdown]
# ## 1. Room for all
#
# The longest text is known in advance, so room for `max_T` tokens is made once. Joining the old
# array with the new token at every step would copy the whole cache each time, and for a moment hold
# it twice.
#
# ![A row of eight places in each of two layers. In layer 0 the places 0 to 4 are filled and place 5
# is being written by append; the places 6 and 7 are free. In layer 1 the places 0 to 4 are filled
# and its turn comes next.](figures/kv_cache.svg)
#
# **One length per layer.** During a step the layers call `append` one after the other. When layer 0
# has stored the new token, layer 1 has not. So each layer needs a count of its own: it says where
# the next tokens go. A single counter that every call advances would move `n_layers` places for
# each token. `length`, seen from outside, is the number of tokens that *every* layer has. Which
# function of the layers' counts is that?
#
# **Copies, both ways.** The caller may overwrite `k` after the call, and may write into what it got
# back. Neither may reach the cache. And what `append` has returned once does not change when more
# is appended. A slice of a NumPy array is a view of the same memory, so return a copy. (A fast
# engine returns the view, and promises not to touch it.)
#
# **Heads.** With grouped-query attention several query heads share one key head. The cache keeps
# the `n_kv_heads` that exist; repeating them for the query heads is done afterwards, or not at all.
# Caching the repeated ones gives the right text for `n_heads / n_kv_heads` times the memory.
#
# **Too much.** `append` raises ValueError if the tokens do not fit, *before* it changes anything.
# Do not leave that to NumPy: assigning one token to an empty slice raises nothing and stores
# nothing.

# %%
class KVCache:
    """Keys and values of all tokens so far, for every layer.

    Args:
        n_layers: How many layers append to it, each on its own.
        B: Batch size.
        n_kv_heads: Heads of keys and values, which may be fewer than those of queries.
        max_T: The most tokens it can hold; room for them is made at once.
        d_head: Width of a head.
        dtype: What it holds, float64 or float32.

    Source:
        Pope et al. 2022, section 2.1 (arXiv:2211.05102); Shazeer 2019 (arXiv:1911.02150).
    """

    def __init__(
        self,
        n_layers: int,
        B: int,
        n_kv_heads: int,
        max_T: int,
        d_head: int,
        dtype: DTypeLike = np.float64,
    ) -> None:
        raise NotImplementedError("KVCache.__init__ is yours to write")

    def append(self, layer: int, k: Floats, v: Floats) -> tuple[Floats, Floats]:
        """Store the keys and values of the next tokens of one layer.

        Args:
            layer: From 0. Layers may be called in any order.
            k: (B, n_kv_heads, T, d_head), in the dtype of the cache. Copied.
            v: Like `k`.

        Returns:
            k: (B, n_kv_heads, so far, d_head). All keys of this layer, the oldest first: a new
                array that neither changes later nor changes the cache.
            v: The values likewise.

        Raises:
            ValueError: This layer would hold more than max_T tokens. Nothing has changed.
        """
        raise NotImplementedError("KVCache.append is yours to write")

    @property
    def length(self) -> int:
        """The number of tokens that every layer has."""
        raise NotImplementedError("KVCache.length is yours to write")

    def reset(self) -> None:
        """Forget all tokens and keep the room."""
        raise NotImplementedError("KVCache.reset is yours to write")

    @property
    def nbytes(self) -> int:
        """Bytes of the room for keys and values, filled or not."""
        raise NotImplementedError("KVCache.nbytes is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_KVCache(student: Student, check: Check) -> None:
    """Two layers, three tokens and one more, a refusal, float32."""
    k = np.arange(16.0).reshape(1, 2, 4, 2)
    v = -k
    cache = student.KVCache(2, 1, 2, 4, 2)
    check.close(cache.append(0, k[:, :, :3], v[:, :, :3]), (k[:, :, :3], v[:, :, :3]), "k, v")
    check.true(cache.length == 0, "layer 1 has no token yet, so the length is 0")
    cache.append(1, v[:, :, :3], k[:, :, :3])
    check.true(cache.length == 3, "both layers have three tokens")
    check.close(cache.append(0, k[:, :, 3:], v[:, :, 3:]), (k, v), "k, v of layer 0")
    check.close(cache.append(1, v[:, :, 3:], k[:, :, 3:]), (v, k), "k, v of layer 1")
    check.raises(ValueError, cache.append, 0, k[:, :, :1], v[:, :, :1])
    check.true(cache.length == 4, "a refused token changes nothing")
    check.true(cache.nbytes == 2 * 2 * 1 * 2 * 4 * 2 * 8, "64 numbers of 8 bytes")
    cache.reset()
    check.close(
        cache.append(1, k[:, :, :1], v[:, :, :1]), (k[:, :, :1], v[:, :, :1]), "after reset"
    )
    narrow = student.KVCache(1, 1, 2, 4, 2, student.library("numpy.float32"))
    check.true(narrow.nbytes == 2 * 1 * 2 * 4 * 2 * 4, "32 numbers of 4 bytes")

# %% [markdown]
# ## 2. How much memory
#
# Count the numbers that one token leaves behind in one layer: a key and a value for each of the
# `n_kv_heads` heads. How wide is one of them, if `n_heads` query heads share `d_model`? Multiply by
# the layers, by the tokens, by the rows of the batch, and by the bytes of a number.
#
# | | key heads | Llama-like, 32 layers, `d_model` 4096, 32 query heads, 4096 tokens, 16 bits |
# | --- | --- | --- |
# | multi-head attention (MHA) | as many as query heads | 2 GiB |
# | grouped-query attention (GQA) | fewer, each for a group, here 8 | 512 MiB |
# | multi-query attention (MQA) | one for all | 64 MiB |
#
# That is per row of the batch: with 16 texts at once, the MHA cache is larger than the 13 GB of
# weights. Which of the sizes in `config` do *not* matter?

# %%
def kv_cache_bytes(config: Config, B: int, T: int, itemsize: int) -> int:
    """Count the bytes of the keys and values of a text.

    Args:
        config: Gives d_model, n_layers, n_heads and n_kv_heads.
        B: Batch size.
        T: Tokens per row.
        itemsize: Bytes of one number.

    Returns:
        count: int.

    Source:
        Ainslie et al. 2023, section 1 (arXiv:2305.13245).
    """
    raise NotImplementedError("kv_cache_bytes is yours to write")

# %%
from types import SimpleNamespace

from autograder.selfcheck import Check, Student


def visible_kv_cache_bytes(student: Student, check: Check) -> None:
    """The three rows of the table, and eight texts at once."""
    for n_kv_heads, mib in ((32, 2048), (8, 512), (1, 64)):
        config = SimpleNamespace(d_model=4096, n_layers=32, n_heads=32, n_kv_heads=n_kv_heads)
        count = student.kv_cache_bytes(config, 1, 4096, 2)
        check.true(count == mib * 2**20, f"{n_kv_heads} key heads take {mib} MiB, yours {count}")
    count = student.kv_cache_bytes(config, 8, 4096, 2)
    check.true(count == 512 * 2**20, f"eight texts take 512 MiB, yours {count}")

# %% [markdown]
# ## 3. A window that slides
#
# Some models let every token attend to the newest `window` tokens only. Then a key that is older
# will never be looked at again, and its place can be used: the memory no longer depends on the
# length of the text, and no text is too long.
#
# Nothing has to be moved for that. Give the token at position $p$ a place in a ring of `window`
# places. The token `window` steps later gets the same place, exactly when the old one is no longer
# needed. What is the place, as a function of $p$ and the window?
#
# ![A ring of four places drawn as a row after seven tokens: the places 0 to 3 hold the tokens 4, 5,
# 6 and 3. They are returned in the order 3, 4, 5, 6.](figures/kv_cache_ring.svg)
#
# **In order, with positions.** The ring holds the tokens in the order of their places, and `append`
# returns them in the order of their positions, the oldest first, together with these positions.
# Positions count from the beginning of the text. RoPE and the mask need the true ones: a key that
# was rotated by position 4 stays rotated by 4, whatever place it has. While fewer than `window`
# tokens have been seen, only these are returned.
#
# **Long chunks.** A prompt may be longer than the window. Only its last `window` tokens are stored;
# writing the whole prompt into the ring would put several tokens into one place, and which of them
# stays is up to NumPy. Note what `append` does not give: the *first* token of a chunk may look
# further back than the newest `window` tokens at the chunk's end. So whoever needs exact attention
# with a window appends single tokens, or masks a chunk with keys of its own.
#
# `length` counts all tokens that were seen, also those that are gone.

# %%
class SlidingKVCache:
    """Keys and values of the newest tokens, for every layer.

    Args:
        n_layers: How many layers append to it, each on its own.
        B: Batch size.
        n_kv_heads: Heads of keys and values.
        window: How many tokens it holds.
        d_head: Width of a head.
        dtype: What it holds, float64 or float32.

    Source:
        Jiang et al. 2023, section 2 (arXiv:2310.06825).
    """

    def __init__(
        self,
        n_layers: int,
        B: int,
        n_kv_heads: int,
        window: int,
        d_head: int,
        dtype: DTypeLike = np.float64,
    ) -> None:
        raise NotImplementedError("SlidingKVCache.__init__ is yours to write")

    def append(self, layer: int, k: Floats, v: Floats) -> tuple[Floats, Floats, Ints]:
        """Store the next tokens of one layer in place of the oldest.

        Args:
            layer: From 0. Layers may be called in any order.
            k: (B, n_kv_heads, T, d_head), in the dtype of the cache; T may exceed the window.
                Copied.
            v: Like `k`.

        Returns:
            k: (B, n_kv_heads, S, d_head). The newest S keys of this layer, the oldest of them
                first; S is `window`, or less while fewer have been seen. A new array.
            v: The values likewise.
            positions: (S,), int64. Their places in the text, from 0.
        """
        raise NotImplementedError("SlidingKVCache.append is yours to write")

    @property
    def length(self) -> int:
        """The number of tokens that every layer has seen."""
        raise NotImplementedError("SlidingKVCache.length is yours to write")

    def reset(self) -> None:
        """Forget all tokens and keep the room; positions start from 0 again."""
        raise NotImplementedError("SlidingKVCache.reset is yours to write")

    @property
    def nbytes(self) -> int:
        """Bytes of the room for keys and values, filled or not."""
        raise NotImplementedError("SlidingKVCache.nbytes is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_SlidingKVCache(student: Student, check: Check) -> None:
    """A window of three: two tokens, two more, a chunk longer than the window."""
    k = np.arange(20.0).reshape(1, 1, 10, 2)
    v = -k
    cache = student.SlidingKVCache(1, 1, 1, 3, 2)
    for start, end, first in ((0, 2, 0), (2, 4, 1), (4, 5, 2), (5, 10, 7)):
        got = cache.append(0, k[:, :, start:end], v[:, :, start:end])
        want = (k[:, :, first:end], v[:, :, first:end], np.arange(first, end))
        for part, expected, name in zip(got, want, ("k", "v", "positions"), strict=True):
            check.close(part, expected, f"{name} after {end} tokens")
    check.true(cache.length == 10, "ten tokens were seen")
    check.true(cache.nbytes == 2 * 3 * 2 * 8, "there is room for three tokens")

# %% [markdown]
# ## 4. One byte per number
#
# A key of float32 numbers takes 4 bytes each. Eight bits are enough for attention, if they are used
# well. Take the $d_{head}$ numbers $x$ of *one* token in *one* head, and a step $s$:
#
# $$q_i = \mathrm{round}(x_i / s) \qquad \hat x_i = s \, q_i$$
#
# with $q_i$ an int8. Let $m = \max_i |x_i|$. The largest number should just reach 127. What is $s$?
#
# **The error, proven.** Rounding moves a number by at most one half: $|x_i / s - q_i| \le 1/2$.
# Nothing is cut off, because $|x_i| / s \le 127$ by the choice of $s$. Multiply by $s$:
#
# $$|x_i - \hat x_i| \le \frac{s}{2}$$
#
# Which part of $m$ is that? In a score, a query $u$ multiplies the errors of a key, so
# $|u \cdot x - u \cdot \hat x|$ is at most $\frac{s}{2} \sum_i |u_i|$. In most cases it is far
# less, since errors of both signs cancel.
#
# **One scale per token and head.** The bound holds with the $m$ of whoever shares the scale. One
# token whose key is 100 times larger would make everybody's error 100 times larger. And there is a
# second reason: tokens come one by one. With one scale for all cached tokens a new large key would
# change the scale, so all old ones would have to be rounded again, from what rounding has left of
# them. With its own scale a token is rounded once and never touched again. Keys and values have
# scales of their own.
#
# **Zeros.** For a token of zeros $s$ would be 0, and $0 / 0$ is not a number. Any other scale is
# fine: $q$ is 0, and so is $\hat x$.
#
# **No zero point.** Codes that run from the smallest to the largest number of a token need a second
# number, the code of 0, and it has to be subtracted again on the way back. Here 0 is 0.
#
# **What it saves.** $d_{head}$ bytes and one scale, at least a float32, instead of $4 d_{head}$ or
# $8 d_{head}$ bytes. With $d_{head} = 64$, which part of the memory is scales?
#
# **One thing to try.** Append 1,000 random keys, and compare `np.abs(x - back).max(axis=-1)` with
# half the step of each token. How close to the bound does the worst number come, and how close the
# mean? Then multiply one entry of every key by 50, as real keys have it in a few channels.

# %%
class Int8KVCache:
    """Keys and values of all tokens so far as int8, with one scale per token and head.

    Args:
        n_layers: How many layers append to it, each on its own.
        B: Batch size.
        n_kv_heads: Heads of keys and values.
        max_T: The most tokens it can hold; room for them is made at once.
        d_head: Width of a head.

    Source:
        Hooper et al. 2024, section 3 (arXiv:2401.18079); Dettmers et al. 2022, section 2
        (arXiv:2208.07339).
    """

    def __init__(self, n_layers: int, B: int, n_kv_heads: int, max_T: int, d_head: int) -> None:
        raise NotImplementedError("Int8KVCache.__init__ is yours to write")

    def append(self, layer: int, k: Floats, v: Floats) -> tuple[Floats, Floats]:
        """Round and store the keys and values of the next tokens of one layer.

        Args:
            layer: From 0. Layers may be called in any order.
            k: (B, n_kv_heads, T, d_head), float64 or float32. Not modified.
            v: Like `k`.

        Returns:
            k: (B, n_kv_heads, so far, d_head), dtype of the argument. All keys of this layer, the
                oldest first, as int8 times scale. A new array.
            v: The values likewise.

        Raises:
            ValueError: This layer would hold more than max_T tokens. Nothing has changed.
        """
        raise NotImplementedError("Int8KVCache.append is yours to write")

    @property
    def length(self) -> int:
        """The number of tokens that every layer has."""
        raise NotImplementedError("Int8KVCache.length is yours to write")

    def reset(self) -> None:
        """Forget all tokens and keep the room."""
        raise NotImplementedError("Int8KVCache.reset is yours to write")

    @property
    def nbytes(self) -> int:
        """Bytes of the room for codes and scales, filled or not."""
        raise NotImplementedError("Int8KVCache.nbytes is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_Int8KVCache(student: Student, check: Check) -> None:
    """Whole numbers with 127 among them come back; small ones beside large ones; zeros."""
    exact = np.array([[[[127.0, -3.0, 40.0], [1.27, 0.5, -1.0], [0.0, 0.0, 0.0]]]])
    cache = student.Int8KVCache(1, 1, 1, 4, 3)
    k, v = cache.append(0, exact, 2 * exact)
    check.close(
        k, exact, "k: 127, -3, 40 are whole steps of 1, and 1.27, 0.5, -1 of 0.01", rtol=1e-6
    )
    check.close(v, 2 * exact, "v has scales of its own", rtol=1e-6)
    x = np.array([[[[1000.0, 2.0, 5.0]]]])  # a step of 1000 / 127 = 7.87
    k, _ = cache.append(0, x, x)
    check.close(k[:, :, :3], exact, "the first three are what they were", rtol=1e-6)
    check.close(k[:, :, 3:], [[[[1000.0, 0.0, 1000 / 127]]]], "2 and 5 beside 1000", rtol=1e-6)
    check.raises(ValueError, cache.append, 0, x, x)
    check.true(cache.length == 4, "four tokens")
    room = 2 * 4 * 3
    check.true(cache.nbytes in (room + 2 * 4 * 4, room + 2 * 4 * 8), "24 bytes and eight scales")

# %% [markdown]
# ## Where to read more
#
# - Pope et al., *Efficiently Scaling Transformer Inference*, 2022 (arXiv:2211.05102): what the
#   cache costs on real machines.
# - Shazeer, *Fast Transformer Decoding: One Write-Head is All You Need*, 2019 (arXiv:1911.02150),
#   and Ainslie et al., *GQA*, 2023 (arXiv:2305.13245): fewer key heads.
# - Jiang et al., *Mistral 7B*, 2023 (arXiv:2310.06825): the rolling buffer.
# - Hooper et al., *KVQuant*, 2024 (arXiv:2401.18079): how few bits keys and values need.
