"""Hidden checks for vol1_numpy/activations."""

import numpy as np

from autograder import Exercise, array, derived
from solutions.vol1_numpy import activations


def with_zeros(rng, B, T, d_ff):
    """Ordinary entries, every third of them exactly 0."""
    x = rng.standard_normal((B, T, d_ff))
    x.reshape(-1)[::3] = 0.0
    return x


def off_the_kink(rng, B, T, d_ff):
    """Entries of either sign, none within 0.1 of 0, where relu has no derivative."""
    n = rng.standard_normal((B, T, d_ff))
    return n + 0.1 * np.sign(n)


def outliers(rng, B, T, d_ff):
    """Entries of +-1e4 beside ordinary ones."""
    x = rng.standard_normal((B, T, d_ff))
    flat = x.reshape(-1)
    flat[::4], flat[1::4] = 1e4, -1e4
    return x


exercise = Exercise(
    "vol1_numpy/activations",
    solution=activations,
    difficulty=2,
    minutes=60,
    inputs={"x": array("B T d_ff", scale=1.5), "dout": array("B T d_ff")},
    sizes={"B": [2, 3], "T": [4, 3], "d_ff": [5, 3]},
)
FLAT = {"d_ff": [7, 2]}
SMALL = {"B": [2], "T": [3], "d_ff": [4]}
ROW = {"x": array("d_ff"), "dout": array("d_ff")}


def declare_forward(name, points):
    """What the three activations have in common."""
    exercise.matches_reference(name, points=points)

    @exercise.satisfies(name, points=1, sizes=SMALL)
    def both_gates_add_up_to_one(student, x):
        """f(x) - f(-x) is x, because the gates of x and -x add up to 1."""
        f = getattr(student, name)
        return f(x) - f(-x), x

    exercise.matches_reference(
        name,
        points=1,
        name="a_vector",
        title="Any shape will do, that of a single vector, too.",
        kind="E",
        sizes=FLAT,
        x=array("d_ff"),
    )
    exercise.keeps_dtype(name, points=1)
    exercise.leaves_inputs_alone(name, points=1)


def declare_backward(name, points):
    """What the three gradients have in common."""
    backward = f"{name}_backward"
    exercise.matches_reference(backward, points=points)
    exercise.matches_finite_differences(
        backward, of=name, wrt=["x"], points=points - 1, sizes=SMALL, x=derived(off_the_kink)
    )

    @exercise.satisfies(backward, points=1, sizes=SMALL, x=derived(off_the_kink))
    def both_slopes_add_up_to_one(student, dout, x):
        """The slopes at x and -x add up to 1."""
        f = getattr(student, backward)
        return f(dout, x) + f(dout, -x), dout

    @exercise.satisfies(backward, points=1, sizes=SMALL)
    def linear_in_dout(student, dout, x):
        """Three times the dout gives three times the dx, entry by entry, whatever its sign."""
        f = getattr(student, backward)
        once = f(dout, x)
        yield f(-3.0 * dout, x), -3.0 * once
        yield f(np.where(dout > 0, dout, 0.0), x), np.where(dout > 0, once, 0.0)

    exercise.keeps_dtype(backward, points=1)
    exercise.leaves_inputs_alone(backward, points=1)


def declare_outliers(name, function):
    """No infinity minus or over infinity at +-1e4."""
    exercise.matches_reference(
        function,
        points=1,
        name="large_entries",
        title=f"{name} is finite at 10000 and -10000.",
        kind="E",
        x=derived(outliers),
    )


for _name, _points in (("relu", 1), ("gelu", 2), ("silu", 2)):
    declare_forward(_name, _points)
    declare_backward(_name, _points + 1)
for _name in ("gelu", "silu"):
    declare_outliers(f"The value of {_name}", _name)
    declare_outliers(f"The slope of {_name}", f"{_name}_backward")
exercise.matches_reference(
    "relu_backward",
    points=1,
    name="slope_at_zero",
    title="Where x is exactly 0 the slope counts as 0.",
    kind="E",
    x=derived(with_zeros),
)

# relu

exercise.slip(
    "relu",
    "minimum",
    "np.maximum",
    "np.minimum",
    "What is negative is kept and the rest becomes 0: it is the other way round.",
)
exercise.slip(
    "relu",
    "absolute_value",
    "np.maximum(x, 0)",
    "np.abs(x)",
    "Negative entries come out positive. They should come out as 0.",
)
exercise.slip(
    "relu",
    "gate_alone",
    "np.maximum(x, 0)",
    "(x > 0).astype(x.dtype)",
    "This is the gate, 0 or 1, by itself. The output is x times the gate.",
)
exercise.slip(
    "relu",
    "leaky",
    "np.maximum(x, 0)",
    "np.maximum(x, 0.01 * x)",
    "Negative entries are scaled down but not set to 0: that is the leaky relu.",
)
exercise.slip(
    "relu",
    "capped_at_one",
    "np.maximum(x, 0)",
    "np.clip(x, 0, 1)",
    "Large entries are cut off. relu has no upper bound.",
)


@exercise.mistake("relu")
def writes_zeros_into_x(x):
    """The zeros are written into `x` itself. Work on a new array: the gradient needs x later."""
    x[x < 0] = 0.0
    return x


@exercise.mistake("relu")
def computes_in_float64(x):
    """float32 goes in and float64 comes out: an array of float64 zeros, or a NumPy scalar, joins
    in. A Python 0 keeps the dtype."""
    return np.maximum(x, np.float64(0))


# relu_backward

exercise.slip(
    "relu_backward",
    "lets_everything_pass",
    "dout * (x > 0)",
    "dout.copy()",
    "dout is handed on as it is. Where the gate was shut, the output did not depend on x.",
)
exercise.slip(
    "relu_backward",
    "slope_one_at_zero",
    "x > 0",
    "x >= 0",
    "At x = 0 exactly the slope counts as 0, not as 1.",
)
exercise.slip(
    "relu_backward",
    "half_at_zero",
    "(x > 0)",
    "np.heaviside(x, 0.5).astype(x.dtype)",
    "At x = 0 exactly the slope counts as 0, not as one half.",
)
exercise.slip(
    "relu_backward",
    "gated_by_dout",
    "(x > 0)",
    "(dout > 0)",
    "The gate looks at the sign of dout. It was opened in the forward, by x.",
)
exercise.slip(
    "relu_backward",
    "relu_of_x",
    "(x > 0)",
    "np.maximum(x, 0)",
    "dout is multiplied by the output. The slope of relu is 0 or 1, not x.",
)
exercise.slip(
    "relu_backward",
    "slope_alone",
    "dout * (x > 0)",
    "(x > 0).astype(x.dtype)",
    "This is the slope by itself. The chain rule multiplies it by dout.",
)
exercise.slip(
    "relu_backward",
    "sign_of_x",
    "(x > 0)",
    "np.sign(x)",
    "Where x is negative the slope is 0; here it is -1, as for the absolute value.",
)
exercise.slip(
    "relu_backward",
    "gate_of_the_other_side",
    "x > 0",
    "x < 0",
    "The gradient passes where the gate was shut, and is stopped where it was open.",
)


@exercise.mistake("relu_backward")
def writes_into_dout(dout, x):
    """The zeros are written into `dout` itself. Work on a new array: others may need dout."""
    dout[x <= 0] = 0.0
    return dout


# gelu

exercise.slip(
    "gelu",
    "exact_form",
    "np.tanh(SCALE * (x + CUBIC * x * x * x))",
    "np.vectorize(math.erf)(x / 2**0.5).astype(x.dtype)",
    "This is the exact form with the normal distribution function. The tanh form is asked for; "
    "the two differ by up to 0.0005.",
)
exercise.slip(
    "gelu",
    "forgets_the_cubic_term",
    "(x + CUBIC * x * x * x)",
    "x",
    "The cubic term inside tanh is missing: u is the root times (x + 0.044715 x^3).",
)
exercise.slip(
    "gelu",
    "square_for_cube",
    "x * x * x",
    "x * x",
    "x is squared inside tanh. It is the third power: u changes its sign with x.",
)
exercise.slip(
    "gelu",
    "root_times_x_only",
    "SCALE * (x + CUBIC * x * x * x)",
    "SCALE * x + CUBIC * x * x * x",
    "The factor in front multiplies x only. It belongs to both terms: mind the brackets.",
)
exercise.slip(
    "gelu",
    "no_root",
    "SCALE * (",
    "2 / math.pi * (",
    "The factor inside tanh is 2 / pi here. It is the square root of that.",
)
exercise.slip(
    "gelu",
    "root_of_two_pi",
    "SCALE * (",
    "math.sqrt(2 * math.pi) * (",
    "The factor inside tanh is the root of 2 pi here. It is the root of 2 / pi.",
)
exercise.slip(
    "gelu",
    "digit_lost",
    "CUBIC * x * x * x",
    "0.44715 * x * x * x",
    "The constant of the cubic term is ten times too large: 0.044715.",
)
exercise.slip(
    "gelu",
    "forgets_the_half",
    "0.5 + 0.5 * np.tanh",
    "1 + np.tanh",
    "The factor 1/2 is missing: the gate runs from 0 to 2 instead of 0 to 1.",
)
exercise.slip(
    "gelu",
    "gate_alone",
    "x * gate",
    "gate",
    "This is the gate by itself. The output is x times the gate.",
)
exercise.slip(
    "gelu",
    "forgets_the_one",
    "0.5 + 0.5 * np.tanh",
    "0.5 * np.tanh",
    "The 1 in 1 + tanh is missing: without it the gate runs from -1/2 to 1/2.",
)
exercise.slip(
    "gelu",
    "sigmoid_form",
    "0.5 + 0.5 * np.tanh(SCALE * (x + CUBIC * x * x * x))",
    "1 / (1 + np.exp(-1.702 * x))",
    "This is the sigmoid form, x sigma(1.702 x). The tanh form is asked for; they differ by up to "
    "0.02.",
)
exercise.slip(
    "gelu",
    "by_large_exponentials",
    "0.5 + 0.5 * np.tanh(SCALE * (x + CUBIC * x * x * x))",
    "np.exp(2 * SCALE * (x + CUBIC * x * x * x))"
    " / (np.exp(2 * SCALE * (x + CUBIC * x * x * x)) + 1)",
    "An exponential overflows at 10000, and infinity over infinity is nan. tanh itself never "
    "overflows.",
)


@exercise.mistake("gelu")
def numpy_square_root(x):
    """float32 goes in and float64 comes out. np.sqrt(2 / np.pi) is a NumPy float64, which promotes
    every float32 array that it meets; a Python number does not."""
    u = np.sqrt(2 / np.pi) * (x + 0.044715 * x * x * x)
    return 0.5 * x * (1 + np.tanh(u))


@exercise.mistake("gelu")
def overwrites_x(x):
    """The result is written into `x` itself. Work on a new array: the gradient needs x later."""
    x *= 0.5 + 0.5 * np.tanh(activations.SCALE * (x + activations.CUBIC * x * x * x))
    return x


# gelu_backward

exercise.slip(
    "gelu_backward",
    "gate_only",
    " + x * (1 - t * t) * du",
    "",
    "dx is dout times the gate, as if the gate were a constant. It depends on x, too: the second "
    "term of the product rule is missing.",
)
exercise.slip(
    "gelu_backward",
    "slope_of_the_gate_only",
    "1 + t + x * (1 - t * t) * du",
    "x * (1 - t * t) * du",
    "Only the term with the slope of the gate is there. The other term of the product rule, the "
    "gate itself, is missing.",
)
exercise.slip(
    "gelu_backward",
    "forgets_the_factor_x",
    "x * (1 - t * t) * du",
    "(1 - t * t) * du",
    "The product rule has x times the slope of the gate; the x is missing.",
)
exercise.slip(
    "gelu_backward",
    "forgets_the_inner_derivative",
    "(1 - t * t) * du",
    "(1 - t * t)",
    "The chain rule stops at tanh: the derivative of u by x is missing.",
)
exercise.slip(
    "gelu_backward",
    "forgets_the_three",
    "3 * CUBIC",
    "CUBIC",
    "The derivative of x^3 is 3 x^2; the 3 is missing.",
)
exercise.slip(
    "gelu_backward",
    "forgets_the_one_in_du",
    "1 + 3 * CUBIC * x * x",
    "3 * CUBIC * x * x",
    "u has two terms, x and the cubic one. The derivative of the first is missing.",
)
exercise.slip(
    "gelu_backward",
    "derivative_of_x_only",
    "(1 + 3 * CUBIC * x * x)",
    "1",
    "u has two terms, x and the cubic one. The derivative of the second is missing.",
)
exercise.slip(
    "gelu_backward",
    "forgets_the_root",
    "SCALE * (1",
    "(1",
    "The derivative of u lacks the root of 2 / pi, which stands in front of both terms.",
)
exercise.slip(
    "gelu_backward",
    "linear_for_square",
    "CUBIC * x * x)\n    # The",
    "CUBIC * x)\n    # The",
    "The derivative of the cubic term is of degree 2, not 1.",
)
exercise.slip(
    "gelu_backward",
    "tanh_not_squared",
    "1 - t * t",
    "1 - t",
    "The derivative of tanh is 1 minus its square; here it is not squared.",
)
exercise.slip(
    "gelu_backward",
    "plus_the_square",
    "1 - t * t",
    "1 + t * t",
    "The derivative of tanh is 1 minus its square; here the square is added (as for tan).",
)
exercise.slip(
    "gelu_backward",
    "forgets_the_half_of_the_slope",
    "0.5 * (1 + t + x * (1 - t * t) * du)",
    "(0.5 * (1 + t) + x * (1 - t * t) * du)",
    "The gate is half of 1 + tanh, so its slope has the factor 1/2, too.",
)
exercise.slip(
    "gelu_backward",
    "forgets_the_half",
    "dout * 0.5 *",
    "dout *",
    "The factor 1/2 is missing in both terms.",
)
exercise.slip(
    "gelu_backward",
    "forgets_dout",
    "dout * 0.5",
    "0.5",
    "This is the slope by itself. The chain rule multiplies it by dout.",
)
exercise.slip(
    "gelu_backward",
    "forgets_the_cubic_term",
    "np.tanh(SCALE * (x + CUBIC * x * x * x))",
    "np.tanh(SCALE * x)",
    "tanh is computed without the cubic term. Its argument must be the very u of the forward.",
)
exercise.slip(
    "gelu_backward",
    "exact_form",
    "dout * 0.5 * (1 + t + x * (1 - t * t) * du)",
    "dout * (0.5 + 0.5 * np.vectorize(math.erf)(x / 2**0.5)"
    " + x * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)).astype(x.dtype)",
    "This is the derivative of the exact form. The tanh form is asked for, forward and backward.",
)
exercise.slip(
    "gelu_backward",
    "by_exponentials",
    "(1 - t * t)",
    "4 * np.exp(2 * SCALE * (x + CUBIC * x * x * x))"
    " / (np.exp(2 * SCALE * (x + CUBIC * x * x * x)) + 1) ** 2",
    "An exponential overflows at 10000, and infinity over infinity is nan. tanh itself never "
    "overflows, and its derivative can be written with tanh alone.",
)


@exercise.mistake("gelu_backward")
def overwrites_dout(dout, x):
    """The result is written into `dout` itself. Work on a new array: others may need dout."""
    dout *= activations.gelu_backward(np.ones_like(dout), x)
    return dout


@exercise.mistake("gelu_backward")
def square_root_of_numpy(dout, x):
    """float32 goes in and float64 comes out. np.sqrt(2 / np.pi) is a NumPy float64, which promotes
    every float32 array that it meets; a Python number does not."""
    return activations.gelu_backward(np.float64(1) * dout, x)


# silu

exercise.slip(
    "silu",
    "gate_alone",
    "x * _sigmoid(x)",
    "_sigmoid(x)",
    "This is the sigmoid by itself. The output is x times the sigmoid.",
)
exercise.slip(
    "silu",
    "sign_in_the_exponent",
    "_sigmoid(x)",
    "_sigmoid(-x)",
    "The gate closes where it should open: the exponent is -x.",
)
exercise.slip(
    "silu",
    "overflowing_form",
    "_sigmoid(x)",
    "(np.exp(x) / (1 + np.exp(x)))",
    "e^x / (1 + e^x) is infinity over infinity, nan, at x = 10000. Which of the forms in the "
    "handout does not overflow there?",
)
exercise.slip(
    "silu",
    "tanh_as_the_gate",
    "_sigmoid(x)",
    "np.tanh(x)",
    "The gate is tanh, which runs from -1 to 1. The sigmoid runs from 0 to 1.",
)
exercise.slip(
    "silu",
    "tanh_of_x",
    "_sigmoid(x)",
    "(0.5 + 0.5 * np.tanh(x))",
    "tanh takes x / 2: here the gate is the sigmoid of 2 x.",
)
exercise.slip(
    "silu",
    "sigmoid_twice",
    "_sigmoid(x)",
    "_sigmoid(_sigmoid(x))",
    "The sigmoid is applied twice.",
)
exercise.slip(
    "silu",
    "minus_in_the_denominator",
    "_sigmoid(x)",
    "(1 / (1 - np.exp(-x)))",
    "The denominator is 1 + e^-x, with a plus.",
)
exercise.slip(
    "silu",
    "gelu_instead",
    "x * _sigmoid(x)",
    "gelu(x)",
    "This is gelu. The gate of silu is the sigmoid of x itself.",
)
exercise.slip(
    "silu",
    "faster_sigmoid",
    "_sigmoid(x)",
    "_sigmoid(1.702 * x)",
    "The factor 1.702 inside the sigmoid belongs to an approximation of gelu. silu has none.",
)
exercise.slip(
    "silu",
    "softplus",
    "x * _sigmoid(x)",
    "np.logaddexp(0, x)",
    "This is softplus, log(1 + e^x), whose derivative is the sigmoid. silu is x times the sigmoid.",
)
exercise.slip(
    "silu",
    "clipped_exponent",
    "_sigmoid(x)",
    "(1 / (1 + np.exp(-np.clip(x, -2.0, 2.0))))",
    "The exponent is clipped so tightly that ordinary entries change. No clipping is needed: 1 "
    "over infinity is 0.",
)


@exercise.mistake("silu")
def result_in_x(x):
    """The result is written into `x` itself. Work on a new array: the gradient needs x later."""
    x *= 1 / (1 + np.exp(-x))
    return x


@exercise.mistake("silu")
def float64_throughout(x):
    """float32 goes in and float64 comes out. Keep the dtype of `x`: Python numbers do, NumPy
    scalars and np.float64(...) do not."""
    return activations.silu(np.asarray(x, dtype=np.float64))


# silu_backward

exercise.slip(
    "silu_backward",
    "gate_only",
    "gate * (1 + x * (1 - gate))",
    "gate",
    "dx is dout times the gate, as if the gate were a constant. It depends on x, too: the second "
    "term of the product rule is missing.",
)
exercise.slip(
    "silu_backward",
    "slope_of_the_gate_only",
    "(1 + x * (1 - gate))",
    "x * (1 - gate)",
    "Only the term with the slope of the gate is there. The other term of the product rule, the "
    "gate itself, is missing.",
)
exercise.slip(
    "silu_backward",
    "slope_of_the_sigmoid",
    "(1 + x * (1 - gate))",
    "(1 - gate)",
    "This is the derivative of the sigmoid. silu is x times the sigmoid: use the product rule.",
)
exercise.slip(
    "silu_backward",
    "forgets_the_factor_x",
    "x * (1 - gate)",
    "(1 - gate)",
    "The product rule has x times the slope of the gate; the x is missing.",
)
exercise.slip(
    "silu_backward",
    "forgets_the_gate_in_its_slope",
    "gate * (1 + x * (1 - gate))",
    "(gate + x * (1 - gate))",
    "The slope of the sigmoid is a product of two fractions, and only the second one is there.",
)
exercise.slip(
    "silu_backward",
    "plus_for_minus",
    "1 - gate",
    "1 + gate",
    "The two fractions in the slope of the sigmoid add up to 1: the second is 1 minus the first.",
)
exercise.slip(
    "silu_backward",
    "slope_of_tanh",
    "gate * (1 + x * (1 - gate))",
    "(gate + x * (1 - gate * gate))",
    "1 minus the square is the derivative of tanh. The sigmoid's is another one.",
)
exercise.slip(
    "silu_backward",
    "squares_the_gate",
    "gate * (1 + x * (1 - gate))",
    "(gate + x * gate * gate)",
    "The slope of the sigmoid is taken as its square. Look at the second of the two fractions.",
)
exercise.slip(
    "silu_backward",
    "forgets_the_bracket",
    "(1 + x * (1 - gate))",
    "(1 + x) * (1 - gate)",
    "The 1 is multiplied by 1 - gate, too: mind the brackets.",
)
exercise.slip(
    "silu_backward",
    "forgets_dout",
    "dout * (gate * (1 + x * (1 - gate)))",
    "gate * (1 + x * (1 - gate))",
    "This is the slope by itself. The chain rule multiplies it by dout.",
)
exercise.slip(
    "silu_backward",
    "minus_between_the_terms",
    "1 + x * (1 - gate)",
    "1 - x * (1 - gate)",
    "The two terms of the product rule are added; here the second is subtracted.",
)
exercise.slip(
    "silu_backward",
    "opposite_sign",
    "dout * (gate",
    "-dout * (gate",
    "Everything has the opposite sign: for large x the slope is 1.",
)
exercise.slip(
    "silu_backward",
    "overflowing_form",
    "_sigmoid(x)",
    "np.exp(x) / (1 + np.exp(x))",
    "e^x / (1 + e^x) is infinity over infinity, nan, at x = 10000. Which of the forms in the "
    "handout does not overflow there?",
)
exercise.slip(
    "silu_backward",
    "sigmoid_of_the_output",
    "_sigmoid(x)",
    "_sigmoid(silu(x))",
    "The sigmoid is taken of the output. The gate was opened by x, the input.",
)


@exercise.mistake("silu_backward")
def product_in_dout(dout, x):
    """The result is written into `dout` itself. Work on a new array: others may need dout."""
    dout *= activations.silu_backward(np.ones_like(dout), x)
    return dout


@exercise.mistake("silu_backward")
def promotes_to_float64(dout, x):
    """float32 goes in and float64 comes out. Keep the dtype of `dout`: Python numbers do, NumPy
    scalars and np.float64(...) do not."""
    return activations.silu_backward(dout, np.asarray(x, dtype=np.float64))
