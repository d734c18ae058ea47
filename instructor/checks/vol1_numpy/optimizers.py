"""Hidden checks for vol1_numpy/optimizers.

Everything here works in place, so a check holds arrays on the student's side, drives the student
over several steps and compares what the arrays have become. `student.keep` calls without looking
at what is returned: a returned value that nobody asked for does not hide a known mistake.
"""

import numpy as np

from autograder import Exercise, derived, laid
from solutions.vol1_numpy import optimizers


def draw_params(rng, M, N):
    """Parameters of three shapes."""
    return [rng.standard_normal((M, N)), rng.standard_normal(N), rng.standard_normal(M)]


def draw_history(rng, M, N):
    """The gradients of four steps."""
    return [draw_params(rng, M, N) for _ in range(4)]


def uniform(low, high):
    """A float for each student."""
    return derived(lambda rng: float(rng.uniform(low, high)))


exercise = Exercise(
    "vol1_numpy/optimizers",
    solution=optimizers,
    difficulty=3,
    minutes=120,
    inputs={
        "params": derived(draw_params),
        "history": derived(draw_history),
        "grads": derived(draw_params),
        "lr": uniform(0.05, 0.2),
        "rates": derived(lambda rng: [float(r) for r in rng.uniform(0.05, 0.2, size=4)]),
        "momentum": uniform(0.6, 0.9),
        "betas": derived(
            lambda rng: (float(rng.uniform(0.6, 0.8)), float(rng.uniform(0.85, 0.95)))
        ),
        "eps": uniform(0.1, 0.2),
        "weight_decay": uniform(0.5, 1.0),
        "part": uniform(0.3, 0.7),
        "max_lr": uniform(1.1, 2.0),
        "min_lr": uniform(0.2, 0.4),
        "warmup": derived(lambda rng: int(rng.integers(3, 7))),
        "total": derived(lambda rng, warmup: warmup + int(rng.integers(7, 12))),
    },
    sizes={"M": [2, 3, 1], "N": [4, 3, 1]},
)
ONE = {"M": [2], "N": [3]}
SQUARE = {"M": [3], "N": [3]}
THREE = {"draw": [0, 1, 2]}  # the schedule takes scalars only: three draws of them


def doubles(arrays):
    """Copies in float64, for the reference to work on."""
    return [None if a is None else a.astype(np.float64) for a in arrays]


def held_apart(student, arrays):
    """Arrays held one by one, and the list of them: the list may not be what changes."""
    handles = [student.hold(a) for a in arrays]
    return handles, student.hold(handles)


def now(student, handles):
    """What the held arrays have become."""
    return [student.fetch(h) for h in handles]


def columns_of(student, matrix):
    """A held matrix and the list of its columns, which are views of it."""
    whole = student.hold(matrix)
    split = student.library("numpy.split")
    return whole, student.keep(split, whole, matrix.shape[1], 1)


def fill(student, handles, value):
    """Overwrite held arrays, as a training loop does with gradients."""
    for handle in handles:
        student.keep(student.library("numpy.ndarray.fill"), handle, value)


def columns(matrix):
    """The columns of a matrix, each of shape (M, 1)."""
    return np.split(matrix, matrix.shape[1], 1)


def at_last(pairs):
    """Only the last of what must agree: a mistake that lasts is still there."""
    *_, last = pairs
    return last


def norm_of(arrays):
    """The common norm, by a function that no student's code is compared with."""
    return float(np.linalg.norm(np.concatenate([np.ravel(a) for a in arrays])))


# sgd_step


@exercise.satisfies("sgd_step", points=2, kind="R")
def sgd_matches_reference(student, params, history, lr):
    """The parameters are right after each of four steps."""
    held, want = student.hold(params), doubles(params)
    for grads in history:
        student.keep(student.sgd_step, held, grads, lr)
        optimizers.sgd_step(want, doubles(grads), lr)
        yield student.fetch(held), tuple(want)


@exercise.satisfies("sgd_step", points=1, sizes=ONE)
def a_parabola_shrinks(student, params, lr):
    """On a parabola every step multiplies the parameters by the same number below 1."""
    held = student.hold(params)
    for n in range(1, 4):
        gradient = [3.0 * p for p in student.fetch(held)]
        student.keep(student.sgd_step, held, gradient, lr)
        yield student.fetch(held), tuple((1 - 3.0 * lr) ** n * p for p in params)


@exercise.satisfies("sgd_step", points=1, kind="E", sizes=ONE)
def sgd_changes_the_arrays_themselves(student, params, grads, lr):
    """The caller's own arrays are updated, views and other memory layouts included."""
    handles, held = held_apart(student, params)
    student.keep(student.sgd_step, held, [laid(g, "F", read_only=True) for g in grads], lr)
    yield now(student, handles), tuple(p - lr * g for p, g in zip(params, grads, strict=True))
    whole, views = columns_of(student, params[0])
    student.keep(student.sgd_step, views, columns(grads[0]), lr)
    yield student.fetch(whole), params[0] - lr * grads[0]


@exercise.satisfies("sgd_step", points=1, kind="E", sizes=ONE)
def sgd_leaves_gradients_alone(student, params, grads, lr):
    """The gradients are not changed."""
    handles, held = held_apart(student, grads)
    student.keep(student.sgd_step, student.hold(params), held, lr)
    return now(student, handles), tuple(grads)


@exercise.satisfies("sgd_step", points=1, kind="E", dtype="float32", sizes=ONE)
def sgd_keeps_float32(student, params, history, lr):
    """float32 parameters stay float32."""
    held, want = student.hold(params), doubles(params)
    for grads in history:
        student.keep(student.sgd_step, held, grads, lr)
        optimizers.sgd_step(want, doubles(grads), lr)
    return student.fetch(held), tuple(want)


@exercise.satisfies("sgd_step", points=1, kind="E", sizes=ONE)
def sgd_returns_none(student, params, grads, lr):
    """It changes the parameters and returns None."""
    return student.sgd_step(params, grads, lr), None


SGD = "p -= lr * g"
exercise.slip(
    "sgd_step",
    "climbs",
    SGD,
    "p += lr * g",
    "The step goes up the hill. The gradient points to where the loss rises; which direction "
    "lowers it?",
)
exercise.slip(
    "sgd_step",
    "forgets_the_rate",
    SGD,
    "p -= g",
    "The step is the whole gradient. The rate `lr` says how much of it to take.",
)
exercise.slip(
    "sgd_step",
    "binds_a_new_array",
    SGD,
    "p = p - lr * g",
    "The parameters do not change at all. `p = ...` makes a new array and a new meaning of the "
    "name p inside the function; the caller's array has to be written into.",
)
exercise.slip(
    "sgd_step",
    "stops_after_the_first",
    SGD,
    "p -= lr * g\n        return",
    "Only the first parameter is updated: the function ends inside the loop.",
)
exercise.slip(
    "sgd_step",
    "only_the_sign",
    SGD,
    "p -= lr * np.sign(g)",
    "Every number moves by the same amount. The step is a multiple of the gradient, so a larger "
    "gradient gives a larger step.",
)
exercise.slip(
    "sgd_step",
    "unit_length",
    SGD,
    "p -= lr * g / np.sqrt(np.sum(g * g))",
    "The gradient is scaled to length 1 first. The step is `lr` times the gradient as it is.",
)
exercise.slip(
    "sgd_step",
    "averages_over_parameters",
    SGD,
    "p -= lr * g / len(params)",
    "The step is divided by the number of parameter arrays; it is too short by that factor.",
)
exercise.slip(
    "sgd_step",
    "multiplies_by_the_parameter",
    SGD,
    "p -= lr * g * p",
    "The step contains the parameter itself as a factor; it depends on the gradient and the rate "
    "only.",
)
exercise.slip(
    "sgd_step",
    "replaces_the_entries",
    "    for p, g in zip(params, grads, strict=True):\n        p -= lr * g",
    "    params[:] = [p - lr * g for p, g in zip(params, grads, strict=True)]",
    "The entries of the list are replaced by new arrays. The model holds the old ones and never "
    "learns of the step: write into the arrays.",
)
exercise.slip(
    "sgd_step",
    "scales_the_gradient",
    SGD,
    "g *= lr\n        p -= g",
    "The values are right, but the rate is multiplied into the caller's gradient array. Leave the "
    "gradients as they are.",
)
exercise.slip(
    "sgd_step",
    "returns_the_list",
    "        p -= lr * g",
    "        p -= lr * g\n    return params",
    "The update is right, but the function returns something. What works in place returns None, "
    "so that nobody takes the result for a copy.",
)

# momentum_step


def follow_momentum(student, params, history, rates, momentum):
    """Drive the student and the reference side by side; what must agree after each step."""
    held, want = student.hold(params), doubles(params)
    still = [np.zeros_like(p) for p in params]
    velocity, ours = student.hold(still), doubles(still)
    for grads, rate in zip(history, rates, strict=True):
        student.keep(student.momentum_step, held, grads, velocity, rate, momentum)
        optimizers.momentum_step(want, doubles(grads), ours, rate, momentum)
        yield student.fetch(held), tuple(want)
        yield student.fetch(velocity), tuple(ours)


@exercise.satisfies("momentum_step", points=2, kind="R")
def momentum_matches_reference(student, params, history, rates, momentum):
    """Parameters and velocity are right after each of four steps with changing rates."""
    return follow_momentum(student, params, history, rates, momentum)


@exercise.satisfies("momentum_step", points=1, sizes=ONE)
def equal_gradients_add_up(student, params, grads, lr, momentum):
    """With the same gradient at every step the velocity is a geometric series."""
    held, velocity = student.hold(params), student.hold([np.zeros_like(p) for p in params])
    for n in range(1, 5):
        student.keep(student.momentum_step, held, grads, velocity, lr, momentum)
        share = (1 - momentum**n) / (1 - momentum)
        yield student.fetch(velocity), tuple(share * g for g in grads)


@exercise.satisfies("momentum_step", points=1, sizes=ONE)
def no_momentum_is_plain_descent(student, params, history, lr):
    """With momentum 0 only the present gradient counts."""
    held, velocity = student.hold(params), student.hold([np.zeros_like(p) for p in params])
    for grads in history:
        student.keep(student.momentum_step, held, grads, velocity, lr, 0.0)
    sums = [sum(parts) for parts in zip(*history, strict=True)]
    yield student.fetch(velocity), tuple(history[-1])
    yield student.fetch(held), tuple(p - lr * g for p, g in zip(params, sums, strict=True))


@exercise.satisfies("momentum_step", points=1, kind="E", sizes=ONE)
def momentum_changes_the_arrays_themselves(student, params, history, lr, momentum):
    """The caller's own arrays are updated, views and other memory layouts included."""
    first, second = history[:2]
    moved = tuple(
        p - lr * (momentum * g + h) for p, g, h in zip(params, first, second, strict=True)
    )
    kept = tuple(momentum * g + h for g, h in zip(first, second, strict=True))
    handles, held = held_apart(student, params)
    speeds, velocity = held_apart(student, first)
    given = [laid(g, "F", read_only=True) for g in second]
    student.keep(student.momentum_step, held, given, velocity, lr, momentum)
    yield now(student, handles), moved
    yield now(student, speeds), kept
    whole, views = columns_of(student, params[0])
    speed, slow = columns_of(student, first[0])
    student.keep(student.momentum_step, views, columns(second[0]), slow, lr, momentum)
    yield student.fetch(whole), moved[0]
    yield student.fetch(speed), kept[0]


@exercise.satisfies("momentum_step", points=1, kind="E", sizes=ONE)
def momentum_leaves_gradients_alone(student, params, history, lr, momentum):
    """Gradients are not changed, and may be overwritten between two steps."""
    held, want = student.hold(params), doubles(params)
    still = [np.zeros_like(p) for p in params]
    velocity, ours = student.hold(still), doubles(still)
    for given in history[:2]:
        handles, grads = held_apart(student, given)
        student.keep(student.momentum_step, held, grads, velocity, lr, momentum)
        yield now(student, handles), tuple(given)
        fill(student, handles, 7.0)
        optimizers.momentum_step(want, doubles(given), ours, lr, momentum)
    yield student.fetch(held), tuple(want)


@exercise.satisfies("momentum_step", points=1, kind="E", dtype="float32", sizes=ONE)
def momentum_keeps_float32(student, params, history, rates, momentum):
    """float32 parameters and velocities stay float32."""
    *_, moved, kept = follow_momentum(student, params, history, rates, momentum)
    return [moved, kept]


@exercise.satisfies("momentum_step", points=1, kind="E", sizes=ONE)
def momentum_returns_none(student, params, grads, lr, momentum):
    """It changes the arrays it is given and returns None."""
    velocity = [np.zeros_like(p) for p in params]
    return student.momentum_step(params, grads, velocity, lr, momentum), None


REMEMBER, MOVE = "v[...] = momentum * v + g", "p -= lr * v"
exercise.slip(
    "momentum_step",
    "mean_instead_of_sum",
    REMEMBER,
    "v[...] = momentum * v + (1 - momentum) * g",
    "The new gradient enters with the weight 1 - momentum, which makes the velocity a mean (Adam "
    "does that). Here it is a sum: the gradient enters whole.",
)
exercise.slip(
    "momentum_step",
    "rate_in_the_velocity",
    "v[...] = momentum * v + g\n        p -= lr * v",
    "v[...] = momentum * v + lr * g\n        p -= v",
    "The rate has been multiplied into the velocity. That differs as soon as a schedule changes "
    "the rate: the velocity sums plain gradients, and the rate enters when the parameter moves.",
)
exercise.slip(
    "momentum_step",
    "looks_ahead",
    MOVE,
    "p -= lr * (g + momentum * v)",
    "This is Nesterov's variant, which looks one step ahead. Here the parameter moves along the "
    "velocity itself.",
)
exercise.slip(
    "momentum_step",
    "moves_along_the_gradient",
    MOVE,
    "p -= lr * g",
    "The velocity is kept up to date, but the parameter moves along the gradient alone.",
)
exercise.slip(
    "momentum_step",
    "moves_before_it_remembers",
    "v[...] = momentum * v + g\n        p -= lr * v",
    "p -= lr * v\n        v[...] = momentum * v + g",
    "The parameter moves along the old velocity: each gradient arrives one step late. Update the "
    "velocity first.",
)
exercise.slip(
    "momentum_step",
    "binds_a_new_velocity",
    REMEMBER,
    "v = momentum * v + g",
    "The velocity that the caller keeps does not change: `v = ...` gives the name v a new array "
    "that is lost when the function ends. Write into the array.",
)
exercise.slip(
    "momentum_step",
    "binds_a_new_parameter",
    MOVE,
    "p = p - lr * v",
    "The parameters do not change at all: `p = ...` makes a new array. Write into the caller's.",
)
exercise.slip(
    "momentum_step",
    "momentum_on_the_gradient_too",
    REMEMBER,
    "v[...] = momentum * (v + g)",
    "The factor `momentum` multiplies the new gradient as well. Only the past fades.",
)
exercise.slip(
    "momentum_step",
    "forgets_the_past",
    REMEMBER,
    "v[...] = g",
    "The velocity is the present gradient: what it was before is lost.",
)
exercise.slip(
    "momentum_step",
    "never_slows_down",
    REMEMBER,
    "v[...] = v + g",
    "The velocity sums all gradients with equal weight. What is old should fade by the factor "
    "`momentum` at every step.",
)
exercise.slip(
    "momentum_step",
    "climbs",
    MOVE,
    "p += lr * v",
    "The step goes up the hill: the velocity sums gradients, and gradients point uphill.",
)
exercise.slip(
    "momentum_step",
    "sign_in_the_velocity",
    "v[...] = momentum * v + g\n        p -= lr * v",
    "v[...] = momentum * v - g\n        p += lr * v",
    "The parameters are right, but the velocity has the opposite sign: here it sums gradients, "
    "and the minus sign stands where the parameter moves.",
)
exercise.slip(
    "momentum_step",
    "forgets_the_rate",
    MOVE,
    "p -= v",
    "The parameter moves by the whole velocity. The rate `lr` says how much of it to take.",
)
exercise.slip(
    "momentum_step",
    "works_in_the_gradient",
    REMEMBER,
    "g += momentum * v\n        v[...] = g",
    "The values are right, but the sum is formed in the caller's gradient array. Leave the "
    "gradients as they are.",
)
exercise.slip(
    "momentum_step",
    "returns_the_lists",
    "        p -= lr * v",
    "        p -= lr * v\n    return params, velocity",
    "The update is right, but the function returns something. What works in place returns None.",
)


@exercise.mistake("momentum_step")
def replaces_the_entries(params, grads, velocity, lr, momentum):
    """The entries of a list are replaced by new arrays. Whoever holds the old arrays, the model for
    one, never learns of the step: write into the arrays."""
    for i, g in enumerate(grads):
        velocity[i] = momentum * velocity[i] + g
        params[i] = params[i] - lr * velocity[i]


@exercise.mistake("momentum_step")
def keeps_the_gradient_array(params, grads, velocity, lr, momentum):
    """The first gradient array itself becomes the velocity, so that the next step changes the
    caller's gradient, and the other way round. Copy its values into the velocity's own array."""
    for i, g in enumerate(grads):
        if velocity[i].any():
            velocity[i] *= momentum
            velocity[i] += g
        else:
            velocity[i] = g
        params[i] -= lr * velocity[i]


# AdamW


def follow_adamw(student, params, history, *settings):
    """Drive the student and the reference side by side; what must agree after each step."""
    held, want = student.hold(params), doubles(params)
    theirs, ours = student.AdamW(held, *settings), optimizers.AdamW(want, *settings)
    for grads in history:
        student.keep(theirs.step, grads)
        ours.step(doubles(grads))
        yield student.fetch(held), tuple(want)


@exercise.satisfies("AdamW", points=3, kind="R")
def adamw_matches_reference(student, params, history, lr, betas, eps):
    """Without weight decay the parameters are right after each of four steps."""
    return follow_adamw(student, params, history, lr, betas, eps, 0.0)


@exercise.satisfies("AdamW", points=2, kind="R", sizes=ONE)
def decays_the_weights(student, params, history, lr, betas, eps, weight_decay):
    """With weight decay the parameters are right after four steps."""
    return at_last(follow_adamw(student, params, history, lr, betas, eps, weight_decay))


@exercise.satisfies("AdamW", points=1, sizes=ONE)
def a_first_step_is_the_sign(student, params, grads, lr, betas):
    """With eps near 0, equal gradients move every number by lr against their sign, at each step."""
    held = student.hold(params)
    opt = student.AdamW(held, lr, betas, 1e-12, 0.0)
    away = [np.sign(g) * (0.5 + np.abs(g)) for g in grads]
    for n in range(1, 4):
        student.keep(opt.step, away)
        yield (
            student.fetch(held),
            tuple(p - n * lr * np.sign(g) for p, g in zip(params, grads, strict=True)),
        )


@exercise.satisfies("AdamW", points=1, sizes=ONE, rtol=1e-7)
def the_scale_of_the_loss_does_not_matter(student, params, history, lr, betas, weight_decay):
    """With eps near 0, gradients a thousand times larger give the same parameters."""
    held, want = student.hold(params), doubles(params)
    settings = (lr, betas, 1e-14, weight_decay)
    theirs, ours = student.AdamW(held, *settings), optimizers.AdamW(want, *settings)
    for grads in history:
        student.keep(theirs.step, [1000.0 * g for g in grads])
        ours.step(grads)
    return student.fetch(held), tuple(want)


@exercise.satisfies("AdamW", points=2, sizes=SQUARE)
def none_skips_a_parameter(student, params, history, lr, betas, eps, weight_decay):
    """A gradient None leaves the parameter, its means and its own step count as they are."""
    settings = (lr, betas, eps, weight_decay)
    full, (a, _, b), (_, c, d), (e, f, _) = history
    ragged = [[a, None, b], [None, c, d], [e, f, None]]
    yield at_last(follow_adamw(student, params, [full, *ragged], *settings))
    yield at_last(follow_adamw(student, params, [*ragged, full], *settings))


@exercise.satisfies("AdamW", points=1, sizes=ONE)
def zero_is_not_none(student, params, history, lr, betas, eps, weight_decay):
    """A gradient of zeros counts as a step: the means fade, the parameter moves and decays."""
    zeros = [np.zeros_like(p) for p in params]
    ragged = [zeros, *history[:2], zeros]
    return at_last(follow_adamw(student, params, ragged, lr, betas, eps, weight_decay))


@exercise.satisfies("AdamW", points=1, sizes=ONE)
def two_optimizers_share_nothing(student, params, history, lr, betas, eps, weight_decay):
    """Two optimizers that take turns do not feel each other."""
    settings = (lr, betas, eps, weight_decay), (2 * lr, (0.5, 0.7), eps, 0.0)
    one, other = student.hold(params), student.hold(params)
    theirs = [student.AdamW(p, *s) for p, s in zip((one, other), settings, strict=True)]
    want = [doubles(params), doubles(params)]
    ours = [optimizers.AdamW(p, *s) for p, s in zip(want, settings, strict=True)]
    for i, grads in enumerate(history):
        student.keep(theirs[i % 2].step, grads)
        ours[i % 2].step(grads)
    yield student.fetch(one), tuple(want[0])
    yield student.fetch(other), tuple(want[1])


@exercise.satisfies("AdamW", points=1, kind="E", sizes=ONE)
def adamw_changes_the_arrays_themselves(student, params, history, lr, betas, eps, weight_decay):
    """The caller's own arrays are updated from what they hold, whoever else writes into them."""
    settings = (lr, betas, eps, weight_decay)
    handles, held = held_apart(student, params)
    want = doubles(params)
    theirs, ours = student.AdamW(held, *settings), optimizers.AdamW(want, *settings)
    for value, grads in zip((0.5, -2.0), history, strict=False):
        student.keep(theirs.step, [laid(g, "F", read_only=True) for g in grads])
        ours.step(grads)
        yield now(student, handles), tuple(want)
        fill(student, handles, value)
        for p in want:
            p[...] = value
    whole, views = columns_of(student, params[0])
    student.keep(student.AdamW(views, *settings).step, columns(history[0][0]))
    want = params[0].copy()
    optimizers.AdamW(columns(want), *settings).step(columns(history[0][0]))
    yield student.fetch(whole), want


@exercise.satisfies("AdamW", points=1, kind="E", sizes=ONE)
def adamw_leaves_gradients_alone(student, params, history, lr, betas, eps):
    """Gradients are not changed, and may be overwritten between two steps."""
    held, want = student.hold(params), doubles(params)
    theirs = student.AdamW(held, lr, betas, eps, 0.0)
    ours = optimizers.AdamW(want, lr, betas, eps, 0.0)
    for given in history[:2]:
        handles, grads = held_apart(student, given)
        student.keep(theirs.step, grads)
        yield now(student, handles), tuple(given)
        fill(student, handles, 7.0)
        ours.step(given)
    yield student.fetch(held), tuple(want)


@exercise.satisfies("AdamW", points=1, kind="E", dtype="float32", sizes=ONE)
def adamw_keeps_float32(student, params, history, lr, betas, eps, weight_decay):
    """float32 parameters stay float32."""
    return at_last(follow_adamw(student, params, history, lr, betas, eps, weight_decay))


MEANS = """            m[...] = beta1 * m + (1 - beta1) * g
            v[...] = beta2 * v + (1 - beta2) * g * g
"""
DECAY = "            p *= 1 - self.lr * self.weight_decay\n"
CORRECT = """            m_hat = m / (1 - beta1**t)
            v_hat = v / (1 - beta2**t)
"""
STEP = "            p -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)"
SKIP = "            if g is None:\n                continue\n"
COUNT = "            self.t[i] += 1\n"

exercise.slip(
    "AdamW",
    "no_correction",
    CORRECT,
    "            m_hat, v_hat = m, v\n",
    "The running means are used as they are. They start at zero, so they are too small in the "
    "first steps: section 3 derives the factor to divide by.",
)
exercise.slip(
    "AdamW",
    "corrects_only_the_first_mean",
    "v_hat = v / (1 - beta2**t)",
    "v_hat = v",
    "Only the mean of the gradient is corrected. The mean of its square starts at zero, too.",
)
exercise.slip(
    "AdamW",
    "corrects_only_the_second_mean",
    "m_hat = m / (1 - beta1**t)",
    "m_hat = m",
    "Only the mean of the square is corrected. The mean of the gradient starts at zero, too.",
)
exercise.slip(
    "AdamW",
    "counts_late",
    "m, v, t = self.m[i], self.v[i], self.t[i]",
    "m, v, t = self.m[i], self.v[i], self.t[i] - 1",
    "The step count is one behind: at the first update it must be 1. With 0 the correction "
    "divides by zero.",
)
exercise.slip(
    "AdamW",
    "counts_early",
    "m, v, t = self.m[i], self.v[i], self.t[i]",
    "m, v, t = self.m[i], self.v[i], self.t[i] + 1",
    "The step count is one ahead: at the first update it must be 1.",
)
exercise.slip(
    "AdamW",
    "multiplies_by_the_correction",
    CORRECT,
    CORRECT.replace("/", "*"),
    "The means are multiplied by the correction. They are too small, so the correction divides.",
)
exercise.slip(
    "AdamW",
    "correction_without_power",
    CORRECT,
    "            m_hat = m / (1 - beta1)\n            v_hat = v / (1 - beta2)\n",
    "The correction is the same at every step. It has to fade: the step count belongs in it, as "
    "an exponent.",
)
exercise.slip(
    "AdamW",
    "corrects_the_means_for_good",
    CORRECT,
    CORRECT.replace("m_hat = m / ", "m /= ").replace("v_hat = v / ", "v /= ")
    + "            m_hat, v_hat = m, v\n",
    "The correction is written into the running means themselves, so the next step starts from "
    "corrected ones. Put the corrected values into new arrays.",
)
exercise.slip(
    "AdamW",
    "swaps_the_betas",
    "beta1, beta2 = self.betas",
    "beta2, beta1 = self.betas",
    "The two betas have changed places: the first one belongs to the mean of the gradient.",
)
exercise.slip(
    "AdamW",
    "swaps_the_weights_of_a_mean",
    "beta1 * m + (1 - beta1) * g",
    "(1 - beta1) * m + beta1 * g",
    "In the mean of the gradient, beta is the part that is *kept*; the new gradient gets the rest.",
)
exercise.slip(
    "AdamW",
    "sum_instead_of_mean",
    "beta1 * m + (1 - beta1) * g",
    "beta1 * m + g",
    "The gradient enters the first mean whole, as in momentum. For a mean the weights of old and "
    "new add up to one.",
)
exercise.slip(
    "AdamW",
    "sum_of_squares_instead_of_mean",
    "beta2 * v + (1 - beta2) * g * g",
    "beta2 * v + g * g",
    "The square enters the second mean whole. For a mean the weights of old and new add up to one.",
)
exercise.slip(
    "AdamW",
    "forgets_the_square",
    "(1 - beta2) * g * g",
    "(1 - beta2) * g",
    "The second mean is one of squares, but the gradient enters it as it is; then the root of a "
    "negative number is nan.",
)
exercise.slip(
    "AdamW",
    "squares_the_first_mean",
    "(1 - beta2) * g * g",
    "(1 - beta2) * m * m",
    "The second mean takes the square of the first mean. It takes the square of the gradient.",
)
exercise.slip(
    "AdamW",
    "remembers_nothing",
    MEANS,
    MEANS.replace("m[...]", "m").replace("v[...]", "v"),
    "The running means are zero again at every step: `m = ...` only gives a name to a new array. "
    "Write into the arrays that the object keeps.",
)
exercise.slip(
    "AdamW",
    "one_array_for_both_means",
    "self.v = [np.zeros_like(p) for p in params]",
    "self.v = self.m",
    "Both running means live in the same arrays: what is written into one appears in the other. "
    "Make two sets of zeros.",
)
exercise.slip(
    "AdamW",
    "eps_under_the_root",
    "np.sqrt(v_hat) + self.eps",
    "np.sqrt(v_hat + self.eps)",
    "eps stands under the root. It is added to the root.",
)
exercise.slip(
    "AdamW",
    "eps_before_the_correction",
    "np.sqrt(v_hat) + self.eps",
    "(np.sqrt(v) + self.eps) / (1 - beta2**t) ** 0.5",
    "eps is added before the second mean is corrected, so the correction enlarges it too. Correct "
    "first, take the root, then add eps.",
)
exercise.slip(
    "AdamW",
    "forgets_eps",
    "np.sqrt(v_hat) + self.eps",
    "np.sqrt(v_hat)",
    "eps is missing from the denominator; a parameter that never had a gradient divides zero by "
    "zero.",
)
exercise.slip(
    "AdamW",
    "forgets_the_root",
    "np.sqrt(v_hat) + self.eps",
    "v_hat + self.eps",
    "The step divides by the mean of squares itself. Its root has the size of a gradient.",
)
exercise.slip(
    "AdamW",
    "forgets_the_denominator",
    "self.lr * m_hat / (np.sqrt(v_hat) + self.eps)",
    "self.lr * m_hat",
    "The step is the mean gradient; it is not divided by the gradient's typical size.",
)
exercise.slip(
    "AdamW",
    "steps_along_the_gradient",
    "self.lr * m_hat",
    "self.lr * g",
    "The numerator is the present gradient (that is RMSProp). Adam steps along the corrected mean.",
)
exercise.slip(
    "AdamW",
    "climbs",
    "p -= self.lr * m_hat",
    "p += self.lr * m_hat",
    "The step goes up the hill: gradients point to where the loss rises.",
)
exercise.slip(
    "AdamW",
    "decay_in_the_gradient",
    MEANS + DECAY,
    "            g = g + self.weight_decay * p\n" + MEANS,
    "The decay is added to the gradient: that is Adam with an L2 penalty, and the denominator "
    "then rescales it for every weight. AdamW keeps it out of both means.",
)
exercise.slip(
    "AdamW",
    "decay_after_the_step",
    DECAY + CORRECT + STEP,
    CORRECT + STEP + "\n" + DECAY,
    "The decay comes after the step, so it shrinks the step as well. Decay first, then move.",
)
exercise.slip(
    "AdamW",
    "decay_without_the_rate",
    "1 - self.lr * self.weight_decay",
    "1 - self.weight_decay",
    "The decay does not contain the learning rate. Look at the factor that plain descent gives.",
)
exercise.slip(
    "AdamW",
    "no_decay",
    DECAY,
    "",
    "`weight_decay` has no effect: the weights never shrink.",
)
exercise.slip(
    "AdamW",
    "weights_grow",
    "1 - self.lr * self.weight_decay",
    "1 + self.lr * self.weight_decay",
    "The weights grow by the decay instead of shrinking.",
)
exercise.slip(
    "AdamW",
    "none_is_a_zero_gradient",
    SKIP,
    "            if g is None:\n                g = np.zeros_like(p)\n",
    "A gradient None is treated as zero: the means fade, the count goes on, and the parameter "
    "still moves. None means that nothing at all happens to this parameter.",
)
exercise.slip(
    "AdamW",
    "zero_counts_as_none",
    "if g is None:",
    "if g is None or not np.any(g):",
    "A gradient of zeros is skipped like None. Zero is a gradient: the step counts, the means "
    "fade, the weights decay. (`g is None` tells the two apart.)",
)
exercise.slip(
    "AdamW",
    "none_decays_anyway",
    SKIP,
    "            if g is None:\n    " + DECAY + "                continue\n",
    "A parameter without a gradient is decayed all the same. It is skipped altogether, decay "
    "included.",
)
exercise.slip(
    "AdamW",
    "none_counts_as_a_step",
    SKIP + COUNT,
    COUNT + SKIP,
    "The step count of a parameter goes on while its gradient is None, as one common counter "
    "does. The correction needs the number of this parameter's own updates.",
)
exercise.slip(
    "AdamW",
    "counts_every_parameter",
    "self.v[i], self.t[i]",
    "self.v[i], sum(self.t)",
    "The step count grows with every parameter instead of every step: one counter is advanced "
    "inside the loop. Each parameter has its own.",
)
exercise.slip(
    "AdamW",
    "drops_none_from_the_list",
    "zip(self.params, grads, strict=True)",
    "zip(self.params, [g for g in grads if g is not None], strict=False)",
    "None is taken out of the list before it is paired with the parameters: all gradients behind "
    "it move up and meet the wrong parameter.",
)
exercise.slip(
    "AdamW",
    "state_in_the_class",
    "self.m = [",
    "AdamW.m = [",
    "Two optimizers share their means: the state belongs to the class (or is global), so the one "
    "made last takes it over. What an optimizer remembers belongs to `self`.",
)
exercise.slip(
    "AdamW",
    "updates_copies",
    "self.params = params",
    "self.params = [p.copy() for p in params]",
    "The optimizer updates copies of the parameters; the model's own arrays never change.",
)
exercise.slip(
    "AdamW",
    "replaces_the_entries",
    DECAY + CORRECT + STEP,
    "            p = p * (1 - self.lr * self.weight_decay)\n"
    + CORRECT
    + STEP.replace("p -= ", "self.params[i] = p - "),
    "The entries of the list are replaced by new arrays. The model holds the old ones and never "
    "learns of the step: write into the arrays.",
)
exercise.slip(
    "AdamW",
    "squares_in_place",
    "            v[...] = beta2 * v + (1 - beta2) * g * g\n",
    "            g *= g\n            v[...] = beta2 * v + (1 - beta2) * g\n",
    "The values are right, but the gradient is squared in the caller's array. Leave the gradients "
    "as they are.",
)


@exercise.mistake("AdamW")
class KeepsItsOwnCopy(optimizers.AdamW):
    """The optimizer continues from a copy that it made at the start, so it undoes what others write
    into the parameters (loading a checkpoint, say). A step starts from what the arrays hold now."""

    def __init__(self, params, lr, betas, eps, weight_decay):
        super().__init__([p.copy() for p in params], lr, betas, eps, weight_decay)
        self.model = params

    def step(self, grads):
        super().step(grads)
        for theirs, p in zip(self.model, self.params, strict=True):
            theirs[...] = p


# clip_grad_norm


@exercise.satisfies("clip_grad_norm", points=2, kind="R")
def clipping_matches_reference(student, grads, part):
    """A gradient that is too long is scaled by one factor; the norm before is returned."""
    norm = norm_of(grads)
    held = student.hold(grads)
    yield student.clip_grad_norm(held, part * norm), norm
    yield student.fetch(held), tuple(part * g for g in grads)


@exercise.satisfies("clip_grad_norm", points=1, sizes=ONE)
def a_short_gradient_is_not_touched(student, grads, part):
    """Below the limit nothing changes, not even by rounding."""
    norm = norm_of(grads)
    held = student.hold(grads)
    yield student.clip_grad_norm(held, norm / part), norm
    after = student.fetch(held)
    yield after, tuple(grads)
    yield all(np.array_equal(a, g) for a, g in zip(after, grads, strict=True))


@exercise.satisfies("clip_grad_norm", points=1, sizes=ONE)
def how_it_is_cut_does_not_matter(student, grads, part):
    """The columns of a matrix as separate arrays are clipped like the matrix."""
    matrix = grads[0]
    norm = norm_of([matrix])
    held = student.hold(columns(matrix))
    yield student.clip_grad_norm(held, part * norm), norm
    yield student.fetch(held), tuple(columns(part * matrix))


@exercise.satisfies("clip_grad_norm", points=1, sizes=ONE)
def afterwards_the_norm_is_the_limit(student, grads, part):
    """What has been clipped has the norm that was asked for, however small that is."""
    small = [1e-3 * g for g in grads]
    limit = part * norm_of(small)
    held = student.hold(small)
    student.keep(student.clip_grad_norm, held, limit)
    yield student.clip_grad_norm(held, 2 * limit), limit
    yield norm_of(student.fetch(held)), limit


@exercise.satisfies("clip_grad_norm", points=1, kind="E", sizes=ONE)
def zeros_stay_zeros(student, grads):
    """A norm of zero changes nothing."""
    zeros = [np.zeros_like(g) for g in grads]
    held = student.hold(zeros)
    yield student.clip_grad_norm(held, 0.5), 0.0
    yield student.fetch(held), tuple(zeros)


@exercise.satisfies("clip_grad_norm", points=1, kind="E", sizes=ONE)
def clipping_changes_the_arrays_themselves(student, grads, part):
    """The caller's own arrays are scaled, views included."""
    handles, held = held_apart(student, grads)
    student.keep(student.clip_grad_norm, held, part * norm_of(grads))
    yield now(student, handles), tuple(part * g for g in grads)
    whole, views = columns_of(student, grads[0])
    student.keep(student.clip_grad_norm, views, part * norm_of(grads[:1]))
    yield student.fetch(whole), part * grads[0]


@exercise.satisfies("clip_grad_norm", points=1, kind="E", dtype="float32", sizes=ONE)
def clipping_keeps_float32(student, grads, part):
    """float32 gradients stay float32."""
    norm = norm_of(doubles(grads))
    held = student.hold(grads)
    yield float(student.clip_grad_norm(held, part * norm)), norm
    yield student.fetch(held), tuple(part * g for g in doubles(grads))


NORM = "math.sqrt(sum(float(np.sum(g * g)) for g in grads))"
LIMIT = "    if norm > max_norm:  # so a norm of zero never divides\n"
exercise.slip(
    "clip_grad_norm",
    "each_array_on_its_own",
    LIMIT + "        for g in grads:\n            g *= max_norm / norm\n",
    "    for g in grads:\n        g *= min(1.0, max_norm / math.sqrt(np.sum(g * g) or 1.0))\n",
    "Every array is limited by its own norm, which turns the step into another direction. There "
    "is one norm, of all gradients together, and one factor.",
)
exercise.slip(
    "clip_grad_norm",
    "adds_up_the_norms",
    NORM,
    "sum(math.sqrt(np.sum(g * g)) for g in grads)",
    "The norms of the arrays are added. Add the squares of all numbers, and take one root at the "
    "end.",
)
exercise.slip(
    "clip_grad_norm",
    "forgets_the_root",
    NORM,
    "sum(float(np.sum(g * g)) for g in grads)",
    "The sum of squares is the norm squared: the root is missing.",
)
exercise.slip(
    "clip_grad_norm",
    "always_rescales",
    LIMIT,
    "    if norm > 0:\n",
    "Short gradients are stretched to `max_norm`. The factor is never larger than 1.",
)
exercise.slip(
    "clip_grad_norm",
    "adds_an_epsilon",
    "max_norm / norm",
    "max_norm / (norm + 1e-6)",
    "A small number is added to the norm. Here the factor is exact: keep a norm of zero out by "
    "asking whether there is anything to clip.",
)
exercise.slip(
    "clip_grad_norm",
    "returns_the_norm_afterwards",
    "return norm",
    "return min(norm, max_norm)",
    "The norm after clipping is returned. The one from before is what a training log needs.",
)
exercise.slip(
    "clip_grad_norm",
    "clips_every_number",
    "g *= max_norm / norm",
    "np.clip(g, -max_norm / norm, max_norm / norm, out=g)",
    "Single numbers are cut off, which changes the direction. Multiply everything by one factor.",
)
exercise.slip(
    "clip_grad_norm",
    "binds_a_new_array",
    "g *= max_norm / norm",
    "g = g * (max_norm / norm)",
    "The gradients do not change: `g = ...` makes a new array. Write into the caller's.",
)
exercise.slip(
    "clip_grad_norm",
    "divides_by_the_norm_only",
    "g *= max_norm / norm",
    "g /= norm",
    "The clipped gradient has norm 1, whatever `max_norm` is.",
)
exercise.slip(
    "clip_grad_norm",
    "multiplies_by_the_limit_only",
    "g *= max_norm / norm",
    "g *= max_norm",
    "The gradient is multiplied by `max_norm` and not divided by its norm.",
)
exercise.slip(
    "clip_grad_norm",
    "factor_upside_down",
    "g *= max_norm / norm",
    "g *= norm / max_norm",
    "The factor is upside down: a gradient that is too long becomes longer.",
)
exercise.slip(
    "clip_grad_norm",
    "mean_square",
    NORM,
    "math.sqrt(sum(float(np.sum(g * g)) for g in grads) / sum(g.size for g in grads))",
    "The squares are averaged. A norm is the root of their sum, however many there are.",
)
exercise.slip(
    "clip_grad_norm",
    "sum_of_absolute_values",
    NORM,
    "sum(float(np.sum(np.abs(g))) for g in grads)",
    "This is the sum of absolute values. The norm is the root of the sum of squares.",
)
exercise.slip(
    "clip_grad_norm",
    "largest_number",
    NORM,
    "max(float(np.max(np.abs(g))) for g in grads)",
    "This is the largest entry. The norm is the root of the sum of all squares.",
)
exercise.slip(
    "clip_grad_norm",
    "only_the_last_array",
    NORM,
    "math.sqrt(sum(float(np.sum(g * g)) for g in grads[-1:]))",
    "The norm is that of the last array only: the sum starts again with every array. It runs over "
    "all of them.",
)
exercise.slip(
    "clip_grad_norm",
    "zero_by_zero",
    LIMIT + "        for g in grads:\n            g *= max_norm / norm\n",
    "    for g in grads:\n        g *= np.minimum(norm, max_norm) / np.float64(norm)\n",
    "With a norm of zero this divides zero by zero, and every gradient becomes nan. When there is "
    "nothing to clip, do nothing.",
)
exercise.slip(
    "clip_grad_norm",
    "replaces_the_entries",
    "        for g in grads:\n            g *= max_norm / norm\n",
    "        grads[:] = [g * (max_norm / norm) for g in grads]\n",
    "The entries of the list are replaced by new arrays. Whoever holds the old ones sees no "
    "clipping: write into the arrays.",
)

# lr_schedule


def rates_of(schedule, steps, *settings):
    """The rates of several steps as one array."""
    return np.array([schedule(step, *settings) for step in steps], dtype=np.float64)


@exercise.satisfies("lr_schedule", points=2, kind="R", sizes=THREE)
def schedule_matches_reference(student, max_lr, min_lr, warmup, total):
    """Every rate from step 0 to step `total` is right."""
    settings = (max_lr, min_lr, warmup, total)
    steps = range(total + 1)
    want = rates_of(optimizers.lr_schedule, steps, *settings)
    return rates_of(student.lr_schedule, steps, *settings), want


@exercise.satisfies("lr_schedule", points=1, sizes=THREE)
def the_fall_mirrors_itself(student, max_lr, min_lr, warmup, total):
    """The cosine falls throughout, by as much at its beginning as at its end."""
    steps = range(warmup, total + 1)
    falling = rates_of(student.lr_schedule, steps, max_lr, min_lr, warmup, total)
    yield falling + falling[::-1], np.full(len(steps), max_lr + min_lr)
    yield bool(np.all(np.diff(falling) < 0))


@exercise.satisfies("lr_schedule", points=1, kind="E", sizes=THREE)
def warm_up_may_be_left_out(student, max_lr, min_lr, total):
    """With warmup = 0 the first rate is `max_lr`."""
    settings = (max_lr, min_lr, 0, total)
    want = rates_of(optimizers.lr_schedule, range(total), *settings)
    return rates_of(student.lr_schedule, range(total), *settings), want


@exercise.satisfies("lr_schedule", points=1, kind="E", sizes=THREE)
def it_ends_at_the_smallest_rate(student, max_lr, min_lr, warmup, total):
    """From step `total` on, every rate is `min_lr`."""
    steps = [*range(total, total + 6), 2 * total, 10 * total + 1]
    got = rates_of(student.lr_schedule, steps, max_lr, min_lr, warmup, total)
    return got, np.full(len(steps), min_lr)


LINE = "max_lr * step / warmup"
DONE = "(step - warmup) / (total - warmup)"
COSINE = "min_lr + 0.5 * (max_lr - min_lr) * (1 + math.cos(math.pi * done))"
exercise.slip(
    "lr_schedule",
    "starts_at_one",
    LINE,
    "max_lr * (step + 1) / warmup",
    "The warm-up is one step ahead: the line starts from 0 at step 0 and would reach `max_lr` at "
    "step `warmup`.",
)
exercise.slip(
    "lr_schedule",
    "warms_up_from_the_smallest_rate",
    LINE,
    "min_lr + (max_lr - min_lr) * step / warmup",
    "The warm-up starts from `min_lr`. It starts from 0.",
)
exercise.slip(
    "lr_schedule",
    "no_warm_up",
    "    if step < warmup:\n        return max_lr * step / warmup\n",
    "    step = max(step, warmup)\n",
    "There is no rise: the rate is `max_lr` from the first step on.",
)
exercise.slip(
    "lr_schedule",
    "whole_numbers_only",
    LINE,
    "max_lr * (step // warmup)",
    "`//` divides whole numbers and drops the rest: the rate stays 0 during the whole warm-up.",
)
exercise.slip(
    "lr_schedule",
    "cosine_from_step_zero",
    DONE,
    "step / total",
    "The cosine is already under way when the warm-up ends, so the rate jumps. Its beginning is "
    "step `warmup`.",
)
exercise.slip(
    "lr_schedule",
    "forgets_that_the_warm_up_takes_time",
    DONE,
    "(step - warmup) / total",
    "The cosine is stretched over `total` steps, but it only has those after the warm-up.",
)
exercise.slip(
    "lr_schedule",
    "ends_one_step_early",
    DONE,
    "min(1.0, (step - warmup) / (total - warmup - 1))",
    "The cosine reaches `min_lr` one step too early: it ends at step `total`.",
)
exercise.slip(
    "lr_schedule",
    "falls_to_zero",
    COSINE,
    "0.5 * max_lr * (1 + math.cos(math.pi * done))",
    "The cosine falls to 0. It ends at `min_lr`: both numbers of a + b cos change.",
)
exercise.slip(
    "lr_schedule",
    "cuts_the_cosine_off",
    COSINE,
    "max(min_lr, 0.5 * max_lr * (1 + math.cos(math.pi * done)))",
    "The cosine falls towards 0 and is cut off at `min_lr`. It should be spread between the two "
    "rates.",
)
exercise.slip(
    "lr_schedule",
    "starts_above_the_largest_rate",
    "0.5 * (max_lr - min_lr)",
    "0.5 * max_lr",
    "The cosine starts above `max_lr`: between the two rates there is only their difference to "
    "fall.",
)
exercise.slip(
    "lr_schedule",
    "forgets_the_half",
    "0.5 * (max_lr - min_lr)",
    "(max_lr - min_lr)",
    "1 + cos runs from 2 to 0. The factor one half is missing.",
)
exercise.slip(
    "lr_schedule",
    "forgets_pi",
    "math.pi * done",
    "done",
    "The angle runs from 0 to 1. Half a cosine takes an angle from 0 to pi.",
)
exercise.slip(
    "lr_schedule",
    "a_whole_period",
    "math.pi * done",
    "2 * math.pi * done",
    "The cosine runs through a whole period and comes up again. Half of one goes from top to "
    "bottom.",
)
exercise.slip(
    "lr_schedule",
    "rises_instead",
    "1 + math.cos",
    "1 - math.cos",
    "The rate rises after the warm-up: the sign of the cosine is reversed.",
)
exercise.slip(
    "lr_schedule",
    "a_straight_line_down",
    COSINE,
    "max_lr - (max_lr - min_lr) * done",
    "The rate falls in a straight line. The fall is half a cosine, flat at both ends.",
)
exercise.slip(
    "lr_schedule",
    "comes_up_again",
    "    if step >= total:\n        return min_lr\n",
    "",
    "After step `total` the cosine rises again. From there on the rate is `min_lr`.",
)
exercise.slip(
    "lr_schedule",
    "stops_at_the_end",
    "        return min_lr\n",
    "        return 0.0\n",
    "The rate is 0 from step `total` on. It stays at `min_lr`.",
)
exercise.slip(
    "lr_schedule",
    "at_least_one_step_of_warm_up",
    "    if step < warmup:\n",
    "    warmup = max(warmup, 1)\n    if step < warmup:\n",
    "With warmup = 0 there still is one step of warm-up, whose rate is 0. Without a warm-up the "
    "first rate is `max_lr`.",
)
