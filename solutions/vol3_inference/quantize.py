"""Quantization: weights and activations as small whole numbers."""

# %% [markdown]
# # Quantization
#
# **The question.** To write one token, a model reads every one of its weights once. A machine reads
# some tens or hundreds of gigabytes per second, so this alone sets the pace: half the bytes, twice
# the tokens. A weight was trained in 16 or 32 bits. How few are enough, and how wrong do the
# results become? The second half can be proven before anything is measured.
#
# You write six functions:
#
# | function | what it does |
# | --- | --- |
# | `quantize_int8(w)` | one byte per weight, one scale per output |
# | `pack_int4(q)` | two numbers of four bits into a byte |
# | `unpack_int4(packed)` | and out again |
# | `dequantize_int4(packed, scale, group_size)` | floats from packed numbers |
# | `quantize_int4(w, group_size)` | half a byte per weight, one scale per group |
# | `linear_w8a8(x, q, scale)` | a linear layer that multiplies whole numbers |
#
# Weights are $(out, in)$ here, as in `nn.Linear` and in checkpoints: a row makes one output.
#
# You need NumPy, binary numbers, and about two hours.

# %%
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Int8s = NDArray[np.int8]
Bytes = NDArray[np.uint8]

# %% [markdown]
# ## 1. One byte per weight
#
# Give the weights $w_1, \dots, w_n$ of one row a common step $s$, and keep whole numbers of steps:
#
# $$q_i = \mathrm{round}(w_i / s) \qquad \hat w_i = s \, q_i$$
#
# An int8 holds $-128$ to $127$. The code $-128$ stays unused, so that every code has an opposite.
# Let $m = \max_i |w_i|$. The step should be as small as possible, and no number may need more than
# 127 of it. Which $s$ is that?
#
# **The error, proven.** Nothing is cut off, because $|w_i| / s \le 127$. Rounding to the nearest
# whole number moves $w_i / s$ by at most one half. Multiplied by $s$:
#
# $$|w_i - \hat w_i| \le \frac{s}{2}$$
#
# Which part of $m$ is that? For the layer's output $y = \sum_i w_i x_i$ the errors add up, at
# worst:
#
# $$|y - \hat y| \le \sum_i |w_i - \hat w_i| \, |x_i| \le \frac{s}{2} \sum_i |x_i|$$
#
# ![Two rows of weights on number lines. With one step for both, the row of small weights falls onto
# three codes; with a step of its own it uses six.](figures/quantize.svg)
#
# **One scale per row.** The bound contains the $m$ of whoever shares the step. Rows differ in size,
# and one scale for the whole matrix gives all of them the error of the largest. A scale per row
# costs next to nothing, and it can be applied *after* the sum over the inputs. Could a scale per
# column, too?
#
# **Halves.** $w_i / s$ can lie exactly between two whole numbers. It then goes to the even one, as
# in `np.rint`: 0.5 becomes 0, and 1.5 and 2.5 become 2. Always rounding halves up would make sums
# drift upwards. Divide by the scale itself: `w / m * 127` rounds twice and can miss a half.
#
# **A row of zeros** has $m = 0$. Its scale is 1 here, so that nothing is divided by zero.


# %%
def quantize_int8(w: Floats) -> tuple[Int8s, Floats, Floats]:
    """Round each row of a matrix to 255 evenly spaced values.

    Args:
        w: (out, in). Not modified.

    Returns:
        q: (out, in), int8, from -127 to 127. Halves go to the even number.
        scale: (out, 1), dtype of `w`. The step of each row; 1 for a row of zeros.
        dequantised: (out, in), dtype of `w`. `q` times `scale`.

    Source:
        Dettmers et al. 2022, section 2 (arXiv:2208.07339).
    """
    ### BEGIN SOLUTION
    largest = np.abs(w).max(axis=1, keepdims=True)
    scale: Floats = np.where(largest > 0, largest / 127, 1)
    q = np.rint(w / scale).astype(np.int8)
    return q, scale, q * scale
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_quantize_int8(student: Student, check: Check) -> None:
    """Whole steps come back exactly; halves go to the even number; zeros stay."""
    w = np.array([[127.0, -64.0, 0.5, 1.5, 2.5], [0.0] * 5, [1.27, 0.5, 0.1, 0.0, 0.0]])
    q, scale, dequantised = student.quantize_int8(w)
    check.true(q.dtype == np.int8, f"q is int8, yours {q.dtype}")
    check.close(q, [[127, -64, 0, 2, 2], [0] * 5, [127, 50, 10, 0, 0]], "q")
    check.close(scale, [[1.0], [1.0], [0.01]], "scale")
    want = [[127.0, -64.0, 0.0, 2.0, 2.0], [0.0] * 5, [1.27, 0.5, 0.1, 0.0, 0.0]]
    check.close(dequantised, want, "dequantised")


# %% [markdown]
# ## 2. Two numbers in a byte
#
# Four bits hold sixteen numbers, but no array has elements of four bits. So two share a byte: the
# number in an even column goes into the low four bits, its right neighbour into the high four.
#
# Negative numbers are written in *two's complement*: $-1$ is the pattern 1111, $-8$ is 1000, and
# any $n < 0$ has the pattern of $n + 16$. For $3$ and $-2$, side by side:
#
# | | number | four bits |
# | --- | --- | --- |
# | low | 3 | 0011 |
# | high | -2 | 1110 |
#
# The byte is `1110 0011`, 227. You need three operations: `&` keeps chosen bits, `<<` and `>>` move
# them, `|` joins what does not overlap.
#
# **The trap.** An int8 holds $-2$ as `1111 1110`. Its upper four bits are not empty, and would
# spoil the neighbour. Which bits must be cleared first? On the way back, the four bits 1110 come
# out as 14. From which value on has 16 to be subtracted?
#
# A row with an odd number of columns has no partner for its last one: ValueError.


# %%
def pack_int4(q: Int8s) -> Bytes:
    """Put pairs of neighbours into bytes.

    Args:
        q: (out, in), int8, from -8 to 7. Not modified.

    Returns:
        packed: (out, in / 2), uint8. Even columns in the low four bits, odd ones in the high four,
            both in two's complement.

    Raises:
        ValueError: `in` is odd.

    Source:
        Dettmers and Zettlemoyer 2023, section 2 (arXiv:2212.09720).
    """
    ### BEGIN SOLUTION
    if q.shape[1] % 2:
        raise ValueError(f"{q.shape[1]} columns are not pairs")
    bits: NDArray[Any] = q.astype(np.uint8) & 15
    packed: Bytes = bits[:, ::2] | bits[:, 1::2] << 4
    return packed
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_pack_int4(student: Student, check: Check) -> None:
    """The pair of the table, the largest and the smallest numbers, an odd width."""
    packed = student.pack_int4(np.array([[3, -2, 7, -8], [-1, 0, 0, -1]], dtype=np.int8))
    check.true(packed.dtype == np.uint8, f"packed is uint8, yours {packed.dtype}")
    check.close(packed, [[227, 135], [15, 240]], "packed")
    check.raises(ValueError, student.pack_int4, np.zeros((2, 3), dtype=np.int8))


# %%
def unpack_int4(packed: Bytes) -> Int8s:
    """Take the pairs out of the bytes again.

    Args:
        packed: (out, in / 2), uint8. What `pack_int4` returned, or any bytes. Not modified.

    Returns:
        q: (out, in), int8, from -8 to 7.

    Source:
        Dettmers and Zettlemoyer 2023, section 2 (arXiv:2212.09720).
    """
    ### BEGIN SOLUTION
    pairs = np.stack([packed & 15, packed >> 4], axis=-1)
    bits = pairs.reshape(len(packed), -1).astype(np.int8)
    return np.where(bits < 8, bits, bits - 16)
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_unpack_int4(student: Student, check: Check) -> None:
    """The bytes of the check before."""
    q = student.unpack_int4(np.array([[227, 135], [15, 240]], dtype=np.uint8))
    check.true(q.dtype == np.int8, f"q is int8, yours {q.dtype}")
    check.close(q, [[3, -2, 7, -8], [-1, 0, 0, -1]], "q")


# %% [markdown]
# ## 3. Half a byte per weight
#
# Codes from $-7$ to $7$ make a step 18 times as large as with 127, and so is the bound on the
# error. To win some of it back, let fewer weights share a step: a *group* of, say, 32 neighbours
# along the inputs. The largest of 32 weights is usually smaller than the largest of 4,096.
#
# $$|w_i - \hat w_i| \le \frac{s_g}{2}$$
#
# with $s_g$ the step of the group of $w_i$; the proof is the one above with 7 in
# place of 127. The columns 0 to `group_size - 1` of a row are its first group, and so on; every
# group has a scale, $(out, in / g)$ in all.
#
# **Back to floats.** How do you get the number of the group from that of the column? Each scale is
# needed `group_size` times in a row; `np.repeat` and `np.tile` do different things here.
#
# **Bytes.** A weight takes half a byte plus its share of a scale. With groups of 32 and scales of
# two bytes, how many bits per weight is that, and how many with groups of 128?
#
# **Which layers stay as they are.** The weights of attention and feed-forward layers are nearly all
# of a large model, and their errors average out over sums of thousands. Norm gains are few, a
# row of the embedding is looked up without any sum, and what the head gets wrong goes straight into
# the probabilities. These usually stay in 16 bits: they cost little, and would lose most.
#
# On the checkpoint in `datasets/checkpoint`, with all attention and feed-forward weights rounded
# and nothing else, the perplexity on 64 new stories becomes
#
# | weights of these layers | bytes | perplexity |
# | --- | --- | --- |
# | float32 | 1,622,016 | 2.377 |
# | int8 | 419,840 | 2.377 |
# | int4, groups of 32 | 253,440 | 2.380 |
#
# with scales in float32. Larger models with outliers in their weights are less patient.


# %%
def dequantize_int4(packed: Bytes, scale: Floats, group_size: int) -> Floats:
    """Turn packed numbers into floats.

    Args:
        packed: (out, in / 2), uint8, as `pack_int4` makes it.
        scale: (out, in / group_size). One step per group of neighbours in a row.
        group_size: Columns per group; divides `in`.

    Returns:
        dequantised: (out, in), dtype of `scale`.

    Source:
        Dettmers and Zettlemoyer 2023, section 2 (arXiv:2212.09720).
    """
    ### BEGIN SOLUTION
    steps: Floats = np.repeat(scale, group_size, axis=1)
    return unpack_int4(packed) * steps
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_dequantize_int4(student: Student, check: Check) -> None:
    """The bytes of the checks before, in groups of two and as one group."""
    packed = np.array([[227, 135], [15, 240]], dtype=np.uint8)
    scale = np.array([[0.5, 2.0], [1.0, 10.0]])
    want = [[1.5, -1.0, 14.0, -16.0], [-1.0, 0.0, 0.0, -10.0]]
    check.close(student.dequantize_int4(packed, scale, 2), want, "in groups of two")
    want = [[1.5, -1.0, 3.5, -4.0], [-1.0, 0.0, 0.0, -1.0]]
    check.close(student.dequantize_int4(packed, scale[:, :1] * 1.0, 4), want, "as one group")


# %%
def quantize_int4(w: Floats, group_size: int) -> tuple[Bytes, Floats, Floats]:
    """Round each group of a row to 15 evenly spaced values, and pack them.

    Args:
        w: (out, in), `in` even. Not modified.
        group_size: Columns per group; divides `in`.

    Returns:
        packed: (out, in / 2), uint8. Codes from -7 to 7, packed as `pack_int4` does. Halves go to
            the even number.
        scale: (out, in / group_size), dtype of `w`. The step of each group; 1 for a group of
            zeros.
        dequantised: (out, in), dtype of `w`. The codes times the steps.

    Source:
        Dettmers and Zettlemoyer 2023, section 2 (arXiv:2212.09720).
    """
    ### BEGIN SOLUTION
    groups = w.reshape(len(w), -1, group_size)
    largest = np.abs(groups).max(axis=2)
    scale: Floats = np.where(largest > 0, largest / 7, 1)
    q = np.rint(groups / scale[:, :, np.newaxis]).astype(np.int8)
    packed = pack_int4(q.reshape(w.shape))
    return packed, scale, dequantize_int4(packed, scale, group_size)
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_quantize_int4(student: Student, check: Check) -> None:
    """Two groups with steps of their own, halves, a group of zeros."""
    w = np.array([[7.0, -3.0, 0.07, 0.02], [0.0, 0.0, -3.5, 0.75]])
    packed, scale, dequantised = student.quantize_int4(w, 2)
    check.close(scale, [[1.0, 0.01], [1.0, 0.5]], "scale")
    check.close(packed, [[7 + 16 * 13, 7 + 16 * 2], [0, 9 + 16 * 2]], "packed")
    check.close(dequantised, [[7.0, -3.0, 0.07, 0.02], [0.0, 0.0, -3.5, 1.0]], "dequantised")


# %% [markdown]
# ## 4. Whole numbers all the way
#
# So far weights are turned back into floats before they are used. Multiplying whole numbers is
# cheaper, and for that the activations have to be whole numbers, too: eight bits for weights, eight
# for activations, hence the name W8A8. Weights are rounded once; activations when they come,
# with one step $t$ per *token*: $\hat x_i = t \, p_i$, by the rule of section 1. Then
#
# $$\sum_i \hat x_i \, \hat w_{oi} = \sum_i (t \, p_i)(s_o \, q_{oi})$$
#
# Which factors do not depend on $i$? What is left inside the sum is whole numbers only. Why must
# $t$ belong to a token and $s$ to an output, and neither to an input $i$?
#
# **Room for the sum.** A product of two codes is as large as $127^2 = 16{,}129$. An int8 does not
# hold one product, an int16 holds two of them. An int32 holds the sum of 133,000. NumPy multiplies
# int8 arrays in int8, and overflows without a word: convert first. float32 has 24 bits, so beyond
# $2^{24}$ it does not have all whole numbers either.
#
# **The error, proven.** Write $x_i w_i - \hat x_i \hat w_i = (x_i - \hat x_i) \hat w_i + x_i (w_i -
# \hat w_i)$. Each bracket is at most half a step:
#
# $$\Big| \sum_i x_i w_i - \sum_i \hat x_i \hat w_i \Big|
#   \le \frac{t}{2} \sum_i |\hat w_i| + \frac{s}{2} \sum_i |x_i|$$
#
# **One thing to try.** Draw `w` (256, 256) and `x` (100, 256) from a normal distribution and look
# at the largest error of `linear_w8a8` beside this bound. Then multiply one column of `x` by 50:
# real activations have such columns. What becomes of the error, and what if the same column of `w`
# is divided by 50 before it is quantised, which leaves the product as it was?


# %%
def linear_w8a8(x: Floats, q: Int8s, scale: Floats) -> Floats:
    """Multiply rounded activations with rounded weights.

    Args:
        x: (..., in). Rounded to int8 with one step per token. Not modified.
        q: (out, in), int8. What `quantize_int8` returned.
        scale: (out, 1), dtype of `x`. The steps of the rows of `q`.

    Returns:
        out: (..., out), dtype of `x`. Zeros for a token of zeros. The sums of products are exact,
            as int32 has them.

    Source:
        Dettmers et al. 2022, section 2 (arXiv:2208.07339); Xiao et al. 2023, section 3
        (arXiv:2211.10438).
    """
    ### BEGIN SOLUTION
    largest = np.abs(x).max(axis=-1, keepdims=True)
    step = np.where(largest > 0, largest / 127, 1)
    codes = np.rint(x / step).astype(np.int32)
    sums = codes @ q.T.astype(np.int32)
    return (sums * (step * scale[:, 0])).astype(x.dtype)
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_linear_w8a8(student: Student, check: Check) -> None:
    """Sums by hand, large ones, a token with steps of 2, zeros, rounding of x."""
    q = np.array([[127, 127, 127], [1, -2, 3]], dtype=np.int8)
    scale = np.array([[1.0], [0.5]])
    x = np.array([[127.0, 127.0, 127.0], [254.0, -2.0, 4.0], [0.0, 0.0, 0.0]])
    want = [[3.0 * 127 * 127, 127.0], [127 * 256.0, 0.5 * 270], [0.0, 0.0]]
    check.close(student.linear_w8a8(x, q, scale), want, "out")
    out = student.linear_w8a8(np.array([[[127.0, 0.4, -0.6]]]), q, scale)
    check.close(out, [[[127.0 * 126, 0.5 * 124]]], "out for x = [127, 0.4, -0.6]: codes 127, 0, -1")


# %% [markdown]
# ## Where to read more
#
# - Dettmers et al., *LLM.int8()*, 2022 (arXiv:2208.07339): scales per row, and columns of
#   activations that are far larger than the rest.
# - Dettmers and Zettlemoyer, *The Case for 4-bit Precision*, 2023 (arXiv:2212.09720): bits, groups
#   and the size of the model.
# - Xiao et al., *SmoothQuant*, 2023 (arXiv:2211.10438): moving the difficulty from activations to
#   weights.
# - Frantar et al., *GPTQ*, 2023 (arXiv:2210.17323): rounding that looks at the data.
