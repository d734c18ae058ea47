"""Cross-entropy: what a prediction costs when the truth is known, and the gradient of that cost."""

# %% [markdown]
# # Cross-entropy
#
# **The question.** At every place of a text a language model gives one *logit* for each word of its
# vocabulary, and the text itself says which word really comes next: the *target*. How do we say in
# one number how good all these predictions are, so that a better model has a smaller number? And
# what does the gradient of that number tell each logit?
#
# You write two functions:
#
# | function | shapes |
# | --- | --- |
# | `cross_entropy(logits, targets, ignore_index=-100)` | `(..., V)` and `(...)` to one number |
# | `cross_entropy_backward(logits, targets, ignore_index=-100)` | to `dlogits`, `(..., V)` |
#
# You need your softmax, the rules for logarithms, and about an hour.

# %%
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .softmax import softmax

Floats = NDArray[np.floating[Any]]
Ids = NDArray[np.int64]

# %% [markdown]
# ## 1. Forward
#
# **One target.** Softmax turns the $V$ logits $x$ of one place into probabilities, and $p_y$ is the
# one that the model gave to the target $y$. Its cost is
#
# $$\ell = -\ln p_y \qquad p_y = \frac{e^{x_y}}{\sum_k e^{x_k}}$$
#
# ![The cost as a curve over the probability of the target: 0 where it is 1, 0.69 where it is one
# half, 2.08 where it is one eighth, an even guess among eight words, and rising without bound as it
# goes to 0.](figures/cross_entropy.svg)
#
# Why a logarithm? The probability of a text is the product of the probabilities of its words, and
# the logarithm of a product is a sum: costs add up from word to word. A model that knows nothing
# gives every word $1/V$, which costs $\ln V$. That is the loss with which training begins; another
# number there means a mistake. The unit is the *nat*; $e^{\mathrm{loss}}$ is called perplexity.
#
# **The trap.** Suppose the target's logit is 1000 below the largest. Its probability is
# $e^{-1000}$, which is 0 in floating point, and $-\ln 0$ is infinite. But the cost is 1000, quite
# an ordinary number. (In float32 this happens from about 104 on.) Adding a small number to the
# probability hides the trap and caps the cost: with $10^{-8}$ every large error costs 18.4, and a
# model learns nothing from the difference between them. The way out is not to compute $p_y$ at all.
# The logarithm of a fraction is a difference:
#
# $$\ell = \ln \sum_k e^{x_k} - x_y$$
#
# Now an exponential may overflow. From softmax you know that a shift $x_k \to x_k - c$ of the whole
# row changes nothing. Which $c$ makes both terms harmless? What does the sum contain then, whatever
# the other logits are, so that its logarithm is never that of 0?
#
# **Many targets.** The loss is the mean over all targets that count:
#
# $$L = \frac{1}{n} \sum_{t \text{ counts}} \ell_t$$
#
# Some places have no target: sequences in a batch differ in length and are padded, and a question
# need not be predicted if only its answer is to be learned. There the target is `ignore_index`, and
# $n$ is the number of the others. Every target that counts has the same weight, so the mean is over
# all of them together, not a mean of the sequences' means. `ignore_index` may be any number, among
# them an id of the vocabulary (that of the padding, say). If nothing counts, the loss is 0.0.
#
# **Shapes.** `targets` has the shape of `logits` without the last axis, and any leading axes will
# do. From each row of logits you need one entry, at the place that its target names: indexing with
# two arrays, or `np.take_along_axis`. Mind that -100 is a mark and not a place. The result is one
# number, a Python float or an array without axes.
#
# Nothing is shifted in time here: whoever calls you has already made sure that the target at
# place $t$ is the word *after* place $t$.

# %%
def cross_entropy(logits: Floats, targets: Ids, ignore_index: int = -100) -> float:
    """Average -ln p over the targets, p being the probability that the logits give to each.

    Args:
        logits: (..., V). Scores of all words at each place, any finite values.
        targets: (...), int64. The word that is right at each place, or `ignore_index`.
        ignore_index: Targets of this value do not count.

    Returns:
        loss: (), a float or an array without axes. 0.0 if no target counts.

    Source:
        Goodfellow, Bengio and Courville 2016, sections 3.13 and 6.2.2.3.
    """
    raise NotImplementedError("cross_entropy is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_cross_entropy(student: Student, check: Check) -> None:
    """Worked numbers, targets that do not count, an even guess, large errors."""
    logits = np.log([[[1.0, 1.0, 2.0], [1.0, 6.0, 1.0]], [[2.0, 3.0, 3.0], [8.0, 4.0, 4.0]]])
    targets = np.array([[0, 2], [0, 1]])  # of probability 1/4, 1/8, 1/4 and 1/4
    check.close(student.cross_entropy(logits, targets), 2.25 * np.log(2.0), "the loss")
    rows = student.cross_entropy(logits[0], targets[0])
    check.close(rows, 2.5 * np.log(2.0), "the loss of the first sequence alone")
    gap = student.cross_entropy(logits, np.array([[0, 2], [-100, 1]]))
    check.close(gap, 7 / 3 * np.log(2.0), "the loss without the third target")
    gap = student.cross_entropy(logits, targets, ignore_index=0)
    check.close(gap, 2.5 * np.log(2.0), "the loss with ignore_index=0")
    nothing = student.cross_entropy(logits, np.full((2, 2), -100))
    check.close(nothing, 0.0, "the loss if no target counts")
    even = student.cross_entropy(np.full((3, 7), 5.0), np.array([0, 6, 3]))
    check.close(even, np.log(7.0), "the loss of equal logits for 7 words")
    large = student.cross_entropy(np.array([[0.0, 1000.0], [-3000.0, 0.0]]), np.array([0, 0]))
    check.close(large, 2000.0, "the mean of errors of 1000 and 3000")

# %% [markdown]
# ## 2. Backward
#
# The loss is the end of the chain, so no `dout` arrives: the function is handed the arguments of
# the forward and gives the derivative of $L$ by every logit.
#
# **One target.** Differentiate the two terms of $\ell = \ln \sum_k e^{x_k} - x_y$ by $x_j$. Write
# $Z$ for the sum. In the first term the chain rule goes through the logarithm:
#
# $$\frac{\partial}{\partial x_j} \ln Z = \frac{1}{Z} \, \frac{\partial Z}{\partial x_j} =
# \frac{e^{x_j}}{Z}$$
#
# The second term is one of the logits, or is not:
#
# $$\frac{\partial x_y}{\partial x_j} = 1 \text{ for } j = y, \text{ else } 0$$
#
# The last step is yours. What is the fraction called? Write the derivative for all $j$ at once,
# with a vector that has a 1 at the place of the target and else zeros.
#
# **The same by another way.** You could also go back through the logarithm first, and then through
# softmax. The derivative of $-\ln p_y$ is $-1/p_y$ at the target and 0 elsewhere. Put this for
# `dout` into your `softmax_backward`, on paper: what happens to the division by $p_y$? Computed in
# two steps it is a division by 0 wherever the probability underflows. Computed in one step it never
# takes place, which is why loss and softmax are one function in every framework.
#
# **Many targets.** $L$ is a mean. What factor does each row get? What does a row get whose target
# does not count? And what do you divide by if no target counts?
#
# **Checks for free.** (1) A shift of a row changes nothing, so every row of the gradient adds up to
# zero. (2) Step against the gradient, as training does: the target's logit goes up, all others go
# down, each in proportion to the probability that was wrongly given to it. (3) No entry of a row
# is larger than $1/n$, however bad the prediction was.
#
# **Shapes.** `dlogits` is as large as `logits`, `(B, T, V)`, often the largest array of the whole
# training. Nothing larger is needed. `np.eye(V)[targets]` is a popular way to write the vector
# above; the matrix has $V^2$ entries, 3.2 GB for 20,000 words. Comparing `targets[..., np.newaxis]`
# with `np.arange(V)` gives the same ones and zeros and no more, and so does changing one entry per
# row. Mind the dtype: a NumPy integer, such as the sum of a mask, turns float32 into float64 when
# you divide by it; a Python number does not.
#
# **One thing to try.** Take equal logits for 1,000 words and one target. Before you run anything:
# what is the loss, what is the gradient at the target, what elsewhere? Then go one step of length
# 1 against the gradient. By what factor does the probability of the target grow?

# %%
def cross_entropy_backward(logits: Floats, targets: Ids, ignore_index: int = -100) -> Floats:
    """Differentiate `cross_entropy` by the logits.

    Args:
        logits: (..., V). The scores that `cross_entropy` was given.
        targets: (...), int64. The targets that it was given.
        ignore_index: Targets of this value do not count.

    Returns:
        dlogits: (..., V), dtype of `logits`. Exactly zero where the target does not count.

    Source:
        Bishop 2006, Pattern Recognition and Machine Learning, section 4.3.4.
    """
    raise NotImplementedError("cross_entropy_backward is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_cross_entropy_backward(student: Student, check: Check) -> None:
    """Gradients worked out by hand, targets that do not count, your own loss differenced."""
    logits, targets = np.log([[1.0, 3.0], [1.0, 1.0]]), np.array([0, 1])
    want = np.array([[-0.375, 0.375], [0.25, -0.25]])
    check.close(student.cross_entropy_backward(logits, targets), want, "dlogits")
    gap = student.cross_entropy_backward(logits, np.array([0, -100]))
    check.close(gap, [[-0.75, 0.75], [0.0, 0.0]], "dlogits without the second target")
    gap = student.cross_entropy_backward(logits, targets, ignore_index=0)
    check.close(gap, [[0.0, 0.0], [0.5, -0.5]], "dlogits with ignore_index=0")
    nothing = student.cross_entropy_backward(logits, np.array([-100, -100]))
    check.close(nothing, np.zeros((2, 2)), "dlogits if no target counts")
    large = student.cross_entropy_backward(np.array([[0.0, 1000.0, -1000.0]]), np.array([0]))
    check.close(large, [[-1.0, 1.0, 0.0]], "dlogits of an error of 1000")
    x = 2.0 * np.random.default_rng(0).standard_normal((2, 3, 4))
    targets = np.array([[3, 0, -100], [1, -100, -100]])
    dlogits = student.cross_entropy_backward(x, targets)
    check.gradient(dlogits, lambda v: student.cross_entropy(v, targets), x, 1.0, "dlogits")
    single = student.cross_entropy_backward(x.astype(np.float32), targets)
    check.true(single.dtype == np.float32, f"dlogits of float32 logits is {single.dtype}")

# %% [markdown]
# ## Where to read more
#
# - Shannon, *Prediction and Entropy of Printed English*, 1951: how well people predict text, and
#   why no model can do better than the text's entropy.
# - Goodfellow, Bengio and Courville, *Deep Learning*, 2016: 3.13 (information), 6.2 (why the loss
#   is a logarithm when the output is an exponential).
# - Wijmans et al., *Cut Your Losses in Large-Vocabulary Language Models*, 2024 (arXiv:2411.09009):
#   the same loss and gradient without ever holding all logits.
