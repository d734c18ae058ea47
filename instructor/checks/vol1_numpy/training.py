"""Hidden checks for vol1_numpy/training.

A few steps of tiny models are compared with the reference, number by number. Only who passes that
trains a model on stories; its held-out loss is computed here, from the parameters that come back.
"""

import numpy as np

from autograder import Exercise, derived, laid
from solutions.vol1_numpy import training
from solutions.vol1_numpy.cross_entropy import cross_entropy
from solutions.vol1_numpy.llama import init_params, llama
from solutions.vol1_numpy.multi_head import Config

ROWS = 40


def draw_config(rng, vocab_size, d_model, n_layers, T, tied):
    """All sizes, and constants that matter."""
    return Config(
        vocab_size=vocab_size,
        d_model=d_model,
        n_layers=n_layers,
        n_heads=2,
        n_kv_heads=1,
        d_ff=d_model + 1,
        max_T=T,
        rope_theta=float(rng.uniform(20.0, 60.0)),
        norm_eps=float(rng.uniform(0.05, 0.1)),
        tied=bool(tied),
    )


def draw_params(rng, config):
    """Weights large enough for gradients that are clipped, gains that differ from 1."""
    params = init_params(config, rng)
    for name, w in params.items():
        size = {"embedding": 1.0, "head": 2.0}.get(name, w.shape[0] ** -0.5)
        w += (0.3 if name.endswith("norm") else size) * rng.standard_normal(w.shape)
    return params


def draw_data(rng, vocab_size, T):
    """Rows in which a token depends on the one before, and some ways on are likelier."""
    share = np.arange(vocab_size, 0, -1)
    ways = rng.choice(vocab_size, size=(ROWS, T + 1), p=share / share.sum())
    return np.cumsum(ways, axis=1) % vocab_size


def expected(params, data, config, steps, seed):
    """What the reference gives in float64: losses, parameters in the order of params."""
    wide = {name: w.astype(np.float64) for name, w in params.items()}
    trained, losses = training.train(wide, data, config, steps, np.random.default_rng(seed))
    return np.array(losses), *(trained[name] for name in params)


exercise = Exercise(
    "vol1_numpy/training",
    solution=training,
    difficulty=3,
    minutes=60,
    inputs={
        "config": derived(draw_config),
        "params": derived(draw_params),
        "data": derived(draw_data),
        "want": derived(expected),
        "seed": derived(lambda rng: int(rng.integers(1 << 30))),
    },
    sizes={
        "vocab_size": [7, 5, 6],
        "d_model": [4, 8, 4],
        "n_layers": [1, 2, 1],
        "T": [3, 4, 2],
        "tied": [0, 1, 0],
        "steps": [9, 1, 20],
    },
)
SHORT = {"vocab_size": [8], "d_model": [4], "n_layers": [1], "T": [4], "tied": [0], "steps": [2]}
LONGER = {"vocab_size": [8], "d_model": [8], "n_layers": [1], "T": [3], "tied": [0], "steps": [14]}
NONE = {name: [values[0], values[0]] for name, values in SHORT.items()} | {"steps": [0, 2]}


def generator(student, seed):
    """A random generator on the student's side."""
    return student.library("numpy.random.default_rng")(seed)


def run(student, params, data, config, steps, rng, *, names=None):
    """Losses, and the trained parameters in the order of params: nothing less, nothing more."""
    trained, losses = student.train(params, data, config, steps, rng)
    names = list(params if names is None else names)
    if set(trained) != set(names):
        raise KeyError(f"the keys that differ: {sorted(set(trained) ^ set(names))}")
    return np.array([float(loss) for loss in losses]), *(trained[name] for name in names)


@exercise.satisfies("train", points=5, kind="R", rtol=1e-7)
def losses_and_parameters(student, params, data, config, steps, seed, want):
    """After 1, 9 and 20 steps the losses and all parameters are right."""
    return run(student, params, data, config, steps, generator(student, seed)), want


@exercise.satisfies("train", points=1, sizes=SHORT)
def a_seed_is_a_run(student, params, data, config, steps, seed):
    """One seed gives one run, to the last bit, and another seed another."""
    first, again, other = (
        run(student, params, data, config, steps, generator(student, s))
        for s in (seed, seed, seed + 1)
    )
    yield all(np.array_equal(a, b) for a, b in zip(again, first, strict=True))
    yield all(bool((a != b).any()) for a, b in zip(other, first, strict=True))
    rng = generator(student, seed)
    run(student, params, data, config, steps, rng)
    second = run(student, params, data, config, steps, rng)
    yield all(bool((a != b).any()) for a, b in zip(second, first, strict=True))


@exercise.satisfies("train", points=1, sizes=LONGER)
def nothing_leaks_from_the_future(student, config, steps, vocab_size, T, seed, rng):
    """Where the next token is pure chance, the loss stays at ln V: the model never sees it."""
    noise = rng.integers(vocab_size, size=(2000, T + 1))
    params = init_params(config, rng)
    losses, *_ = run(student, params, noise, config, steps, generator(student, seed))
    yield len(losses) == steps
    yield abs(losses[-5:].mean() - np.log(vocab_size)) < 0.4


@exercise.satisfies("train", points=1, sizes=SHORT, rtol=1e-7)
def ids_are_names(student, params, data, config, steps, seed, rng):
    """With ids exchanged for others, and the rows and columns of the tables, nothing changes."""
    order = rng.permutation(config.vocab_size)
    renamed = params | {"embedding": params["embedding"][order], "head": params["head"][:, order]}
    names = np.argsort(order)  # where each id has gone
    losses, *_ = run(student, params, data, config, steps, generator(student, seed))
    others, *_ = run(student, renamed, names[data], config, steps, generator(student, seed))
    return others, losses


@exercise.satisfies("train", points=1, kind="E", sizes=NONE)
def leaves_inputs_alone(student, params, data, config, steps, seed, want):
    """Arguments of any memory layout are accepted and left unchanged; the results are new."""
    given, rows = student.hold(params), student.hold(data)
    held = student.keep(student.train, given, rows, config, steps, generator(student, seed))
    yield student.fetch(rows), data
    yield tuple(student.fetch(given)[name] for name in params), tuple(params.values())
    getitem, fill = student.library("operator.getitem"), student.library("numpy.ndarray.fill")
    for name in params:
        student.keep(fill, student.keep(getitem, given, name), 7.0)
    trained, losses = student.fetch(held)
    yield (np.array(losses), *(trained[name] for name in params)), want
    other = {name: laid(w, "F", read_only=True) for name, w in params.items()}
    rows = laid(data, "strided", read_only=True)
    yield run(student, other, rows, config, steps, generator(student, seed), names=params), want


@exercise.satisfies("train", points=1, kind="E", sizes=SHORT, dtype="float32", rtol=1e-3)
def keeps_dtype(student, params, data, config, steps, seed, want):
    """float32 parameters stay float32, and the losses are those of float64 to three digits."""
    losses, *trained = run(student, params, data, config, steps, generator(student, seed))
    yield all(w.dtype == np.float32 for w in trained)
    yield losses.astype(np.float32), want[0]


# The long one: what is measured is nats per token above the entropy of the stories.
STEPS = 300


@exercise.measures("train", bands={1.0: 1, 0.4: 2, 0.2: 2}, seconds=20)
def above_the_floor(student, rng, seed):
    """After 300 steps on the stories the held-out loss is at most {} nats above the floor."""
    corpus = training.load()
    names = rng.permutation(len(corpus.vocabulary))  # ids of this student's own
    train, held_out = names[corpus.train], names[corpus.held_out]
    config = Config(len(names), 32, 1, 4, 2, 64, train.shape[1] - 1)
    params = init_params(config, rng)
    _, *trained = run(student, params, train, config, STEPS, generator(student, seed))
    wide = {n: np.asarray(w, np.float64) for n, w in zip(params, trained, strict=True)}
    logits, _ = llama(wide, held_out[:, :-1], config)
    return cross_entropy(logits, held_out[:, 1:]) - corpus.floor


@exercise.null("train")
def hands_back(params, data, config, steps, rng):
    """No training at all."""
    return {name: w.copy() for name, w in params.items()}, [0.0] * steps


@exercise.null("train")
def says_ln_v(params, data, config, steps, rng):
    """No training, and the loss of guessing."""
    return {name: w.copy() for name, w in params.items()}, [
        float(np.log(config.vocab_size))
    ] * steps


# Mistakes

exercise.slip(
    "train",
    "targets_are_the_inputs",
    "rows[:, :-1], rows[:, 1:], config",
    "rows[:, :-1], rows[:, :-1], config",
    "The targets are the inputs themselves, so the model only has to copy. From position "
    "t it is to predict the id at t + 1: shift the row by one.",
)
exercise.slip(
    "train",
    "predicts_the_past",
    "rows[:, :-1], rows[:, 1:], config",
    "rows[:, 1:], rows[:, :-1], config",
    "Inputs and targets are exchanged: the model predicts the token before. Inputs are "
    "all ids of a row but the last, targets all but the first.",
)
exercise.slip(
    "train",
    "drops_the_last_target",
    "rows[:, :-1], rows[:, 1:], config",
    "rows[:, :-2], rows[:, 1:-1], config",
    "A row of T + 1 ids has T inputs and T targets; one column at the end is not used.",
)
exercise.slip(
    "train",
    "counts_from_zero",
    "lr_schedule(step, MAX",
    "lr_schedule(step - 1, MAX",
    "The schedule is one step late: the first update is step 1 and the last one is step "
    "number `steps`, with the rate MIN_LR.",
)
exercise.slip(
    "train",
    "constant_rate",
    "lr_schedule(step, MAX_LR, MIN_LR, steps // 10, steps)",
    "MAX_LR",
    "The learning rate stays at MAX_LR. Ask lr_schedule before every step, and set optimizer.lr.",
)
exercise.slip(
    "train",
    "no_warm_up",
    "lr_schedule(step, MAX_LR, MIN_LR, steps // 10, steps)",
    "lr_schedule(step, MAX_LR, MIN_LR, 0, steps)",
    "The rate begins at MAX_LR: there is a warm-up of steps // 10 steps.",
)
exercise.slip(
    "train",
    "falls_to_zero",
    "lr_schedule(step, MAX_LR, MIN_LR, steps // 10, steps)",
    "lr_schedule(step, MAX_LR, 0.0, steps // 10, steps)",
    "The rate falls to 0 instead of MIN_LR.",
)
exercise.slip(
    "train",
    "never_clips",
    "        clip_grad_norm(ordered, MAX_NORM)\n",
    "",
    "The gradients that reach the optimizer are not clipped: their common norm should be at most "
    "MAX_NORM. clip_grad_norm works in place, so the arrays that it scales must be the very ones "
    "that go to step.",
)
exercise.slip(
    "train",
    "clips_one_by_one",
    "clip_grad_norm(ordered, MAX_NORM)",
    "[clip_grad_norm([g], MAX_NORM) for g in ordered]",
    "Each gradient is clipped on its own. Give clip_grad_norm the list of all, so that "
    "their common norm counts.",
)
exercise.slip(
    "train",
    "a_new_optimizer_each_step",
    "        optimizer.step(ordered)\n",
    "        optimizer.step(ordered)\n"
    "        optimizer = AdamW(list(trained.values()), MAX_LR, BETAS, EPS, WEIGHT_DECAY)\n",
    "The optimizer is made anew in each step, so its running means are forgotten. Make "
    "one before the loop.",
)
exercise.slip(
    "train",
    "default_betas",
    "BETAS, EPS, W",
    "(0.9, 0.999), EPS, W",
    "The second of the betas is not the one that BETAS gives.",
)
exercise.slip(
    "train",
    "no_decay",
    "EPS, WEIGHT_DECAY",
    "EPS, 0.0",
    "Weight decay is missing: AdamW takes WEIGHT_DECAY.",
)
exercise.slip(
    "train",
    "in_order",
    "data[rng.integers(len(data), size=BATCH)]",
    "data[np.arange((step - 1) * BATCH, step * BATCH) % len(data)]",
    "The rows are taken in order. Draw BATCH numbers of rows with rng.integers in each step.",
)
exercise.slip(
    "train",
    "a_seed_of_its_own",
    "data[rng.integers(",
    "data[np.random.default_rng(step).integers(",
    "The batches do not come from the rng that is handed in.",
)
exercise.slip(
    "train",
    "without_repetition",
    "data[rng.integers(len(data), size=BATCH)]",
    "data[rng.choice(len(data), size=BATCH, replace=False)]",
    "The rows of a batch are drawn without repetition. Draw with rng.integers(len(data), "
    "size=BATCH), exactly.",
)
exercise.slip(
    "train",
    "one_row_short",
    "size=BATCH)]",
    "size=BATCH - 1)]",
    "A batch has BATCH rows.",
)
exercise.slip(
    "train",
    "trains_the_given_arrays",
    "{name: w.copy() for name, w in params.items()}",
    "dict(params)",
    "The arrays that were handed in are changed: dict(params) is a new dict with the same "
    "arrays. Copy each array, and train the copies.",
)
exercise.slip(
    "train",
    "returns_what_it_was_given",
    "return trained, losses",
    "return {name: w.copy() for name, w in params.items()}, losses",
    "The parameters that come back are those from before the training. AdamW has to get "
    "the arrays that you return.",
)
exercise.slip(
    "train",
    "the_loss_afterwards",
    "        losses.append(float(loss))\n",
    "        losses.append(float(loss_and_grads(trained, rows[:, :-1], rows[:, 1:], config)[0]))\n",
    "The losses are those after the update. Note the loss that comes with the gradients, "
    "from before it.",
)
exercise.slip(
    "train",
    "running_mean",
    "        losses.append(float(loss))\n",
    "        losses.append((sum(losses) + float(loss)) / step)\n",
    "The losses are running means of some kind. Return the loss of each batch as it is.",
)
exercise.slip(
    "train",
    "the_sum_of_a_batch",
    "float(loss)",
    "float(loss) * BATCH",
    "The loss is that of a mean token already; do not multiply it by the size of the batch.",
)
exercise.slip(
    "train",
    "adds_up_gradients",
    "        ordered = [grads[name] for name in trained]\n",
    "        ordered = [grads[name] for name in trained]\n"
    "        ordered = [g + b for g, b in zip(ordered, before)] if step > 1 else ordered\n"
    "        before = [g.copy() for g in ordered]\n",
    "Gradients of earlier steps are still there. Each step takes the gradients of its own "
    "batch alone.",
)
exercise.slip(
    "train",
    "one_step_too_few",
    "range(1, steps + 1)",
    "range(1, steps)",
    "A step is missing: `steps` updates are to be made, and as many losses returned.",
)


@exercise.mistake("train")
def one_batch_for_all(params, data, config, steps, rng):
    """One batch is drawn, and trained on in every step. Draw a new one inside of the loop."""

    class Same:
        def integers(self, high, size):
            return np.arange(size)

    rows = data[rng.integers(len(data), size=training.BATCH)]
    return training.train(params, rows, config, steps, Same())
