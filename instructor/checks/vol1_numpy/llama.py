"""Hidden checks for vol1_numpy/llama.

Gradients are compared with the reference (R) and with differences of the student's own loss (F):
of a sampled number of every parameter, and along directions through all of them at once.
"""

from dataclasses import replace

import numpy as np

from autograder import Exercise, derived, integers, laid
from solutions.vol1_numpy import llama
from solutions.vol1_numpy.cross_entropy import cross_entropy
from solutions.vol1_numpy.multi_head import Config


def draw_config(rng, vocab_size, d_model, n_layers, n_heads, n_kv_heads, d_ff, tied):
    """All sizes, and constants that matter."""
    return Config(
        vocab_size=vocab_size,
        d_model=d_model,
        n_layers=n_layers,
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        d_ff=d_ff,
        max_T=31,
        rope_theta=float(rng.uniform(20.0, 60.0)),
        norm_eps=float(rng.uniform(0.1, 0.3)),
        tied=bool(tied),
    )


def shapes_of(config):
    """The shape of every parameter."""
    d, narrow, wide = config.d_model, config.d_model // config.n_heads, config.d_ff
    narrow *= config.n_kv_heads
    shapes = {"embedding": (config.vocab_size, d)}
    for i in range(config.n_layers):
        inside = {"attn_norm": (d,), "w_q": (d, d), "w_k": (d, narrow), "w_v": (d, narrow)}
        inside |= {"w_o": (d, d), "mlp_norm": (d,), "w_gate": (d, wide), "w_up": (d, wide)}
        inside["w_down"] = (wide, d)
        shapes |= {f"blocks.{i}.{name}": shape for name, shape in inside.items()}
    shapes["final_norm"] = (d,)
    return shapes if config.tied else shapes | {"head": (d, config.vocab_size)}


def draw_params(rng, config):
    """Weights that keep everything near size 1, and gains that differ from 1."""
    return {
        name: rng.standard_normal(shape) * 0.4 + 1.0
        if name.endswith("norm")
        else rng.standard_normal(shape) * (1.0 if name == "embedding" else shape[0] ** -0.5)
        for name, shape in shapes_of(config).items()
    }


def draw_targets(rng, B, T, vocab_size):
    """Most of them count, not as many in one sequence as in another."""
    targets = rng.integers(0, vocab_size, size=(B, T))
    if T > 1:
        targets[rng.integers(B), rng.integers(T)] = -100
    return targets


def expected(params, ids, targets, config):
    """What the reference gives in float64: logits, loss, gradients in the order of params."""
    wide = {name: w.astype(np.float64) for name, w in params.items()}
    loss, grads = llama.loss_and_grads(wide, ids, targets, config)
    logits, _ = llama.llama(wide, ids, config)
    return logits, loss, *(grads[name] for name in params)


exercise = Exercise(
    "vol1_numpy/llama",
    solution=llama,
    difficulty=5,
    minutes=120,
    inputs={
        "config": derived(draw_config),
        "params": derived(draw_params),
        "ids": integers("B T", "vocab_size"),
        "targets": derived(draw_targets),
        "want": derived(expected),
        "seed": derived(lambda rng: int(rng.integers(1 << 30))),
    },
    sizes={
        "B": [2],
        "T": [4],
        "vocab_size": [11],
        "d_model": [8],
        "n_layers": [2],
        "n_heads": [4],
        "n_kv_heads": [2],
        "d_ff": [5],
        "tied": [0],
    },
)
# Square, so that a missing transpose gives wrong values; three layers; tied; as small as possible.
SIZES = {
    "B": [3, 2, 2, 1],
    "T": [5, 3, 4, 2],
    "vocab_size": [8, 13, 7, 2],
    "d_model": [8, 8, 12, 2],
    "n_layers": [1, 3, 2, 1],
    "n_heads": [2, 4, 6, 1],
    "n_kv_heads": [2, 2, 2, 1],
    "d_ff": [8, 5, 7, 1],
    "tied": [0, 0, 1, 1],
}
SMALL = {
    "B": [2, 2],
    "T": [3, 4],
    "vocab_size": [7, 5],
    "d_model": [4, 4],
    "n_layers": [2, 1],
    "n_heads": [2, 2],
    "n_kv_heads": [1, 1],
    "d_ff": [3, 5],
    "tied": [0, 1],
}
TIED = {name: values[1:] for name, values in SMALL.items()}
UNTIED = {name: values[:1] for name, values in SMALL.items()}
# Large enough for statistics of what is drawn.
NEW = {
    "B": [2, 2],
    "T": [16, 16],
    "vocab_size": [64, 96],
    "d_model": [32, 48],
    "n_layers": [3, 2],
    "n_heads": [4, 6],
    "n_kv_heads": [2, 3],
    "d_ff": [80, 40],
    "tied": [0, 1],
}


def generator(student, seed):
    """A random generator on the student's side."""
    return student.library("numpy.random.default_rng")(seed)


def inner(a, b):
    """The sum of all products of entries."""
    return float(np.vdot(a, b))


def logits_of(student, params, ids, config):
    """The logits of the forward; its cache stays where it is."""
    return student.keep(student.llama, params, ids, config)[0]


def step(student, params, ids, targets, config, *, names=None):
    """The loss, and the gradients in the order of params: nothing less and nothing more."""
    loss, grads = student.loss_and_grads(params, ids, targets, config)
    names = list(params if names is None else names)
    if set(grads) != set(names):
        raise KeyError(f"the keys that differ: {sorted(set(grads) ^ set(names))}")
    return loss, *(grads[name] for name in names)


def random_of(params):
    """The parameters that are not gains."""
    return {name: w for name, w in params.items() if not name.endswith("norm")}


# init_params


@exercise.satisfies("init_params", points=2, kind="R", sizes=NEW)
def every_parameter_is_there(student, config, seed):
    """Keys and shapes are right, gains are ones, everything else is N(0, 0.02**2)."""
    params = student.init_params(config, generator(student, seed))
    shapes = shapes_of(config)
    yield set(params) == set(shapes)
    for name, shape in shapes.items():
        if name.endswith("norm"):
            yield params[name], np.ones(shape)
            continue
        yield params[name].shape == shape
        n, std = params[name].size, params[name].std() / 0.02
        yield abs(std - 1.0) < 6.0 / (2 * n) ** 0.5
        yield abs(params[name].mean() / 0.02) < 6.0 / n**0.5


@exercise.satisfies("init_params", points=1, sizes=NEW)
def drawn_from_the_generator(student, config, seed):
    """One seed gives one model and another seed another; no two weights are the same."""
    first, again, other = (
        student.init_params(config, generator(student, s)) for s in (seed, seed, seed + 1)
    )
    rng = generator(student, seed)
    student.init_params(config, rng)
    second = student.init_params(config, rng)
    for name, w in random_of(first).items():
        yield again[name], w
        yield bool((other[name] != w).all()) and bool((second[name] != w).all())
    flat = np.concatenate([w.ravel() for w in random_of(first).values()])
    yield len(np.unique(flat)) == len(flat)
    # 95.4 % of normal numbers lie within two standard deviations, 99.7 % within three.
    for bound, share in ((2.0, 0.9545), (3.0, 0.9973)):
        yield abs((np.abs(flat) < bound * 0.02).mean() - share) < 6.0 * (0.05 / len(flat)) ** 0.5


@exercise.satisfies("init_params", points=1, sizes=NEW)
def the_first_loss_is_near_ln_v(student, config, ids, seed):
    """A new model's loss is ln V, the loss of guessing."""
    params = student.init_params(config, generator(student, seed))
    loss = cross_entropy(llama.llama(params, ids, replace(config, norm_eps=1e-5))[0], ids[:, ::-1])
    return abs(loss - np.log(config.vocab_size)) < 0.2


@exercise.satisfies("init_params", points=1, kind="E", sizes=SIZES)
def arrays_of_their_own(student, config, seed):
    """Every parameter is a writable float64 array of its own, in models of any size."""
    params = student.init_params(config, generator(student, seed))
    yield set(params) == set(shapes_of(config))
    yield all(w.dtype == np.float64 for w in params.values())
    held = student.keep(student.init_params, config, generator(student, seed))
    getitem, fill = student.library("operator.getitem"), student.library("numpy.ndarray.fill")
    for number, name in enumerate(params):
        student.keep(fill, student.keep(getitem, held, name), float(number))
    after = student.fetch(held)
    for number, (name, w) in enumerate(params.items()):
        yield after[name], np.full(w.shape, float(number))


@exercise.null("init_params")
def all_zeros(config, rng):
    """Right keys and shapes, nothing in them."""
    return {name: np.zeros(shape) for name, shape in shapes_of(config).items()}


# count_params


@exercise.satisfies("count_params", points=1, kind="R", sizes=NEW)
def counts_every_number(student, config):
    """The count is the sum of all sizes."""
    want = sum(int(np.prod(shape)) for shape in shapes_of(config).values())
    return student.count_params(config), want


@exercise.satisfies("count_params", points=0.5, sizes=NEW)
def grows_by_a_block_and_a_table(student, config):
    """A layer more adds one block; tying takes one table away; max_T changes nothing."""
    count, block = student.count_params(config), shapes_of(replace(config, n_layers=1))
    size = sum(int(np.prod(s)) for name, s in block.items() if name.startswith("blocks"))
    yield student.count_params(replace(config, n_layers=config.n_layers + 1)) - count, size
    both = [student.count_params(replace(config, tied=tied)) for tied in (False, True)]
    yield both[0] - both[1], config.vocab_size * config.d_model
    yield student.count_params(replace(config, max_T=4096)), count


@exercise.satisfies("count_params", points=0.5, kind="E", sizes=UNTIED)
def counts_without_making(student, rng):
    """Models of any size are counted, far larger than memory."""
    d, layers = 128 * int(rng.integers(64, 100)), int(rng.integers(60, 90))
    config = Config(128_000, d, layers, 64, 8, 4 * d, 8192)
    want = sum(int(np.prod(shape)) for shape in shapes_of(config).values())
    return student.count_params(config) == want


# swiglu_rms


def draw_std(rng):
    """Small, middling and large."""
    return float(np.exp(rng.uniform(np.log(0.005), np.log(0.5))))


WIDTHS = {"d_model": [32, 300, 1000], "d_ff": [50, 96, 3000]}


@exercise.satisfies("swiglu_rms", points=1, kind="R", sizes=WIDTHS, rtol=3e-4)
def root_mean_square(student, d_model, d_ff, rng):
    """The value is right for small, middling and large weights."""
    for _ in range(3):
        std = draw_std(rng)
        want = llama.swiglu_rms(d_model, d_ff, std)
        yield student.swiglu_rms(d_model, d_ff, std) / want, 1.0


@exercise.satisfies("swiglu_rms", points=0.5, sizes=WIDTHS, rtol=3e-4)
def only_the_gate_bends(student, d_model, d_ff, rng):
    """Four times as many hidden features double it; width and weights count as std**2 d_model."""
    std = draw_std(rng)
    one = student.swiglu_rms(d_model, d_ff, std)
    yield student.swiglu_rms(d_model, 4 * d_ff, std) / one, 2.0
    # The branches are the same; w_down is half as large.
    yield student.swiglu_rms(4 * d_model, d_ff, std / 2) / one, 0.5


@exercise.satisfies("swiglu_rms", points=0.5, kind="E", sizes={"d_model": [64], "d_ff": [48]})
def very_small_and_very_large(student, d_model, d_ff):
    """Very small weights give std**3 d_model d_ff**0.5 / 2, very large ones the root of 2 more."""
    for std, factor in ((1e-5, 0.5), (1e4, 0.5**0.5)):
        value = student.swiglu_rms(d_model, d_ff, std)
        yield abs(value / (factor * std**3 * d_model * d_ff**0.5) - 1.0) < 2e-3


# llama


@exercise.satisfies("llama", points=3, kind="R", sizes=SIZES, rtol=1e-11)
def matches_reference(student, params, ids, config, want):
    """The logits are right: one layer and several, grouped heads, tied and not."""
    return logits_of(student, params, ids, config), want[0]


@exercise.satisfies("llama", points=1, sizes=SMALL)
def the_past_ignores_the_future(student, params, ids, config, rng):
    """Other tokens later in the sequence change no earlier logit."""
    cut = int(rng.integers(1, ids.shape[1]))
    other = ids.copy()
    other[:, cut:] = (other[:, cut:] + 1) % config.vocab_size
    before, after = (logits_of(student, params, i, config) for i in (ids, other))
    return after[:, :cut], before[:, :cut]


@exercise.satisfies("llama", points=1, sizes=SMALL)
def sequences_stand_alone(student, params, ids, config, rng):
    """A sequence has the same logits alone, in a batch, and in another place of it."""
    logits = logits_of(student, params, ids, config)
    yield logits_of(student, params, ids[1:], config), logits[1:]
    yield logits_of(student, params, ids[::-1], config), logits[::-1]


@exercise.satisfies("llama", points=1, sizes=SMALL)
def ids_are_names(student, params, ids, config, rng):
    """With ids exchanged for others, and the rows and columns of the tables, nothing changes."""
    order = rng.permutation(config.vocab_size)
    renamed = params | {"embedding": params["embedding"][order]}
    if not config.tied:
        renamed["head"] = params["head"][:, order]
    logits = logits_of(student, params, ids, config)
    names = np.argsort(order)  # where each id has gone
    return logits_of(student, renamed, names[ids], config), logits[:, :, order]


@exercise.satisfies("llama", points=1, kind="E", sizes=SMALL, dtype="float32")
def keeps_dtype(student, params, ids, config, want):
    """float32 parameters give float32 logits."""
    return logits_of(student, params, ids, config), want[0]


@exercise.satisfies("llama", points=1, kind="E", sizes=SMALL)
def leaves_inputs_alone(student, params, ids, config, want):
    """Arguments of any memory layout are accepted and left unchanged; the logits are new."""
    given, tokens = student.hold(params), student.hold(ids)
    both = student.keep(student.llama, given, tokens, config)
    logits = student.keep(student.library("operator.getitem"), both, 0)
    yield student.fetch(tokens), ids
    yield tuple(student.fetch(given)[n] for n in params), tuple(params.values())
    student.keep(student.llama, given, laid(ids[:, ::-1]), config)
    yield student.fetch(logits), want[0]
    for layout, read_only in (("F", True), ("strided", False)):
        other = {name: laid(w, layout, read_only=read_only) for name, w in params.items()}
        tokens = laid(ids, layout, read_only=read_only)
        yield logits_of(student, other, tokens, config), want[0]


# loss_and_grads


@exercise.satisfies("loss_and_grads", points=5, kind="R", sizes=SIZES, rtol=1e-11)
def all_match_the_reference(student, params, ids, targets, config, want):
    """The loss and all gradients are right: one layer and several, grouped heads, tied and not."""
    return step(student, params, ids, targets, config), want[1:]


def own_loss(student, params, ids, targets, config):
    """The loss that the student's own logits give."""
    return cross_entropy(logits_of(student, params, ids, config), targets)


@exercise.satisfies("loss_and_grads", points=3, kind="F", sizes=UNTIED, rtol=1e-6)
def sampled_differences(student, params, ids, targets, config, rng):
    """A sampled number of every parameter has the gradient that differences of your loss show."""
    _, *grads = step(student, params, ids, targets, config)
    # As long as all tokens of a text are the same, it does not matter which are attended to.
    differ = np.logical_or.accumulate(ids != ids[:, :1], axis=1)
    varied = bool((differ & (targets != -100)).any())
    h, got, slopes = 1e-5, [], []
    for (name, w), d in zip(params.items(), grads, strict=True):
        # Of the embedding a row that is in use.
        at = tuple(int(rng.integers(n)) for n in w.shape)
        at = (int(ids.flat[0]), at[1]) if name == "embedding" else at
        ends = []
        for sign in (1.0, -1.0):
            moved = w.copy()
            moved[at] += sign * h
            ends.append(own_loss(student, params | {name: moved}, ids, targets, config))
        if ends[0] == ends[1] and varied:  # a tiny slope, or a loss that ignores the parameter
            yield own_loss(student, params | {name: w + 1.0}, ids, targets, config) != ends[0]
        got.append(d[at])
        slopes.append((ends[0] - ends[1]) / (2 * h))
    yield np.array(got), np.array(slopes)


@exercise.satisfies("loss_and_grads", points=2, kind="F", sizes=SMALL, rtol=1e-6)
def directional_differences(student, params, ids, targets, config, rng):
    """All gradients together agree with differences of your own loss along random directions."""
    _, *grads = step(student, params, ids, targets, config)
    h, got, slopes = 1e-5, [], []
    for _ in range(3):
        directions = {name: rng.standard_normal(w.shape) for name, w in params.items()}
        length = sum(inner(d, d) for d in directions.values()) ** 0.5
        above, below = (
            own_loss(
                student,
                {name: w + sign * h / length * directions[name] for name, w in params.items()},
                ids,
                targets,
                config,
            )
            for sign in (1.0, -1.0)
        )
        yield above != below
        got.append(sum(inner(g, d) for g, d in zip(grads, directions.values(), strict=True)))
        slopes.append(length * (above - below) / (2 * h))
    yield np.array(got), np.array(slopes)


@exercise.satisfies("loss_and_grads", points=1, sizes=SMALL)
def no_signal_is_a_uniform_guess(student, params, ids, targets, config):
    """With final_norm zero the loss is ln V, and only final_norm has a gradient."""
    silent = params | {"final_norm": 0.0 * params["final_norm"]}
    loss, *grads = step(student, silent, ids, targets, config)
    yield loss, np.log(config.vocab_size)
    for name, d in zip(params, grads, strict=True):
        yield (np.abs(d).max() > 1e-6) == (name == "final_norm")


@exercise.satisfies("loss_and_grads", points=1, sizes=SMALL)
def a_batch_is_a_mean(student, params, ids, targets, config):
    """Each sequence weighs as much as it has targets that count."""
    together = step(student, params, ids, targets, config)
    counts = (targets != -100).sum(axis=1) / (targets != -100).sum()
    alone = [step(student, params, ids[b : b + 1], targets[b : b + 1], config) for b in (0, 1)]
    parts = zip(*alone, strict=True)
    return together, tuple(counts[0] * np.asarray(a) + counts[1] * np.asarray(b) for a, b in parts)


@exercise.satisfies("loss_and_grads", points=1, sizes=TIED)
def a_tied_table_gets_both_gradients(student, params, ids, targets, config):
    """The gradient of a tied table is that of an embedding plus that of an equal head."""
    both = params | {"head": params["embedding"].T.copy()}
    loss, table, *rest = step(student, params, ids, targets, config)
    apart = step(student, both, ids, targets, replace(config, tied=False))
    yield loss, apart[0]
    yield table, apart[1] + apart[-1].T
    yield tuple(rest), apart[2:-1]


@exercise.satisfies("loss_and_grads", points=1, kind="E", sizes=SMALL, dtype="float32")
def gradients_keep_dtype(student, params, ids, targets, config, want):
    """float32 parameters give float32 gradients."""
    loss, *grads = step(student, params, ids, targets, config)
    yield np.asarray(loss, dtype=np.float64) / want[1], np.ones(())
    yield tuple(grads), want[2:]


@exercise.satisfies("loss_and_grads", points=1, kind="E", sizes=SMALL)
def arguments_stay_as_they_are(student, params, ids, targets, config, want):
    """Arguments of any memory layout are left unchanged; a second call gives the same."""
    given = student.hold(params)
    held = [student.hold(ids), student.hold(targets)]
    for _ in range(2):
        yield step(student, given, *held, config, names=params), want[1:]
    yield tuple(student.fetch(given)[n] for n in params), tuple(params.values())
    yield student.fetch(held[0]), ids
    yield student.fetch(held[1]), targets
    other = {name: laid(w, "F", read_only=True) for name, w in params.items()}
    where = laid(ids, "strided"), laid(targets, "F", read_only=True)
    yield step(student, other, *where, config), want[1:]


# Known mistakes. Each table: name, what is edited, what it becomes, hint.

DRAW = "rng.normal(0.0, 0.02, shape)"
NEW_ONES = 'np.ones(shape) if name.endswith("norm")'
INIT = (
    (
        "ten_times_too_large",
        DRAW,
        "rng.normal(0.0, 0.2, shape)",
        "The weights are ten times too large: their standard deviation is 0.02.",
    ),
    (
        "variance_for_standard_deviation",
        DRAW,
        "rng.normal(0.0, 0.02**2, shape)",
        "The weights are far too small: 0.02 is the standard deviation, and rng.normal takes the "
        "standard deviation, not the variance.",
    ),
    (
        "standard_normal",
        DRAW,
        "rng.standard_normal(shape)",
        "The weights have the standard deviation 1. Multiply them by 0.02.",
    ),
    (
        "uniform",
        DRAW,
        "rng.uniform(-0.02 * 3**0.5, 0.02 * 3**0.5, shape)",
        "The weights are uniform. They should be normal.",
    ),
    (
        "only_positive",
        DRAW,
        "np.abs(rng.normal(0.0, 0.02, shape))",
        "No weight is negative. The mean should be 0.",
    ),
    (
        "xavier",
        DRAW,
        "rng.normal(0.0, (2.0 / sum(shape)) ** 0.5, shape)",
        "The weights have Xavier's standard deviation. This model begins with 0.02 everywhere.",
    ),
    (
        "a_generator_of_its_own",
        DRAW,
        "np.random.default_rng(sum(map(ord, name))).normal(0.0, 0.02, shape)",
        "The weights do not depend on the generator that is handed in. Draw from `rng`.",
    ),
    (
        "gains_of_zero",
        NEW_ONES,
        'np.zeros(shape) if name.endswith("norm")',
        "The gains are zeros, so nothing passes the norms. They begin as ones.",
    ),
    (
        "random_gains",
        NEW_ONES,
        'np.ones(shape) if name == "final_norm"',
        "The gains of the blocks are random numbers. They begin as ones.",
    ),
    (
        "single_precision",
        DRAW,
        "rng.normal(0.0, 0.02, shape).astype(np.float32)",
        "The parameters are float32. They come in float64; who wants less converts them.",
    ),
)
HELPER = (
    (
        "a_head_for_tied_models_too",
        'return shapes if config.tied else shapes | {"head": (d, config.vocab_size)}',
        'return shapes | {"head": (d, config.vocab_size)}',
        "A tied model has a head of its own. It has none: the embedding is read twice.",
    ),
    (
        "never_a_head",
        'return shapes if config.tied else shapes | {"head": (d, config.vocab_size)}',
        "return shapes",
        "The head is missing. Only a tied model has none.",
    ),
    (
        "all_heads_have_keys",
        "config.d_model // config.n_heads * config.n_kv_heads",
        "config.d_model",
        "w_k and w_v have d_model columns. They have d_head columns for each of the n_kv_heads.",
    ),
    (
        "no_final_norm",
        '    shapes["final_norm"] = (d,)\n',
        "",
        "final_norm is missing: the gain of the norm before the head.",
    ),
    (
        "one_layer_too_few",
        "range(config.n_layers)",
        "range(config.n_layers - 1)",
        "One block is missing: they are numbered 0 to n_layers - 1.",
    ),
    (
        "layers_from_one",
        "range(config.n_layers)",
        "range(1, config.n_layers + 1)",
        "The blocks are numbered from 1. They are numbered from 0.",
    ),
    (
        "no_up_branch",
        '        "w_up": (d, config.d_ff),\n',
        "",
        "w_up is missing. SwiGLU has three matrices: gate, up and down.",
    ),
    (
        "one_norm_per_block",
        '        "mlp_norm": (d,),\n',
        "",
        "A block has one gain. It has two norms: attn_norm and mlp_norm.",
    ),
)
COUNT = "sum(math.prod(shape) for shape in _shapes(config).values())"
COUNTS = (
    (
        "counts_a_mask",
        COUNT,
        COUNT + " + config.max_T**2",
        "The count contains a mask of max_T times max_T. Nothing of it is learned.",
    ),
    (
        "counts_a_table_of_positions",
        COUNT,
        COUNT + " + config.max_T * config.d_model",
        "The count contains a table of positions. RoPE computes its angles; nothing is learned.",
    ),
    (
        "counts_arrays",
        COUNT,
        "len(_shapes(config))",
        "The arrays are counted. Count the numbers in them.",
    ),
    (
        "adds_the_sides",
        COUNT,
        "sum(sum(shape) for shape in _shapes(config).values())",
        "The sides of the arrays are added. A matrix has rows times columns many numbers.",
    ),
)
RMS = (
    (
        "no_root_of_the_width",
        "std * d_model**0.5",
        "std * d_model",
        "The spread of a branch grows with d_model itself. Variances add: the standard deviation "
        "grows with the root.",
    ),
    (
        "forgets_the_branch_width",
        "std * d_model**0.5",
        "std",
        "The branches have the spread of a single weight. An entry is a sum over d_model inputs.",
    ),
    (
        "forgets_the_hidden_width",
        "(d_ff * std**2",
        "(std**2",
        "The sum over the d_ff hidden features is missing: their variances add.",
    ),
    (
        "forgets_w_down",
        "(d_ff * std**2 *",
        "(d_ff *",
        "The weights of w_down are missing: each hidden feature is multiplied by one.",
    ),
    (
        "forgets_the_up_branch",
        " * g**2) ** 0.5",
        ") ** 0.5",
        "The up branch is missing. A hidden feature is the product of two branches.",
    ),
    (
        "mean_square",
        "(d_ff * std**2 * silu_square * g**2) ** 0.5",
        "d_ff * std**2 * silu_square * g**2",
        "The result is the mean square. Its root is asked for.",
    ),
    (
        "silu_without_the_spread",
        "silu = g * t * (1 + np.tanh(g * t / 2)) / 2",
        "silu = t * (1 + np.tanh(t / 2)) / 2",
        "silu is taken of standard normal numbers. The gate branch has the standard deviation g.",
    ),
    (
        "square_of_the_mean",
        "silu**2 * density, t)",
        "silu * density, t) ** 2",
        "The mean of silu is squared. The mean of the square is asked for: they differ by the "
        "variance.",
    ),
    (
        "no_density",
        "silu**2 * density",
        "silu**2",
        "The integral lacks the density of the normal distribution.",
    ),
    (
        "density_not_normalised",
        " / (2 * np.pi) ** 0.5",
        "",
        "The density lacks its factor: it must integrate to 1.",
    ),
    (
        "half_of_the_integral",
        "np.linspace(-10.0,",
        "np.linspace(0.0,",
        "Only positive z are counted. For negative z silu is small, but it is not 0.",
    ),
    (
        "relu_for_silu",
        "silu**2",
        "np.maximum(g * t, 0.0) ** 2",
        "The gate uses relu. It is silu here; they agree for large z only.",
    ),
)
LLAMA = (
    (
        "no_final_norm",
        'rmsnorm(x, params["final_norm"], config.norm_eps)',
        "x",
        "The stream goes into the head as it is. A norm stands before the head.",
    ),
    (
        "default_eps_in_the_final_norm",
        'params["final_norm"], config.norm_eps',
        'params["final_norm"]',
        "The final norm uses the default eps of rmsnorm, not the config's.",
    ),
    (
        "final_norm_without_gain",
        'params["final_norm"], config',
        'np.ones_like(params["final_norm"]), config',
        "The final norm's gain is not used.",
    ),
    (
        "the_first_block_every_time",
        "_of_block(params, i)",
        "_of_block(params, 0)",
        "Every block uses the parameters of block 0.",
    ),
    (
        "blocks_from_the_last_to_the_first",
        "range(config.n_layers)",
        "reversed(range(config.n_layers))",
        "The blocks run from the last to the first. Block 0 comes first.",
    ),
    (
        "one_block_too_few",
        "range(config.n_layers)",
        "range(config.n_layers - 1)",
        "The last block is left out.",
    ),
    (
        "every_block_reads_the_embedding",
        "block(x, _of",
        'block(embedding(ids, params["embedding"]), _of',
        "Every block reads the embeddings. It reads what the block before it gave.",
    ),
    (
        "scales_the_embedding",
        'embedding(ids, params["embedding"]), []',
        'config.d_model**0.5 * embedding(ids, params["embedding"]), []',
        "The embeddings are multiplied by the root of d_model, as in the first transformer. LLaMA "
        "takes them as they are.",
    ),
    (
        "positions_from_one_end",
        "np.arange(ids.shape[1])",
        "np.arange(ids.shape[1])[::-1]",
        "The positions count backwards. The first token stands at position 0.",
    ),
    (
        "no_positions",
        "np.arange(ids.shape[1])",
        "np.zeros(ids.shape[1], dtype=np.int64)",
        "All tokens stand at position 0. They stand at 0, 1, 2 and so on.",
    ),
    (
        "positions_of_the_batch",
        "np.arange(ids.shape[1])",
        "np.arange(ids.size).reshape(ids.shape) * np.arange(1, len(ids) + 1)[:, np.newaxis]",
        "The positions of a sequence depend on where it stands in the batch. Every sequence starts "
        "at 0.",
    ),
    (
        "probabilities",
        "return linear(final, _head(params, config)),",
        "e = np.exp(linear(final, _head(params, config)))\n"
        "    return e / e.sum(axis=-1, keepdims=True),",
        "The result are probabilities. Return the logits: softmax belongs to the loss.",
    ),
    (
        "computes_in_float64",
        "return linear(final,",
        "return linear(final.astype(np.float64),",
        "float32 parameters give float64 logits. np.zeros and np.empty make float64 arrays unless "
        "told otherwise, and np.sqrt of an integer is a float64 scalar.",
    ),
)
TIE = 'grads["embedding"] += dhead.T'
GRADS = (
    (
        "forgets_the_head_path",
        TIE,
        "pass",
        "The gradient of a tied table comes from the lookup alone. The table is also the head.",
    ),
    (
        "forgets_the_lookup_path",
        TIE,
        'grads["embedding"] = dhead.T',
        "The gradient of a tied table comes from the head alone. The table also gave the stream "
        "its first vectors.",
    ),
    (
        "forgets_repeated_ids",
        "embedding_backward(dx, ids, config.vocab_size)",
        'np.zeros_like(params["embedding"])\n    grads["embedding"][ids] += dx',
        "An id that occurs several times gets the gradient of one occurrence. `table[ids] += d` "
        "adds once per id: use your embedding_backward.",
    ),
    (
        "past_the_final_norm",
        "    grads = {",
        "    dx = dfinal\n    grads = {",
        "The gradient goes from the head straight into the last block. The final norm lies "
        "between.",
    ),
    (
        "head_gradient_from_the_stream",
        "linear_backward(dlogits, final,",
        "linear_backward(dlogits, x,",
        "The gradient of the head is made with the stream. What came into the head was normalised.",
    ),
    (
        "final_norm_at_its_output",
        'rmsnorm_backward(dfinal, x, params["final_norm"]',
        'rmsnorm_backward(dfinal, final, params["final_norm"]',
        "The way back through the final norm uses what came out of it. It needs what went in.",
    ),
    (
        "default_eps_in_the_final_norm",
        'params["final_norm"], config.norm_eps',
        'params["final_norm"]',
        "The way back through the final norm uses the default eps, not the config's.",
    ),
    (
        "blocks_from_the_first_to_the_last",
        "in reversed(range(config.n_layers))",
        "in range(config.n_layers)",
        "The way back runs through the blocks from the first to the last. The last one comes "
        "first.",
    ),
    (
        "every_block_gets_the_same_gradient",
        "        dx, dblock = block_backward(dx, caches[i])",
        "        dfinal, dblock = block_backward(dx, caches[i])",
        "Every block gets the gradient that came out of the final norm. What goes into block i is "
        "what came back from block i + 1.",
    ),
    (
        "gradients_under_the_wrong_number",
        'f"blocks.{i}.{name}": d',
        'f"blocks.{config.n_layers - 1 - i}.{name}": d',
        "The gradients of the blocks stand under each other's numbers.",
    ),
    (
        "sum_over_the_targets",
        "dlogits = cross_entropy_backward(logits, targets)",
        "dlogits = cross_entropy_backward(logits, targets) * (targets != -100).sum()",
        "The gradients are those of the sum over all targets. The loss is their mean.",
    ),
    (
        "loss_is_a_sum",
        "return cross_entropy(logits, targets), grads",
        "return cross_entropy(logits, targets) * float((targets != -100).sum()), grads",
        "The loss is the sum over the targets. It is their mean.",
    ),
    (
        "shifts_the_targets_once_more",
        "    logits, (caches",
        "    targets = np.roll(targets, -1, axis=1)\n    logits, (caches",
        "The targets are shifted. They came shifted: targets[:, t] is what follows position t.",
    ),
    (
        "counts_what_is_ignored",
        "    logits, (caches",
        "    targets = np.where(targets == -100, 0, targets)\n    logits, (caches",
        "Targets of -100 count. They mark positions that have no target.",
    ),
    (
        "mean_over_the_batch",
        "dlogits = cross_entropy_backward(logits, targets)",
        "dlogits = cross_entropy_backward(logits, targets) / len(ids)",
        "The gradients are divided by the batch size once more. cross_entropy_backward divides by "
        "the number of targets already.",
    ),
    (
        "weight_decay",
        "return cross_entropy(logits, targets), grads",
        "return cross_entropy(logits, targets), {n: d + 0.1 * params[n] for n, d in grads.items()}",
        "A multiple of the parameters is in the gradients. Weight decay is the optimizer's job.",
    ),
    (
        "computes_in_float64",
        "dlogits = cross_entropy_backward(logits, targets)",
        "dlogits = cross_entropy_backward(logits.astype(np.float64), targets)",
        "float32 parameters give float64 gradients. np.zeros and np.empty make float64 arrays "
        "unless told otherwise, and np.sqrt of an integer is a float64 scalar.",
    ),
)
TABLES = (
    ("init_params", "", INIT),
    ("init_params", "_shapes", HELPER),
    ("count_params", "", COUNTS),
    ("count_params", "_shapes", [row for row in HELPER if row[0] != "layers_from_one"]),
    ("swiglu_rms", "", RMS),
    ("llama", "", LLAMA),
    ("loss_and_grads", "", GRADS),
)
for function, within, table in TABLES:
    for name, old, new, hint in table:
        exercise.slip(function, name, old, new, hint, within=within)
for function in ("llama", "loss_and_grads"):
    exercise.slip(
        function,
        "an_untied_head_all_the_same",
        "if config.tied else",
        'if config.tied or "head" not in params or params["head"].size else',
        "The head is the embedding in every model. An untied model has its own.",
        within="_head",
    )


@exercise.mistake("init_params")
def shares_arrays_between_blocks(config, rng):
    """All blocks have the very same arrays: they are drawn once, and every block gets them. An
    update of one block then changes all. Draw new ones for each."""
    params = llama.init_params(config, rng)
    return {
        name: params[f"blocks.0.{name.split('.')[2]}"] if name.startswith("blocks") else w
        for name, w in params.items()
    }


@exercise.mistake("count_params")
def makes_the_arrays(config):
    """The count is right for small models only. Count without making anything: the sizes are
    known."""
    count = llama.count_params(config)
    return count if count < 10**9 else 0


@exercise.mistake("llama")
def writes_into_the_embedding(params, ids, config):
    """The caller's embedding table is changed by the call. `table[ids]` is a copy, a slice of the
    table is not: work on new arrays."""
    out = llama.llama(params, ids, config)
    params["embedding"][ids.flat[0]] += 1.0
    return out


@exercise.mistake("loss_and_grads")
def takes_a_step(params, ids, targets, config):
    """The parameters are changed by the call. Taking a step is the optimizer's job."""
    loss, grads = llama.loss_and_grads(params, ids, targets, config)
    for name, d in grads.items():
        params[name] -= 0.1 * d
    return loss, grads


@exercise.null("loss_and_grads")
def no_gradients(params, ids, targets, config):
    """ln V for a loss, and zeros."""
    return float(np.log(config.vocab_size)), {n: np.zeros_like(w) for n, w in params.items()}
