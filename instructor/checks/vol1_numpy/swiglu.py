"""Hidden checks for vol1_numpy/swiglu."""

import numpy as np

from autograder import Exercise, array, derived
from solutions.vol1_numpy import activations, swiglu


def large(rng, B, T, d_model):
    """Tokens in the thousands: their gates are far beyond what exp can take."""
    return 3e3 * rng.standard_normal((B, T, d_model))


exercise = Exercise(
    "vol1_numpy/swiglu",
    solution=swiglu,
    difficulty=3,
    minutes=60,
    inputs={
        "x": array("B T d_model"),
        "dout": array("B T d_model"),
        "w_gate": array("d_model d_ff"),
        "w_up": array("d_model d_ff"),
        "w_down": array("d_ff d_model"),
    },
    # A square case first: there a missing transpose gives wrong values, while in the others it
    # raises. Then every size distinct, then one token of one feature.
    sizes={"B": [3, 2, 1], "T": [4, 3, 1], "d_model": [4, 5, 1], "d_ff": [4, 7, 3]},
)
ROWS = {"x": array("T d_model"), "dout": array("T d_model")}
TABLE = {"T": [3, 5], "d_model": [3, 4], "d_ff": [3, 6]}
FEW = {"T": [2], "d_model": [3], "d_ff": [5]}
ONE = {"B": [2], "T": [3], "d_model": [5], "d_ff": [4]}

# swiglu

exercise.matches_reference("swiglu", points=3)
exercise.matches_reference(
    "swiglu",
    points=1,
    name="rows",
    title="Any number of leading axes will do: x may be (T, d_model).",
    sizes=TABLE,
    **ROWS,
)


@exercise.satisfies("swiglu", points=1, sizes=ONE)
def linear_in_the_up_branch(student, x, w_gate, w_up, w_down, rng):
    """The output is linear in w_up: that of a sum is the sum of the outputs."""
    other = rng.standard_normal(w_up.shape)
    out = student.swiglu(x, w_gate, w_up, w_down)
    yield student.swiglu(x, w_gate, -3.0 * w_up, w_down), -3.0 * out
    both = student.swiglu(x, w_gate, w_up + other, w_down)
    yield both, out + student.swiglu(x, w_gate, other, w_down)


@exercise.satisfies("swiglu", points=1, sizes=ONE)
def each_token_stands_alone(student, x, w_gate, w_up, w_down):
    """A token's output does not depend on the other tokens."""
    together = student.swiglu(x, w_gate, w_up, w_down)
    yield student.swiglu(x[:1, :1], w_gate, w_up, w_down), together[:1, :1]
    beside = x.copy()
    beside[0, 0] *= -2.0
    yield student.swiglu(beside, w_gate, w_up, w_down)[:, 1:], together[:, 1:]


exercise.matches_reference(
    "swiglu",
    points=1,
    name="large_tokens",
    title="Tokens in the thousands give finite outputs.",
    kind="E",
    sizes=ONE,
    x=derived(large),
)
exercise.keeps_dtype("swiglu", points=1)
exercise.leaves_inputs_alone("swiglu", points=1)

exercise.slip(
    "swiglu",
    "no_silu",
    "silu(x @ w_gate)",
    "(x @ w_gate)",
    "The two branches are multiplied without any activation. The gate branch goes through silu.",
)
exercise.slip(
    "swiglu",
    "silu_on_the_other_branch",
    "silu(x @ w_gate) * (x @ w_up)",
    "(x @ w_gate) * silu(x @ w_up)",
    "silu is applied to the up branch. It belongs to the gate branch.",
)
exercise.slip(
    "swiglu",
    "silu_on_both",
    "(x @ w_up)",
    "silu(x @ w_up)",
    "silu is applied to both branches. The up branch stays linear.",
)
exercise.slip(
    "swiglu",
    "silu_of_the_product",
    "silu(x @ w_gate) * (x @ w_up)",
    "silu((x @ w_gate) * (x @ w_up))",
    "silu comes after the product. It is applied to the gate branch before that.",
)
exercise.slip(
    "swiglu",
    "branches_added",
    "silu(x @ w_gate) * (x @ w_up)",
    "silu(x @ w_gate) + (x @ w_up)",
    "The branches are added. The gate multiplies the other branch, entry by entry.",
)
exercise.slip(
    "swiglu",
    "no_up_branch",
    " * (x @ w_up)",
    "",
    "Only the gate branch is there: a plain feed-forward layer. The up branch is missing.",
)
exercise.slip(
    "swiglu",
    "no_gate_branch",
    "silu(x @ w_gate) * (x @ w_up)",
    "silu(x @ w_up)",
    "Only the up branch is there, with the activation. w_gate is not used.",
)
exercise.slip(
    "swiglu",
    "gate_used_twice",
    "(x @ w_up)",
    "(x @ w_gate)",
    "Both branches use w_gate. The second one has its own weights.",
)
exercise.slip(
    "swiglu",
    "silu_times_itself",
    "silu(x @ w_gate) * (x @ w_up)",
    "silu(x @ w_gate) * silu(x @ w_gate)",
    "The gate is multiplied by itself. It multiplies the up branch.",
)
exercise.slip(
    "swiglu",
    "opposite_gate",
    "silu(x @ w_gate)",
    "silu(-(x @ w_gate))",
    "The gate branch enters silu with the opposite sign.",
)
exercise.slip(
    "swiglu",
    "gate_not_transformed",
    "silu(x @ w_gate) * (x @ w_up)",
    "silu(x @ w_gate) * (x @ w_up) * (x @ w_gate)",
    "The gate branch is a factor once too often: silu(z) already is z times a sigmoid.",
)
exercise.slip(
    "swiglu",
    "transposes_w_down",
    "hidden @ w_down",
    "hidden @ w_down.T",
    "w_down is transposed. It is (d_ff, d_model), and the last axis of hidden meets its first.",
)
exercise.slip(
    "swiglu",
    "transposes_w_gate",
    "x @ w_gate",
    "x @ w_gate.T",
    "w_gate is transposed. Weights are (in, out) here: the last axis of x meets their first.",
)
exercise.slip(
    "swiglu",
    "transposes_w_up",
    "x @ w_up",
    "x @ w_up.T",
    "w_up is transposed. Weights are (in, out) here: the last axis of x meets their first.",
)
exercise.slip(
    "swiglu",
    "adds_the_residual",
    "hidden @ w_down",
    "x + hidden @ w_down",
    "x is added to the result. The residual connection is the block's job, not this layer's.",
)


@exercise.mistake("swiglu")
def sigmoid_gate(x, w_gate, w_up, w_down):
    """The gate is a sigmoid: that is the plain GLU. Here it is silu, z times the sigmoid of z."""
    gate = 0.5 + 0.5 * np.tanh(0.5 * (x @ w_gate))
    return (gate * (x @ w_up)) @ w_down


@exercise.mistake("swiglu")
def gelu_gate(x, w_gate, w_up, w_down):
    """The gate is gelu: that is GEGLU. LLaMA's gate is silu."""
    return (activations.gelu(x @ w_gate) * (x @ w_up)) @ w_down


@exercise.mistake("swiglu")
def relu_gate(x, w_gate, w_up, w_down):
    """The gate is relu: that is ReGLU. LLaMA's gate is silu."""
    return (activations.relu(x @ w_gate) * (x @ w_up)) @ w_down


@exercise.mistake("swiglu")
def own_sigmoid_overflows(x, w_gate, w_up, w_down):
    """e^z / (1 + e^z) is infinity over infinity, nan, for large z. Your silu knows a form that does
    not overflow."""
    z = x @ w_gate
    return (z * np.exp(z) / (1 + np.exp(z)) * (x @ w_up)) @ w_down


@exercise.mistake("swiglu")
def changes_x(x, w_gate, w_up, w_down):
    """An argument is changed by the call. Whoever called you still needs x and the weights."""
    out = swiglu.swiglu(x, w_gate, w_up, w_down)
    x *= 0.5
    return out


@exercise.mistake("swiglu")
def computes_in_float64(x, w_gate, w_up, w_down):
    """float32 goes in and float64 comes out. Look for a NumPy scalar or np.float64(...): it
    promotes every float32 array that it meets, and a Python number does not."""
    return swiglu.swiglu(np.asarray(x, dtype=np.float64), w_gate, w_up, w_down)


# swiglu_backward

exercise.matches_reference("swiglu_backward", points=5)
exercise.matches_finite_differences(
    "swiglu_backward",
    of="swiglu",
    wrt=["x", "w_gate", "w_up", "w_down"],
    points=3,
    sizes=FEW,
    **ROWS,
)
exercise.matches_reference(
    "swiglu_backward",
    points=1,
    name="rows",
    title="Any number of leading axes will do: x may be (T, d_model).",
    sizes=TABLE,
    **ROWS,
)


@exercise.satisfies("swiglu_backward", points=1, sizes=ONE)
def three_equal_sums(student, dout, x, w_gate, w_up, w_down):
    """The output is proportional to w_up and to w_down, so their gradients know its size."""
    _, _, dw_up, dw_down = student.swiglu_backward(dout, x, w_gate, w_up, w_down)
    total = (dout * swiglu.swiglu(x, w_gate, w_up, w_down)).sum()
    yield (dw_up * w_up).sum(), total
    yield (dw_down * w_down).sum(), total


@exercise.satisfies("swiglu_backward", points=1, sizes=ONE)
def tokens_meet_in_the_weights_only(student, dout, x, w_gate, w_up, w_down):
    """A token's dx does not depend on the other tokens; weight gradients add up over tokens."""
    weights = (w_gate, w_up, w_down)
    dx, *dws = student.swiglu_backward(dout, x, *weights)
    first, *dws_first = student.swiglu_backward(dout[:, :1], x[:, :1], *weights)
    rest, *dws_rest = student.swiglu_backward(dout[:, 1:], x[:, 1:], *weights)
    yield first, dx[:, :1]
    yield rest, dx[:, 1:]
    for whole, one, other in zip(dws, dws_first, dws_rest, strict=True):
        yield one + other, whole


exercise.matches_reference(
    "swiglu_backward",
    points=1,
    name="large_tokens",
    title="Tokens in the thousands give finite gradients.",
    kind="E",
    sizes=ONE,
    x=derived(large),
)
exercise.keeps_dtype("swiglu_backward", points=1)
exercise.leaves_inputs_alone("swiglu_backward", points=1)

exercise.slip(
    "swiglu_backward",
    "dx_without_the_up_branch",
    " + dup @ w_up.T",
    "",
    "dx comes from the gate branch only. The up branch reads x, too: the two paths add.",
)
exercise.slip(
    "swiglu_backward",
    "dx_without_the_gate_branch",
    "dgate @ w_gate.T + dup",
    "dup",
    "dx comes from the up branch only. The gate branch reads x, too: the two paths add.",
)
exercise.slip(
    "swiglu_backward",
    "branches_averaged",
    "dgate @ w_gate.T + dup @ w_up.T",
    "(dgate @ w_gate.T + dup @ w_up.T) / 2",
    "dx is half of what it should be: the two paths add up, they are not averaged.",
)
exercise.slip(
    "swiglu_backward",
    "branches_crossed",
    "dgate @ w_gate.T + dup @ w_up.T",
    "dgate @ w_up.T + dup @ w_gate.T",
    "Each branch goes back to x through its own weights; here they are exchanged.",
)
exercise.slip(
    "swiglu_backward",
    "slope_of_silu_missing",
    "silu_backward(dhidden * up, gate)",
    "dhidden * up",
    "The gradient of the gate branch passes silu as if its slope were 1.",
)
exercise.slip(
    "swiglu_backward",
    "silu_for_its_slope",
    "silu_backward(dhidden * up, gate)",
    "dhidden * up * opened",
    "On the way back silu itself is a factor, where its derivative belongs.",
)
exercise.slip(
    "swiglu_backward",
    "slope_taken_at_the_output",
    "silu_backward(dhidden * up, gate)",
    "silu_backward(dhidden * up, opened)",
    "The slope of silu is taken at its output. It is taken at what silu was given.",
)
exercise.slip(
    "swiglu_backward",
    "slope_taken_in_the_other_branch",
    "silu_backward(dhidden * up, gate)",
    "silu_backward(dhidden * up, up)",
    "The slope of silu is taken at the up branch. It is taken at what silu was given.",
)
exercise.slip(
    "swiglu_backward",
    "dgate_without_up",
    "silu_backward(dhidden * up, gate)",
    "silu_backward(dhidden, gate)",
    "In the product of the branches the derivative by the gate is the other factor; it is missing.",
)
exercise.slip(
    "swiglu_backward",
    "dup_without_the_gate",
    "dup = dhidden * opened",
    "dup = dhidden",
    "In the product of the branches the derivative by the up branch is the other factor; it is "
    "missing.",
)
exercise.slip(
    "swiglu_backward",
    "dup_with_the_bare_gate",
    "dup = dhidden * opened",
    "dup = dhidden * gate",
    "The factor that multiplied the up branch was silu of the gate branch, not the branch itself.",
)
exercise.slip(
    "swiglu_backward",
    "own_factors",
    "    dup = dhidden * opened",
    "    up, opened = opened, up\n    dup = dhidden * opened",
    "Each factor of the product got its own value as derivative. The derivative by one factor is "
    "the other one.",
)
exercise.slip(
    "swiglu_backward",
    "silu_on_the_way_to_up",
    "dup = dhidden * opened",
    "dup = silu_backward(dhidden * opened, up)",
    "The gradient of the up branch passes silu, too. That branch is linear.",
)
exercise.slip(
    "swiglu_backward",
    "dw_down_from_the_gate_only",
    "(opened * up).T",
    "opened.T",
    "dw_down needs what w_down was multiplied with: the product of both branches.",
)
exercise.slip(
    "swiglu_backward",
    "dw_down_from_up_only",
    "(opened * up).T",
    "up.T",
    "dw_down needs what w_down was multiplied with: here the gate is missing in it.",
)
exercise.slip(
    "swiglu_backward",
    "dw_down_without_silu",
    "(opened * up).T",
    "(gate * up).T",
    "dw_down needs what w_down was multiplied with: here silu is missing in it.",
)
exercise.slip(
    "swiglu_backward",
    "weights_exchanged",
    "rows.T @ dgate, rows.T @ dup,",
    "rows.T @ dup, rows.T @ dgate,",
    "dw_gate and dw_up are exchanged; the order is that of the forward's arguments.",
)
exercise.slip(
    "swiglu_backward",
    "w_down_not_transposed",
    "drows @ w_down.T",
    "drows @ w_down",
    "dout meets w_down the wrong way round: the summed index c is the last one of w_down.",
)
exercise.slip(
    "swiglu_backward",
    "w_gate_not_transposed",
    "dgate @ w_gate.T",
    "dgate @ w_gate",
    "On the way back to x, w_gate is not transposed: the summed index f is its last.",
)
exercise.slip(
    "swiglu_backward",
    "w_up_not_transposed",
    "dup @ w_up.T",
    "dup @ w_up",
    "On the way back to x, w_up is not transposed: the summed index f is its last.",
)
exercise.slip(
    "swiglu_backward",
    "dw_down_transposed",
    "(opened * up).T @ drows",
    "drows.T @ (opened * up)",
    "dw_down comes out transposed: it has the shape of w_down, (d_ff, d_model).",
)
exercise.slip(
    "swiglu_backward",
    "averages_over_tokens",
    "rows.T @ dgate, rows.T @ dup, (opened * up).T @ drows",
    "rows.T @ dgate / len(rows), rows.T @ dup / len(rows), (opened * up).T @ drows / len(rows)",
    "The gradients of the weights are averaged over the tokens. They add up; whether the loss is a "
    "mean is in dout already.",
)
exercise.slip(
    "swiglu_backward",
    "silu_forgotten",
    "    opened = silu(gate)",
    "    opened = gate",
    "silu is missing when the forward is computed once more.",
)


@exercise.mistake("swiglu_backward")
def sigmoid_overflows(dout, x, w_gate, w_up, w_down):
    """e^z / (1 + e^z) is infinity over infinity, nan, for large z. Your silu and silu_backward know
    forms that do not overflow."""
    dx, dw_gate, dw_up, _ = swiglu.swiglu_backward(dout, x, w_gate, w_up, w_down)
    z = x @ w_gate
    opened = z * np.exp(z) / (1 + np.exp(z))
    hidden = (opened * (x @ w_up)).reshape(-1, w_down.shape[0])
    return dx, dw_gate, dw_up, hidden.T @ dout.reshape(-1, dout.shape[-1])


@exercise.mistake("swiglu_backward")
def first_sequence_only(dout, x, w_gate, w_up, w_down):
    """The weights get the gradient of the first sequence of the batch only. Every token uses them:
    sum over all leading axes."""
    dx, *_ = swiglu.swiglu_backward(dout, x, w_gate, w_up, w_down)
    return dx, *swiglu.swiglu_backward(dout[:1], x[:1], w_gate, w_up, w_down)[1:]


@exercise.mistake("swiglu_backward")
def writes_into_dout(dout, x, w_gate, w_up, w_down):
    """An argument is changed by the call. Whoever called you still needs dout, x and the
    weights."""
    result = swiglu.swiglu_backward(dout, x, w_gate, w_up, w_down)
    dout[...] = result[0]
    return result


@exercise.mistake("swiglu_backward")
def promotes_to_float64(dout, x, w_gate, w_up, w_down):
    """float32 goes in and float64 comes out. Look for a NumPy scalar or np.float64(...): it
    promotes every float32 array that it meets, and a Python number does not."""
    return swiglu.swiglu_backward(np.asarray(dout, dtype=np.float64), x, w_gate, w_up, w_down)
