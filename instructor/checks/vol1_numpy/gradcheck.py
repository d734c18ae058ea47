"""Hidden checks for vol1_numpy/gradcheck.

`check_gradient` is graded by what it says of backwards that nobody has seen: wrong and right ones,
drawn per student, served as callbacks. It is paid when the true positive rate plus the true
negative rate minus one is one, so flagging everything, flagging nothing and guessing earn nothing.
"""

import numpy as np

from autograder import Callback, Exercise, array, derived, laid
from solutions.vol1_numpy import gradcheck

INF = float("inf")

# Right operators: a forward, its backward, and inputs to try them at.


def linear(x, w, b):
    return x @ w + b


def linear_backward(dout, x, w, b):
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def probabilities(x):
    exps = np.exp(x - x.max(axis=-1, keepdims=True))
    return exps / exps.sum(axis=-1, keepdims=True)


def probabilities_backward(dout, x):
    p = probabilities(x)
    return (p * (dout - (dout * p).sum(axis=-1, keepdims=True)),)


def norm(x, gain):
    return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + 0.1) * gain


def norm_backward(dout, x, gain):
    root = np.sqrt((x * x).mean(axis=-1, keepdims=True) + 0.1)
    hat, g = x / root, dout * gain
    return (g - hat * (g * hat).mean(axis=-1, keepdims=True)) / root, (dout * hat).sum(axis=0)


def gate(a, b):
    return a / (1 + np.exp(-a)) * b


def gate_backward(dout, a, b):
    s = 1 / (1 + np.exp(-a))
    return dout * b * s * (1 + a * (1 - s)), dout * a * s


def lookup(ids, table, gain):
    return table[ids] * gain


def lookup_backward(dout, ids, table, gain):
    dtable = np.zeros_like(table)
    np.add.at(dtable, ids, dout * gain)
    return dtable, (dout * table[ids]).sum(axis=0)


def mean_square(x, y):
    return float(((x - y) ** 2).mean())


def mean_square_backward(dout, x, y):
    dx = dout * 2 * (x - y) / x.size
    return dx, -dx


def faint(x):
    return 1e-9 * np.sin(x)


def faint_backward(dout, x):
    return (1e-9 * np.cos(x) * dout,)


def loud(x):
    return 1e6 * np.sin(x)


def loud_backward(dout, x):
    return (1e6 * np.cos(x) * dout,)


def ids_and_table(rng):
    ids = np.array([2, 0, 2, 1])  # one id occurs twice
    return rng.permutation(ids), rng.standard_normal((3, 2)), rng.normal(1.0, 0.5, size=2)


def normals(*shapes):
    """A function that draws arrays of these shapes."""
    return lambda rng: tuple(rng.standard_normal(shape) for shape in shapes)


OPERATORS = {
    linear: (linear_backward, normals((3, 2), (2, 2), 2)),
    probabilities: (probabilities_backward, normals((2, 4))),
    norm: (norm_backward, normals((2, 3), 3)),
    gate: (gate_backward, normals((2, 2), (2, 2))),
    lookup: (lookup_backward, ids_and_table),
    mean_square: (mean_square_backward, normals((3, 2), (3, 2))),
    faint: (faint_backward, normals(4)),
    loud: (loud_backward, normals(4)),
}


def replaces(position, new):
    """A backward with one gradient replaced: new(right gradient, dout, *inputs)."""

    def plant(right):
        def wrong(dout, *inputs):
            grads = list(right(dout, *inputs))
            grads[position] = new(grads[position], dout, *inputs)
            return tuple(grads)

        return wrong

    return plant


def keeps(count):
    """A backward that returns only its first gradients."""
    return lambda right: lambda dout, *inputs: tuple(right(dout, *inputs))[:count]


def at_one_entry(change):
    """Change the entry of largest size."""

    def new(grad, *_):
        grad = grad.copy()
        place = np.unravel_index(np.abs(grad).argmax(), grad.shape)
        grad[place] = change(grad[place])
        return grad

    return new


def gradients_of(number, change):
    return replaces(number, lambda g, *_: change(g))


# Bugs by what a checker needs to see them; every student meets one of each kind. An entry is a
# forward, the gradients that are wrong (by position), and how to plant it.
BUGS = {
    "opposite sign": [
        (linear, {0}, gradients_of(0, lambda g: -g)),
        (norm, {0}, gradients_of(0, lambda g: -g)),
    ],
    "a factor": [
        (linear, {2}, gradients_of(2, lambda g: g / 3)),
        (mean_square, {0}, gradients_of(0, lambda g: g / 2)),
        (lookup, {0}, gradients_of(0, lambda g: 2 * g)),
    ],
    "right for a dout of ones": [
        (linear, {0}, replaces(0, lambda g, dout, x, w, b: dout[::-1] @ w.T)),
        (gate, {0}, replaces(0, lambda g, dout, a, b: gate_backward(dout.T, a, b)[0])),
    ],
    "right but for rounding, for a dout of ones": [
        (probabilities, {0}, gradients_of(0, np.zeros_like)),
        (
            probabilities,
            {0},
            replaces(0, lambda g, dout, x: g + 0.1 * (dout - dout.mean(axis=-1, keepdims=True))),
        ),
    ],
    "not summed, which broadcasts": [
        (linear, {2}, replaces(2, lambda g, dout, *_: dout)),
        (lookup, {1}, replaces(1, lambda g, dout, ids, table, gain: dout * table[ids])),
    ],
    "an axis too many, which broadcasts": [
        (linear, {2}, gradients_of(2, lambda g: g[np.newaxis])),
        (norm, {1}, gradients_of(1, lambda g: g[np.newaxis])),
    ],
    "missing at the end": [(linear, {2}, keeps(2)), (norm, {1}, keeps(1))],
    "None": [
        (linear, {1}, gradients_of(1, lambda g: None)),
        (gate, {0}, gradients_of(0, lambda g: None)),
    ],
    "not a number": [
        (gate, {1}, replaces(1, at_one_entry(lambda v: np.nan))),
        (linear, {0}, replaces(0, at_one_entry(lambda v: np.nan))),
    ],
    "infinite": [
        (norm, {0}, replaces(0, at_one_entry(lambda v: np.inf))),
        (linear, {2}, replaces(2, at_one_entry(lambda v: -np.inf))),
    ],
    "transposed": [
        (linear, {0}, replaces(0, lambda g, dout, x, w, b: dout @ w)),
        (linear, {1}, gradients_of(1, lambda g: g.T)),
    ],
    "only the last of several": [
        (norm, {1}, replaces(1, lambda g, dout, x, gain: (dout * x).sum(axis=0))),
        (gate, {1}, replaces(1, lambda g, dout, a, b: dout * a)),
        (mean_square, {1}, gradients_of(1, lambda g: -g)),
    ],
    "beside integers": [
        (lookup, {1}, replaces(1, lambda g, dout, ids, table, gain: dout.sum(axis=0))),
        (lookup, {1}, gradients_of(1, lambda g: g / 4)),
    ],
    "one entry, by little": [
        (linear, {1}, replaces(1, at_one_entry(lambda v: 1.001 * v))),
        (probabilities, {0}, replaces(0, at_one_entry(lambda v: 1.001 * v))),
    ],
    "in a faint gradient": [
        (faint, {0}, gradients_of(0, lambda g: 2 * g)),
        (faint, {0}, gradients_of(0, np.zeros_like)),
    ],
    "a path left out": [
        (
            norm,
            {0},
            replaces(
                0, lambda g, dout, x, gain: dout * gain / np.sqrt((x * x).mean(-1)[:, None] + 0.1)
            ),
        ),
        (gate, {0}, replaces(0, lambda g, dout, a, b: dout * b / (1 + np.exp(-a)))),
    ],
}
# Right ones are drawn from all operators; these are there for every student.
ALWAYS = [loud, mean_square, lookup, probabilities]


def drawn_modules(rng):
    """Wrong and right backwards in random order: (forward, backward, inputs, dout, wrong ones)."""
    chosen = [kind[rng.integers(len(kind))] for kind in BUGS.values()]
    others = [f for f in OPERATORS if f not in ALWAYS]
    right = [*ALWAYS, *(others[i] for i in rng.permutation(len(others))[:2])]
    chosen += [(f, set(), lambda backward: backward) for f in right]
    return [module(rng, *chosen[i]) for i in rng.permutation(len(chosen))]


def module(rng, forward, wrong, plant):
    """One planted or right backward with a point to check it at."""
    backward, draw = OPERATORS[forward]
    inputs = draw(rng)
    dout = rng.standard_normal(np.shape(forward(*inputs)))
    return Callback(forward), Callback(plant(backward)), inputs, dout, wrong


def youden(flagged, wrong):
    """True positive rate plus true negative rate minus one."""
    flagged, wrong = np.array(flagged), np.array(wrong)
    return flagged[wrong].mean() + (~flagged)[~wrong].mean() - 1


exercise = Exercise(
    "vol1_numpy/gradcheck",
    solution=gradcheck,
    difficulty=2,
    minutes=90,
    inputs={
        "x": array("M N"),
        "m": array("N K"),
        "dout": array("M K"),
        # Steep and bent: with another step, or to one side, the quotients differ.
        "f": derived(lambda m: Callback(lambda x: np.sin(100.0 * x) @ m)),
        "a": array("M N"),
        "b": array("M N"),
    },
    sizes={"M": [2, 3, 1], "N": [4, 3, 1], "K": [3, 3, 1]},
)
SMALL = {"M": [2], "N": [3], "K": [2]}

# numerical_gradient

STEP = derived(lambda rng: float(rng.uniform(0.1, 0.4)))
GENTLE = derived(lambda m: Callback(lambda x: np.sin(x + x.sum()) @ m))

exercise.matches_reference("numerical_gradient", points=2, rtol=1e-9)
exercise.matches_reference(
    "numerical_gradient",
    points=1,
    name="other_steps",
    title="The step that is asked for is the one that is taken.",
    rtol=1e-10,
    h=STEP,
    f=GENTLE,
)


@exercise.satisfies("numerical_gradient", points=1)
def exact_for_parabolas(student, x, m, dout, rng):
    """A parabola's gradient is exact for any step, a product's too; a dout of zeros gives zeros."""
    f = Callback(lambda v: (v * v) @ m)
    step = float(rng.uniform(0.5, 2.0))
    yield student.numerical_gradient(f, x, dout, h=step), 2 * x * (dout @ m.T)
    f = Callback(lambda v: v @ m)
    yield student.numerical_gradient(f, x, dout, h=step), dout @ m.T
    yield student.numerical_gradient(f, x, np.zeros_like(dout)), np.zeros_like(x)


@exercise.satisfies("numerical_gradient", points=1, kind="E", sizes=SMALL)
def any_shape_of_output(student, x, rng):
    """The output may be one number, or have other axes than x."""
    weight, dout = rng.standard_normal(x.shape), rng.standard_normal((2, 1, 3))
    f = Callback(lambda v: float((weight * v**3).sum()))
    want = gradcheck.numerical_gradient(f, x, np.array(0.7), h=0.2)
    yield student.numerical_gradient(f, x, np.array(0.7), h=0.2), want
    f = Callback(lambda v: np.sin(v)[:, np.newaxis])
    want = gradcheck.numerical_gradient(f, x, dout, h=0.2)
    yield student.numerical_gradient(f, x, dout, h=0.2), want
    row = Callback(lambda v: v**3)
    want = 3 * x[0] ** 2 * dout[0, 0] + 0.04 * dout[0, 0]
    yield student.numerical_gradient(row, x[0], dout[0, 0], h=0.2), want


@exercise.satisfies("numerical_gradient", points=1, kind="E", sizes=SMALL)
def views_are_no_problem(student, x, rng):
    """A function that returns a view of what it is given is differentiated like any other."""
    dout = rng.standard_normal(x.shape[::-1])
    return student.numerical_gradient(student.library("numpy.transpose"), x, dout), dout.T


@exercise.satisfies("numerical_gradient", points=1, kind="E", sizes=SMALL, f=GENTLE)
def differences_in_float64(student, f, x, dout):
    """float32 arguments are differenced in float64, and the result is float64."""
    # Near 300 a step of 1e-5 is less than half a digit of float32.
    single, weights = (x + 300.0).astype(np.float32), dout.astype(np.float32)
    got = student.numerical_gradient(f, single, weights)
    want = gradcheck.numerical_gradient(f, single.astype(np.float64), weights)
    yield np.abs(got - want).max() < 1e-6 * np.abs(want).max()
    yield got.dtype == np.float64


exercise.leaves_inputs_alone("numerical_gradient", points=1, h=STEP, f=GENTLE)

exercise.slip(
    "numerical_gradient",
    "one_sided",
    "value - h",
    "value",
    "The second evaluation is at the point itself, not at the point minus h.",
)


def one_sided(f, x, dout, h, sign):
    at = np.array(x, dtype=np.float64)
    grad, here = np.empty_like(at), np.sum(f(at) * dout)
    for index in np.ndindex(at.shape):
        value = at[index]
        at[index] = value + sign * h
        grad[index] = (np.sum(f(at) * dout) - here) / (sign * h)
        at[index] = value
    return grad


@exercise.mistake("numerical_gradient")
def forward_difference(f, x, dout, h=1e-5):
    """The difference is one-sided, (L(x + h) - L(x)) / h: its error shrinks only like h. Use the
    points on both sides."""
    return one_sided(f, x, dout, h, 1.0)


@exercise.mistake("numerical_gradient")
def backward_difference(f, x, dout, h=1e-5):
    """The difference is one-sided, (L(x) - L(x - h)) / h: its error shrinks only like h. Use the
    points on both sides."""
    return one_sided(f, x, dout, h, -1.0)


exercise.slip(
    "numerical_gradient",
    "divides_by_h",
    "(2 * h)",
    "h",
    "Everything is twice too large: the two points are 2 h apart, not h.",
)
exercise.slip(
    "numerical_gradient",
    "does_not_divide",
    " / (2 * h)",
    "",
    "The difference of the two values is there; it is not divided by the distance of the points.",
)
exercise.slip(
    "numerical_gradient",
    "opposite_sign",
    "(above - below)",
    "(below - above)",
    "Everything has the opposite sign: which of the two values comes first?",
)
exercise.slip(
    "numerical_gradient",
    "never_puts_back",
    "        at[index] = value\n",
    "",
    "An entry keeps its lowered value while the next ones are differenced. Put it back each time.",
)
exercise.slip(
    "numerical_gradient",
    "adds_h_back_once",
    "        at[index] = value\n",
    "        at[index] += 2 * h\n",
    "After x + h and x - h the entry ends one h above where it was, and the next entries are "
    "differenced at another point. Remember the old value and put that back.",
)


@exercise.mistake("numerical_gradient")
def ignores_dout(f, x, dout, h=1e-5):
    """The outputs are added up without `dout`: each counts as much as dout says."""
    return gradcheck.numerical_gradient(f, x, np.ones_like(dout), h)


@exercise.mistake("numerical_gradient")
def mean_of_the_outputs(f, x, dout, h=1e-5):
    """The products with dout are averaged; a gradient adds up all paths to the loss."""
    return gradcheck.numerical_gradient(f, x, dout / dout.size, h)


exercise.slip(
    "numerical_gradient",
    "ignores_h",
    "    at = np",
    "    h = 1e-5\n    at = np",
    "The argument `h` is ignored: the step is always 1e-5.",
)
exercise.slip(
    "numerical_gradient",
    "relative_step",
    "        value = at[index]\n",
    "        value = at[index]\n        h = 1e-5 * max(abs(value), 1.0)\n",
    "The step is not the `h` that was given: it depends on the entry.",
)


@exercise.mistake("numerical_gradient")
def moves_all_entries_at_once(f, x, dout, h=1e-5):
    """All entries are moved together: that gives the sum of all derivatives. Move one at a time,
    with the others at their place."""
    above, below = np.sum(f(x + h) * dout), np.sum(f(x - h) * dout)
    return np.full(x.shape, (above - below) / (2 * h))


exercise.slip(
    "numerical_gradient",
    "works_in_the_dtype_of_x",
    "np.array(x, dtype=np.float64)",
    "np.array(x)",
    "A float32 x is differenced in float32, where x + 1e-5 keeps hardly two digits of the step. "
    "Convert to float64 first.",
)
exercise.slip(
    "numerical_gradient",
    "result_in_the_dtype_of_x",
    "np.empty_like(at)",
    "np.empty_like(x)",
    "The differences are taken in float64, but the array they are written to has the dtype of `x`.",
)


@exercise.mistake("numerical_gradient")
def flattens(f, x, dout, h=1e-5):
    """The result is one long row. It should have the shape of `x`."""
    return gradcheck.numerical_gradient(f, x, dout, h).reshape(-1)


@exercise.mistake("numerical_gradient")
def moves_the_array_it_was_given(f, x, dout, h=1e-5):
    """`x` itself is moved, and not exactly put back: adding h and subtracting it again rounds.
    Work on a copy."""
    grad = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        x[index] += h
        above = np.sum(f(x) * dout)
        x[index] -= 2 * h
        below = np.sum(f(x) * dout)
        x[index] += h
        grad[index] = (above - below) / (2 * h)
    return grad


@exercise.mistake("numerical_gradient")
def subtracts_outputs_that_are_views(f, x, dout, h=1e-5):
    """Both outputs are kept and subtracted later. If f returns a view of what it is given, as a
    transpose does, the first one has changed by then: sum it right away, or give f a copy."""
    at, grad = np.array(x, dtype=np.float64), np.empty(x.shape)
    for index in np.ndindex(at.shape):
        value = at[index]
        at[index] = value + h
        above = f(at)
        at[index] = value - h
        below = f(at)
        at[index] = value
        grad[index] = np.sum((np.asarray(above) - np.asarray(below)) * dout) / (2 * h)
    return grad


# relative_error

exercise.matches_reference("relative_error", points=1)


@exercise.satisfies("relative_error", points=1)
def what_the_number_says(student, a, rng):
    """Twice the gradient gives 1/2, the opposite sign 2, zeros 1; a factor on both changes nothing.

    These hold for gradients of any size.
    """
    a = a * float(rng.choice([1e-7, 1.0, 1e5]))
    yield student.relative_error(a, 2 * a), 0.5
    yield student.relative_error(-a, a), 2.0
    yield student.relative_error(a, np.zeros_like(a)), 1.0
    yield student.relative_error(np.zeros_like(a), a), 1.0
    one = a.copy()
    one.flat[np.abs(a).argmax()] *= 1 + 1e-3
    yield student.relative_error(a, one), 1e-3 / (1 + 1e-3)


@exercise.satisfies("relative_error", points=1, kind="E")
def tiny_gradients(student, a, b):
    """Zeros agree with zeros, and below 1e-12 the floor takes over."""
    yield student.relative_error(np.zeros_like(a), np.zeros_like(a)), 0.0
    a, b = (1e-13 * x / np.abs(x).max() for x in (a, b))
    yield student.relative_error(a, b), np.abs(a - b).max() * 1e12
    yield student.relative_error(30 * a, 20 * b), np.abs(30 * a - 20 * b).max() / 3e-12


@exercise.satisfies("relative_error", points=1, kind="E", sizes=SMALL)
def computes_in_float64(student, a, b):
    """float32 gradients are compared in float64, also where their difference overflows float32."""
    a, b = a.astype(np.float32), b.astype(np.float32)
    want = gradcheck.relative_error(a.astype(np.float64), b.astype(np.float64))
    yield student.relative_error(a, b), want
    large = np.full(3, 3e38, dtype=np.float32)
    yield student.relative_error(large, -large), 2.0


exercise.leaves_inputs_alone("relative_error", points=1)

LARGEST = "max(np.abs(a).max(), np.abs(b).max(), 1e-12)"
exercise.slip(
    "relative_error",
    "no_absolute_difference",
    "np.abs(np.subtract(a, b, dtype=np.float64)).max()",
    "np.subtract(a, b, dtype=np.float64).max()",
    "The largest difference is taken with its sign: where `a` is below `b` everywhere, it is "
    "negative. How far apart two numbers are has no sign.",
)
exercise.slip(
    "relative_error",
    "mean_difference",
    "dtype=np.float64)).max()",
    "dtype=np.float64)).mean()",
    "The differences are averaged. One wrong entry among many must not be thinned out: take the "
    "largest.",
)
exercise.slip(
    "relative_error",
    "absolute_error",
    " / " + LARGEST,
    "",
    "The difference is not divided by anything. Is 1e-6 large or small? It depends on the "
    "gradients.",
)
exercise.slip(
    "relative_error",
    "relative_to_b_only",
    LARGEST,
    "max(np.abs(b).max(), 1e-12)",
    "Only the size of `b` counts. Exchange the two and the error is another one: the larger of "
    "both sizes belongs below.",
)
exercise.slip(
    "relative_error",
    "relative_to_a_only",
    LARGEST,
    "max(np.abs(a).max(), 1e-12)",
    "Only the size of `a` counts. Exchange the two and the error is another one: the larger of "
    "both sizes belongs below.",
)
exercise.slip(
    "relative_error",
    "sum_of_both_sizes",
    LARGEST,
    "max(np.abs(a).max() + np.abs(b).max(), 1e-12)",
    "The two sizes are added; the formula takes the larger one. (Common, too, but here an error of "
    "2 means the opposite sign.)",
)
exercise.slip(
    "relative_error",
    "largest_without_absolute_value",
    LARGEST,
    "max(np.max(a), np.max(b), 1e-12)",
    "The size of an array is its largest *absolute* value; with negative entries the largest one "
    "is something else.",
)
exercise.slip(
    "relative_error",
    "no_floor",
    "np.abs(b).max(), 1e-12)",
    "np.abs(b).max(), np.float64(0.0))",
    "Two gradients of zero give 0 / 0. The floor of 1e-12 is there for that.",
)
exercise.slip(
    "relative_error",
    "adds_the_floor",
    LARGEST,
    "(max(np.abs(a).max(), np.abs(b).max()) + 1e-12)",
    "The 1e-12 is added. It is a floor: the largest of three numbers, which leaves the others as "
    "they are.",
)
exercise.slip(
    "relative_error",
    "a_floor_too_high",
    "np.abs(b).max(), 1e-12)",
    "np.abs(b).max(), 1e-8)",
    "The floor is higher than 1e-12, so small gradients that are all wrong look nearly right.",
)


@exercise.mistake("relative_error")
def entry_by_entry(a, b):
    """Every difference is divided by the size of its own entry. Where the true derivative is 0 a
    rounding error then looks huge: compare with the largest entry of the whole array."""
    return (np.abs(a - b) / np.maximum(np.maximum(np.abs(a), np.abs(b)), 1e-12)).max()


@exercise.mistake("relative_error")
def euclidean_norms(a, b):
    """The differences and the entries are squared and added up. The formula takes the largest of
    each."""
    size = max(np.linalg.norm(a), np.linalg.norm(b), 1e-12)
    return np.linalg.norm(np.subtract(a, b, dtype=np.float64)) / size


exercise.slip(
    "relative_error",
    "computes_in_float32",
    ", dtype=np.float64",
    "",
    "float32 gradients are subtracted in float32, which rounds, and overflows beyond 3.4e38.",
)


@exercise.mistake("relative_error")
def subtracts_in_place(a, b):
    """The difference is written into one of the gradients. The caller still needs it."""
    size = max(np.abs(a).max(), np.abs(b).max(), 1e-12)
    error = gradcheck.relative_error(a, b)
    a -= b
    return error if size else 0.0


# check_gradient


@exercise.satisfies("check_gradient", points=5, kind="R", sizes={})
def tells_wrong_from_right(student, rng):
    """Every wrong gradient gets an error above TOLERANCE, every right one does not.

    An error is at most 2, or inf.
    """
    flagged, wrong = [], []
    for forward, backward, inputs, dout, bad in drawn_modules(rng):
        floats = sum(x.dtype.kind == "f" for x in inputs)
        errors = student.check_gradient(forward, backward, inputs, dout)
        yield len(errors) == floats
        yield all(0 <= error < 2.01 or error == INF for error in errors if error == error)
        flagged += [error > gradcheck.TOLERANCE for error in errors]
        wrong += [i in bad for i in range(floats)]
    yield youden(flagged, wrong), 1.0


def planted(rng):
    """A backward whose three gradients are off by different amounts, and where to check it."""
    x, ids, w, b = (rng.standard_normal(s) for s in ((3, 2), 3, (2, 2), (3, 2)))
    inputs = (x, ids.argsort(), w, b)
    amounts = rng.permutation([0.5, 0.03, 0.002])

    def forward(x, ids, w, b):
        return np.sin(x @ w) * b[ids]

    def right(dout, x, ids, w, b):
        inner = dout * np.cos(x @ w) * b[ids]
        db = np.zeros_like(b)
        db[ids] = dout * np.sin(x @ w)
        return inner @ w.T, x.T @ inner, db

    def backward(dout, *inputs):
        grads, others = right(dout, *inputs), right(np.abs(dout[::-1]), *inputs)
        return tuple(g + a * o for g, a, o in zip(grads, amounts, others, strict=True))

    dout = rng.standard_normal((3, 2))
    return Callback(forward), Callback(backward), inputs, dout


def of_planted(position):
    return derived(lambda planted: planted[position])


PLANTED = {
    "planted": derived(planted),
    "forward": of_planted(0),
    "backward": of_planted(1),
    "inputs": of_planted(2),
    "dout": of_planted(3),
}
exercise.matches_reference(
    "check_gradient",
    points=2,
    name="errors_are_relative",
    title="The errors are the relative errors of the gradients, in the order of the inputs.",
    rtol=1e-6,
    sizes={},
    **PLANTED,
)


@exercise.satisfies("check_gradient", points=1, sizes={}, rtol=1e-6, **PLANTED)
def errors_follow_their_inputs(student, forward, backward, inputs, dout, rng):
    """Inputs in another order give the errors in that order; a longer dout changes none."""
    errors = student.check_gradient(forward, backward, inputs, dout)
    x, ids, w, b = inputs
    turned = Callback(lambda b, x, w, ids: forward.function(x, ids, w, b))

    def backward_turned(dout, b, x, w, ids):
        dx, dw, db = backward.function(dout, x, ids, w, b)
        return db, dx, dw

    found = student.check_gradient(turned, Callback(backward_turned), (b, x, w, ids), dout)
    yield found, (errors[2], errors[0], errors[1])
    factor = float(rng.uniform(100.0, 1000.0))
    yield student.check_gradient(forward, backward, inputs, factor * dout), tuple(errors)


def incomparable(rng):
    """Backwards with gradients that cannot be compared, and the errors they should get."""
    inputs, dout = OPERATORS[linear][1](rng), rng.standard_normal((3, 2))
    _, dw, db = linear_backward(dout, *inputs)
    for position, new in (
        (0, None),
        (1, np.nan * dw),
        (1, np.where(dw == dw.max(), np.inf, dw)),
        (2, dout),
        (2, db[np.newaxis]),
        (1, dw.reshape(-1)),
        (0, np.array(0.5)),
    ):
        errors = tuple(INF if i == position else 0.0 for i in range(3))
        yield gradients_of(position, lambda g, new=new: new)(linear_backward), inputs, dout, errors
    yield keeps(1)(linear_backward), inputs, dout, (0.0, INF, INF)
    yield keeps(0)(linear_backward), inputs, dout, (INF, INF, INF)


@exercise.satisfies("check_gradient", points=1, kind="E", sizes={}, rtol=1e-4)
def what_cannot_be_compared_is_inf(student, rng):
    """A wrong shape, a missing gradient, a value that is not finite: the error is inf."""
    for backward, inputs, dout, errors in incomparable(rng):
        yield student.check_gradient(Callback(linear), Callback(backward), inputs, dout), errors
    dout = rng.standard_normal((1, 2))
    forward = Callback(lambda x, b: np.where(x > 0, x, np.inf) + b)
    backward = Callback(lambda dout, x, b: (dout, dout))
    inputs = (np.array([[1.0, -1.0]]), rng.standard_normal((1, 2)))
    yield student.check_gradient(forward, backward, inputs, dout), (INF, INF)
    # At the edge of the domain one difference is nan, the other is not.
    root, slope = Callback(np.sqrt), Callback(lambda dout, x: (dout * np.array([[0.0, 0.25]]),))
    yield student.check_gradient(root, slope, (np.array([[0.0, 4.0]]),), dout), (INF,)


@exercise.satisfies("check_gradient", points=1, kind="E", sizes={}, rtol=1e-6, **PLANTED)
def checks_in_float64(student, forward, backward, inputs, dout, rng):
    """float32 inputs and dout are converted before forward and backward see them."""
    single = tuple(x.astype(np.float32) if x.dtype.kind == "f" else x for x in inputs)
    double = tuple(x.astype(np.float64) if x.dtype.kind == "f" else x for x in single)
    dout = dout.astype(np.float32)
    seen_by = Callback(forward.function), Callback(backward.function)
    got = student.check_gradient(*seen_by, single, dout)
    pair = tuple(x.astype(np.float32) for x in OPERATORS[norm][1](rng))
    weights = rng.standard_normal((2, 3)).astype(np.float32)
    right = student.check_gradient(Callback(norm), Callback(norm_backward), pair, weights)
    floats = [a for f in seen_by for call in f.calls for a in call if a.dtype.kind == "f"]
    yield got, tuple(gradcheck.check_gradient(*seen_by, double, dout.astype(np.float64)))
    yield all(a.dtype == np.float64 for a in floats)
    yield max(right) < 1e-8


@exercise.satisfies("check_gradient", points=1, kind="E", sizes={}, rtol=1e-4)
def leaves_the_point_alone(student, rng):
    """Inputs and dout may be read-only, Fortran-ordered or strided, and stay as they are."""
    forward, backward, inputs, dout, _ = module(rng, norm, {1}, gradients_of(1, lambda g: 2 * g))
    for layout, read_only in (("C", False), ("F", True), ("strided", False)):
        sent = tuple(laid(x, layout, read_only=read_only) for x in inputs)
        given = laid(dout, layout, read_only=read_only)
        got, after, _ = student.trial(student.check_gradient, forward, backward, sent, given)
        yield got, (0.0, 0.5)
        yield all(np.array_equal(a, b) for a, b in zip(after[2], inputs, strict=True))
        yield np.array_equal(after[3], dout)


@exercise.null("check_gradient")
def flags_everything(forward, backward, inputs, dout):
    return [INF for x in inputs if x.dtype.kind == "f"]


@exercise.null("check_gradient")
def flags_nothing(forward, backward, inputs, dout):
    return [0.0 for x in inputs if x.dtype.kind == "f"]


@exercise.null("check_gradient")
def tosses_a_coin(forward, backward, inputs, dout):
    floats = [x for x in inputs if x.dtype.kind == "f"]
    coin = np.random.default_rng(int(1e6 * abs(floats[0].sum())))
    return [float(coin.integers(2)) for _ in floats]


@exercise.null("check_gradient")
def looks_at_shapes_only(forward, backward, inputs, dout):
    grads = [*backward(dout, *inputs), None, None, None]
    floats = [x for x in inputs if x.dtype.kind == "f"]
    return [0.0 if np.shape(g) == x.shape else INF for g, x in zip(grads, floats, strict=False)]


exercise.slip(
    "check_gradient",
    "a_dout_of_ones",
    "np.asarray(dout, dtype=np.float64)",
    "np.ones(np.shape(dout))",
    "The `dout` that is given is replaced by ones. Where outputs always add up to the same number, "
    "every gradient is then zero, and nothing can be told from it.",
)
exercise.slip(
    "check_gradient",
    "backward_gets_ones",
    "iter(backward(dout,",
    "iter(backward(np.ones_like(dout),",
    "The backward is called with another dout than the one that the differences are weighted with.",
)
exercise.slip(
    "check_gradient",
    "differences_with_ones",
    "numerical_gradient(along(i), x, dout)",
    "numerical_gradient(along(i), x, np.ones_like(dout))",
    "The differences are weighted with another dout than the one that the backward is called with.",
)
exercise.slip(
    "check_gradient",
    "absolute_differences",
    "relative_error(grad, want)",
    "float(np.abs(grad - want).max())",
    "The error is the largest difference, not in relation to the size of the gradients. A faint "
    "gradient that is all wrong passes, a loud one that is right is flagged.",
    within="_disagreement",
)
exercise.slip(
    "check_gradient",
    "nan_passes",
    "if not (np.isfinite(grad).all() and np.isfinite(want).all()):",
    "if False:",
    "A gradient with nan or inf in it gets the error nan, and nan > TOLERANCE is false: it passes. "
    "Look for values that are not finite before you compare.",
    within="_disagreement",
)
exercise.slip(
    "check_gradient",
    "broadcasts",
    "if np.shape(grad) != want.shape:",
    "if grad is None:",
    "A gradient of another shape is compared all the same, because NumPy broadcasts it. Compare "
    "the shapes first.",
    within="_disagreement",
)
exercise.slip(
    "check_gradient",
    "reshapes_to_compare",
    "    if np.shape(grad) != want.shape:",
    "    if np.size(grad) == want.size and grad is not None:\n"
    "        grad = np.reshape(grad, want.shape)\n"
    "    if np.shape(grad) != want.shape:",
    "A gradient of another shape is reshaped and then compared. A (1, K) or a flat gradient is not "
    "the gradient of a (K,) or a (D, K) array: the optimizer would stumble over it.",
    within="_disagreement",
)
exercise.slip(
    "check_gradient",
    "trusts_a_forward_that_is_not_finite",
    "np.isfinite(grad).all() and np.isfinite(want).all()",
    "np.isfinite(grad).all()",
    "If the forward itself gives nan or inf, the differences do, too, and the error is nan. What "
    "cannot be checked is not right: make it inf.",
    within="_disagreement",
)


def errors_by_pairs(forward, backward, inputs, dout, pairs):
    """What the reference says of each (gradient, number of its input) in `pairs`."""
    inputs = [x.astype(np.float64) if x.dtype.kind == "f" else x for x in inputs]

    def error(grad, i):
        def alone(v):
            return forward(*inputs[:i], v, *inputs[i + 1 :])

        return gradcheck._disagreement(grad, gradcheck.numerical_gradient(alone, inputs[i], dout))

    floats = [i for i, x in enumerate(inputs) if x.dtype.kind == "f"]
    grads = backward(np.asarray(dout, dtype=np.float64), *inputs)
    return [error(grad, i) for grad, i in pairs(list(grads), floats)]


@exercise.mistake("check_gradient")
def stops_at_the_shorter_list(forward, backward, inputs, dout):
    """If the backward returns too few gradients, there are too few errors: zip stops at the shorter
    list. A gradient that is missing is wrong, its error is inf."""
    return errors_by_pairs(
        forward, backward, inputs, dout, lambda grads, floats: zip(grads, floats, strict=False)
    )


@exercise.mistake("check_gradient")
def skips_none(forward, backward, inputs, dout):
    """A gradient that is None is left out, and the errors after it move up. It is missing: its
    error is inf."""

    def pairs(grads, floats):
        grads += [np.nan] * (len(floats) - len(grads))
        return [(g, i) for g, i in zip(grads, floats, strict=False) if g is not None]

    return errors_by_pairs(forward, backward, inputs, dout, pairs)


@exercise.mistake("check_gradient")
def counts_integers(forward, backward, inputs, dout):
    """The gradients are counted as if integer inputs had one: those behind an integer input are
    compared with the gradient of another one. Backwards return gradients of float inputs only."""

    def pairs(grads, floats):
        return [(grads[i] if i < len(grads) else None, i) for i in floats]

    return errors_by_pairs(forward, backward, inputs, dout, pairs)


@exercise.mistake("check_gradient")
def an_error_for_integers(forward, backward, inputs, dout):
    """There is an error for every input. Integers have no gradient: leave them out of the list."""
    errors = iter(gradcheck.check_gradient(forward, backward, inputs, dout))
    return [next(errors) if x.dtype.kind == "f" else 0.0 for x in inputs]


@exercise.mistake("check_gradient")
def the_first_gradient_only(forward, backward, inputs, dout):
    """Only the first gradient is checked. Each float input has one."""
    return gradcheck.check_gradient(forward, backward, inputs, dout)[:1]


@exercise.mistake("check_gradient")
def one_number(forward, backward, inputs, dout):
    """The result is one number, the largest error. Return the list: it says which gradient is
    wrong."""
    return max(gradcheck.check_gradient(forward, backward, inputs, dout))


@exercise.mistake("check_gradient")
def the_largest_error_for_all(forward, backward, inputs, dout):
    """Every gradient gets the largest error of all, so right ones are flagged beside a wrong one.
    Compare each with its own differences."""
    errors = gradcheck.check_gradient(forward, backward, inputs, dout)
    return [max(errors)] * len(errors)


@exercise.mistake("check_gradient")
def yes_or_no(forward, backward, inputs, dout):
    """The list says true or false. Return the errors themselves: 2 is a sign, 0.5 a factor of
    two, and 1e-8 and 1e-3 are worlds apart."""
    errors = gradcheck.check_gradient(forward, backward, inputs, dout)
    return [error > gradcheck.TOLERANCE for error in errors]


@exercise.mistake("check_gradient")
def last_input_first(forward, backward, inputs, dout):
    """The errors are right, in the opposite order: the first belongs to the first float input."""
    return gradcheck.check_gradient(forward, backward, inputs, dout)[::-1]


exercise.slip(
    "check_gradient",
    "all_close",
    "return relative_error(grad, want)",
    "return 0.0 if np.allclose(grad, want) else relative_error(grad, want)",
    "Gradients count as equal if np.allclose says so. It forgives a difference of 1e-8 whatever "
    "the size of the gradients, so a faint one may be all wrong. Return the relative error.",
    within="_disagreement",
)
exercise.slip(
    "check_gradient",
    "a_large_step",
    "numerical_gradient(along(i), x, dout)",
    "numerical_gradient(along(i), x, dout, h=1e-2)",
    "The step is so large that right gradients are flagged: the error of central differences is "
    "about h squared.",
)
exercise.slip(
    "check_gradient",
    "a_tiny_step",
    "numerical_gradient(along(i), x, dout)",
    "numerical_gradient(along(i), x, dout, h=1e-12)",
    "The step is so small that rounding drowns the difference, and right gradients are flagged.",
)
exercise.slip(
    "check_gradient",
    "keeps_float32",
    'tuple(x.astype(np.float64) if x.dtype.kind == "f" else x for x in inputs)',
    "tuple(inputs)",
    "float32 inputs reach forward and backward as they are, so right gradients are off by 1e-7. "
    "Convert the float inputs to float64 first.",
)
exercise.slip(
    "check_gradient",
    "keeps_a_float32_dout",
    "np.asarray(dout, dtype=np.float64)",
    "np.asarray(dout)",
    "A float32 `dout` reaches the backward as it is. Convert it to float64, like the inputs.",
)


@exercise.mistake("check_gradient")
def moves_the_inputs_it_was_given(forward, backward, inputs, dout):
    """The inputs are moved in place, and adding h and subtracting it again rounds: afterwards they
    are not what they were. Work on copies."""
    errors = gradcheck.check_gradient(forward, backward, inputs, dout)
    for x in inputs:
        if x.dtype.kind == "f" and x.flags.writeable:
            x += 1e-5
            x -= 2e-5
            x += 1e-5
    return errors
