"""Hidden checks for vol1_numpy/block.

A cache stays with the student. A backward is graded on the student's own cache: R compares with
the reference, F with directional differences of the student's own forward: half of the points.
"""

from dataclasses import replace

import numpy as np

from autograder import Exercise, array, derived, laid
from solutions.vol1_numpy import block
from solutions.vol1_numpy.multi_head import Config

NAMES = ("attn_norm", "w_q", "w_k", "w_v", "w_o", "mlp_norm", "w_gate", "w_up", "w_down")
PRE = ("block", "block_backward")
POST = ("post_norm_block", "post_norm_block_backward")


def draw_config(rng, d_model, n_heads, n_kv_heads, d_ff):
    """An eps that matters; what a block does not use is drawn so that it stands for nothing."""
    return Config(
        vocab_size=61,
        d_model=d_model,
        n_layers=9,
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        d_ff=d_ff,
        max_T=97,
        rope_theta=float(rng.uniform(20.0, 60.0)),
        norm_eps=float(rng.uniform(0.1, 0.3)),
    )


def draw_params(rng, d_model, n_heads, n_kv_heads, d_ff):
    """Weights that keep everything near size 1, and gains that differ from 1."""
    narrow = d_model // n_heads * n_kv_heads
    shapes = {"w_q": (d_model, d_model), "w_k": (d_model, narrow), "w_v": (d_model, narrow)}
    shapes |= {"w_o": (d_model, d_model), "w_gate": (d_model, d_ff), "w_up": (d_model, d_ff)}
    shapes |= {"w_down": (d_ff, d_model)}
    params = {n: rng.standard_normal(s) * s[0] ** -0.5 for n, s in shapes.items()}
    return params | {n: 1.0 + 0.4 * rng.standard_normal(d_model) for n in ("attn_norm", "mlp_norm")}


def expected_of(functions):
    """Draws what the reference gives in float64: the output, dx and the nine gradients."""
    run, back = (getattr(block, name) for name in functions)

    def expected(dout, x, params, config, positions):
        wide = {name: w.astype(np.float64) for name, w in params.items()}
        out, cache = run(x.astype(np.float64), wide, config, positions)
        dx, dparams = back(dout.astype(np.float64), cache)
        return out, (dx, *(dparams[name] for name in NAMES))

    return expected


def expected_each(dout, x, params, config, each):
    """The same for `block` with positions that differ from sequence to sequence."""
    return expected_of(PRE)(dout, x, params, config, each)


exercise = Exercise(
    "vol1_numpy/block",
    solution=block,
    difficulty=4,
    minutes=90,
    inputs={
        "x": array("B T d_model"),
        "dout": array("B T d_model"),
        "params": derived(draw_params),
        "config": derived(draw_config),
        # A gap after the first half, so that positions are not just counted.
        "positions": derived(lambda T: np.arange(T) + (np.arange(T) >= (T + 1) // 2)),
        "each": derived(lambda rng, B, T: np.sort(rng.integers(0, 40, size=(B, T)), axis=1)),
        "want": derived(expected_of(PRE)),
        "want_each": derived(expected_each),
        "want_post": derived(expected_of(POST)),
    },
    sizes={
        "B": [2],
        "T": [3],
        "n_heads": [6],
        "n_kv_heads": [2],
        "d_model": [12],
        "d_ff": [5],
    },
)
# Everything square first: there a missing transpose gives wrong values. Then grouped heads, then
# as small as possible. (With one token alone gradients of w_q are 0 up to rounding.)
SIZES = {
    "B": [3, 2, 1],
    "T": [4, 5, 2],
    "n_heads": [2, 4, 1],
    "n_kv_heads": [2, 2, 1],
    "d_model": [8, 8, 2],
    "d_ff": [8, 13, 1],
}
TINY = {"B": [2], "T": [3], "n_heads": [4], "n_kv_heads": [2], "d_model": [8], "d_ff": [5]}


def run(student, function, x, params, config, positions):
    """The output of a forward, and the cache as a handle."""
    both = student.keep(getattr(student, function), x, params, config, positions)
    return both[0], student.keep(student.library("operator.getitem"), both, 1)


def gradients(student, function, dout, cache):
    """dx and the gradients of the nine parameters, nothing less and nothing more."""
    dx, dparams = getattr(student, function)(dout, cache)
    if set(dparams) != set(NAMES):
        raise KeyError(f"dparams has the keys {sorted(dparams)}")
    return dx, *(dparams[name] for name in NAMES)


def inner(a, b):
    """The sum of all products of entries."""
    return float(np.vdot(a, b))


def changed(x, rng):
    """A time, and x with other tokens from then on."""
    cut = int(rng.integers(1, x.shape[1]))
    other = x.copy()
    other[:, cut:] += rng.normal(scale=3.0, size=x[:, cut:].shape)
    return cut, other


def untouched(student, function, x, params, config, positions, want):
    """Drives a forward with held arguments, then with other layouts; what must agree."""
    token, given = student.hold(x), student.hold(params)
    both = student.keep(getattr(student, function), token, given, config, positions)
    out = student.keep(student.library("operator.getitem"), both, 0)
    yield student.fetch(token), x
    yield tuple(student.fetch(given)[n] for n in NAMES), tuple(params[n] for n in NAMES)
    student.keep(student.library("numpy.ndarray.fill"), token, 0.0)
    student.keep(getattr(student, function), token, given, config, positions)
    yield student.fetch(out), want
    for layout, read_only in (("F", True), ("strided", False)):
        given = {name: laid(w, layout, read_only=read_only) for name, w in params.items()}
        token = laid(x, layout, read_only=read_only)
        yield run(student, function, token, given, config, laid(positions, layout))[0], want


def used_twice(student, functions, dout, x, params, config, positions, want):
    """Drives a backward several times with one cache; what must agree."""
    forward, backward = functions
    _, cache = run(student, forward, x, params, config, positions)
    run(student, forward, x[:, ::-1], params, config, positions)
    held = student.hold(dout)
    yield gradients(student, backward, held, cache), want
    yield student.fetch(held), dout
    yield gradients(student, backward, laid(dout, "F", read_only=True), cache), want
    yield gradients(student, backward, laid(dout, "strided"), cache), want


def differenced(student, functions, dout, x, params, config, positions, rng):
    """Directional differences of the student's own forward against the student's own gradients."""
    forward, backward = functions
    slopes, h = [], 1e-5
    for name in ("x", *NAMES):
        direction = rng.standard_normal(x.shape if name == "x" else params[name].shape)
        direction /= np.linalg.norm(direction)
        ends = []
        for step in (h * direction, -h * direction):
            token = x + step if name == "x" else x
            given = params if name == "x" else params | {name: params[name] + step}
            ends.append(run(student, forward, token, given, config, positions)[0])
        yield np.abs(ends[0] - ends[1]).max() > 1e-3 * h  # a forward that ignores it has no slope
        slopes.append((direction, inner(ends[0] - ends[1], dout) / (2 * h)))
    _, cache = run(student, forward, x, params, config, positions)
    pairs = zip(gradients(student, backward, dout, cache), slopes, strict=True)
    yield np.array([inner(g, d) for g, (d, _) in pairs]), np.array([slope for _, slope in slopes])


# block


@exercise.satisfies("block", points=3, kind="R", sizes=SIZES, rtol=1e-12)
def matches_reference(student, x, params, config, positions, want):
    """The output is right."""
    return run(student, "block", x, params, config, positions)[0], want[0]


@exercise.satisfies("block", points=1, kind="R", sizes=TINY, rtol=1e-12)
def positions_of_each_row(student, x, params, config, each, want_each):
    """Positions may differ from sequence to sequence."""
    return run(student, "block", x, params, config, each)[0], want_each[0]


@exercise.satisfies("block", points=1, sizes=TINY)
def the_past_ignores_the_future(student, x, params, config, positions, rng):
    """Other tokens later in the sequence change no earlier output."""
    cut, other = changed(x, rng)
    before, _ = run(student, "block", x, params, config, positions)
    after, _ = run(student, "block", other, params, config, positions)
    return after[:, :cut], before[:, :cut]


@exercise.satisfies("block", points=1, sizes=TINY)
def an_idle_block_is_the_identity(student, x, params, config, positions):
    """With w_o and w_down zero the stream passes as it is."""
    idle = params | {name: 0.0 * params[name] for name in ("w_o", "w_down")}
    return run(student, "block", x, idle, config, positions)[0], x


@exercise.satisfies("block", points=1, sizes=TINY)
def sublayers_read_a_normalised_copy(student, x, params, config, positions):
    """With eps near 0 a longer stream gets the same added to it, by either sublayer."""
    config = replace(config, norm_eps=1e-20)
    for silent in ("w_o", "w_down"):
        one = params | {silent: 0.0 * params[silent]}
        short, _ = run(student, "block", x, one, config, positions)
        long, _ = run(student, "block", 32.0 * x, one, config, positions)
        yield long - 32.0 * x, short - x


@exercise.satisfies("block", points=1, kind="E", sizes=TINY, dtype="float32")
def keeps_dtype(student, x, params, config, positions, want):
    """float32 arguments give a float32 output."""
    return run(student, "block", x, params, config, positions)[0], want[0]


@exercise.satisfies("block", points=1, kind="E", sizes=TINY)
def leaves_inputs_alone(student, x, params, config, positions, want):
    """Arguments of any memory layout are accepted and left unchanged; the output is new."""
    return untouched(student, "block", x, params, config, positions, want[0])


# block_backward


@exercise.satisfies("block_backward", points=3, kind="R", sizes=SIZES, rtol=1e-12)
def backward_matches_reference(student, dout, x, params, config, positions, want):
    """All ten gradients are right."""
    _, cache = run(student, "block", x, params, config, positions)
    return gradients(student, "block_backward", dout, cache), want[1]


@exercise.satisfies("block_backward", points=1, kind="R", sizes=TINY, rtol=1e-12)
def backward_with_positions_of_each_row(student, dout, x, params, config, each, want_each):
    """Positions may differ from sequence to sequence."""
    _, cache = run(student, "block", x, params, config, each)
    return gradients(student, "block_backward", dout, cache), want_each[1]


@exercise.satisfies("block_backward", points=4, kind="F", sizes=TINY, rtol=1e-6)
def matches_finite_differences(student, dout, x, params, config, each, rng):
    """The gradients agree with differences of your own block along random directions."""
    return differenced(student, PRE, dout, x, params, config, each, rng)


@exercise.satisfies("block_backward", points=1, sizes=TINY)
def an_idle_block_hands_the_gradient_on(student, dout, x, params, config, positions):
    """With w_o and w_down zero, dx is dout, and only these two parameters have a gradient."""
    idle = params | {name: 0.0 * params[name] for name in ("w_o", "w_down")}
    _, cache = run(student, "block", x, idle, config, positions)
    dx, *dparams = gradients(student, "block_backward", dout, cache)
    yield dx, dout
    for name, d in zip(NAMES, dparams, strict=True):
        yield (np.abs(d).max() > 1e-6) == (name in ("w_o", "w_down"))


@exercise.satisfies("block_backward", points=1, sizes=TINY)
def nothing_flows_to_the_future(student, dout, x, params, config, positions, rng):
    """A loss that sees only the first outputs has no gradient for later tokens."""
    cut = int(rng.integers(1, x.shape[1]))
    early = dout.copy()
    early[:, cut:] = 0.0
    _, cache = run(student, "block", x, params, config, positions)
    dx, *_ = gradients(student, "block_backward", early, cache)
    return dx[:, cut:], np.zeros_like(x[:, cut:])


@exercise.satisfies("block_backward", points=1, sizes=TINY)
def a_gain_stretches_the_weights_behind_it(student, dout, x, params, config, positions):
    """Stretching a gain has the effect of stretching all weights that read what it scales."""
    _, cache = run(student, "block", x, params, config, positions)
    _, *dparams = gradients(student, "block_backward", dout, cache)
    by = {name: inner(d, params[name]) for name, d in zip(NAMES, dparams, strict=True)}
    yield by["attn_norm"], by["w_q"] + by["w_k"] + by["w_v"]
    yield by["mlp_norm"], by["w_gate"] + by["w_up"]
    yield by["w_q"], by["w_k"]
    yield by["w_v"], by["w_o"]
    yield by["w_up"], by["w_down"]


@exercise.satisfies("block_backward", points=1, kind="E", sizes=TINY, dtype="float32")
def backward_keeps_dtype(student, dout, x, params, config, positions, want):
    """float32 arguments give float32 gradients."""
    _, cache = run(student, "block", x, params, config, positions)
    return gradients(student, "block_backward", dout, cache), want[1]


@exercise.satisfies("block_backward", points=1, kind="E", sizes=TINY)
def a_cache_belongs_to_its_call(student, dout, x, params, config, positions, want):
    """A cache works twice and is not disturbed by other calls; `dout` stays as it is."""
    return used_twice(student, PRE, dout, x, params, config, positions, want[1])


# post_norm_block


@exercise.satisfies("post_norm_block", points=2, kind="R", sizes=SIZES, rtol=1e-12)
def post_matches_reference(student, x, params, config, positions, want_post):
    """The output is right."""
    return run(student, "post_norm_block", x, params, config, positions)[0], want_post[0]


@exercise.satisfies("post_norm_block", points=1, sizes=TINY)
def what_comes_out_is_normalised(student, x, params, config, positions, rng):
    """With eps near 0 every token has the mean square 1 before the last gain."""
    config = replace(config, norm_eps=1e-20)
    out, _ = run(student, "post_norm_block", x, params, config, positions)
    yield ((out / params["mlp_norm"]) ** 2).mean(axis=-1), np.ones(x.shape[:2])
    cut, other = changed(x, rng)
    after, _ = run(student, "post_norm_block", other, params, config, positions)
    yield after[:, :cut], out[:, :cut]


@exercise.satisfies("post_norm_block", points=1, kind="E", sizes=TINY, dtype="float32")
def post_keeps_dtype(student, x, params, config, positions, want_post):
    """float32 arguments give a float32 output."""
    return run(student, "post_norm_block", x, params, config, positions)[0], want_post[0]


@exercise.satisfies("post_norm_block", points=1, kind="E", sizes=TINY)
def post_leaves_inputs_alone(student, x, params, config, positions, want_post):
    """Arguments of any memory layout are accepted and left unchanged; the output is new."""
    return untouched(student, "post_norm_block", x, params, config, positions, want_post[0])


# post_norm_block_backward


@exercise.satisfies("post_norm_block_backward", points=2, kind="R", sizes=SIZES, rtol=1e-12)
def post_backward_matches_reference(student, dout, x, params, config, positions, want_post):
    """All ten gradients are right."""
    _, cache = run(student, "post_norm_block", x, params, config, positions)
    return gradients(student, "post_norm_block_backward", dout, cache), want_post[1]


@exercise.satisfies("post_norm_block_backward", points=2, kind="F", sizes=TINY, rtol=1e-6)
def post_matches_finite_differences(student, dout, x, params, config, each, rng):
    """The gradients agree with differences of your own post_norm_block along random directions."""
    return differenced(student, POST, dout, x, params, config, each, rng)


@exercise.satisfies("post_norm_block_backward", points=1, sizes=TINY)
def the_last_gain_stretches_the_output(student, dout, x, params, config, positions):
    """The output is linear in mlp_norm; w_v and w_o stretch one thing, w_up and w_down one."""
    out, cache = run(student, "post_norm_block", x, params, config, positions)
    _, *dparams = gradients(student, "post_norm_block_backward", dout, cache)
    by = {name: inner(d, params[name]) for name, d in zip(NAMES, dparams, strict=True)}
    yield by["mlp_norm"], inner(dout, out)
    yield by["w_v"], by["w_o"]
    yield by["w_up"], by["w_down"]


@exercise.satisfies("post_norm_block_backward", points=1, kind="E", sizes=TINY, dtype="float32")
def post_backward_keeps_dtype(student, dout, x, params, config, positions, want_post):
    """float32 arguments give float32 gradients."""
    _, cache = run(student, "post_norm_block", x, params, config, positions)
    return gradients(student, "post_norm_block_backward", dout, cache), want_post[1]


@exercise.satisfies("post_norm_block_backward", points=1, kind="E", sizes=TINY)
def a_post_cache_belongs_to_its_call(student, dout, x, params, config, positions, want_post):
    """A cache works twice and is not disturbed by other calls; `dout` stays as it is."""
    return used_twice(student, POST, dout, x, params, config, positions, want_post[1])


# Known mistakes. Each table: name, what is edited, what it becomes, hint; which helper it is in.

FORWARD = (
    (
        "no_residual_around_attention",
        "middle = x + attended",
        "middle = attended",
        "The stream ends at the attention: its result takes the place of x instead of being added "
        "to it.",
    ),
    (
        "no_residual_around_swiglu",
        "return middle + widened",
        "return widened",
        "The stream ends at SwiGLU: its result takes the place of middle instead of being added.",
    ),
    (
        "residual_from_the_normalised_copy",
        "middle = x + attended",
        "middle = normed + attended",
        "The attention's result is added to the normalised copy. The stream itself is never "
        "normalised: add to x.",
    ),
    (
        "second_residual_from_the_normalised_copy",
        "return middle + widened",
        "return mlp_in + widened",
        "SwiGLU's result is added to the normalised copy. The stream itself is never normalised: "
        "add to middle.",
    ),
    (
        "second_residual_from_x",
        "return middle + widened",
        "return x + widened",
        "SwiGLU's result is added to x, so what the attention added is lost. The second sum starts "
        "from the first one's result.",
    ),
    (
        "swiglu_beside_attention",
        "rmsnorm(middle,",
        "rmsnorm(x,",
        "SwiGLU reads x, side by side with the attention. It comes after it: it reads what the "
        "stream is then.",
    ),
    (
        "no_first_norm",
        'normed = rmsnorm(x, params["attn_norm"], config.norm_eps)',
        "normed = x",
        "The attention reads the stream as it is. A norm comes before it.",
    ),
    (
        "no_second_norm",
        'mlp_in = rmsnorm(middle, params["mlp_norm"], config.norm_eps)',
        "mlp_in = middle",
        "SwiGLU reads the stream as it is. A norm comes before it.",
    ),
    (
        "one_gain_for_both_norms",
        'params["mlp_norm"]',
        'params["attn_norm"]',
        "Both norms use the gain attn_norm. The second one has its own: mlp_norm.",
    ),
    (
        "the_other_gain_first",
        'params["attn_norm"]',
        'params["mlp_norm"]',
        "Both norms use the gain mlp_norm. The first one has its own: attn_norm.",
    ),
    (
        "default_eps_before_attention",
        'params["attn_norm"], config.norm_eps',
        'params["attn_norm"]',
        "The norm before the attention uses the default eps of rmsnorm, not the config's.",
    ),
    (
        "default_eps_before_swiglu",
        'params["mlp_norm"], config.norm_eps',
        'params["mlp_norm"]',
        "The norm before SwiGLU uses the default eps of rmsnorm, not the config's.",
    ),
    (
        "gate_and_up_exchanged",
        "gate, up =",
        "up, gate =",
        "w_gate and w_up are exchanged: the branch that goes through silu comes first.",
        "_swiglu",
    ),
    (
        "norms_on_the_stream",
        "_swiglu(mlp_in, params)\n    return middle + widened",
        "_swiglu(middle, params)\n"
        '    return rmsnorm(middle + widened, params["mlp_norm"], config.norm_eps)',
        "The second norm stands on the stream, after the sum. That is the post-norm arrangement; "
        "here it comes before the sublayer.",
    ),
    (
        "swiglu_before_attention",
        "    middle = x + attended",
        "    middle = x + _swiglu(normed, params)[0]\n"
        "    attended, attention_cache = multi_head_attention("
        'rmsnorm(middle, params["mlp_norm"], config.norm_eps), params, config, positions)\n'
        "    return middle + attended, (x, attention_cache, middle, normed, params, config)",
        "SwiGLU comes before the attention. The tokens look around first, and work on what they "
        "found then.",
    ),
    (
        "counts_the_positions",
        "params, config, positions)",
        "params, config, np.arange(x.shape[1]))",
        "The tokens are numbered 0, 1, 2, ... whatever `positions` says. It may have gaps, and may "
        "differ from row to row.",
    ),
    (
        "computes_in_float64",
        "return middle + widened",
        "return np.float64(1.0) * middle + widened",
        "float32 arguments give a float64 result. np.zeros and np.empty make float64 arrays unless "
        "told otherwise, and np.sqrt of an integer is a float64 scalar.",
    ),
)
BACKWARD = (
    (
        "forgets_the_residual_around_swiglu",
        "dmiddle = dout + dbranch",
        "dmiddle = dbranch",
        "The gradient that goes past SwiGLU is missing. The stream is used twice: by the sublayer "
        "and by the sum.",
    ),
    (
        "forgets_the_branch_through_swiglu",
        "dmiddle = dout + dbranch",
        "dmiddle = dout",
        "What comes back through SwiGLU and its norm is not added to the gradient of the stream.",
    ),
    (
        "forgets_the_residual_around_attention",
        "return dmiddle + dbranch",
        "return dbranch",
        "The gradient that goes past the attention is missing in dx. The stream is used twice: by "
        "the sublayer and by the sum.",
    ),
    (
        "forgets_the_branch_through_attention",
        "return dmiddle + dbranch",
        "return dmiddle",
        "What comes back through the attention and its norm is not added to dx.",
    ),
    (
        "dout_past_both_sublayers",
        "return dmiddle + dbranch",
        "return dout + dbranch",
        "dx adds `dout` and the attention's branch. Past the attention comes the whole gradient of "
        "middle, with what SwiGLU sent back.",
    ),
    (
        "dout_into_attention",
        "multi_head_attention_backward(dmiddle,",
        "multi_head_attention_backward(dout,",
        "The attention gets `dout`. Its result was read by SwiGLU, too: it gets the whole gradient "
        "of middle.",
    ),
    (
        "branch_into_attention",
        "multi_head_attention_backward(dmiddle,",
        "multi_head_attention_backward(dbranch,",
        "The attention gets only what came back through SwiGLU. Its result also went past it.",
    ),
    (
        "adds_dout_twice",
        "return dmiddle + dbranch",
        "return dout + dmiddle + dbranch",
        "`dout` is added once more at the end. It is part of the gradient of middle already.",
    ),
    (
        "no_way_back_through_the_first_norm",
        "return dmiddle + dbranch",
        "return dmiddle + dnormed",
        "The attention's branch is added without going back through the norm before it.",
    ),
    (
        "no_way_back_through_the_second_norm",
        "dmiddle = dout + dbranch",
        "dmiddle = dout + dmlp_in",
        "SwiGLU's branch is added without going back through the norm before it.",
    ),
    (
        "first_norm_at_middle",
        "rmsnorm_backward(dnormed, x,",
        "rmsnorm_backward(dnormed, middle,",
        "The way back through the first norm uses middle. What that norm was given is x.",
    ),
    (
        "second_norm_at_x",
        "rmsnorm_backward(dmlp_in, middle,",
        "rmsnorm_backward(dmlp_in, x,",
        "The way back through the second norm uses x. What that norm was given is middle.",
    ),
    (
        "swiglu_at_the_stream",
        "_swiglu_backward(dout, swiglu_cache)",
        "_swiglu_backward(dout, _swiglu(middle, params)[1])",
        "The way back through SwiGLU uses the stream. What it was given is the normalised copy.",
    ),
    (
        "norm_gradients_exchanged",
        '{"attn_norm": dattn_norm, "mlp_norm": dmlp_norm}',
        '{"attn_norm": dmlp_norm, "mlp_norm": dattn_norm}',
        "The gradients of the two gains stand under each other's name.",
    ),
    (
        "gate_and_up_exchanged",
        '{"w_gate": dw_gate, "w_up": dw_up,',
        '{"w_gate": dw_up, "w_up": dw_gate,',
        "The gradients of w_gate and w_up stand under each other's name.",
        "_swiglu_backward",
    ),
    (
        "default_eps_in_the_first_norm",
        'params["attn_norm"], config.norm_eps',
        'params["attn_norm"]',
        "The way back through the first norm uses the default eps, not the config's.",
    ),
    (
        "default_eps_in_the_second_norm",
        'params["mlp_norm"], config.norm_eps',
        'params["mlp_norm"]',
        "The way back through the second norm uses the default eps, not the config's.",
    ),
    (
        "computes_in_float64",
        "return dmiddle + dbranch",
        "return np.float64(1.0) * dmiddle + dbranch",
        "float32 arguments give a float64 gradient. np.zeros and np.empty make float64 arrays "
        "unless told otherwise, and np.sqrt of an integer is a float64 scalar.",
    ),
)
POST_FORWARD = (
    (
        "no_residual_around_attention",
        "summed = x + attended",
        "summed = attended",
        "The stream ends at the attention: its result takes the place of x instead of being added "
        "to it.",
    ),
    (
        "no_residual_around_swiglu",
        "widened = middle + swiglu",
        "widened = swiglu",
        "The stream ends at SwiGLU: its result takes the place of middle instead of being added.",
    ),
    (
        "second_residual_from_the_sum",
        "widened = middle + swiglu",
        "widened = summed + swiglu",
        "SwiGLU's result is added to the first sum. In post-norm the stream goes through the norm: "
        "the second sum starts from what came out of it.",
    ),
    (
        "swiglu_reads_the_sum",
        "swiglu(middle,",
        "swiglu(summed,",
        "SwiGLU reads the first sum as it is. The norm on the stream comes before it.",
    ),
    (
        "norm_inside_the_first_sum",
        'summed = x + attended\n    middle = rmsnorm(summed, params["attn_norm"], config.norm_eps)',
        'summed = x + attended\n    middle = x + rmsnorm(attended, params["attn_norm"], '
        "config.norm_eps)",
        "The norm is applied to the attention's result, and then the sum is made. Post-norm makes "
        "the sum first and normalises all of it.",
    ),
    (
        "pre_norm_attention",
        "multi_head_attention(x,",
        'multi_head_attention(rmsnorm(x, params["attn_norm"], config.norm_eps),',
        "The attention reads a normalised copy of x. In post-norm the sublayers read the stream as "
        "it is, and the norm comes after the sum.",
    ),
    (
        "no_norm_at_the_end",
        'rmsnorm(widened, params["mlp_norm"], config.norm_eps)',
        "widened + 0.0",
        "The norm after the second sum is missing.",
    ),
    (
        "one_gain_for_both_norms",
        'params["mlp_norm"]',
        'params["attn_norm"]',
        "Both norms use the gain attn_norm. The second one has its own: mlp_norm.",
    ),
    (
        "default_eps_in_the_first_norm",
        'params["attn_norm"], config.norm_eps',
        'params["attn_norm"]',
        "The first norm uses the default eps of rmsnorm, not the config's.",
    ),
    (
        "default_eps_in_the_second_norm",
        'params["mlp_norm"], config.norm_eps',
        'params["mlp_norm"]',
        "The second norm uses the default eps of rmsnorm, not the config's.",
    ),
    (
        "gate_and_up_exchanged",
        'params["w_gate"], params["w_up"]',
        'params["w_up"], params["w_gate"]',
        "w_gate and w_up are exchanged: the branch that goes through silu comes first.",
    ),
    (
        "computes_in_float64",
        "out = rmsnorm(widened,",
        "out = rmsnorm(widened.astype(np.float64),",
        "float32 arguments give a float64 result. np.zeros and np.empty make float64 arrays unless "
        "told otherwise, and np.sqrt of an integer is a float64 scalar.",
    ),
)
POST_BACKWARD = (
    (
        "forgets_the_residual_around_swiglu",
        "dmiddle = dwidened + dbranch",
        "dmiddle = dbranch",
        "The gradient that goes past SwiGLU is missing. The stream is used twice: by the sublayer "
        "and by the sum.",
    ),
    (
        "forgets_the_branch_through_swiglu",
        "dmiddle = dwidened + dbranch",
        "dmiddle = dwidened",
        "What comes back through SwiGLU is not added to the gradient of the stream.",
    ),
    (
        "forgets_the_residual_around_attention",
        "return dsummed + dbranch",
        "return dbranch",
        "The gradient that goes past the attention is missing in dx.",
    ),
    (
        "forgets_the_branch_through_attention",
        "return dsummed + dbranch",
        "return dsummed",
        "What comes back through the attention is not added to dx.",
    ),
    (
        "dout_past_the_norm",
        "dmiddle = dwidened + dbranch",
        "dmiddle = dout + dbranch",
        "`dout` itself is added to the gradient of middle. In post-norm the stream goes through "
        "the norm, and so does its gradient.",
    ),
    (
        "dmiddle_past_the_norm",
        "return dsummed + dbranch",
        "return dmiddle + dbranch",
        "The gradient of middle is handed to x as it is. Between the two lies the first norm.",
    ),
    (
        "dout_into_swiglu",
        "swiglu_backward(dwidened,",
        "swiglu_backward(dout,",
        "SwiGLU gets `dout`. Between the output and SwiGLU lies the last norm: go back through it "
        "first.",
    ),
    (
        "dmiddle_into_attention",
        "multi_head_attention_backward(dsummed,",
        "multi_head_attention_backward(dmiddle,",
        "The attention gets the gradient of middle. Between the two lies the first norm.",
    ),
    (
        "last_norm_at_middle",
        "rmsnorm_backward(dout, widened,",
        "rmsnorm_backward(dout, middle,",
        "The way back through the last norm uses middle. What that norm was given is the second "
        "sum.",
    ),
    (
        "first_norm_at_middle",
        "rmsnorm_backward(dmiddle, summed,",
        "rmsnorm_backward(dmiddle, middle,",
        "The way back through the first norm uses what came out of it. It needs what went in: the "
        "first sum.",
    ),
    (
        "norm_gradients_exchanged",
        '{"attn_norm": dattn_norm, "mlp_norm": dmlp_norm}',
        '{"attn_norm": dmlp_norm, "mlp_norm": dattn_norm}',
        "The gradients of the two gains stand under each other's name.",
    ),
    (
        "default_eps_in_the_first_norm",
        'params["attn_norm"], config.norm_eps',
        'params["attn_norm"]',
        "The way back through the first norm uses the default eps, not the config's.",
    ),
    (
        "default_eps_in_the_last_norm",
        'params["mlp_norm"], config.norm_eps',
        'params["mlp_norm"]',
        "The way back through the last norm uses the default eps, not the config's.",
    ),
    (
        "computes_in_float64",
        "return dsummed + dbranch",
        "return np.float64(1.0) * dsummed + dbranch",
        "float32 arguments give a float64 gradient. np.zeros and np.empty make float64 arrays "
        "unless told otherwise, and np.sqrt of an integer is a float64 scalar.",
    ),
)
for functions, tables in ((PRE, (FORWARD, BACKWARD)), (POST, (POST_FORWARD, POST_BACKWARD))):
    for function, table in zip(functions, tables, strict=True):
        for name, old, new, hint, *helper in table:
            exercise.slip(function, name, old, new, hint, within="".join(helper))


def adds_in_place(function):
    """Declare the mistake of writing the sum into x."""

    @exercise.mistake(function)
    def writes_into_x(x, params, config, positions):
        """The caller's x is changed: `x += ...` writes into the array that was handed in. Make a
        new array with `x = x + ...`."""
        out, cache = getattr(block, function)(x.copy(), params, config, positions)
        x[...] = out
        return out, cache


def uses_up(function):
    """Declare the mistakes of writing into what a backward is given."""

    @exercise.mistake(function)
    def writes_into_dout(dout, cache):
        """The caller's `dout` is changed: `dout += ...` writes into the array that was handed in.
        Make a new array."""
        dx, dparams = getattr(block, function)(dout.copy(), cache)
        dout[...] = dx
        return dx, dparams

    @exercise.mistake(function)
    def uses_the_cache_up(dout, cache):
        """The cache is changed by the first backward, so that a second one with it gives other
        gradients. Leave the cache as it is."""
        dx, dparams = getattr(block, function)(dout, cache)
        cache[2][...] += 1.0
        return dx, dparams


for forward, backward in (PRE, POST):
    adds_in_place(forward)
    uses_up(backward)
