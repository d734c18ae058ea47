"""Hidden checks for vol1_numpy/training.

Batch size, rates and all other numbers are the student's choice, so what is compared is what does
not depend on them: the first loss, which way things go, what the rng decides. How good the choices
are is measured once, on stories whose entropy is known, in bands by the distance to the floor.
What a training returns is fetched without being recorded: it would be no fingerprint.
"""

from functools import cache

import numpy as np

from autograder import Exercise, derived, integers, laid
from solutions.vol1_numpy import training
from solutions.vol1_numpy.training import Config, llama, loss_and_grads, stories

SIZE, STEPS, SECONDS = "small", 300, 20.0
# The longest story has so many words.
LONGEST = 42


def draw_params(rng, config):
    """A new model: gains of 1 and weights that suit the narrow ones of these checks."""
    shapes = {name: w.shape for name, w in training.init_params(config, rng).items()}
    return {
        name: np.ones(shape) if name.endswith("norm") else rng.normal(0.0, 0.25, shape)
        for name, shape in shapes.items()
    }


def draw_config(rng, V, T):
    return Config(V, 8, 1, 2, 1, 6, T, rope_theta=float(rng.uniform(20.0, 60.0)))


exercise = Exercise(
    "vol1_numpy/training",
    solution=training,
    difficulty=3,
    minutes=90,
    inputs={
        "config": derived(draw_config),
        "params": derived(draw_params),
        "window": derived(lambda rng, V, T: rng.permutation(np.arange(T + 1) % V)),
        "order": derived(lambda rng, V: rng.permutation(V)),
        "text": integers("N", "V"),
        "seed": integers("2", 1 << 30),
    },
    sizes={"V": [9], "T": [5], "N": [300]},
)


def run(student, params, data, config, steps, seed):
    """What `train` returns, kept on the student's side."""
    rng = student.library("numpy.random.default_rng")(int(seed))
    return student.keep(student.train, params, data, config, steps, rng)


def item(student, both, number):
    """One of the two results as it is, not recorded."""
    kept = student.keep(student.library("operator.getitem"), both, number)
    return student.fetch(kept, record=False)


def losses_of(student, both):
    return np.array([float(loss) for loss in item(student, both, 1)])


def params_of(student, both, params):
    """The trained parameters, which must look like those that came in."""
    trained = item(student, both, 0)
    if set(trained) != set(params):
        raise KeyError(f"the keys are {sorted(trained)}")
    for name, w in params.items():
        if trained[name].shape != w.shape or trained[name].dtype != w.dtype:
            raise ValueError(f"{name} has another shape or dtype")
    return trained


def trained_on(student, params, data, config, steps, seed, like=None):
    both = run(student, params, data, config, steps, seed)
    return params_of(student, both, params if like is None else like)


def loss_of(params, config, windows):
    """The reference's loss on windows (n, T + 1)."""
    windows = np.asarray(windows)
    return loss_and_grads(params, windows[:, :-1], windows[:, 1:], config)[0]


def fell(params, trained, config, windows):
    """By how much training lowered the loss on windows."""
    return loss_of(params, config, windows) - loss_of(trained, config, windows)


def arrays(params):
    return tuple(params[name] for name in sorted(params))


@exercise.satisfies("train", points=2, kind="R", sizes={"V": [9, 4], "T": [5, 8], "N": [0, 0]})
def reports_the_loss_before_each_update(student, params, window, config, seed):
    """The losses are those of the batches, each before its update."""
    # There is one window only, so batches of any size have the same loss.
    first = loss_of(params, config, window[None])
    yield run(student, params, window, config, 1, seed[0])[1], [first]
    losses = losses_of(student, run(student, params, window, config, 4, seed[1]))
    yield losses.shape, (4,)
    yield losses[0], first


@exercise.satisfies("train", points=2, sizes={"V": [9], "T": [5], "N": [0]})
def learns_what_comes_next(student, params, config, order, seed):
    """On a text that repeats itself the model learns what comes next, not what came before."""
    data = np.tile(order, 30)
    both = run(student, params, data, config, 16, seed[0])
    same = student.keep(student.library("operator.getitem"), both, 0)
    for name in ("embedding", "head"):  # tells who does nothing from who does the wrong thing
        one = student.keep(student.library("operator.getitem"), same, name)
        yield not student.library("numpy.array_equal")(one, params[name])
    trained = params_of(student, both, params)
    windows = np.stack([data[s : s + config.max_T + 1] for s in range(len(order))])
    ahead = fell(params, trained, config, windows)
    yield ahead > 0.02
    yield ahead > 0.02 + fell(params, trained, config, windows[:, ::-1])


@exercise.satisfies("train", points=2, sizes={"V": [10], "T": [4], "N": [0]})
def reads_all_of_the_text(student, params, config, order, seed):
    """Windows come from everywhere, the first and the last possible one included."""
    # Where an id is never read its row has no gradient; decay leaves its direction as it is.
    halves = order[:5], order[5:]
    data = np.concatenate([np.tile(half, 3000) for half in halves])
    trained = trained_on(student, params, data, config, 12, seed[0])
    yield turned(params, trained)[order[0]] and turned(params, trained)[order[5]]
    # Of two windows, the first alone reads the first id, and the last alone the last but one.
    data = order[: config.max_T + 2]
    trained = trained_on(student, params, data, config, 12, seed[1])
    yield turned(params, trained)[data[0]] and turned(params, trained)[data[-2]]


def turned(params, trained):
    """Which rows of the embedding point in another direction than before."""
    old, new = params["embedding"], trained["embedding"]
    share = (old * new).sum(axis=1, keepdims=True) / (old * old).sum(axis=1, keepdims=True)
    return np.abs(new - share * old).max(axis=1) > 1e-9


@exercise.satisfies("train", points=1, sizes={"V": [24], "T": [4], "N": [20_000]})
def finds_nothing_in_noise(student, params, config, text, seed):
    """What comes next in noise cannot be learned: a loss that falls all the same has a leak."""
    silent = params | {"head": 0.1 * params["head"]}
    losses = losses_of(student, run(student, silent, text, config, 24, seed[0]))
    yield float(losses[-8:].mean()) > np.log(config.vocab_size) - 0.05


@exercise.satisfies("train", points=1)
def rests_on_the_rng_alone(student, params, config, text, seed):
    """The same state of rng gives the same result, another one gives other batches."""
    one, two, other = (run(student, params, text, config, 2, s) for s in (seed[0], *seed))
    yield losses_of(student, one), losses_of(student, two)
    yield (arrays(params_of(student, b, params)) for b in (one, two))
    yield bool(np.all(losses_of(student, one) != losses_of(student, other)))


@exercise.satisfies("train", points=1, kind="E")
def leaves_what_it_is_given_alone(student, params, config, text, seed):
    """Parameters and data stay as they are and may be read-only; what is returned is new."""
    held = student.hold(params)
    both = run(student, held, text, config, 2, seed[0])
    yield arrays(student.fetch(held, record=False)), arrays(params)
    trained = arrays(params_of(student, both, params))
    for name in params:
        one = student.keep(student.library("operator.getitem"), held, name)
        student.keep(student.library("numpy.ndarray.fill"), one, 7.0)
    yield arrays(params_of(student, both, params)), trained
    for layout, read_only in (("F", True), ("strided", False)):
        given = {name: laid(w, layout, read_only=read_only) for name, w in params.items()}
        data = laid(text, layout, read_only=read_only)
        again = trained_on(student, given, data, config, 2, seed[0], like=params)
        yield arrays(again), trained


@exercise.satisfies("train", points=1, kind="E")
def no_steps_change_nothing(student, params, config, text, seed):
    """With steps = 0 there are no losses, and the parameters are copies of those that came in."""
    held = student.hold(params)
    both = run(student, held, text, config, 0, seed[0])
    yield len(item(student, both, 1)), 0
    yield arrays(params_of(student, both, params)), arrays(params)
    for name in params:
        one = student.keep(student.library("operator.getitem"), held, name)
        student.keep(student.library("numpy.ndarray.fill"), one, 7.0)
    yield arrays(params_of(student, both, params)), arrays(params)


@exercise.satisfies("train", points=1, kind="E", dtype="float32")
def keeps_the_dtype(student, params, config, text, seed):
    """float32 parameters stay float32."""
    params_of(student, run(student, params, text, config, 2, seed[0]), params)
    yield True


@cache
def corpus():
    """The ids of the stories to train on."""
    told, _ = stories.corpus(SIZE)
    return stories.encode((word for story in told for word in story), SIZE)


def fresh_stories(rng):
    """Stories that nobody has seen: windows (n, LONGEST + 1) from the end of the story before
    on, padded with -1, and what the grammar itself needs for their words."""
    told = stories.stories(SIZE, 400, int(rng.integers(1 << 30)))
    end = stories.encode(told[0][-1:], SIZE)[0]
    windows = np.full((len(told), LONGEST + 1), -1)
    windows[:, 0] = end
    for row, story in zip(windows, told, strict=True):
        row[1 : len(story) + 1] = stories.encode(story, SIZE)
    needed = sum(sum(stories.surprise(story, SIZE)) for story in told)
    return windows, needed / sum(map(len, told))


def story_config():
    return Config(len(stories.vocabulary(SIZE)), 64, 1, 4, 2, 96, LONGEST)


def story_params(rng):
    """A new model with Xavier-like weights."""
    drawn = training.init_params(story_config(), rng).items()
    return {
        name: (w if name.endswith("norm") else 5.0 * w).astype(np.float32) for name, w in drawn
    }


@exercise.measures(
    "train",
    bands={0.8: 1, 0.4: 2, 0.15: 2},
    seconds=SECONDS,
    start=derived(story_params),
    fresh=derived(fresh_stories),
    exchanged=derived(lambda rng: rng.permutation(story_config().vocab_size)),
)
def nats_above_the_floor(student, start, fresh, exchanged, seed):
    """After 300 steps the loss on fresh stories is at most {} nats per word above the floor."""
    config, (windows, floor) = story_config(), fresh
    trained = trained_on(student, start, exchanged[corpus()], config, STEPS, seed[0])
    trained = {name: w.astype(np.float64) for name, w in trained.items()}
    ids = exchanged[windows]
    ids, targets = ids[:, :-1], np.where(windows[:, 1:] < 0, -100, ids[:, 1:])
    return loss_in_pieces(trained, ids, targets, config) - floor


def loss_in_pieces(params, ids, targets, config):
    """The mean loss over all targets that count; not all logits at once."""
    total = 0.0
    for start in range(0, len(ids), 100):
        logits, _ = llama(params, ids[start : start + 100], config)
        here = targets[start : start + 100]
        total += training.cross_entropy(logits, here) * (here >= 0).sum()
    return total / (targets >= 0).sum()


@exercise.null("train")
def does_nothing(params, data, config, steps, rng):
    """The parameters as they came, and the loss of somebody who knows nothing."""
    copies = {name: w.copy() for name, w in params.items()}
    return copies, [float(np.log(config.vocab_size))] * steps


for name, old, new, hint in (
    (
        "targets_not_shifted",
        "windows[:, :-1], windows[:, 1:]",
        "windows[:, :-1], windows[:, :-1]",
        "The targets are the ids themselves. At each position the target is the id that follows.",
    ),
    (
        "predicts_the_past",
        "windows[:, :-1], windows[:, 1:]",
        "windows[:, 1:], windows[:, :-1]",
        "Ids and targets are exchanged: the model learns to say what came before.",
    ),
    (
        "windows_too_short",
        "np.arange(T + 1)",
        "np.arange(T)",
        "A window gives one target less than max_T. For T ids with their targets it takes T + 1 "
        "ids of the data.",
    ),
    (
        "reads_backwards",
        "windows[:, :-1], windows[:, 1:]",
        "windows[:, :0:-1], windows[:, -2::-1]",
        "The windows are read from right to left.",
    ),
    (
        "always_the_same_batch",
        "        starts = rng.integers(len(data) - T, size=BATCH)\n",
        "        rng = np.random.default_rng(5)\n"
        "        starts = rng.integers(len(data) - T, size=BATCH)\n",
        "Every step sees the same batch. The model learns it by heart, and its loss says nothing "
        "about fresh text. Draw a new batch in each step, all from the rng that is handed in.",
    ),
    (
        "a_generator_of_its_own",
        "rng.integers(",
        "np.random.default_rng(step).integers(",
        "The batches do not depend on `rng`. All randomness has to come from it.",
    ),
    (
        "randomness_from_elsewhere",
        "rng.integers(len(data) - T, size=BATCH)",
        "np.random.randint(len(data) - T, size=BATCH)",
        "The same rng gives another result the second time. np.random.randint and its like draw "
        "from a generator that all of the program shares; draw from `rng`.",
    ),
    (
        "goes_uphill",
        "grads = [by_name[name] for name in names]",
        "grads = [-by_name[name] for name in names]",
        "The loss goes up: the gradient is followed instead of its opposite.",
    ),
    (
        "never_takes_the_step",
        "        optimizer.step(grads)\n",
        "",
        "The parameters that are returned are those that came in. Is a step taken, and does it "
        "change the very arrays that are returned?",
    ),
    (
        "trains_other_arrays",
        "AdamW(list(params.values()),",
        "AdamW([w.copy() for w in params.values()],",
        "The parameters that are returned are those that came in. Is a step taken, and does it "
        "change the very arrays that are returned?",
    ),
    (
        "changes_the_callers_parameters",
        "params[name].copy()",
        "params[name]",
        "The caller's parameters are changed: the optimizer works in place, on the arrays that were "
        "handed in. Copy them first.",
    ),
    (
        "begins_at_the_beginning",
        "starts = rng.integers(len(data) - T, size=BATCH)",
        "starts = rng.integers(min(len(data) - T, 1000), size=BATCH)",
        "The windows come from the first part of the data only.",
    ),
    (
        "reads_in_order",
        "starts = rng.integers(len(data) - T, size=BATCH)",
        "starts = (rng.integers(2) + BATCH * step + np.arange(BATCH)) % (len(data) - T)",
        "The windows follow one another through the data. Draw each one at random from all of it.",
    ),
    (
        "forgets_the_last_window",
        "rng.integers(len(data) - T, size=BATCH)",
        "rng.integers(max(len(data) - T - 1, 1), size=BATCH)",
        "Not every window is drawn: the first or the last one never is. Starts are 0, 1, and so on; "
        "how many are there for N = T + 1? rng.integers leaves its upper bound out already.",
    ),
    (
        "forgets_the_first_window",
        "rng.integers(len(data) - T, size=BATCH)",
        "rng.integers(min(1, len(data) - T - 1), len(data) - T, size=BATCH)",
        "Not every window is drawn: the first or the last one never is. Starts are 0, 1, and so on; "
        "how many are there for N = T + 1? rng.integers leaves its upper bound out already.",
    ),
    (
        "one_loss_too_many",
        "return params, losses",
        "return params, [*losses, loss] if steps else losses",
        "There is one loss more than steps: one for each step, before its update.",
    ),
    (
        "only_the_last_loss",
        "losses.append(loss)",
        "losses = [loss]",
        "Only the last loss is returned. There is one for each step.",
    ),
    (
        "the_sum_of_the_losses",
        "losses.append(loss)",
        "losses.append(loss * T)",
        "The losses are sums over the window. What loss_and_grads gives is the mean already.",
    ),
    (
        "a_list_of_parameters",
        "return params, losses",
        "return list(params.values()), losses",
        "The parameters come back as a list. They should be a dict with the keys they came with.",
    ),
    (
        "computes_in_float64",
        "params[name].copy()",
        "params[name].astype(np.float64)",
        "float32 parameters come back as float64. A copy keeps the dtype.",
    ),
    (
        "no_step_no_copy",
        "    T, names = config.max_T, list(params)\n",
        "    if not steps:\n        return params, []\n    T, names = config.max_T, list(params)\n",
        "With steps = 0 the very arrays that came in are returned. Return copies.",
    ),
):
    exercise.slip("train", name, old, new, hint)
