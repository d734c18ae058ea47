"""Hidden checks for vol1_numpy/bug_hunt.

Layers of ours with a bug planted in one gradient, or none, drawn per student and served as
callbacks. Every check mixes wrong and right layers and is paid only if all answers are right:
always the same name, never a name, and guessing earn nothing.
"""

import numpy as np

from autograder import Callback, Exercise, laid
from solutions.vol1_numpy import bug_hunt


def normalised(x):
    """Each row with mean 0 and variance 1, and the standard deviations."""
    centred = x - x.mean(axis=-1, keepdims=True)
    std = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + 0.1)
    return centred / std, std


def through_norm(g, hat, std):
    """The gradient `g` of normalised rows, pushed back through the normalisation."""
    rest = g - g.mean(axis=-1, keepdims=True) - hat * (g * hat).mean(axis=-1, keepdims=True)
    return rest / std


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


# Layers: a forward, and a backward that returns a dictionary of gradients by name.


def norm(x, gain, bias):
    return normalised(x)[0] * gain + bias


def norm_backward(dout, x, gain, bias):
    hat, std = normalised(x)
    dx = through_norm(dout * gain, hat, std)
    return {"x": dx, "gain": (dout * hat).sum(axis=0), "bias": dout.sum(axis=0)}


def projection(x, w, b):
    return np.sin(x @ w + b)


def projection_backward(dout, x, w, b):
    g = dout * np.cos(x @ w + b)
    return {"x": g @ w.T, "w": x.T @ g, "b": g.sum(axis=0)}


def gated(x, w_gate, w_up):
    a = x @ w_gate
    return a * sigmoid(a) * (x @ w_up)


def gated_backward(dout, x, w_gate, w_up):
    a, u = x @ w_gate, x @ w_up
    s = sigmoid(a)
    da, du = dout * u * s * (1 + a * (1 - s)), dout * a * s
    return {"x": da @ w_gate.T + du @ w_up.T, "w_gate": x.T @ da, "w_up": x.T @ du}


def mixing(q, k, v):
    return softmax(q @ k.T * 0.25) @ v


def mixing_backward(dout, q, k, v):
    p = softmax(q @ k.T * 0.25)
    dp = dout @ v.T
    ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True)) * 0.25
    return {"q": ds @ k, "k": ds.T @ q, "v": p.T @ dout}


def lookup(ids, table, scale, positions):
    return table[ids] * scale + positions


def lookup_backward(dout, ids, table, scale, positions):
    dtable = np.zeros_like(table)
    np.add.at(dtable, ids, dout * scale)
    dscale = (dout * table[ids]).sum(axis=(0, 1))
    return {"table": dtable, "scale": dscale, "positions": dout.sum(axis=0)}


def branch(x, a, b):
    return x + a * np.sin(x * b)


def branch_backward(dout, x, a, b):
    g = dout * a * np.cos(x * b)
    return {"x": dout + g * b, "a": (dout * np.sin(x * b)).sum(axis=0), "b": (g * x).sum(axis=0)}


def built_norm(rng):
    return {"x": rng.standard_normal((3, 3)), "gain": np.ones(3), "bias": np.zeros(3)}


def built_projection(rng):
    half = rng.standard_normal((2, 2))
    return {"x": rng.standard_normal((3, 2)), "w": half + half.T, "b": np.zeros(2)}


def built_gated(rng):
    w = rng.standard_normal((2, 2))
    return {"x": rng.standard_normal((3, 2)), "w_gate": w, "w_up": w.copy()}


def built_mixing(rng):
    k, v = rng.standard_normal((2, 3, 2))
    return {"q": np.zeros((3, 2)), "k": k, "v": v}


def built_lookup(rng):
    ids = rng.permutation([2, 0, 2, 1]).reshape(2, 2)  # one id occurs twice
    table = rng.standard_normal((3, 2))
    return {"ids": ids, "table": table, "scale": np.ones(2), "positions": np.zeros((2, 2))}


def built_branch(rng):
    x, b = rng.standard_normal((3, 2)), rng.standard_normal(2)
    return {"x": x, "a": np.zeros(2), "b": b}


LAYERS = {
    norm: (norm_backward, built_norm),
    projection: (projection_backward, built_projection),
    gated: (gated_backward, built_gated),
    mixing: (mixing_backward, built_mixing),
    lookup: (lookup_backward, built_lookup),
    branch: (branch_backward, built_branch),
}


def overwritten(dout, ids, table, scale, positions):
    """The gradient of a table in which the last of equal ids wins."""
    dtable = np.zeros_like(table)
    dtable[ids] = dout * scale
    return dtable


# Bugs: a layer, the tensor whose gradient is wrong, and that gradient from the right ones `g`,
# dout and the inputs. Every student meets one of each kind.
PLAIN = {
    "a sign or a factor": [
        (norm, "x", lambda g, dout, x, gain, bias: -g["x"]),
        (projection, "b", lambda g, dout, x, w, b: g["b"] / len(x)),
        (mixing, "v", lambda g, dout, q, k, v: 2 * g["v"]),
    ],
    "dout the wrong way round": [
        (projection, "w", lambda g, dout, *z: projection_backward(dout[::-1], *z)["w"]),
        (branch, "x", lambda g, dout, *z: branch_backward(dout[::-1], *z)["x"]),
        (norm, "gain", lambda g, dout, *z: norm_backward(dout.T, *z)["gain"]),
    ],
    "a path left out": [
        (gated, "x", lambda g, dout, x, wg, wu: dout * sigmoid(x @ wg) * (x @ wg) @ wu.T),
        (norm, "x", lambda g, dout, x, gain, bias: dout * gain / normalised(x)[1]),
        (mixing, "q", lambda g, dout, q, k, v: softmax(q @ k.T * 0.25) * (dout @ v.T) * 0.25 @ k),
    ],
    "a derivative cut short": [
        (gated, "w_gate", lambda g, dout, x, wg, wu: x.T @ (dout * (x @ wu) * sigmoid(x @ wg))),
        (projection, "x", lambda g, dout, x, w, b: dout @ w.T),
    ],
    "beside token ids": [
        (lookup, "table", lambda g, dout, *inputs: overwritten(dout, *inputs)),
        (lookup, "table", lambda g, dout, *inputs: g["table"][::-1]),
    ],
    "the last tensor": [
        (lookup, "positions", lambda g, dout, *inputs: dout[0]),
        (gated, "w_up", lambda g, dout, x, wg, wu: x.T @ (dout * (x @ wg))),
        (branch, "b", lambda g, dout, x, a, b: (dout * x).sum(axis=0)),
    ],
    "hardly wrong": [
        (mixing, "k", lambda g, dout, *inputs: 1.001 * g["k"]),
        (projection, "w", lambda g, dout, *inputs: 0.999 * g["w"]),
        (norm, "gain", lambda g, dout, *inputs: 1.001 * g["gain"]),
    ],
}
# These gradients are right at the values that a layer is built with.
HIDDEN = {
    "a gain of ones": [
        (norm, "x", lambda g, dout, x, gain, bias: through_norm(dout, *normalised(x))),
        (norm, "bias", lambda g, dout, x, gain, bias: (dout * gain).sum(axis=0)),
        (norm, "gain", lambda g, dout, x, gain, bias: (dout * norm(x, gain, bias)).sum(axis=0)),
    ],
    "a scale of ones, a zero table": [
        (
            lookup,
            "table",
            lambda g, dout, ids, *z: lookup_backward(dout, ids, z[0], 1.0, z[2])["table"],
        ),
        (lookup, "scale", lambda g, dout, *z: (dout * lookup(*z)).sum(axis=(0, 1))),
    ],
    "a symmetric matrix": [
        (
            projection,
            "x",
            lambda g, dout, x, w, b: dout * np.cos(x @ w + b) @ w,
        ),
    ],
    "a bias of zeros": [
        (projection, "w", lambda g, dout, x, w, b: x.T @ (dout * np.cos(x @ w))),
        (projection, "b", lambda g, dout, x, w, b: (dout * np.cos(x @ w)).sum(axis=0)),
    ],
    "two equal matrices": [
        (gated, "w_up", lambda g, dout, x, wg, wu: x.T @ (dout * (x @ wu) * sigmoid(x @ wu))),
        (gated, "w_gate", lambda g, dout, x, wg, wu: gated_backward(dout, x, wu, wg)["w_gate"]),
    ],
    "queries of zero": [
        (mixing, "k", lambda g, dout, q, k, v: 2 * g["k"]),
        (mixing, "v", lambda g, dout, q, k, v: softmax(q @ k.T * 0.25) @ dout),
    ],
    "a branch that is off": [
        (branch, "x", lambda g, dout, x, a, b: dout),
        (branch, "b", lambda g, dout, x, a, b: -g["b"]),
    ],
}
KINDS = {
    "wrong shapes": [
        (norm, "bias", lambda g, dout, *inputs: dout),
        (lookup, "positions", lambda g, dout, *inputs: dout),
        (projection, "b", lambda g, dout, *inputs: g["b"][np.newaxis]),
    ],
    "nothing": [
        (gated, "x", lambda g, dout, *inputs: None),
        (mixing, "k", lambda g, dout, *inputs: None),
    ],
    "not finite": [
        (branch, "a", lambda g, dout, *inputs: g["a"] * np.array([1.0, np.nan])),
        (lookup, "scale", lambda g, dout, *inputs: g["scale"] * np.array([np.inf, 1.0])),
        (norm, "x", lambda g, dout, *inputs: np.full_like(g["x"], np.nan)),
    ],
}


class Layer:
    """A layer as students get it, and what is to be found."""

    def __init__(self, rng, forward, bug=None, wrong=None):
        self.forward, self.bug, self.wrong = forward, bug, wrong
        self.right, built = LAYERS[forward]
        self.inputs = built(rng)

    def backward(self, dout, *inputs):
        grads = self.right(dout, *inputs)
        if self.bug:
            grads[self.bug] = self.wrong(grads, dout, *inputs)
        return tuple(grads.values())

    def module(self):
        return self.served(self.forward, self.backward, self.inputs)

    @staticmethod
    def served(forward, backward, inputs):
        """What students get; a call with arrays of other shapes is an error, as in any layer."""
        shapes = [x.shape for x in inputs.values()]

        def fits(*arguments):
            if [np.shape(x) for x in arguments] != shapes:
                raise ValueError("the layer was called with arrays of other shapes")

        def strict_forward(*arguments):
            fits(*arguments)
            return forward(*arguments)

        def strict_backward(dout, *arguments):
            fits(*arguments)
            return backward(dout, *arguments)

        served = Callback(strict_forward), Callback(strict_backward)
        return {"forward": served[0], "backward": served[1], "inputs": inputs}

    def turned(self, order, names):
        """The same layer with its inputs in another order and under other names."""
        old = list(self.inputs)
        floats = [n for n in old if self.inputs[n].dtype.kind == "f"]

        def straight(arguments):
            given = dict(zip(order, arguments, strict=True))
            return [given[n] for n in old]

        def backward(dout, *arguments):
            grads = dict(zip(floats, self.backward(dout, *straight(arguments)), strict=True))
            return tuple(grads[n] for n in order if n in grads)

        return self.served(
            lambda *arguments: self.forward(*straight(arguments)),
            backward,
            {names[n]: self.inputs[n] for n in order},
        )


def drawn_layers(rng, kinds, right):
    """One wrong layer of each kind and some right ones, in random order."""
    layers = [Layer(rng, *kind[rng.integers(len(kind))]) for kind in kinds.values()]
    every = list(LAYERS)
    layers += [Layer(rng, every[i]) for i in rng.permutation(len(every))[:right]]
    return [layers[i] for i in rng.permutation(len(layers))]


exercise = Exercise(
    "vol1_numpy/bug_hunt",
    solution=bug_hunt,
    difficulty=2,
    minutes=45,
    inputs={},
    sizes={},
)


@exercise.satisfies("find_the_bug", points=4, kind="R")
def names_the_wrong_tensor(student, rng):
    """Every wrong layer is answered with its tensor, every right one with None."""
    answers = [
        (student.find_the_bug(layer.module()), layer.bug) for layer in drawn_layers(rng, PLAIN, 4)
    ]
    yield from answers


@exercise.satisfies("find_the_bug", points=3, kind="R")
def finds_what_first_values_hide(student, rng):
    """Bugs that do not show at the values a layer is built with are found, too."""
    answers = [
        (student.find_the_bug(layer.module()), layer.bug) for layer in drawn_layers(rng, HIDDEN, 3)
    ]
    yield from answers


@exercise.satisfies("find_the_bug", points=1)
def goes_by_the_names(student, rng):
    """The answer follows the name of a tensor, whatever the names are and their order is."""
    for layer in drawn_layers(rng, {k: PLAIN[k] for k in list(PLAIN)[:4]}, 2):
        order = [list(layer.inputs)[i] for i in rng.permutation(len(layer.inputs))]
        names = {name: f"t{rng.integers(100, 999)}_{name[::-1]}" for name in order}
        want = names[layer.bug] if layer.bug else None
        yield student.find_the_bug(layer.turned(order, names)), want


@exercise.satisfies("find_the_bug", points=1, kind="E")
def strange_gradients_are_bugs(student, rng):
    """A gradient of another shape, a missing one, and one that is not finite are named, too."""
    for layer in drawn_layers(rng, KINDS, 3):
        yield student.find_the_bug(layer.module()), layer.bug


@exercise.satisfies("find_the_bug", points=1, kind="E")
def leaves_the_module_alone(student, rng):
    """The arrays stay as they are and may be read-only; a second call gives the same answer."""
    kinds = {k: HIDDEN[k] for k in ("a symmetric matrix", "queries of zero", "a gain of ones")}
    for read_only, layer in enumerate(drawn_layers(rng, kinds, 1)):
        module = layer.module()
        module["inputs"] = {
            n: laid(x, "F", read_only=read_only > 1) for n, x in layer.inputs.items()
        }
        held = student.hold(module)
        yield student.find_the_bug(held), layer.bug
        yield all(np.array_equal(held["inputs"][n], x) for n, x in layer.inputs.items())
        yield student.find_the_bug(held), layer.bug


@exercise.null("find_the_bug")
def always_the_first(module):
    return next(n for n, x in module["inputs"].items() if x.dtype.kind == "f")


@exercise.null("find_the_bug")
def always_the_last(module):
    return list(module["inputs"])[-1]


@exercise.null("find_the_bug")
def guesses(module):
    names = [n for n, x in module["inputs"].items() if x.dtype.kind == "f"]
    rng = np.random.default_rng(int(1e6 * sum(abs(x).sum() for x in module["inputs"].values())))
    return [None, *names][rng.integers(len(names) + 1)]


POINT = 'rng.standard_normal(x.shape) if x.dtype.kind == "f" else x for x in inputs.values()'
FOUND = "next((n for n, error in zip(names, errors, strict=True) if error > 1e-6), None)"

exercise.slip(
    "find_the_bug",
    "looks_where_it_was_built",
    POINT,
    "x for x in inputs.values()",
    "The layer is checked at the values it was built with. There a gain is 1, a bias 0, two "
    "matrices are equal, and bugs that are proportional to what is missing do not show.",
)
exercise.slip(
    "find_the_bug",
    "a_point_of_ones",
    POINT,
    'np.ones(x.shape) if x.dtype.kind == "f" else x for x in inputs.values()',
    "All inputs are ones: a special point, too. A row of equal numbers has no variance, equal "
    "matrices cannot be told apart. Draw the numbers at random.",
)
exercise.slip(
    "find_the_bug",
    "the_same_numbers_for_all",
    POINT,
    'np.random.default_rng(0).standard_normal(x.shape) if x.dtype.kind == "f" else x '
    "for x in inputs.values()",
    "Every array is drawn from a generator of its own with the same seed, so arrays of one shape "
    "are equal again, and mix-ups between them do not show. Make one generator per call.",
)
exercise.slip(
    "find_the_bug",
    "dout_of_ones",
    "rng.standard_normal(forward(*point).shape)",
    "np.ones(forward(*point).shape)",
    "`dout` is the same everywhere. A backward that mixes up the rows of dout, or its axes, is "
    "right there.",
)
exercise.slip(
    "find_the_bug",
    "always_finds_something",
    FOUND,
    "names[int(np.argmax(errors))]",
    "The tensor with the largest error is named, however small that is. Some layers are right: "
    "the largest of several rounding errors is no bug.",
)
exercise.slip(
    "find_the_bug",
    "too_strict",
    "error > 1e-6",
    "error > 1e-14",
    "Right gradients are called wrong. Central differences are never exact: an error of 1e-11 is "
    "their own. Choose a limit halfway to the smallest bug.",
)
exercise.slip(
    "find_the_bug",
    "too_generous",
    "error > 1e-6",
    "error > 1e-2",
    "A gradient that is off by a tenth of a percent is let pass. Right gradients have errors of "
    "about 1e-10: the limit may be far lower.",
)
exercise.slip(
    "find_the_bug",
    "only_finite_errors",
    "if error > 1e-6",
    "if 1e-6 < error < np.inf",
    "An error of inf is not taken for a bug: that is what your checker says of a wrong shape, of a "
    "missing gradient and of nan.",
)
exercise.slip(
    "find_the_bug",
    "counts_the_ids",
    '[name for name, x in inputs.items() if x.dtype.kind == "f"]',
    "list(inputs)[: len(errors)]",
    "Errors and names do not belong together: integer inputs have a name but no error. Leave them "
    "out of the names, too.",
)
exercise.slip(
    "find_the_bug",
    "names_a_right_one",
    "if error > 1e-6",
    "if error <= 1e-6",
    "The first tensor whose gradient is right is named. A small error is a good one.",
)
exercise.slip(
    "find_the_bug",
    "a_number_for_a_name",
    "(n for n, error in zip(names, errors, strict=True) if error > 1e-6)",
    "(i for i, error in enumerate(errors) if error > 1e-6)",
    "The answer is a position. What is asked for is the name of the tensor, as it stands in "
    "module['inputs'].",
)
exercise.slip(
    "find_the_bug",
    "a_list_of_names",
    FOUND,
    "[n for n, error in zip(names, errors, strict=True) if error > 1e-6]",
    "The answer is a list. At most one gradient is wrong: return its name, or None.",
)
exercise.slip(
    "find_the_bug",
    "a_word_for_none",
    "1e-6), None)",
    "1e-6), 'none')",
    "For a layer that is right the answer is a text. It should be None, the value.",
)
exercise.slip(
    "find_the_bug",
    "the_gradient_has_a_name_too",
    "next((n for",
    "next(('d' + n for",
    "The gradient is named instead of the tensor: 'dx' for 'x'.",
)
exercise.slip(
    "find_the_bug",
    "the_first_gradient_only",
    FOUND,
    "names[0] if errors[0] > 1e-6 else None",
    "Only the first gradient is looked at.",
)


@exercise.mistake("find_the_bug")
def writes_into_the_module(module):
    """The random point is written into the arrays of the module. They belong to the caller, and
    may be read-only: make new ones."""
    rng = np.random.default_rng(0)
    name = bug_hunt.find_the_bug(module)
    for x in module["inputs"].values():
        if x.dtype.kind == "f" and x.flags.writeable:
            x[...] = rng.standard_normal(x.shape)
    return name
