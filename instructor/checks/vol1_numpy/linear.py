"""Hidden checks for vol1_numpy/linear."""

import numpy as np

from autograder import Exercise, array
from solutions.vol1_numpy import linear

exercise = Exercise(
    "vol1_numpy/linear",
    solution=linear,
    difficulty=2,
    minutes=45,
    inputs={
        "x": array("B T d_in"),
        "w": array("d_in d_out"),
        "dout": array("B T d_out"),
    },
    # A square case first: there a missing transpose gives wrong values instead of raising.
    sizes={"B": [3, 2, 1], "T": [3, 4, 1], "d_in": [3, 5, 1], "d_out": [3, 6, 2]},
)
BIAS = {"b": array("d_out")}
ROWS = {"x": array("N d_in"), "dout": array("N d_out")}
TABLE = {"N": [4, 5, 1], "d_in": [4, 3, 2], "d_out": [4, 7, 3]}
ONE = {"B": [2], "T": [3], "d_in": [4], "d_out": [5]}

# linear

exercise.matches_reference("linear", points=2, **BIAS)
exercise.matches_reference(
    "linear",
    points=1,
    name="no_bias",
    title="Without a bias the product alone is returned.",
)
exercise.matches_reference(
    "linear",
    points=1,
    name="rows",
    title="Any number of leading axes will do: x may be (N, d_in).",
    sizes=TABLE,
    **ROWS,
    **BIAS,
)


@exercise.satisfies("linear", points=1, sizes=ONE, dtype="float32", **BIAS)
def one_hot_tokens_read_the_weights(student, w, b, d_in, d_out):
    """A token with a single 1 gives a row of w, and a token of zeros gives the bias."""
    yield student.linear(np.eye(d_in, dtype=w.dtype), w), w
    zeros = np.zeros((2, 1, d_in), dtype=w.dtype)
    yield student.linear(zeros, w, b), np.broadcast_to(b, (2, 1, d_out))


exercise.keeps_dtype("linear", points=1, **BIAS)
exercise.leaves_inputs_alone("linear", points=1, **BIAS)

PRODUCT = "x @ w"
SUM = "product + b"
exercise.slip(
    "linear",
    "transposes_the_weights",
    PRODUCT,
    "x @ w.T",
    "The weights are transposed. They are stored as (d_in, d_out) here: the summed index already "
    "stands where a matrix product looks for it.",
)
exercise.slip(
    "linear",
    "weights_on_the_left",
    PRODUCT,
    "w @ x",
    "The weights are the left factor, so the sum runs over tokens. The summed index is the last of "
    "x and the first of w: x comes first.",
)
exercise.slip(
    "linear",
    "elementwise_product",
    PRODUCT,
    "x * w",
    "* multiplies entry by entry and sums nothing. A matrix product is written @.",
)
exercise.slip(
    "linear",
    "scales_by_the_width",
    PRODUCT,
    "x @ w / x.shape[-1] ** 0.5",
    "The product is divided by the root of the width. That scale belongs to attention scores, not "
    "to a linear layer.",
)
exercise.slip(
    "linear",
    "averages_for_sums",
    PRODUCT,
    "x @ w / x.shape[-1]",
    "The sum over the inputs became a mean: it is too small by a factor of d_in.",
)
exercise.slip(
    "linear",
    "stays_flat",
    PRODUCT,
    "x.reshape(-1, x.shape[-1]) @ w",
    "The result is one long list of tokens. Give it the leading axes that x came with.",
)
exercise.slip(
    "linear",
    "adds_up_the_outputs",
    PRODUCT,
    "(x @ w).sum(axis=-1, keepdims=True) * np.ones_like(w[0])",
    "All outputs of a token are one and the same number. Output j has its own weights, column j "
    "of w: sum over the inputs only.",
)
exercise.slip(
    "linear",
    "forgets_the_bias",
    SUM,
    "product",
    "The bias is not added.",
)
exercise.slip(
    "linear",
    "subtracts_the_bias",
    SUM,
    "product - b",
    "The bias is subtracted instead of added.",
)
exercise.slip(
    "linear",
    "bias_per_token",
    SUM,
    "product + b[:, np.newaxis]",
    "The bias varies from token to token. It has one entry per output feature, the last axis, and "
    "is the same for all tokens.",
)
exercise.slip(
    "linear",
    "one_bias_for_all_features",
    SUM,
    "product + b.sum()",
    "One number is added to all outputs. Each output feature has its own entry of b.",
)
exercise.slip(
    "linear",
    "bias_before_the_product",
    SUM,
    "(x + b) @ w",
    "The bias is added to the tokens, before the product. It belongs to the outputs.",
)
exercise.slip(
    "linear",
    "bias_in_the_weights",
    SUM,
    "x @ (w + b)",
    "The bias is added to the weights, and so it is multiplied by the tokens. It is added once, "
    "to the product.",
)
exercise.slip(
    "linear",
    "bias_of_ones_by_default",
    "    return product if b is None else product + b",
    "    return product + (np.ones_like(w[0]) if b is None else b)",
    "Without a bias something is added all the same: None stands for no bias, not for ones.",
)


@exercise.mistake("linear")
def computes_in_float64(x, w, b=None):
    """float32 arguments give a float64 result. Look for an array that is made without a dtype, or
    for a NumPy scalar: both are float64 and promote every float32 array they meet."""
    return linear.linear(np.asarray(x, dtype=np.float64), w, b)


@exercise.mistake("linear")
def writes_into_x(x, w, b=None):
    """The product is written into `x` itself. Work on a new array: the caller still needs x."""
    x[...] = x @ w
    return x if b is None else x + b


# linear_backward

exercise.matches_reference("linear_backward", points=3)
exercise.matches_finite_differences(
    "linear_backward",
    of=lambda x, w, b: linear.linear(x, w, b),
    wrt=["x", "w", "b"],
    points=2,
    sizes=ONE,
    **BIAS,
)
exercise.matches_reference(
    "linear_backward",
    points=1,
    name="rows",
    title="Any number of leading axes will do: x may be (N, d_in).",
    sizes=TABLE,
    **ROWS,
)


@exercise.satisfies("linear_backward", points=1, sizes=ONE)
def tokens_meet_in_the_weights_only(student, dout, x, w):
    """A token's dx does not depend on the other tokens, and dw and db add up over tokens."""
    dx, dw, db = student.linear_backward(dout, x, w)
    first, dw_first, db_first = student.linear_backward(dout[:, :1], x[:, :1], w)
    rest, dw_rest, db_rest = student.linear_backward(dout[:, 1:], x[:, 1:], w)
    yield (first, rest), (dx[:, :1], dx[:, 1:])
    yield (dw_first + dw_rest, db_first + db_rest), (dw, db)


@exercise.satisfies("linear_backward", points=1, sizes=ONE)
def a_small_step_changes_the_loss_as_told(student, dout, x, w, rng):
    """For any step u, dout times linear(u, w) adds up to dx times u; likewise for dw and db."""
    dx, dw, db = student.linear_backward(dout, x, w)
    u, step = rng.standard_normal(x.shape), rng.standard_normal(w.shape)
    shift = rng.standard_normal(w.shape[-1])
    yield (dx * u).sum(), (dout * linear.linear(u, w)).sum()
    yield (dw * step).sum(), (dout * linear.linear(x, step)).sum()
    yield (db * shift).sum(), (dout * shift).sum()


exercise.keeps_dtype("linear_backward", points=1)
exercise.leaves_inputs_alone("linear_backward", points=1)

DX, DW, DB = "(douts @ w.T).reshape(x.shape)", "tokens.T @ douts", "douts.sum(axis=0)"
exercise.slip(
    "linear_backward",
    "dx_without_a_transpose",
    DX,
    "dout @ w",
    "In dx the sum runs over output features, the second index of w. A matrix product sums over "
    "the first index of its right factor: transpose w.",
)
exercise.slip(
    "linear_backward",
    "dx_from_the_tokens",
    DX,
    "x @ w",
    "dx is the forward product once more. It starts from dout, not from x.",
)
exercise.slip(
    "linear_backward",
    "dx_stays_flat",
    DX,
    "douts @ w.T",
    "dx is one long list of tokens. Give it the leading axes that x came with.",
)
exercise.slip(
    "linear_backward",
    "dx_of_ones",
    DX,
    "np.ones_like(dout) @ w.T",
    "dx does not depend on dout: each weight is the factor of an entry of dout.",
)
exercise.slip(
    "linear_backward",
    "dw_transposed",
    DW,
    "douts.T @ tokens",
    "dw is transposed. Its first index is the input and its second the output, as in w.",
)
exercise.slip(
    "linear_backward",
    "dw_without_a_transpose",
    DW,
    "tokens @ douts",
    "In dw the sum runs over tokens, the first index of x. A matrix product sums over the last "
    "index of its left factor: transpose x.",
)
exercise.slip(
    "linear_backward",
    "dw_by_reshape",
    DW,
    "tokens.reshape(x.shape[-1], -1) @ douts",
    "A reshape to swapped sizes is no transpose: the numbers keep their order in memory and land "
    "in the wrong places.",
)
exercise.slip(
    "linear_backward",
    "dw_averages_over_tokens",
    DW,
    "tokens.T @ douts / len(tokens)",
    "dw is a mean over tokens. The total derivative adds all paths up; if the loss is a mean, dout "
    "already contains its factor.",
)
exercise.slip(
    "linear_backward",
    "one_dw_per_sequence",
    DW,
    "x.swapaxes(-1, -2) @ dout",
    "There is one dw per sequence. All sequences share the weights: the sum runs over the tokens "
    "of every one.",
)
exercise.slip(
    "linear_backward",
    "dw_averages_over_sequences",
    DW,
    "tokens.T @ douts / len(x)",
    "dw is divided by the length of the first axis. The total derivative adds all paths up.",
)
exercise.slip(
    "linear_backward",
    "dw_of_the_last_sequence",
    DW,
    "tokens[-x.shape[-2] :].T @ douts[-x.shape[-2] :]",
    "dw contains the last sequence only. In a loop over sequences, add to dw instead of assigning.",
)
exercise.slip(
    "linear_backward",
    "dw_from_dx",
    DW,
    "tokens.T @ dx.reshape(tokens.shape)",
    "dw is made from dx. It starts from dout, like dx itself: keep dout under its own name.",
)
exercise.slip(
    "linear_backward",
    "db_averages_over_tokens",
    DB,
    "douts.mean(axis=0)",
    "db is a mean over tokens. Every token adds the bias, and the total derivative adds all paths "
    "up.",
)
exercise.slip(
    "linear_backward",
    "db_over_the_first_axis_only",
    DB,
    "dout.sum(axis=0)",
    "db is summed over the first axis only. All leading axes hold tokens: sum over every one.",
)
exercise.slip(
    "linear_backward",
    "db_over_the_features",
    DB,
    "douts.sum(axis=-1)",
    "db is summed over the features, which gives one number per token. It has one number per "
    "output feature: sum over the tokens.",
)
exercise.slip(
    "linear_backward",
    "db_keeps_an_axis",
    DB,
    "douts.sum(axis=0, keepdims=True)",
    "db has an axis too many: like the bias it is (d_out,).",
)
exercise.slip(
    "linear_backward",
    "db_is_one_number",
    DB,
    "douts.sum()",
    "db is one number. Each output feature has its own bias, and its own sum over tokens.",
)
exercise.slip(
    "linear_backward",
    "db_counts_tokens",
    DB,
    "np.full_like(douts[0], len(douts))",
    "db is the number of tokens: the factor 1 is right, but it multiplies dout.",
)
exercise.slip(
    "linear_backward",
    "opposite_signs",
    "return dx, dw, db",
    "return -dx, -dw, -db",
    "All gradients have the opposite sign.",
)
exercise.slip(
    "linear_backward",
    "other_order",
    "return dx, dw, db",
    "return dw, dx, db",
    "The gradients come in another order than the arguments: dx, then dw, then db.",
)


@exercise.mistake("linear_backward")
def db_in_float64(dout, x, w):
    """A gradient is float64 though the arguments are float32. An array made with np.zeros is
    float64 unless it is given a dtype."""
    dx, dw, db = linear.linear_backward(dout, x, w)
    return dx, dw, np.zeros(db.shape) + db
