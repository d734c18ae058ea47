"""RoPE: positions turn queries and keys, and their products see nothing but distances."""

# %% [markdown]
# # Rotary position embedding
#
# **The question.** Attention compares queries with keys by dot products, and a dot product does not
# know where its two tokens stand: shuffle the earlier tokens, and the output stays the same. How do
# queries and keys learn their positions, such that a score depends on the *distance* of two tokens
# and on nothing else about their places?
#
# You write three functions:
#
# | function | shapes |
# | --- | --- |
# | `rope(x, positions, theta=10000.0)` | `(B, T, n_heads, d_head)`, the same comes out |
# | `rope_backward(dout, positions, theta=10000.0)` | likewise |
# | `to_half_split(w, n_heads)` | `(in, n_heads * d_head)`, the same comes out |
#
# `positions` is `(T,)`, or `(B, T)` if the rows of a batch stand at different places. You need the
# sine and cosine of a sum, and about an hour.

# %%
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]

# %% [markdown]
# ## 1. Forward
#
# **One pair.** Take two neighbouring features $(a, b)$ of a query or key as a point of the plane,
# and turn it about the origin by an angle $\varphi$:
#
# $$a' = a \cos \varphi - b \sin \varphi \qquad b' = a \sin \varphi + b \cos \varphi$$
#
# In matrix form this is $R(\varphi)$, applied to the column $(a, b)$. A rotation keeps lengths, and
# one rotation after another is a rotation by the sum of the angles,
# $R(\alpha) \, R(\beta) = R(\alpha + \beta)$. The transpose, which is the inverse, turns back:
# $R(\alpha)^T = R(-\alpha)$.
#
# **Why it works.** Let the angle be proportional to the position, $\varphi = m \, \omega$ at
# position $m$. The score of a query at $m$ for a key at $n$ is then
#
# $$\big( R(m \omega) \, q \big)^T R(n \omega) \, k = q^T R(m \omega)^T R(n \omega) \, k
# = q^T R\big( (n - m) \, \omega \big) \, k$$
#
# Both positions are gone but for their difference. Nothing is added to the token, no length is
# changed, and nothing has to be learned.
#
# ![Two rows of clocks for positions 0 to 5. In the upper row the hand of pair 0 turns by a large
# angle from position to position, in the lower row that of pair 1 turns by a small one. In each
# row the angle between the hands of two clocks depends on their distance only.](figures/rope.svg)
#
# **Many pairs.** One angle repeats itself after a full turn, and close positions would look like
# far ones. So every head has pairs that turn fast and pairs that turn slowly. With $d$ = `d_head`,
# pair $i$ consists of the features $2i$ and $2i + 1$ and turns by
#
# $$\varphi_{m,i} = m \, \omega_i \qquad \omega_i = \theta^{-2i / d} \qquad
# i = 0, \dots, \tfrac{d}{2} - 1$$
#
# At $\theta = 10000$ and $d = 128$ the first pair needs 6.3 tokens for a full turn, the last one
# about 54,000. Models for long texts take a larger $\theta$.
#
# **Shapes.** There is one angle per position and pair, the same for all heads. So the angles have
# shape `(T, d_head / 2)`, or `(B, T, d_head / 2)`: which axis has to be inserted, and where, for
# their cosines to meet `x[..., 0::2]` with its `(B, T, n_heads, d_head / 2)`? Where sizes happen to
# be equal, NumPy lines up the wrong axes without a word.
#
# **Positions are an argument**, because they are not always 0, 1, 2, ...: with a cache the next
# token stands at the end, and rows of a batch may have started at different times.
#
# **Precision.** Near 100,000 neighbouring float32 numbers are 0.008 apart: an angle in float32 is
# wrong in the third digit there. Compute the angles in float64, take cosine and sine, and only then
# go to the dtype of `x`, which the result has, too.
#
# **A trap.** If you write the first result over `x[..., 0::2]` before the second is computed, the
# second one uses $a'$ where it needs $a$. (And `x` belongs to the caller.)


# %%
def rope(x: Floats, positions: Ints, theta: float = 10000.0) -> Floats:
    """Turn each pair of features by an angle proportional to its token's position.

    Args:
        x: (B, T, n_heads, d_head). Queries or keys; d_head is even.
        positions: (T,) or (B, T). Where each token stands; whole numbers, 0 or more.
        theta: Pair i turns by theta**(-2i / d_head) radians per position.

    Returns:
        out: (B, T, n_heads, d_head), dtype of `x`.

    Source:
        Su et al. 2021, section 3.2.2 and equation 34.
    """
    ### BEGIN SOLUTION
    d_head = x.shape[-1]
    per_position = theta ** (-np.arange(0, d_head, 2) / d_head)  # (d_head / 2,), float64
    angles = positions[..., np.newaxis, np.newaxis] * per_position  # (..., T, 1, d_head / 2)
    cos, sin = np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)
    a, b = x[..., ::2], x[..., 1::2]  # (B, T, n_heads, d_head / 2)
    out = np.empty_like(x)
    out[..., ::2] = a * cos - b * sin
    out[..., 1::2] = a * sin + b * cos
    return out
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_rope(student: Student, check: Check) -> None:
    """Worked numbers, both kinds of positions, scores that see distances only, float32."""
    # d_head is 4: with theta = 16, pair 0 turns by 1 per position and pair 1 by 1/4.
    x = np.tile([1.0, 0.0, 0.0, 2.0], (2, 3, 2, 1))  # (B, T, n_heads, d_head)
    positions = np.array([0, 1, 4])

    def turned(m: Any, slow: float) -> Any:
        parts = np.cos(m), np.sin(m), -2.0 * np.sin(slow * m), 2.0 * np.cos(slow * m)
        return np.stack(parts, axis=-1)

    want = np.tile(turned(positions, 0.25)[:, np.newaxis], (2, 1, 2, 1))
    check.close(student.rope(x, positions, theta=16.0), want, "out at positions 0, 1, 4, theta 16")
    want = np.tile(turned(positions, 0.01)[:, np.newaxis], (2, 1, 2, 1))
    check.close(student.rope(x, positions), want, "out at positions 0, 1, 4")
    per_row = np.array([[0, 1, 4], [7, 7, 2]])
    want = np.tile(turned(per_row, 0.01)[:, :, np.newaxis], (1, 1, 2, 1))
    check.close(student.rope(x, per_row), want, "out at positions (0, 1, 4), (7, 7, 2)")

    def scores(shift: int) -> Any:
        """Every token of one sequence with every other, after a shift of all positions."""
        out = student.rope(vectors, positions + shift)[0, :, 0]
        return out @ out.T

    vectors = np.random.default_rng(0).standard_normal((1, 3, 1, 6))
    check.close(scores(50), scores(0), "the scores with all positions 50 further on")
    far = student.rope(np.ones((1, 1, 1, 2), dtype=np.float32), np.array([100_000]))
    check.true(far.dtype == np.float32, f"out is {far.dtype} for a float32 x")
    a, b = np.cos(1e5), np.sin(1e5)
    check.close(far, [[[[a - b, a + b]]]], "out in float32 at position 100,000", rtol=1e-6)


# %% [markdown]
# ## 2. Backward
#
# Each pair of the output depends on the same pair of the input and on nothing else, and linearly.
# Both $a'$ and $b'$ depend on $a$: two paths, and the total derivative adds them. With
# $\mathrm{d}a'$ and $\mathrm{d}b'$ for the entries of `dout`
#
# $$\mathrm{d}a = \mathrm{d}a' \, \frac{\partial a'}{\partial a}
# + \mathrm{d}b' \, \frac{\partial b'}{\partial a} \qquad
# \mathrm{d}b = \mathrm{d}a' \, \frac{\partial a'}{\partial b}
# + \mathrm{d}b' \, \frac{\partial b'}{\partial b}$$
#
# Read the four derivatives off the formulas of section 1 and insert them. Then compare with these
# formulas: by which angle are $(\mathrm{d}a', \mathrm{d}b')$ turned? You have a function that turns
# pairs.
#
# **Two checks for free.** (1) The gradient is as long as `dout`: however many positions, layers and
# tokens, RoPE neither blows it up nor lets it vanish. (2) Forward and then backward gives back
# what you started from, because the transpose of a rotation is its inverse. Do not expect that of
# other layers: the gradient of a linear layer does not undo the layer.
#
# **One thing to try.** Turn a batch of vectors at position 5, then once more at position 7. Which
# single call does the same? And what is `rope` at position 5 with `theta` 1?


# %%
def rope_backward(dout: Floats, positions: Ints, theta: float = 10000.0) -> Floats:
    """Push `dout` back through `rope`.

    Args:
        dout: (B, T, n_heads, d_head). Gradient of the loss with respect to the output.
        positions: (T,) or (B, T). The positions that `rope` was given.
        theta: The theta that it was given.

    Returns:
        dx: (B, T, n_heads, d_head), dtype of `dout`. Gradient with respect to `x`.

    Source:
        Su et al. 2021, section 3.2.2: the rotation matrix is orthogonal.
    """
    ### BEGIN SOLUTION
    return rope(dout, -positions, theta)
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student, ask_my_checker

if __name__ == "__main__":  # here, in the notebook: what does your own gradient checker say?
    rng = np.random.default_rng()
    ask_my_checker(
        "vol1_numpy/gradcheck",
        lambda x: rope(x, np.arange(3)),
        lambda dout, x: (rope_backward(dout, np.arange(3)),),
        (rng.standard_normal((1, 3, 2, 4)),),
        ("dx",),
    )


def visible_rope_backward(student: Student, check: Check) -> None:
    """A gradient worked out by hand, your own rope differenced, there and back again."""
    # By 1 and by 1/4: a' and b' of pair 0, and b' of pair 1, have gradient 1, 0 and 1.
    worked = student.rope_backward(np.array([[[[1.0, 0.0, 0.0, 1.0]]]]), np.array([1]), theta=16.0)
    want = [[[[np.cos(1.0), -np.sin(1.0), np.sin(0.25), np.cos(0.25)]]]]
    check.close(worked, want, "dx at position 1, theta 16")
    x, dout = np.random.default_rng(0).standard_normal((2, 2, 3, 2, 4))

    def there_and_back(positions: Ints) -> None:
        name = f"positions of shape {positions.shape}"
        dx = student.rope_backward(dout, positions)
        check.gradient(dx, lambda v: student.rope(v, positions), x, dout, f"dx, {name}")
        back = student.rope_backward(student.rope(x, positions, theta=9.0), positions, theta=9.0)
        check.close(back, x, f"rope_backward of rope, {name},")

    there_and_back(np.array([3, 0, 8]))
    there_and_back(np.array([[3, 0, 8], [1, 5, 5]]))


# %% [markdown]
# ## 3. Two orders of features
#
# Which two features make a pair is a convention. The paper and LLaMA's own code turn neighbours,
# $2i$ and $2i + 1$: the order is *interleaved*. The checkpoints on Hugging Face are for code that
# turns feature $i$ with feature $i + d/2$: the head is *split into halves*. Run with the other
# convention, a model talks nonsense.
#
# Nothing has to be trained again, though. Scores are dot products, and a dot product does not care
# about the order of features as long as query and key have the same one. And features get their
# order from the columns of `w_q` and `w_k`. So reorder the columns, head by head:
#
# ![Six columns of one head, numbered 0 to 5, of the colours of their pairs: 0 and 1, 2 and 3, 4 and
# 5. Lines lead to their places in the half-split order, which reads 0, 2, 4, 1, 3,
# 5.](figures/rope_half_split.svg)
#
# With $d$ = `d_head`, for head $h$ and pair $i$
#
# | new column | takes old column |
# | --- | --- |
# | $h d + i$ | $h d + 2i$ |
# | $h d + d/2 + i$ | $h d + 2i + 1$ |
#
# Fill an array with the numbers 0, 1, 2, ... of the old columns. Into which three axes do you
# reshape it, so that the table is an exchange of two of them? Or write the two loops. No column
# leaves its head. For `w_k`, `n_heads` is the number of key heads. The result is a new array, also
# where `d_head` is 2 and no column moves.


# %%
def to_half_split(w: Floats, n_heads: int) -> Floats:
    """Reorder the columns of `w_q` or `w_k` for code that turns feature i with i + d_head / 2.

    Args:
        w: (in, n_heads * d_head). Weights whose heads have neighbours as pairs.
        n_heads: The number of heads in `w`.

    Returns:
        out: (in, n_heads * d_head), dtype of `w`. The same columns, head by head in the order 0,
            2, 4, ..., 1, 3, 5, ...

    Source:
        Wolf et al. 2020: the conversion of LLaMA's weights in the transformers library.
    """
    ### BEGIN SOLUTION
    columns = np.arange(w.shape[1]).reshape(n_heads, -1, 2)  # (n_heads, d_head / 2, 2)
    return w[:, columns.swapaxes(1, 2).ravel()]  # indexing copies
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_to_half_split(student: Student, check: Check) -> None:
    """One head, two heads, and a pair that stays where it is."""
    numbers = np.array([[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [10.0, 11.0, 12.0, 13.0, 14.0, 15.0]])
    want = [[0.0, 2.0, 4.0, 1.0, 3.0, 5.0], [10.0, 12.0, 14.0, 11.0, 13.0, 15.0]]
    check.close(student.to_half_split(numbers, 1), want, "out of one head of six columns")
    two = student.to_half_split(np.arange(8.0)[np.newaxis], 2)
    want = [[0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]]
    check.close(two, want, "out of two heads of four columns")
    check.close(student.to_half_split(numbers, 3), numbers, "out of three heads of two columns")


# %% [markdown]
# ## Where to read more
#
# - Su et al., *RoFormer: Enhanced Transformer with Rotary Position Embedding*, 2021
#   (arXiv:2104.09864): section 3 derives the rotation from what is asked of it.
# - Touvron et al., *LLaMA*, 2023 (arXiv:2302.13971), section 2.2.
# - Xiong et al., *Effective Long-Context Scaling of Foundation Models*, 2023 (arXiv:2309.16039):
#   why a larger theta helps with long texts.
