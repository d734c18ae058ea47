"""Bug hunt: layers with hand-written gradients, one of which may be wrong. Which one?"""

# %% [markdown]
# # Bug hunt
#
# **The question.** You are handed a layer that somebody else wrote: a forward, a backward, and
# nothing of their source. At most one of the gradients is wrong. Which one, or is none?
#
# You write the hunt as one function:
#
# | function | what it gives |
# | --- | --- |
# | `find_the_bug(module)` | the name of the tensor whose gradient is wrong, or `None` |
#
# You need your `check_gradient`, everything you have seen go wrong in this volume, and about three
# quarters of an hour. Your hunt is graded on many layers, wrong ones and right ones, that are drawn
# for you. It is paid only if it names the tensor of every wrong one *and* clears every right one,
# so naming the likeliest tensor, or never any, earns nothing.

# %%
from typing import Any

import numpy as np

from .gradcheck import check_gradient

# %% [markdown]
# ## What you get
#
# `module` is a dictionary with three entries:
#
# | entry | what it is |
# | --- | --- |
# | `module["forward"]` | called as `forward(*inputs)`, returns an array |
# | `module["backward"]` | called as `backward(dout, *inputs)`, returns a tuple of gradients |
# | `module["inputs"]` | a dictionary from names to arrays, in the order of the arguments |
#
# For a LayerNorm `module["inputs"]` has the names `x`, `gain` and `bias`. Floats may be any real
# numbers. Integer arrays are token ids: they are in their range as they are, and have no gradient.
# As in your gradient checks, the backward returns one gradient for each *float* input, in order.
# You see no source, but you may call both functions as often as you like, with arrays of the shapes
# that are given.
#
# ## Where to look
#
# The arrays in `module["inputs"]` are those the layer was built with: a gain of ones, a bias of
# zeros, projections that are equal or symmetric, a branch that is switched off by a zero. The
# tempting thing is to hand just these to the checker. Here is why this is not enough. Take
#
# $$\mathrm{out} = \hat{x} \cdot \mathrm{gain} + \mathrm{bias}
# \qquad \Rightarrow \qquad \frac{\partial \, \mathrm{out}}{\partial \hat{x}} = \mathrm{gain}
# \qquad \frac{\partial \, \mathrm{out}}{\partial \, \mathrm{gain}} = \hat{x}$$
#
# and two wrong backwards for it. One forgets the factor gain on the way to $\hat{x}$; the other one
# takes `out` for $\hat{x}$ in the gradient of the gain. Their errors are proportional to
#
# $$\mathrm{gain} - 1 \qquad \text{and} \qquad
# \mathrm{out} - \hat{x} = \hat{x} \, (\mathrm{gain} - 1) + \mathrm{bias}$$
#
# What are both at the values the layer was built with? An error is a *function* of the inputs and
# of `dout`, and it may be zero on a set of special points: where a gain is 1, where two matrices
# are equal, where every entry of `dout` is the same. What kind of point is in none of these sets,
# for practically every bug?
#
# Nothing says that your point must be a sensible one for the layer. It only has to have the right
# shapes, and integers have to stay integers.
#
# ## What the errors say
#
# At such a point your checker gives one error per float input. Central differences leave a right
# gradient with an error of about $10^{-10}$, rarely $10^{-8}$. The smallest bugs you will meet here
# have one of about $10^{-3}$. Choose your limit well between the two. Errors of `inf` are bugs: a
# wrong shape, a gradient that is missing, a value that is not finite.
#
# The errors come in the order of the float inputs, the names in the order of *all* inputs.
#
# **Randomness.** A function that answers differently from call to call is hard to test. Make a
# generator of your own, once per call, with a fixed seed: `np.random.default_rng(0)`. (Once per
# *array*, and two arrays of one shape are equal again.)


# %%
def find_the_bug(module: dict[str, Any]) -> str | None:
    """Name the tensor whose gradient is wrong.

    Args:
        module: A dictionary: "forward", called as forward(*inputs); "backward", called as
            backward(dout, *inputs), a tuple with one gradient for each float input, of which at
            most one is wrong; "inputs", a dictionary from names to arrays, in order. Left as it is.

    Returns:
        name: A str, the name of the float input whose gradient is wrong; None if all are right.

    Source:
        Claessen and Hughes 2000, QuickCheck: random points find what chosen examples miss.
    """
    ### BEGIN SOLUTION
    rng = np.random.default_rng(0)
    forward, backward, inputs = module["forward"], module["backward"], module["inputs"]
    point = tuple(
        rng.standard_normal(x.shape) if x.dtype.kind == "f" else x for x in inputs.values()
    )
    dout = rng.standard_normal(forward(*point).shape)
    errors = check_gradient(forward, backward, point, dout)
    names = [name for name, x in inputs.items() if x.dtype.kind == "f"]
    return next((n for n, error in zip(names, errors, strict=True) if error > 1e-6), None)
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_find_the_bug(student: Student, check: Check) -> None:
    """One layer, right and wrong in several ways: token ids, and a gain that was built as ones."""
    inputs = {"ids": np.array([1, 0, 1]), "table": np.array([[1.0, -2.0], [0.5, 3.0]])}
    inputs["gain"] = np.ones(2)

    def forward(ids: Any, table: Any, gain: Any) -> Any:
        return table[ids] * gain

    def right(dout: Any, ids: Any, table: Any, gain: Any) -> Any:
        dtable = np.zeros((2, 2))
        np.add.at(dtable, ids, dout * gain)
        return dtable, (dout * table[ids]).sum(axis=0)

    def no_gain(dout: Any, ids: Any, table: Any, gain: Any) -> Any:
        return right(dout, ids, table, np.ones(2))[0], right(dout, ids, table, gain)[1]

    def first_row(dout: Any, ids: Any, table: Any, gain: Any) -> Any:
        return right(dout, ids, table, gain)[0], dout[0] * table[ids[0]]

    def not_summed(dout: Any, ids: Any, table: Any, gain: Any) -> Any:
        return right(dout, ids, table, gain)[0], dout * table[ids]

    cases = (
        (right, None, "the layer whose gradients are right"),
        (first_row, "gain", "the layer whose dgain is the first row's only"),
        (no_gain, "table", "the layer whose dtable lacks the gain"),
        (not_summed, "gain", "the layer whose dgain is not summed over the rows"),
    )
    for backward, want, which in cases:
        module = {"forward": forward, "backward": backward, "inputs": inputs}
        got = student.find_the_bug(module)
        check.true(got == want, f"for {which} it gives {got!r}, expected {want!r}")


# %% [markdown]
# ## One thing to try
#
# Run your hunt with the inputs as they were given. Which of the four layers in the check above does
# it get wrong, and what would the error be proportional to? Then go the other way: break one of
# your own backwards in the most innocent way you can think of, and see whether your hunt finds it.
# If it does not, you have found something more interesting than a bug.
#
# ## Where to read more
#
# - Claessen and Hughes, *QuickCheck: A Lightweight Tool for Random Testing of Haskell Programs*,
#   2000: why random inputs find what chosen examples miss.
# - DeMillo, Lipton and Sayward, *Hints on Test Data Selection*, 1978: planting bugs to find out how
#   good a test is. The hidden checks of this course are tested that way, too.
