"""Hidden checks for vol1_numpy/layernorm."""

import numpy as np

from autograder import Exercise, array, derived
from solutions.vol1_numpy import layernorm


def noticeable(rng):
    """An eps about as large as the variance, so that what is done with it shows."""
    return float(rng.uniform(0.8, 1.6))


def tiny(rng, B, T, d_model):
    """Tokens whose variance is about the default eps, and one of equal entries."""
    x = 3e-3 * rng.standard_normal((B, T, d_model))
    x[0, 0] = 2e-3
    return x


def far_from_zero(rng, B, T, d_model):
    """Entries near 10,000 that differ by about 1."""
    return 1e4 + rng.standard_normal((B, T, d_model))


exercise = Exercise(
    "vol1_numpy/layernorm",
    solution=layernorm,
    difficulty=4,
    minutes=90,
    inputs={
        "x": array("B T d_model", mean=0.5),
        "dout": array("B T d_model"),
        "gain": array("d_model", mean=1.0),
        "bias": array("d_model"),
        "eps": derived(noticeable),
    },
    sizes={"B": [2, 3, 1], "T": [4, 3, 5], "d_model": [6, 3, 1]},
)
ROWS = {"x": array("T d_model", mean=0.5), "dout": array("T d_model")}
TABLE = {"T": [5, 3], "d_model": [7, 3]}
ONE = {"B": [2], "T": [4], "d_model": [6]}
FEW = {"B": [2], "T": [2], "d_model": [4]}
WIDE = {"d_model": [16_000]}
# So small beside any variance that rounding hides it: eps -> 0, but never 0 / 0.
NO_EPS = 1e-30
# At an offset of 10,000 right code errs by about 1e-12, and the difference of two squares by 1e-8.
OFFSET_RTOL = 2e-10

# layernorm

exercise.matches_reference("layernorm", points=3)
exercise.matches_reference(
    "layernorm",
    points=1,
    name="rows",
    title="Any number of leading axes will do: x may be (T, d_model).",
    sizes=TABLE,
    **ROWS,
)


@exercise.satisfies("layernorm", points=1, sizes=ONE)
def a_shift_and_a_factor_change_nothing(student, x, gain, bias, eps, rng):
    """A token's output stays if all its entries are shifted, or multiplied (as eps goes to 0)."""
    shift = rng.normal(scale=3.0, size=(*x.shape[:-1], 1))
    out = student.layernorm(x, gain, bias, eps=eps)
    yield student.layernorm(x + shift, gain, bias, eps=eps), out
    yield student.layernorm(3.0 * x, gain, bias, eps=9.0 * eps), out
    sharp = student.layernorm(x, gain, bias, eps=NO_EPS)
    yield student.layernorm(100.0 * x + shift, gain, bias, eps=NO_EPS), sharp


@exercise.satisfies("layernorm", points=1, sizes=ONE)
def each_token_stands_alone(student, x, gain, bias, eps):
    """A token's output does not depend on the other tokens."""
    together = student.layernorm(x, gain, bias, eps=eps)
    yield student.layernorm(x[:1, :1], gain, bias, eps=eps), together[:1, :1]
    beside = x.copy()
    beside[0, 0] *= 1000.0
    yield student.layernorm(beside, gain, bias, eps=eps)[:, 1:], together[:, 1:]


@exercise.satisfies("layernorm", points=1, kind="E", sizes=ONE, x=derived(tiny))
def small_entries(student, x, gain, bias):
    """Where the variance is no larger than eps, eps decides (1e-5 unless given); equal entries are
    no problem."""
    return student.layernorm(x, gain, bias), layernorm.layernorm(x, gain, bias)


exercise.matches_reference(
    "layernorm",
    points=1,
    name="far_from_zero",
    title="Entries near 10,000 that differ by 1 lose no digits.",
    kind="E",
    rtol=OFFSET_RTOL,
    sizes=ONE,
    x=derived(far_from_zero),
)
exercise.keeps_dtype("layernorm", points=1)
exercise.leaves_inputs_alone("layernorm", points=1)

exercise.slip(
    "layernorm",
    "no_mean_subtracted",
    "x - x.mean(axis=-1, keepdims=True)",
    "x",
    "The mean is not subtracted: that is RMSNorm. LayerNorm takes the mean of a token out first.",
)
exercise.slip(
    "layernorm",
    "variance_from_zero",
    "(centred * centred).mean",
    "(x * x).mean",
    "The squares are those of x itself. The variance is the mean of the squares of x minus its "
    "mean.",
)
exercise.slip(
    "layernorm",
    "mean_not_subtracted_above",
    "centred / np.sqrt",
    "x / np.sqrt",
    "The mean is used in the variance only. It is subtracted from x in the numerator, too.",
)
exercise.slip(
    "layernorm",
    "mean_over_every_axis",
    "x.mean(axis=-1, keepdims=True)",
    "x.mean()",
    "One mean is subtracted from all tokens. Each token has its own, over its features.",
)
exercise.slip(
    "layernorm",
    "variance_over_every_axis",
    "(centred * centred).mean(axis=-1, keepdims=True)",
    "(centred * centred).mean()",
    "One variance is used for all tokens. Each token has its own, over its features.",
)
exercise.slip(
    "layernorm",
    "statistics_over_the_batch",
    "    centred = x - x.mean(axis=-1, keepdims=True)",
    "    centred = x - x.mean(axis=0, keepdims=True)",
    "The mean runs over the first axis, across tokens, as in batch normalisation. It runs over the "
    "features of one token, the last axis.",
)
exercise.slip(
    "layernorm",
    "variance_over_the_batch",
    "(centred * centred).mean(axis=-1, keepdims=True)",
    "(centred * centred).mean(axis=0, keepdims=True)",
    "The variance runs over the first axis, across tokens. It runs over the features of one token, "
    "the last axis.",
)
exercise.slip(
    "layernorm",
    "unbiased_variance",
    "(centred * centred).mean(axis=-1, keepdims=True)",
    "(centred * centred).sum(axis=-1, keepdims=True) / (x.shape[-1] - 1)",
    "The sum of squares is divided by d_model - 1, the unbiased variance. Here it is divided by "
    "d_model.",
)
exercise.slip(
    "layernorm",
    "sum_for_mean",
    "(centred * centred).mean(",
    "(centred * centred).sum(",
    "The squares are added up but not averaged.",
)
exercise.slip(
    "layernorm",
    "eps_after_the_root",
    "np.sqrt(variance + eps)",
    "(np.sqrt(variance) + eps)",
    "eps is added after the root. It belongs to the variance, under the root.",
)
exercise.slip(
    "layernorm",
    "no_eps",
    "variance + eps",
    "variance",
    "eps is not used. Without it a token of equal entries gives 0 / 0.",
)
exercise.slip(
    "layernorm",
    "eps_is_fixed",
    "variance + eps",
    "variance + 1e-5",
    "A fixed number is added whatever `eps` is. Use the argument; 1e-5 is only its default.",
)
exercise.slip(
    "layernorm",
    "no_root",
    "np.sqrt(variance + eps)",
    "(variance + eps)",
    "The root is missing: x is divided by its variance, not by its standard deviation.",
)
exercise.slip(
    "layernorm",
    "multiplies_by_the_root",
    "centred / np.sqrt",
    "centred * np.sqrt",
    "The root is a factor, so that widely spread tokens are spread still more. Divide by it.",
)
exercise.slip(
    "layernorm",
    "forgets_the_gain",
    " * gain + bias",
    " + bias",
    "The gain is not used.",
)
exercise.slip(
    "layernorm",
    "forgets_the_bias",
    " * gain + bias",
    " * gain",
    "The bias is not used.",
)
exercise.slip(
    "layernorm",
    "bias_before_the_gain",
    "centred / np.sqrt(variance + eps) * gain + bias",
    "(centred / np.sqrt(variance + eps) + bias) * gain",
    "The bias is added before the gain multiplies. It comes last and is not scaled.",
)
exercise.slip(
    "layernorm",
    "gain_and_bias_exchanged",
    " * gain + bias",
    " * bias + gain",
    "Gain and bias are exchanged: the gain multiplies, the bias is added.",
)
exercise.slip(
    "layernorm",
    "bias_subtracted",
    " * gain + bias",
    " * gain - bias",
    "The bias is subtracted. It is added.",
)
exercise.slip(
    "layernorm",
    "gain_is_an_offset_from_one",
    " * gain + bias",
    " * (1 + gain) + bias",
    "The output is scaled by 1 + gain. Here the gain itself is the scale, and it starts at 1.",
)
exercise.slip(
    "layernorm",
    "difference_of_two_squares",
    "(centred * centred).mean(axis=-1, keepdims=True)",
    "(x * x).mean(axis=-1, keepdims=True) - x.mean(axis=-1, keepdims=True) ** 2",
    "The variance is computed as the mean of the squares minus the square of the mean. Far from "
    "zero these are two large numbers whose difference has few digits left: subtract the mean "
    "first.",
)
exercise.slip(
    "layernorm",
    "median_for_mean",
    "x.mean(axis=-1, keepdims=True)",
    "np.median(x, axis=-1, keepdims=True)",
    "The median is subtracted where the mean belongs.",
)


@exercise.mistake("layernorm")
def writes_into_x(x, gain, bias, eps=1e-5):
    """The result is written into `x` itself. Work on a new array: the caller still needs x."""
    x[...] = layernorm.layernorm(x, gain, bias, eps)
    return x


@exercise.mistake("layernorm")
def computes_in_float64(x, gain, bias, eps=1e-5):
    """float32 arguments give a float64 result. Look for a NumPy scalar such as np.sqrt(6) or
    np.float64(...): it promotes every float32 array it meets, and a Python number does not."""
    return layernorm.layernorm(np.asarray(x, dtype=np.float64), gain, bias, eps)


@exercise.mistake("layernorm")
def default_is_another(x, gain, bias, eps=1e-6):
    """Without an argument eps should be 1e-5; the signature has another default."""
    return layernorm.layernorm(x, gain, bias, eps)


# layernorm_backward

exercise.matches_reference("layernorm_backward", points=5)
exercise.matches_finite_differences(
    "layernorm_backward", of="layernorm", wrt=["x", "gain", "bias"], points=3, sizes=FEW
)
exercise.matches_reference(
    "layernorm_backward",
    points=1,
    name="rows",
    title="Any number of leading axes will do: x may be (T, d_model).",
    sizes=TABLE,
    **ROWS,
)


@exercise.satisfies("layernorm_backward", points=1, sizes=ONE)
def dx_has_no_part_along_a_shift_or_a_stretch(student, dout, x, gain, eps):
    """dx of a token adds up to 0, and as eps goes to 0 it is orthogonal to x-hat."""
    zeros = np.zeros(x.shape[:-1])
    dx, _, _ = student.layernorm_backward(dout, x, gain, eps=eps)
    yield dx.sum(axis=-1), zeros
    dx, _, _ = student.layernorm_backward(dout, x, gain, eps=NO_EPS)
    yield (dx * (x - x.mean(axis=-1, keepdims=True))).sum(axis=-1), zeros


@exercise.satisfies("layernorm_backward", points=1, sizes=ONE)
def a_factor_divides_dx(student, dout, x, gain, eps):
    """If x is 3 times as large and eps 9 times, dx is a third; a shift changes no gradient."""
    dx, dgain, dbias = student.layernorm_backward(dout, x, gain, eps=eps)
    far, *same = student.layernorm_backward(dout, 3.0 * x + 2.0, gain, eps=9.0 * eps)
    return (3.0 * far, *same), (dx, dgain, dbias)


@exercise.satisfies("layernorm_backward", points=1, sizes=ONE)
def tokens_meet_in_gain_and_bias_only(student, dout, x, gain, eps):
    """A token's dx does not depend on the other tokens; dgain and dbias add up over tokens."""
    dx, *shared = student.layernorm_backward(dout, x, gain, eps=eps)
    first, *shared_first = student.layernorm_backward(dout[:, :1], x[:, :1], gain, eps=eps)
    rest, *shared_rest = student.layernorm_backward(dout[:, 1:], x[:, 1:], gain, eps=eps)
    yield first, dx[:, :1]
    yield rest, dx[:, 1:]
    for whole, one, other in zip(shared, shared_first, shared_rest, strict=True):
        yield one + other, whole


@exercise.satisfies("layernorm_backward", points=1, kind="E", sizes=ONE, x=derived(tiny))
def small_entries_backward(student, dout, x, gain):
    """Where the variance is no larger than eps, eps decides (1e-5 unless given); equal entries are
    no problem."""
    want = layernorm.layernorm_backward(dout, x, gain)
    return student.layernorm_backward(dout, x, gain), want


exercise.matches_reference(
    "layernorm_backward",
    points=1,
    name="far_from_zero",
    title="Entries near 10,000 that differ by 1 lose no digits.",
    kind="E",
    rtol=OFFSET_RTOL,
    sizes=ONE,
    x=derived(far_from_zero),
)
exercise.matches_reference(
    "layernorm_backward",
    points=1,
    name="wide_token",
    title="Nothing larger than the input is built: a token of 16,000 features is no problem.",
    kind="E",
    sizes=WIDE,
    x=array("1 d_model"),
    dout=array("1 d_model"),
)
exercise.keeps_dtype("layernorm_backward", points=1)
exercise.leaves_inputs_alone("layernorm_backward", points=1)

exercise.slip(
    "layernorm_backward",
    "direct_path_only",
    "(dx_hat - by_mean - x_hat * by_root)",
    "dx_hat",
    "dx has the direct path only, as if mean and root were constants. Every entry of x changes "
    "both: two paths are missing.",
)
exercise.slip(
    "layernorm_backward",
    "forgets_the_path_through_the_mean",
    " - by_mean",
    "",
    "The path through the mean is missing: this is the backward of RMSNorm, with x-hat centred.",
)
exercise.slip(
    "layernorm_backward",
    "forgets_the_path_through_the_root",
    " - x_hat * by_root",
    "",
    "The path through the root is missing, as if every token had a fixed standard deviation.",
)
exercise.slip(
    "layernorm_backward",
    "forgets_the_direct_path",
    "(dx_hat - by_mean - x_hat * by_root)",
    "(-by_mean - x_hat * by_root)",
    "The direct path, through the numerator, is missing.",
)
exercise.slip(
    "layernorm_backward",
    "plus_for_the_mean",
    "dx_hat - by_mean",
    "dx_hat + by_mean",
    "The path through the mean has the wrong sign: a larger mean makes every x-hat smaller.",
)
exercise.slip(
    "layernorm_backward",
    "plus_for_the_root",
    "- x_hat * by_root",
    "+ x_hat * by_root",
    "The path through the root has the wrong sign: a larger root makes every x-hat smaller.",
)
exercise.slip(
    "layernorm_backward",
    "opposite_sign_of_dx",
    "(dx_hat - by_mean - x_hat * by_root)",
    "(by_mean + x_hat * by_root - dx_hat)",
    "dx has the opposite sign.",
)
exercise.slip(
    "layernorm_backward",
    "sum_for_the_first_mean",
    "dx_hat.mean(",
    "dx_hat.sum(",
    "On the path through the mean the sum lacks its 1 / d_model, the derivative of the mean.",
)
exercise.slip(
    "layernorm_backward",
    "sum_for_the_second_mean",
    "(dx_hat * x_hat).mean(",
    "(dx_hat * x_hat).sum(",
    "On the path through the root the sum lacks its 1 / d_model, which comes from differentiating "
    "the variance.",
)
exercise.slip(
    "layernorm_backward",
    "forgets_the_gain_in_dx",
    "dx_hat = dout * gain",
    "dx_hat = dout",
    "The gradient that reaches x-hat has passed the gain: dx starts from dout times gain.",
)
exercise.slip(
    "layernorm_backward",
    "mean_of_dout",
    "by_mean = dx_hat.mean",
    "by_mean = dout.mean",
    "The path through the mean sums the gradients that reach the x-hats. These have passed the "
    "gain.",
)
exercise.slip(
    "layernorm_backward",
    "dout_inside_the_second_mean",
    "(dx_hat * x_hat).mean(",
    "(dout * x_hat).mean(",
    "The path through the root sums the gradients that reach the x-hats. These have passed the "
    "gain.",
)
exercise.slip(
    "layernorm_backward",
    "forgets_the_outer_root",
    "(dx_hat - by_mean - x_hat * by_root) / root",
    "dx_hat - by_mean - x_hat * by_root",
    "All three paths carry 1 / r, and it is missing: a token twice as large should get half the "
    "gradient.",
)
exercise.slip(
    "layernorm_backward",
    "root_on_the_direct_path_only",
    "(dx_hat - by_mean - x_hat * by_root) / root",
    "dx_hat / root - by_mean - x_hat * by_root",
    "Only the direct path is divided by the root: mind the brackets.",
)
exercise.slip(
    "layernorm_backward",
    "centred_for_x_hat",
    "x_hat * by_root",
    "centred * by_root",
    "On the path through the root, x minus its mean stands where x_hat belongs: one 1 / r is "
    "missing there.",
)
exercise.slip(
    "layernorm_backward",
    "x_hat_without_the_mean",
    "x_hat = centred / root",
    "x_hat = x / root",
    "The mean is not subtracted when x-hat is computed once more.",
)
exercise.slip(
    "layernorm_backward",
    "forgets_x_hat_behind_the_sum",
    "- x_hat * by_root",
    "- by_root",
    "The path through the root ends with the derivative of the root by x_j, and its x-hat is "
    "missing.",
)
exercise.slip(
    "layernorm_backward",
    "unbiased_variance",
    "(centred * centred).mean(axis=-1, keepdims=True)",
    "(centred * centred).sum(axis=-1, keepdims=True) / max(x.shape[-1] - 1, 1)",
    "The variance is divided by d_model - 1. The root must be the very one of the forward.",
)
exercise.slip(
    "layernorm_backward",
    "removes_all_along_x_hat",
    "(dx_hat * x_hat).mean(axis=-1, keepdims=True)",
    "((dx_hat * x_hat).sum(axis=-1, keepdims=True)"
    " / ((x_hat * x_hat).sum(axis=-1, keepdims=True) + 1e-300))",
    "dx is exactly orthogonal to x-hat here, which is right for eps = 0 only. With eps the mean of "
    "x_hat**2 is a little less than 1: do not divide by it.",
)
exercise.slip(
    "layernorm_backward",
    "first_mean_over_every_axis",
    "dx_hat.mean(axis=-1, keepdims=True)",
    "dx_hat.mean()",
    "The mean on the path through the mean runs over all tokens. A token's mean reaches its own "
    "features.",
)
exercise.slip(
    "layernorm_backward",
    "second_mean_over_every_axis",
    "(dx_hat * x_hat).mean(axis=-1, keepdims=True)",
    "(dx_hat * x_hat).mean()",
    "The mean on the path through the root runs over all tokens. A token's root reaches its own "
    "features.",
)
exercise.slip(
    "layernorm_backward",
    "variance_over_every_axis",
    "(centred * centred).mean(axis=-1, keepdims=True)",
    "(centred * centred).mean()",
    "One variance is used for all tokens. Each token has its own.",
)
exercise.slip(
    "layernorm_backward",
    "eps_after_the_root",
    "np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + eps)",
    "(np.sqrt((centred * centred).mean(axis=-1, keepdims=True)) + eps)",
    "eps is added after the root. The root must be the very one of the forward.",
)
exercise.slip(
    "layernorm_backward",
    "no_eps",
    "keepdims=True) + eps)",
    "keepdims=True))",
    "eps is not used. The root must be the very one of the forward.",
)
exercise.slip(
    "layernorm_backward",
    "eps_is_fixed",
    "keepdims=True) + eps)",
    "keepdims=True) + 1e-5)",
    "A fixed number is added whatever `eps` is. Use the argument; 1e-5 is only its default.",
)
exercise.slip(
    "layernorm_backward",
    "difference_of_two_squares",
    "(centred * centred).mean(axis=-1, keepdims=True)",
    "(x * x).mean(axis=-1, keepdims=True) - x.mean(axis=-1, keepdims=True) ** 2",
    "The variance is computed as the mean of the squares minus the square of the mean. Far from "
    "zero these are two large numbers whose difference has few digits left.",
)
exercise.slip(
    "layernorm_backward",
    "dgain_without_x_hat",
    "(dout * x_hat).reshape",
    "dout.reshape",
    "dgain is the sum of dout. The gain was multiplied by x-hat: that is its derivative.",
)
exercise.slip(
    "layernorm_backward",
    "dgain_with_x",
    "(dout * x_hat).reshape",
    "(dout * x).reshape",
    "The gain was multiplied by x-hat and not by x itself.",
)
exercise.slip(
    "layernorm_backward",
    "dgain_with_the_gain",
    "(dout * x_hat).reshape",
    "(dx_hat * x_hat).reshape",
    "dgain has the gain as a factor. The derivative of gain times x-hat by the gain has none.",
)
exercise.slip(
    "layernorm_backward",
    "dbias_with_the_gain",
    "dbias: Floats = dout.reshape",
    "dbias: Floats = dx_hat.reshape",
    "dbias has the gain as a factor. The bias is added after the gain.",
)
exercise.slip(
    "layernorm_backward",
    "gradients_averaged_over_tokens",
    "    return dx, dgain, dbias",
    "    return dx, dgain * gain.size / x.size, dbias * gain.size / x.size",
    "dgain and dbias are averaged over the tokens. They add up; whether the loss is a mean is in "
    "dout already.",
)
exercise.slip(
    "layernorm_backward",
    "gain_and_bias_exchanged",
    "return dx, dgain, dbias",
    "return dx, dbias, dgain",
    "dgain and dbias are exchanged; the order is that of the forward's arguments.",
)


@exercise.mistake("layernorm_backward")
def first_sequence_only(dout, x, gain, eps=1e-5):
    """Gain and bias get the gradient of the first sequence of the batch only. Every token uses
    them: sum over all leading axes."""
    dx, _, _ = layernorm.layernorm_backward(dout, x, gain, eps)
    return dx, *layernorm.layernorm_backward(dout[:1], x[:1], gain, eps)[1:]


@exercise.mistake("layernorm_backward")
def writes_into_dout(dout, x, gain, eps=1e-5):
    """`dout` is changed by the call. Work on new arrays: others may need dout."""
    result = layernorm.layernorm_backward(dout, x, gain, eps)
    dout *= gain
    return result


@exercise.mistake("layernorm_backward")
def promotes_to_float64(dout, x, gain, eps=1e-5):
    """float32 arguments give float64 results. Look for a NumPy scalar such as np.sqrt(6) or
    np.float64(...): it promotes every float32 array it meets, and a Python number does not."""
    return layernorm.layernorm_backward(np.asarray(dout, dtype=np.float64), x, gain, eps)


@exercise.mistake("layernorm_backward")
def another_default(dout, x, gain, eps=1e-6):
    """Without an argument eps should be 1e-5; the signature has another default."""
    return layernorm.layernorm_backward(dout, x, gain, eps)
