"""Hidden checks for vol1_numpy/rmsnorm."""

import numpy as np

from autograder import Exercise, array, derived
from solutions.vol1_numpy import rmsnorm


def noticeable(rng):
    """An eps about as large as the mean square, so that what is done with it shows."""
    return float(rng.uniform(0.8, 1.6))


def tiny(rng, B, T, d_model):
    """Tokens whose mean square is about the default eps, and one of zeros."""
    x = 3e-3 * rng.standard_normal((B, T, d_model))
    x[0, 0] = 0.0
    return x


exercise = Exercise(
    "vol1_numpy/rmsnorm",
    solution=rmsnorm,
    difficulty=3,
    minutes=60,
    inputs={
        "x": array("B T d_model"),
        "dout": array("B T d_model"),
        "gain": array("d_model", mean=1.0),
        "eps": derived(noticeable),
    },
    sizes={"B": [2, 3, 1], "T": [4, 3, 5], "d_model": [6, 3, 1]},
)
ROWS = {"x": array("T d_model"), "dout": array("T d_model")}
TABLE = {"T": [5, 3], "d_model": [7, 3]}
ONE = {"B": [2], "T": [4], "d_model": [6]}
FEW = {"B": [2], "T": [3], "d_model": [4]}
WIDE = {"d_model": [16_000]}
# So small beside any mean square that rounding hides it: eps -> 0, but never 0 / 0.
NO_EPS = 1e-30

# rmsnorm

exercise.matches_reference("rmsnorm", points=3)
exercise.matches_reference(
    "rmsnorm",
    points=1,
    name="rows",
    title="Any number of leading axes will do: x may be (T, d_model).",
    sizes=TABLE,
    **ROWS,
)


@exercise.satisfies("rmsnorm", points=1, sizes=ONE)
def a_factor_changes_nothing(student, x, gain, eps, rng):
    """A token times a positive factor gives the same output, as eps goes to 0."""
    factor = 10 ** rng.uniform(-2, 2, size=(*x.shape[:-1], 1))
    yield student.rmsnorm(factor * x, gain, eps=NO_EPS), student.rmsnorm(x, gain, eps=NO_EPS)
    # With an eps that counts it holds too, if eps grows like x**2.
    yield student.rmsnorm(3.0 * x, gain, eps=9.0 * eps), student.rmsnorm(x, gain, eps=eps)


@exercise.satisfies("rmsnorm", points=1, sizes=ONE)
def each_token_stands_alone(student, x, gain, eps):
    """A token's output does not depend on the other tokens."""
    together = student.rmsnorm(x, gain, eps=eps)
    yield student.rmsnorm(x[:1, :1], gain, eps=eps), together[:1, :1]
    beside = x.copy()
    beside[0, 0] *= 1000.0
    yield student.rmsnorm(beside, gain, eps=eps)[:, 1:], together[:, 1:]


@exercise.satisfies("rmsnorm", points=1, kind="E", sizes=ONE, x=derived(tiny))
def small_entries(student, x, gain):
    """Where x**2 is no larger than eps, eps decides (1e-5 unless given); zeros are no problem."""
    return student.rmsnorm(x, gain), rmsnorm.rmsnorm(x, gain)


exercise.keeps_dtype("rmsnorm", points=1)
exercise.leaves_inputs_alone("rmsnorm", points=1)

exercise.slip(
    "rmsnorm",
    "averages_over_every_axis",
    ".mean(axis=-1, keepdims=True)",
    ".mean()",
    "One mean square is used for all tokens. Each token has its own: average over its features.",
)
exercise.slip(
    "rmsnorm",
    "averages_over_the_batch",
    "axis=-1",
    "axis=0",
    "The mean runs over the first axis, across tokens. It runs over the features of one token, "
    "which are the last axis.",
)
exercise.slip(
    "rmsnorm",
    "averages_over_the_positions",
    "axis=-1",
    "axis=-2",
    "The mean runs across the tokens of a sequence. It runs over the features of one token, which "
    "are the last axis.",
)
exercise.slip(
    "rmsnorm",
    "sum_for_mean",
    ".mean(",
    ".sum(",
    "The squares are added up but not averaged: this divides by the length of the vector. The "
    "root mean square of a wide token should be no larger than that of a narrow one.",
)
exercise.slip(
    "rmsnorm",
    "divides_by_one_less",
    "(x * x).mean(axis=-1, keepdims=True)",
    "(x * x).sum(axis=-1, keepdims=True) / (x.shape[-1] - 1)",
    "The sum of squares is divided by d_model - 1. No mean has been estimated and subtracted here: "
    "divide by d_model.",
)
exercise.slip(
    "rmsnorm",
    "eps_after_the_root",
    "np.sqrt(mean_square + eps)",
    "(np.sqrt(mean_square) + eps)",
    "eps is added after the root. It belongs to the mean square, under the root: for small tokens "
    "the difference is large.",
)
exercise.slip(
    "rmsnorm",
    "no_eps",
    "mean_square + eps",
    "mean_square",
    "eps is not used. Without it a token of zeros gives 0 / 0.",
)
exercise.slip(
    "rmsnorm",
    "eps_is_fixed",
    "mean_square + eps",
    "mean_square + 1e-5",
    "A fixed number is added whatever `eps` is. Use the argument; 1e-5 is only its default.",
)
exercise.slip(
    "rmsnorm",
    "eps_as_a_lower_bound",
    "mean_square + eps",
    "np.maximum(mean_square, eps)",
    "eps is the least that the mean square may be. Here it is added to every mean square instead, "
    "which keeps the function smooth.",
)
exercise.slip(
    "rmsnorm",
    "subtracts_the_mean",
    "    mean_square =",
    "    x = x - x.mean(axis=-1, keepdims=True)\n    mean_square =",
    "The mean is subtracted first: that is LayerNorm. RMSNorm leaves the mean of a token alone.",
)
exercise.slip(
    "rmsnorm",
    "divides_by_the_standard_deviation",
    "(x * x).mean(axis=-1, keepdims=True)",
    "x.var(axis=-1, keepdims=True)",
    "This divides by the standard deviation. A variance measures from the mean of the token; the "
    "mean square measures from zero.",
)
exercise.slip(
    "rmsnorm",
    "square_of_the_mean",
    "(x * x).mean(axis=-1, keepdims=True)",
    "x.mean(axis=-1, keepdims=True) ** 2",
    "The mean is squared. Square every entry first, then take the mean: entries of opposite sign "
    "must not cancel.",
)
exercise.slip(
    "rmsnorm",
    "mean_of_absolute_values",
    "(x * x).mean(axis=-1, keepdims=True)",
    "np.abs(x).mean(axis=-1, keepdims=True)",
    "The mean of absolute values stands where the mean of squares belongs.",
)
exercise.slip(
    "rmsnorm",
    "no_root",
    "np.sqrt(mean_square + eps)",
    "(mean_square + eps)",
    "The root is missing: x is divided by its mean square. A token twice as large would come out "
    "half as large.",
)
exercise.slip(
    "rmsnorm",
    "multiplies_by_the_root",
    "x / np.sqrt",
    "x * np.sqrt",
    "x is multiplied by its root mean square, so large tokens become larger still.",
)
exercise.slip(
    "rmsnorm",
    "forgets_the_gain",
    " * gain",
    "",
    "The tokens are normalised, but the gain is not used.",
)
exercise.slip(
    "rmsnorm",
    "gain_is_an_offset_from_one",
    " * gain",
    " * (1.0 + gain)",
    "The output is scaled by 1 + gain, as some other models store it. Here the gain itself is the "
    "scale, and it starts at 1.",
)
exercise.slip(
    "rmsnorm",
    "gain_is_added",
    " * gain",
    " + gain",
    "The gain is added. It is a factor for each feature; RMSNorm has no bias.",
)
exercise.slip(
    "rmsnorm",
    "gain_comes_first",
    "    mean_square =",
    "    x, gain = x * gain, 1.0\n    mean_square =",
    "The gain is applied before the norm, so the root mean square is that of the scaled token. "
    "Normalise x as it comes, then scale.",
)


@exercise.mistake("rmsnorm")
def writes_into_x(x, gain, eps=1e-5):
    """The division is written into `x` itself. Work on a new array: the caller still needs x."""
    x /= np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)
    return x * gain


@exercise.mistake("rmsnorm")
def computes_in_float64(x, gain, eps=1e-5):
    """float32 arguments give a float64 result. Look for a NumPy scalar such as np.sqrt(6) or
    np.float64(...): it promotes every float32 array it meets, and a Python number does not."""
    return rmsnorm.rmsnorm(np.asarray(x, dtype=np.float64), gain, eps)


# rmsnorm_backward

exercise.matches_reference("rmsnorm_backward", points=4)
exercise.matches_finite_differences(
    "rmsnorm_backward", of="rmsnorm", wrt=["x", "gain"], points=3, sizes=FEW
)
exercise.matches_reference(
    "rmsnorm_backward",
    points=1,
    name="rows",
    title="Any number of leading axes will do: x may be (T, d_model).",
    sizes=TABLE,
    **ROWS,
)


@exercise.satisfies("rmsnorm_backward", points=1, sizes=ONE)
def dx_is_orthogonal_to_x(student, dout, x, gain):
    """Stretching a token changes nothing, so dx has no part along x, as eps goes to 0."""
    dx, _ = student.rmsnorm_backward(dout, x, gain, eps=NO_EPS)
    return (dx * x).sum(axis=-1), np.zeros(x.shape[:-1])


@exercise.satisfies("rmsnorm_backward", points=1, sizes=ONE)
def a_factor_divides_dx(student, dout, x, gain, eps):
    """If x is 3 times as large and eps 9 times, dx is a third and dgain is the same."""
    dx, dgain = student.rmsnorm_backward(dout, x, gain, eps=eps)
    far, same = student.rmsnorm_backward(dout, 3.0 * x, gain, eps=9.0 * eps)
    return (3.0 * far, same), (dx, dgain)


@exercise.satisfies("rmsnorm_backward", points=1, sizes=ONE)
def tokens_meet_in_dgain_only(student, dout, x, gain, eps):
    """A token's dx does not depend on the other tokens, and dgain adds up over tokens."""
    dx, dgain = student.rmsnorm_backward(dout, x, gain, eps=eps)
    first, dgain_first = student.rmsnorm_backward(dout[:, :1], x[:, :1], gain, eps=eps)
    rest, dgain_rest = student.rmsnorm_backward(dout[:, 1:], x[:, 1:], gain, eps=eps)
    yield first, dx[:, :1]
    yield rest, dx[:, 1:]
    yield dgain_first + dgain_rest, dgain


@exercise.satisfies("rmsnorm_backward", points=1, kind="E", sizes=ONE, x=derived(tiny))
def small_entries_backward(student, dout, x, gain):
    """Where x**2 is no larger than eps, eps decides (1e-5 unless given); zeros are no problem."""
    return student.rmsnorm_backward(dout, x, gain), rmsnorm.rmsnorm_backward(dout, x, gain)


exercise.matches_reference(
    "rmsnorm_backward",
    points=1,
    name="wide_token",
    title="Nothing larger than the input is built: a token of 16,000 features is no problem.",
    kind="E",
    sizes=WIDE,
    x=array("1 d_model"),
    dout=array("1 d_model"),
)
exercise.keeps_dtype("rmsnorm_backward", points=1)
exercise.leaves_inputs_alone("rmsnorm_backward", points=1)

exercise.slip(
    "rmsnorm_backward",
    "forgets_the_path_through_the_root",
    "(dx_hat - x_hat * along)",
    "dx_hat",
    "dx has the direct path only, as if the root mean square were a constant. Every entry of x "
    "changes it, too: the second path is missing.",
)
exercise.slip(
    "rmsnorm_backward",
    "forgets_the_direct_path",
    "(dx_hat - x_hat * along)",
    "(-x_hat * along)",
    "dx has only the path through the root mean square. The direct path, through the numerator, is "
    "missing.",
)
exercise.slip(
    "rmsnorm_backward",
    "forgets_the_gain_in_dx",
    "dx_hat = dout * gain",
    "dx_hat = dout",
    "The gradient that reaches x-hat has passed the gain: dx starts from dout times gain.",
)
exercise.slip(
    "rmsnorm_backward",
    "sum_for_mean",
    "(dx_hat * x_hat).mean(",
    "(dx_hat * x_hat).sum(",
    "The sum over the features lacks its 1 / d_model, which comes from differentiating the mean "
    "square.",
)
exercise.slip(
    "rmsnorm_backward",
    "plus_for_minus",
    "dx_hat - x_hat",
    "dx_hat + x_hat",
    "The two paths have opposite signs: a larger root makes every x-hat smaller.",
)
exercise.slip(
    "rmsnorm_backward",
    "opposite_sign_of_dx",
    "(dx_hat - x_hat * along)",
    "(x_hat * along - dx_hat)",
    "dx has the opposite sign.",
)
exercise.slip(
    "rmsnorm_backward",
    "forgets_the_outer_root",
    "(dx_hat - x_hat * along) / root",
    "dx_hat - x_hat * along",
    "Both paths carry one more 1 / r, and it is missing: a token twice as large should get half "
    "the gradient.",
)
exercise.slip(
    "rmsnorm_backward",
    "x_for_x_hat",
    "x_hat * along",
    "x * along",
    "On the path through the root, x stands where x_hat belongs: one 1 / r is missing there. It "
    "comes from the derivative of x_hat by r, or from that of r by x.",
)
exercise.slip(
    "rmsnorm_backward",
    "two_means",
    "(dx_hat * x_hat).mean(axis=-1, keepdims=True)",
    "dx_hat.mean(axis=-1, keepdims=True) * x_hat.mean(axis=-1, keepdims=True)",
    "The mean of a product is not the product of the means: multiply first, feature by feature.",
)
exercise.slip(
    "rmsnorm_backward",
    "dout_without_gain_inside_the_mean",
    "(dx_hat * x_hat).mean(",
    "(dout * x_hat).mean(",
    "The second path sums the gradients that reach the x-hats. These have passed the gain, which "
    "is missing inside the mean.",
)
exercise.slip(
    "rmsnorm_backward",
    "subtracts_the_mean_gradient",
    "(dx_hat - x_hat * along)",
    "(dx_hat - dx_hat.mean(axis=-1, keepdims=True) - x_hat * along)",
    "This is the backward of LayerNorm: the mean of the gradient is subtracted as well. RMSNorm "
    "subtracts no mean, so there is no such path.",
)
exercise.slip(
    "rmsnorm_backward",
    "removes_all_along_x",
    "(dx_hat * x_hat).mean(axis=-1, keepdims=True)",
    "((dx_hat * x_hat).sum(axis=-1, keepdims=True) / (x_hat * x_hat).sum(axis=-1, keepdims=True))",
    "dx is exactly orthogonal to x here, which is right for eps = 0 only. With eps the mean of "
    "x_hat**2 is a little less than 1: do not divide by it.",
)
exercise.slip(
    "rmsnorm_backward",
    "averages_over_every_axis",
    "(x * x).mean(axis=-1, keepdims=True)",
    "(x * x).mean()",
    "One root is used for all tokens. Each token has its own.",
)
exercise.slip(
    "rmsnorm_backward",
    "second_path_over_every_axis",
    "(dx_hat * x_hat).mean(axis=-1, keepdims=True)",
    "(dx_hat * x_hat).mean()",
    "The mean on the second path runs over all tokens. A token's root reaches its own features.",
)
exercise.slip(
    "rmsnorm_backward",
    "no_eps",
    "keepdims=True) + eps)",
    "keepdims=True))",
    "eps is not used. The root must be the very one of the forward.",
)
exercise.slip(
    "rmsnorm_backward",
    "eps_is_fixed",
    "keepdims=True) + eps)",
    "keepdims=True) + 1e-5)",
    "A fixed number is added whatever `eps` is. The root must be the very one of the forward.",
)
exercise.slip(
    "rmsnorm_backward",
    "eps_after_the_root",
    "np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)",
    "np.sqrt((x * x).mean(axis=-1, keepdims=True)) + eps",
    "eps is added after the root. The root must be the very one of the forward.",
)
exercise.slip(
    "rmsnorm_backward",
    "no_root",
    "np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)",
    "((x * x).mean(axis=-1, keepdims=True) + eps)",
    "The mean square stands where its root belongs.",
)
exercise.slip(
    "rmsnorm_backward",
    "dgain_from_x",
    "(dout * x_hat)",
    "(dout * x)",
    "dgain uses x as it came. The gain multiplies the normalised x.",
)
exercise.slip(
    "rmsnorm_backward",
    "dgain_with_gain",
    "(dout * x_hat)",
    "(dx_hat * x_hat)",
    "dgain contains the gain. Differentiate out by the gain once more: is it still there?",
)
exercise.slip(
    "rmsnorm_backward",
    "dgain_is_dout",
    "(dout * x_hat)",
    "dout",
    "dgain adds up dout alone: that is the gradient of a bias. The gain has a factor beside it.",
)
exercise.slip(
    "rmsnorm_backward",
    "dgain_keeps_the_tokens",
    ".reshape(-1, gain.size).sum(axis=0)",
    "",
    "dgain has an entry for every token. All tokens share one gain, so their contributions add up.",
)
exercise.slip(
    "rmsnorm_backward",
    "dgain_adds_up_the_batch_only",
    ".reshape(-1, gain.size).sum(axis=0)",
    ".sum(axis=0)",
    "dgain is summed over the first axis only. Sum over all axes but the last: every token counts.",
)
exercise.slip(
    "rmsnorm_backward",
    "dgain_sums_two_axes",
    ".reshape(-1, gain.size).sum(axis=0)",
    ".sum(axis=(0, 1))",
    "dgain is summed over exactly two axes. x may have one leading axis or several: sum over all "
    "axes but the last.",
)
exercise.slip(
    "rmsnorm_backward",
    "dgain_is_a_mean",
    ".sum(axis=0)",
    ".mean(axis=0)",
    "dgain is averaged over the tokens. Paths add up: if there is a mean, it is in the loss, and "
    "dout knows of it already.",
)
exercise.slip(
    "rmsnorm_backward",
    "results_swapped",
    "return dx, dgain",
    "return dgain, dx",
    "The two results are in the wrong order: dx first, then dgain, as x and gain are in rmsnorm.",
)


@exercise.mistake("rmsnorm_backward")
def applies_the_gain_last(dout, x, gain, eps=1e-5):
    """The gain multiplies dx at the end, after the two paths are added. It belongs before them:
    the second path mixes the features, each of which has passed its own gain by then."""
    dx, _ = rmsnorm.rmsnorm_backward(dout, x, np.ones_like(gain), eps)
    return dx * gain, rmsnorm.rmsnorm_backward(dout, x, gain, eps)[1]


@exercise.mistake("rmsnorm_backward")
def writes_into_dout(dout, x, gain, eps=1e-5):
    """The gain is multiplied into `dout` itself. Work on a new array: the caller still needs it."""
    results = rmsnorm.rmsnorm_backward(dout, x, gain, eps)
    dout *= gain
    return results


@exercise.mistake("rmsnorm_backward")
def gives_float64_gradients(dout, x, gain, eps=1e-5):
    """float32 arguments give float64 gradients. Look for a NumPy scalar such as np.sqrt(6) or
    np.float64(...): it promotes every float32 array it meets, and a Python number does not."""
    return rmsnorm.rmsnorm_backward(np.asarray(dout, dtype=np.float64), x, gain, eps)
