"""Evaluation: how good a model is, how fast an engine is, and how fast it could be."""

# %% [markdown]
# # Evaluation
#
# **The question.** Two engines run the same model. One is said to be faster, the other to be as
# good with half the memory. As good in what, faster at what, and how much faster could either be on
# this machine? Each of these has a number, and each number has a way to be computed wrongly that
# nobody notices, because it still looks like a number.
#
# You write four functions:
#
# | function | gives |
# | --- | --- |
# | `perplexity(model, ids, max_T, stride)` | how surprised a model is by a text, per token |
# | `latencies(start, times)` | the time to the first token, and the gaps between tokens |
# | `roofline(flops, bytes, peak_flops, bandwidth)` | the least time that a computation takes |
# | `model_bytes(config, itemsize)` | the memory that the weights take |
#
# The first is most of the work. You need NumPy, the cross-entropy, and an hour and a half.

# %%
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Config:
    """The sizes of a model, as in Volume 1."""

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
# ## 1. Perplexity of a text that is longer than the window
#
# A text of $N$ tokens has the probability
#
# $$p(x_1 \dots x_{N-1} \mid x_0) = \prod_{t=1}^{N-1} p(x_t \mid x_0 \dots x_{t-1})$$
#
# Its perplexity is one over the geometric mean of these factors. Written with logarithms, so that
# nothing underflows, with natural ones and the mean over all $N - 1$ factors, what is it? A model
# that finds all $V$ tokens equally likely has perplexity $V$; that is a good first test.
#
# The first token is given: nothing comes before it, so nothing can predict it. All others are
# scored **once each**.
#
# **Windows.** The model reads at most `max_T` tokens at a time. So a long text is read in windows
# that begin at 0, `stride`, 2 `stride` and so on. A window that begins at $b$ shows the model
# $x_b \dots x_{b + \text{max\_T} - 1}$ and has a prediction for the token behind each of these:
# for $x_{b+1}$ up to and including $x_{b + \text{max\_T}}$, which itself is not shown.
#
# ![Windows of four tokens over a text of twelve, with stride 2: the first predicts tokens 1 to 4,
# the second begins at 2 and predicts 3 to 6, of which 3 and 4 have been scored already and only 5
# and 6 are new. The last window begins at 8 and shows three tokens.](figures/evaluate.svg)
#
# With `stride` equal to `max_T` the windows do not overlap. That is quick, but the first tokens of
# each window are predicted from almost nothing. A smaller stride gives every token more to go by
# (the window begins with a context that was scored before) and takes more windows. Which tokens of
# a window are new, if all targets up to $s$ have been scored? From which row of its logits on?
#
# **The end.** The last token is never shown, as nothing follows it. The first window that reaches
# it is the last one. It may be shorter than `max_T`, it may be the only one, and it counts by its
# tokens: the mean is over tokens, not over windows.
#
# **Numbers.** Logits may be in the thousands, so subtract the largest before the exponential, and
# stay with the logarithm: $\ln p_i = z_i - \max z - \ln \sum_j e^{z_j - \max z}$.
#
# **One thing to try.** Take a model of yours with `max_T` = 64 and measure the perplexity of the
# same text with strides 64, 32, 16 and 1. How much of the difference between two papers could be
# this? Then measure it on the text that the model was trained on.


# %%
def perplexity(model: Callable[[Ints], Floats], ids: Ints, max_T: int, stride: int) -> float:
    """The perplexity of a text: each token but the first is scored once.

    Args:
        model: ids (B, T) -> logits (B, T, V), T at most max_T.
        ids: (N,), int64, N at least 2.
        max_T: The most tokens that the model is shown at once.
        stride: How far each window begins behind the one before; from 1 to max_T.

    Returns:
        exp of the mean over N - 1 tokens of -ln p. A window that begins at b shows ids[b] to
        ids[b + max_T - 1], but not the last of all ids, and scores the tokens behind these that
        no window before it has scored.

    Raises:
        ValueError: There are fewer than two ids, or stride is not from 1 to max_T.

    Source:
        Jelinek et al. 1977, Perplexity, a measure of the difficulty of speech recognition tasks;
        Baevski and Auli 2019 (arXiv:1809.10853) on context and windows.
    """
    ### BEGIN SOLUTION
    if len(ids) < 2 or not 1 <= stride <= max_T:
        raise ValueError("at least two ids are needed, and a stride from 1 to max_T")
    last, scored, total = len(ids) - 1, 0, 0.0
    for begin in range(0, last, stride):
        end = min(begin + max_T, last)
        logits = model(ids[np.newaxis, begin:end])[0, scored - begin :]
        logits = logits - logits.max(axis=-1, keepdims=True)
        right = logits[np.arange(end - scored), ids[scored + 1 : end + 1]]
        total += (np.log(np.exp(logits).sum(axis=-1)) - right).sum()
        scored = end
        if scored == last:
            break
    return float(np.exp(total / last))
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_perplexity(student: Student, check: Check) -> None:
    """A uniform model, a chain of two letters, and what a model sees in windows."""
    seen: list[list[int]] = []

    def uniform(ids: Any) -> Any:
        seen.extend(np.array(ids).tolist())
        return np.full((*ids.shape, 7), 3.0)

    text = np.array([0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3])
    for stride in (1, 2, 3, 4):
        check.close(student.perplexity(uniform, text, 4, stride), 7.0, "uniform logits, V = 7")
    seen.clear()
    student.perplexity(uniform, text, 4, 2)
    want = [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6, 0], [6, 0, 1, 2]]
    check.same(seen, want, "the windows of 11 ids with max_T=4 and stride=2")
    odds = np.log(np.array([[0.75, 0.25], [0.5, 0.5]]))  # after 0 and after 1
    chain = np.array([0, 0, 1, 0])
    worked = (0.75 * 0.25 * 0.5) ** (-1 / 3)
    for stride in (1, 2):
        found = student.perplexity(lambda ids: odds[ids], chain, 2, stride)
        check.close(found, worked, f"perplexity of 0 0 1 0, stride={stride}")
    text = np.array([0, 1, 1])
    large = student.perplexity(lambda ids: np.tile([0.0, 4000.0], (*ids.shape, 1)), text, 5, 5)
    check.close(large, 1.0, "perplexity with logits 0 and 4000")
    check.raises(ValueError, student.perplexity, uniform, text[:1], 4, 2)
    check.raises(ValueError, student.perplexity, uniform, text, 4, 5)


# %% [markdown]
# ## 2. Two kinds of waiting
#
# Who sends a prompt first waits for the whole of it to be read, and then for every token. These
# are different computations, and they are reported apart: the **time to the first token**, and the
# **gaps** between one token and the next. With $n$ tokens there are how many gaps? Tokens per
# second over everything hides both: a long prompt makes a fast engine look slow.


# %%
def latencies(start: float, times: Floats) -> tuple[float, Floats]:
    """Time to the first token and the gaps between tokens.

    Args:
        start: When the request was made, in seconds.
        times: (n,), float64. When each token came, on the same clock; n at least 1.

    Returns:
        ttft: Seconds from the request to the first token.
        gaps: (n - 1,), float64. Seconds from each token to the next.

    Source:
        Agrawal et al. 2024, section 2 (arXiv:2403.02310).
    """
    ### BEGIN SOLUTION
    return float(times[0] - start), np.diff(times)
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_latencies(student: Student, check: Check) -> None:
    """Four tokens, and one."""
    ttft, gaps = student.latencies(10.0, np.array([10.5, 10.75, 11.0, 11.75]))
    check.close(ttft, 0.5, "the time to the first token")
    check.close(gaps, [0.25, 0.25, 0.75], "the gaps")
    ttft, gaps = student.latencies(2.0, np.array([3.0]))
    check.close((ttft, np.shape(gaps)), (1.0, (0,)), "one token: the time to it, and no gap")


# %% [markdown]
# ## 3. The least time
#
# A machine computes at most `peak_flops` operations per second and moves at most `bandwidth` bytes
# per second between memory and processor. It can do both at once. A computation of so many
# operations on so many bytes therefore takes at least as long as the one, and at least as long as
# the other. Of two lower bounds, which one holds?
#
# Divide operations by bytes: the *intensity*. Below a certain intensity memory decides, above it
# the processor:
#
# ![The attainable rate against operations per byte, both on logarithmic axes: a line that rises as
# long as memory is the limit and then stays flat at the peak. Decoding one token at a time lies far
# to the left, reading a prompt far to the right.](figures/evaluate_roofline.svg)
#
# Decoding one token multiplies every weight once: two operations for a weight of, say, two bytes.
# Reading a prompt of 1,000 tokens uses each weight that it has fetched 1,000 times. On which side
# of the corner are they, on a machine with $10^{14}$ operations and $10^{12}$ bytes per second?


# %%
def roofline(flops: float, bytes: float, peak_flops: float, bandwidth: float) -> float:
    """The least time that a computation takes.

    Args:
        flops: Operations in all.
        bytes: Bytes that are moved between memory and processor.
        peak_flops: Operations per second at most.
        bandwidth: Bytes per second at most.

    Returns:
        Seconds.

    Source:
        Williams, Waterman and Patterson 2009, Roofline.
    """
    ### BEGIN SOLUTION
    return max(flops / peak_flops, bytes / bandwidth)
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_roofline(student: Student, check: Check) -> None:
    """One bound by memory, one by arithmetic."""
    check.close(student.roofline(2e9, 2e9, 1e12, 1e10), 0.2, "one token")
    check.close(student.roofline(2e12, 2e9, 1e12, 1e10), 2.0, "a prompt of 1,000 tokens")


# %% [markdown]
# ## 4. What has to be moved
#
# To decode one token the engine reads all weights, so their size over the bandwidth is the time
# that no engine can beat. Count them: the embedding table; in each layer the gains of two norms,
# the projections to queries, keys, values and out of the heads, and three matrices of the SwiGLU; a
# last norm; the head. Keys and values have `n_kv_heads` heads, queries `n_heads`, and each head is
# $d_\text{head} = d_\text{model} / n_\text{heads}$ wide. What is different when the head is tied to
# the embedding?
#
# `itemsize` is the bytes of one number: 8 for float64, 4 for float32, 2 for bf16, 1 for int8.
#
# **One thing to try.** How many tokens per second can a model of 7 billion bf16 weights give at
# most on a laptop that reads 50 GB per second? And in int4, where a weight is half a byte?


# %%
def model_bytes(config: Config, itemsize: int) -> int:
    """The bytes of a model's weights.

    Args:
        config: Sizes, as in Volume 1; `config.tied` says that the head is the embedding.
        itemsize: Bytes of one number.

    Returns:
        bytes: An integer. A tied head counts once.

    Source:
        Touvron et al. 2023, LLaMA, section 2.2 (arXiv:2302.13971).
    """
    ### BEGIN SOLUTION
    d, d_kv = config.d_model, config.n_kv_heads * (config.d_model // config.n_heads)
    layer = 2 * d + 2 * d * d + 2 * d * d_kv + 3 * d * config.d_ff
    tables = 1 if config.tied else 2
    return itemsize * (tables * config.vocab_size * d + config.n_layers * layer + d)
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_model_bytes(student: Student, check: Check) -> None:
    """LLaMA 7B and Llama 3 8B in bf16, and a model of 60 numbers, tied and not."""
    for title, sizes, want in (
        ("LLaMA 7B", (32_000, 4096, 32, 32, 32, 11_008, 2048), 13_476_831_232),
        ("Llama 3 8B", (128_256, 4096, 32, 32, 8, 14_336, 8192), 16_060_522_496),
        ("a tiny model", (5, 2, 1, 1, 1, 3, 8), 120),
    ):
        config = Config(*sizes)
        check.close(student.model_bytes(config, 2), want, f"bytes of {title} in bf16", rtol=0)
    tied = Config(5, 2, 1, 1, 1, 3, 8, tied=True)
    check.close(student.model_bytes(tied, 4), 200, "bytes of the tiny model, tied, in float32")


# %% [markdown]
# ## Where to read more
#
# - Baevski and Auli, *Adaptive Input Representations for Neural Language Modeling*, 2019
#   (arXiv:1809.10853): perplexity with more and less context.
# - Williams, Waterman and Patterson, *Roofline: An Insightful Visual Performance Model*, 2009.
# - Agrawal et al., *Taming Throughput-Latency Tradeoff in LLM Inference with Sarathi-Serve*, 2024
#   (arXiv:2403.02310): the two kinds of waiting, and why they are in each other's way.
# - Pope et al., *Efficiently Scaling Transformer Inference*, 2022 (arXiv:2211.05102).
