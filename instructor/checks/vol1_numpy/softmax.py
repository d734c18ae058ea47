"""Hidden checks for vol1_numpy/softmax."""

import numpy as np

from autograder import Exercise, array, derived, numerical_gradient
from solutions.vol1_numpy import softmax


def probabilities(x):
    """What softmax returned for an x that no checked function ever sees."""
    return softmax.softmax(x)


def outliers(rng, B, T, V):
    """Scores in the thousands, of either sign, beside rows of ordinary size."""
    scale = rng.choice([1e-3, 1.0, 1e3, 3e3], size=(B, T, 1))
    scale[0, 0] = 3e3
    return scale * rng.standard_normal((B, T, V))


exercise = Exercise(
    "vol1_numpy/softmax",
    solution=softmax,
    difficulty=2,
    minutes=60,
    inputs={"x": array("B T V"), "dout": array("B T V"), "probs": derived(probabilities)},
    sizes={"B": [2, 3, 2], "T": [4, 3, 1], "V": [5, 3, 1]},
)
MATRIX = {"B": [3, 4], "V": [5, 4]}
ROW = {"V": [5, 8, 2]}
SMALL = {"B": [2], "T": [3], "V": [4]}
WIDE = {"V": [20_000]}

# softmax

exercise.matches_reference("softmax", points=2)
exercise.matches_reference(
    "softmax",
    points=1,
    name="other_axes",
    title="The axis that is asked for is the one that sums to one.",
    axis=derived(lambda rng: int(rng.choice([0, 1, -2]))),
)
exercise.matches_reference(
    "softmax",
    points=1,
    name="large_scores",
    title="Scores in the thousands give probabilities, not nan.",
    kind="E",
    x=derived(outliers),
)


@exercise.satisfies("softmax", points=1, sizes=SMALL)
def a_shift_changes_nothing(student, x, rng):
    """Adding a constant to a row changes none of its probabilities."""
    shift = rng.normal(scale=100.0, size=(*x.shape[:-1], 1))
    return student.softmax(x + shift), student.softmax(x)


@exercise.satisfies("softmax", points=1, sizes=MATRIX, x=array("B V"))
def each_row_stands_alone(student, x):
    """A row's probabilities do not depend on the other rows, however large those are."""
    beside = x.copy()
    beside[0] += 2000.0
    return student.softmax(beside)[1:], softmax.softmax(x[1:])


# Not in the thousands: there the logarithm of a sum, a right way, is too coarse in float32.
exercise.keeps_dtype("softmax", points=1, x=array("B T V", scale=10.0))
exercise.leaves_inputs_alone("softmax", points=1)

exercise.slip(
    "softmax",
    "no_shift",
    "x - x.max(axis=axis, keepdims=True)",
    "x",
    "exp of a large score overflows. A shift of the whole row changes no probability: which shift "
    "keeps every exponent at or below zero?",
)
exercise.slip(
    "softmax",
    "shift_by_the_global_maximum",
    "x.max(axis=axis, keepdims=True)",
    "x.max()",
    "Each row needs its own shift. With one shift for the whole array, a row far below the largest "
    "score underflows to 0 / 0.",
)
exercise.slip(
    "softmax",
    "sums_over_everything",
    "exps.sum(axis=axis, keepdims=True)",
    "exps.sum()",
    "All probabilities together sum to one here. Each row should, along `axis`.",
)
exercise.slip(
    "softmax",
    "always_the_last_axis",
    "    exps =",
    "    axis = -1\n    exps =",
    "The argument `axis` is ignored: the last axis is normalised whatever is asked for.",
)
exercise.slip(
    "softmax",
    "always_the_first_axis",
    "    exps =",
    "    axis = 0\n    exps =",
    "The first axis is normalised whatever `axis` says; for a batch of rows it is the last one.",
)
exercise.slip(
    "softmax",
    "not_normalised",
    "exps / exps.sum(axis=axis, keepdims=True)",
    "exps",
    "The exponentials are right, but they are not divided by their sum yet.",
)
exercise.slip(
    "softmax",
    "adds_an_epsilon",
    "exps.sum(axis=axis, keepdims=True)",
    "(exps.sum(axis=axis, keepdims=True) + 1e-6)",
    "A small number is added to the sum. It cannot be zero (after the shift one term is 1), "
    "and with it the probabilities no longer sum to one.",
)
exercise.slip(
    "softmax",
    "shifts_the_wrong_way",
    "x - x.max",
    "x + x.max",
    "The shift is added instead of subtracted: large scores become larger still.",
)
exercise.slip(
    "softmax",
    "absolute_values",
    "np.exp(x - x.max(axis=axis, keepdims=True))",
    "np.abs(x)",
    "Scores are divided by their sum without the exponential; exp keeps the order of negative "
    "scores, too.",
)


@exercise.mistake("softmax")
def shifts_the_array_it_was_given(x, axis=-1):
    """The shift is written into `x` itself. Work on a new array: the caller still needs x."""
    x -= x.max(axis=axis, keepdims=True)
    exps = np.exp(x)
    return exps / exps.sum(axis=axis, keepdims=True)


@exercise.mistake("softmax")
def computes_in_float64(x, axis=-1):
    """The result is float64 for float32 scores. Keep the dtype of `x`."""
    return softmax.softmax(np.asarray(x, dtype=np.float64), axis)


# softmax_jacobian

exercise.matches_reference("softmax_jacobian", points=2, sizes=ROW, x=array("V"))


@exercise.satisfies("softmax_jacobian", points=1, kind="F", sizes=ROW, x=array("V"))
def jacobian_matches_finite_differences(student, x):
    """Entry [i, j] is the derivative of probability i by score j."""
    jacobian = student.softmax_jacobian(softmax.softmax(x))
    rows = [numerical_gradient(softmax.softmax, x, one) for one in np.eye(x.size)]
    return np.abs(jacobian - np.array(rows)).max() < 1e-6


@exercise.satisfies("softmax_jacobian", points=1, sizes=ROW, x=array("V"))
def rows_and_columns_sum_to_zero(student, probs):
    """Probabilities always sum to one, and a shift changes nothing: rows and columns sum to 0."""
    jacobian = student.softmax_jacobian(probs)
    yield jacobian.sum(axis=0), np.zeros(probs.size)
    yield jacobian.sum(axis=1), np.zeros(probs.size)


exercise.keeps_dtype("softmax_jacobian", points=1, x=array("V"))
exercise.leaves_inputs_alone("softmax_jacobian", points=1, x=array("V"))

exercise.slip(
    "softmax_jacobian",
    "diagonal_only",
    "np.diag(probs) - np.outer(probs, probs)",
    "np.diag(probs - probs**2)",
    "Every score changes every probability, through the sum in the denominator: the entries beside "
    "the diagonal are not zero.",
)
exercise.slip(
    "softmax_jacobian",
    "no_diagonal_part",
    "np.diag(probs) - np.outer(probs, probs)",
    "-np.outer(probs, probs)",
    "This is the case i != j used everywhere. On the diagonal the numerator depends on the score, "
    "too: the first case has one more term.",
)
exercise.slip(
    "softmax_jacobian",
    "plus_for_minus",
    "np.diag(probs) - np.outer",
    "np.diag(probs) + np.outer",
    "Raising one score lowers the other probabilities: beside the diagonal all is negative.",
)
exercise.slip(
    "softmax_jacobian",
    "opposite_sign",
    "np.diag(probs) - np.outer(probs, probs)",
    "np.outer(probs, probs) - np.diag(probs)",
    "Everything has the opposite sign: raising a score raises its own probability.",
)
exercise.slip(
    "softmax_jacobian",
    "identity_instead_of_probs",
    "np.diag(probs)",
    "np.eye(len(probs), dtype=probs.dtype)",
    "The diagonal part is a probability, not 1: rewrite e^x Z / Z^2 once more.",
)
exercise.slip(
    "softmax_jacobian",
    "diagonal_is_only_p",
    "np.diag(probs) - np.outer(probs, probs)",
    "np.diag(probs + probs**2) - np.outer(probs, probs)",
    "On the diagonal the second term of the quotient rule is missing.",
)
exercise.slip(
    "softmax_jacobian",
    "squares_the_row",
    "np.outer(probs, probs)",
    "probs**2",
    "The second part needs p_i p_j for every pair: an outer product, not a square.",
)
exercise.slip(
    "softmax_jacobian",
    "softmax_once_more",
    "np.diag(probs) - np.outer(probs, probs)",
    "np.diag(softmax(probs)) - np.outer(softmax(probs), softmax(probs))",
    "The argument is already a row of probabilities; softmax is applied to it once more.",
)

# softmax_backward

exercise.matches_reference("softmax_backward", points=3)
exercise.matches_finite_differences(
    "softmax_backward", of=softmax.softmax, wrt=["x"], points=2, sizes=SMALL
)
exercise.matches_reference(
    "softmax_backward",
    points=1,
    name="other_axes",
    title="The gradient follows `axis`, too.",
    axis=derived(lambda rng: int(rng.choice([0, 1, -2]))),
    probs=derived(lambda x, axis: softmax.softmax(x, axis)),
)


@exercise.satisfies("softmax_backward", points=1, sizes=SMALL)
def gradients_sum_to_zero(student, dout, probs, rng):
    """A shift of a row changes nothing: its gradient sums to 0, and a constant dout gives 0."""
    dx = student.softmax_backward(dout, probs)
    yield dx.sum(axis=-1), np.zeros(dx.shape[:-1])
    flat = np.broadcast_to(dout[..., :1], dout.shape)
    yield student.softmax_backward(flat, probs), np.zeros(dout.shape)


@exercise.satisfies("softmax_backward", points=1, kind="E", sizes=WIDE)
def twenty_thousand_classes(student, rng, V):
    """Nothing larger than the input is built: a row of 20,000 probabilities is no problem."""
    probs = softmax.softmax(rng.standard_normal((2, V)))
    dout = rng.standard_normal((2, V))
    return student.softmax_backward(dout, probs), softmax.softmax_backward(dout, probs)


exercise.keeps_dtype("softmax_backward", points=1)
exercise.leaves_inputs_alone("softmax_backward", points=1)

exercise.slip(
    "softmax_backward",
    "forgets_the_mean",
    "(dout - expected)",
    "dout",
    "Only the term with i = j is there. The second term couples all scores of a row through the "
    "denominator.",
)
exercise.slip(
    "softmax_backward",
    "diagonal_of_the_jacobian",
    "probs * (dout - expected)",
    "dout * probs * (1 - probs)",
    "Only the diagonal of the Jacobian is used: dout_j p_j (1 - p_j). The other entries of its "
    "column count, too.",
)
exercise.slip(
    "softmax_backward",
    "mean_of_dout",
    "(dout * probs).sum(axis=axis, keepdims=True)",
    "dout.sum(axis=axis, keepdims=True)",
    "The number taken out of the sum is dout weighted by the probabilities, not the plain sum.",
)
exercise.slip(
    "softmax_backward",
    "mean_instead_of_sum",
    "(dout * probs).sum(",
    "(dout * probs).mean(",
    "The inner sum became a mean: it is too small by the number of classes.",
)
exercise.slip(
    "softmax_backward",
    "plus_for_minus",
    "(dout - expected)",
    "(dout + expected)",
    "The second term of the Jacobian has a minus sign.",
)
exercise.slip(
    "softmax_backward",
    "forgets_the_outer_factor",
    "probs * (dout - expected)",
    "dout - expected",
    "The factor p_j in front is missing.",
)
exercise.slip(
    "softmax_backward",
    "sums_over_everything",
    ".sum(axis=axis, keepdims=True)",
    ".sum()",
    "The inner sum runs over the whole array. Every row has its own.",
)
exercise.slip(
    "softmax_backward",
    "always_the_last_axis",
    "    expected =",
    "    axis = -1\n    expected =",
    "The argument `axis` is ignored: the sum runs along the last axis whatever is asked for.",
)
exercise.slip(
    "softmax_backward",
    "softmax_once_more",
    "    expected =",
    "    probs = softmax(probs, axis)\n    expected =",
    "`probs` already is what softmax returned; softmax is applied to it once more.",
)
exercise.slip(
    "softmax_backward",
    "opposite_sign",
    "probs * (dout - expected)",
    "probs * (expected - dout)",
    "Everything has the opposite sign.",
)
