"""Hidden checks for vol1_numpy/multi_head.

A cache stays with the student. A backward is graded on the student's own cache: R compares with
the reference, F with directional differences of the student's own forward: half of the points.
"""

from dataclasses import replace

import numpy as np

from autograder import Exercise, array, derived, laid
from solutions.vol1_numpy import multi_head
from solutions.vol1_numpy.multi_head import Config

NAMES = ("w_q", "w_k", "w_v", "w_o")


def draw_config(rng, d_model, n_heads, n_kv_heads):
    """What the layer does not use is drawn, too: no number may be taken for another."""
    return Config(
        vocab_size=61,
        d_model=d_model,
        n_layers=9,
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        d_ff=29,
        max_T=97,
        rope_theta=float(rng.uniform(20.0, 60.0)),
        norm_eps=0.3,
    )


def draw_params(rng, d_model, n_heads, n_kv_heads):
    """Weights that keep scores and outputs near size 1."""
    narrow = d_model // n_heads * n_kv_heads
    shapes = [(d_model, d_model), (d_model, narrow), (d_model, narrow), (d_model, d_model)]
    return {
        name: rng.standard_normal(shape) * d_model**-0.5
        for name, shape in zip(NAMES, shapes, strict=True)
    }


def expected(dout, x, params, config, positions):
    """The output and the gradients of the reference, in float64. Drawn once, like an input."""
    wide = {name: w.astype(np.float64) for name, w in params.items()}
    out, cache = multi_head.multi_head_attention(x.astype(np.float64), wide, config, positions)
    dx, dparams = multi_head.multi_head_attention_backward(dout.astype(np.float64), cache)
    return out, (dx, *(dparams[name] for name in NAMES))


def expected_each(dout, x, params, config, each):
    """The same with positions that differ from sequence to sequence."""
    return expected(dout, x, params, config, each)


exercise = Exercise(
    "vol1_numpy/multi_head",
    solution=multi_head,
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
        "want": derived(expected),
        "want_each": derived(expected_each),
        "heads": array("B T n_heads d_head"),
    },
    sizes={
        "B": [2],
        "T": [5],
        "n_heads": [4],
        "n_kv_heads": [2],
        "d_head": [6],
        "d_model": [24],
    },
)
# As many tokens as heads first, and as wide: there exchanged axes give wrong values, while in the
# others they raise. Then grouped, one kv head for all, and one of everything.
SIZES = {
    "B": [3, 2, 3, 1],
    "T": [4, 5, 6, 1],
    "n_heads": [4, 6, 4, 1],
    "n_kv_heads": [4, 3, 1, 1],
    "d_head": [4, 4, 2, 2],
    "d_model": [16, 24, 8, 2],
}
GROUPED = {"B": [2], "T": [3], "n_heads": [6], "n_kv_heads": [2], "d_head": [2], "d_model": [12]}
APART = {"B": [2], "T": [4], "n_heads": [3], "n_kv_heads": [3], "d_head": [2], "d_model": [6]}


def attend(student, x, params, config, positions):
    """The output of the forward, and the cache as a handle."""
    both = student.keep(student.multi_head_attention, x, params, config, positions)
    return both[0], student.keep(student.library("operator.getitem"), both, 1)


def gradients(student, dout, cache):
    """dx and the gradients of the four weights, nothing less and nothing more."""
    dx, dparams = student.multi_head_attention_backward(dout, cache)
    if set(dparams) != set(NAMES):
        raise KeyError(f"dparams has the keys {sorted(dparams)}")
    return dx, *(dparams[name] for name in NAMES)


def inner(a, b):
    """The sum of all products of entries."""
    return float(np.vdot(a, b))


def blocks(rng, n):
    """An order of n heads that moves at least one, and the number of each."""
    order = rng.permutation(n)
    return order if (order != np.arange(n)).any() or n == 1 else np.roll(order, 1)


def in_heads(order, d_head):
    """The columns of the heads `order`."""
    return (order[:, np.newaxis] * d_head + np.arange(d_head)).ravel()


# split_heads and merge_heads

SPLIT = {
    "B": [3, 2, 4, 1],
    "T": [4, 5, 3, 1],
    "n_heads": [4, 3, 1, 2],
    "d_head": [4, 6, 2, 1],
}


@exercise.satisfies("split_heads", points=1, kind="R", sizes=SPLIT)
def head_by_head(student, heads):
    """Every head gets its own columns of every token."""
    x = np.concatenate([heads[:, :, h] for h in range(heads.shape[2])], axis=-1)
    return student.split_heads(x, heads.shape[2]), heads


@exercise.satisfies("split_heads", points=0.5, sizes=APART)
def tokens_keep_their_columns(student, x, n_heads, rng):
    """Tokens in another order give the heads in that order; one head is the whole token."""
    order = rng.permutation(x.shape[1])
    split = student.split_heads(x, n_heads)
    yield student.split_heads(x[:, order], n_heads), split[:, order]
    yield student.split_heads(x, 1)[:, :, 0], x


@exercise.satisfies("split_heads", points=0.5, kind="E", sizes=APART, dtype="float32")
def splits_into_a_new_array(student, x, n_heads):
    """Any memory layout is accepted; the result is a new array of the same dtype."""
    yield student.split_heads(laid(x, "F", read_only=True), n_heads), split(x, n_heads)
    yield student.split_heads(laid(x, "strided"), n_heads), split(x, n_heads)
    got, _, later = student.trial(student.split_heads, x, n_heads)
    yield got, split(x, n_heads)
    yield later, split(x, n_heads)


@exercise.satisfies("merge_heads", points=1, kind="R", sizes=SPLIT)
def side_by_side(student, heads):
    """The heads of a token stand side by side."""
    n_heads = heads.shape[2]
    return student.merge_heads(heads), np.concatenate(
        [heads[:, :, h] for h in range(n_heads)], axis=-1
    )


@exercise.satisfies("merge_heads", points=0.5, sizes=APART)
def tokens_stay_apart(student, heads, rng):
    """Tokens in another order give the merged tokens in that order."""
    order = rng.permutation(heads.shape[1])
    merged = student.merge_heads(heads)
    return student.merge_heads(heads[:, order]), merged[:, order]


@exercise.satisfies("merge_heads", points=0.5, kind="E", sizes=APART, dtype="float32")
def merges_into_a_new_array(student, heads):
    """Any memory layout is accepted; the result is a new array of the same dtype."""
    want = np.concatenate(np.split(heads, heads.shape[2], axis=2), axis=3)[:, :, 0]
    yield student.merge_heads(laid(heads, "F", read_only=True)), want
    yield student.merge_heads(laid(heads, "strided")), want
    got, _, later = student.trial(student.merge_heads, heads)
    yield got, want
    yield later, want


def split(x, n_heads):
    """What split_heads has to give."""
    return np.stack(np.split(x, n_heads, axis=-1), axis=2)


# multi_head_attention


@exercise.satisfies("multi_head_attention", points=3, kind="R", sizes=SIZES, rtol=1e-12)
def matches_reference(student, x, params, config, positions, want):
    """The output is right: many heads, groups of heads, one kv head for all."""
    return attend(student, x, params, config, positions)[0], want[0]


@exercise.satisfies("multi_head_attention", points=1, kind="R", rtol=1e-12, sizes=GROUPED)
def positions_of_each_row(student, x, params, config, each, want_each):
    """Positions may differ from sequence to sequence."""
    return attend(student, x, params, config, each)[0], want_each[0]


@exercise.satisfies("multi_head_attention", points=1, sizes=GROUPED)
def the_past_ignores_the_future(student, x, params, config, positions, rng):
    """Other tokens later in the sequence change no earlier output."""
    cut = int(rng.integers(1, x.shape[1]))
    other = x.copy()
    other[:, cut:] += rng.normal(scale=3.0, size=x[:, cut:].shape)
    before, _ = attend(student, x, params, config, positions)
    after, _ = attend(student, other, params, config, positions)
    return after[:, :cut], before[:, :cut]


@exercise.satisfies("multi_head_attention", points=1, sizes=GROUPED)
def only_distances_count(student, x, params, config, positions, rng):
    """Positions that are all moved by the same number change nothing; other distances do."""
    out, _ = attend(student, x, params, config, positions)
    moved, _ = attend(student, x, params, config, positions + int(rng.integers(5, 50)))
    yield moved, out
    wider, _ = attend(student, x, params, config, 3 * positions)
    yield np.abs(wider - out).max() > 1e-6


@exercise.satisfies("multi_head_attention", points=1, sizes=APART)
def heads_are_a_set(student, x, params, config, positions, rng):
    """Heads in another order, with their rows of w_o, give the same output."""
    order = blocks(rng, config.n_heads)
    columns = in_heads(order, x.shape[-1] // config.n_heads)
    other = {name: params[name][:, columns] for name in ("w_q", "w_k", "w_v")}
    other["w_o"] = params["w_o"][columns]
    out, _ = attend(student, x, params, config, positions)
    return attend(student, x, other, config, positions)[0], out


@exercise.satisfies("multi_head_attention", points=1, kind="E", sizes=GROUPED, dtype="float32")
def keeps_dtype(student, x, params, config, positions, want):
    """float32 arguments give a float32 output."""
    return attend(student, x, params, config, positions)[0], want[0]


@exercise.satisfies("multi_head_attention", points=1, kind="E", sizes=GROUPED)
def leaves_inputs_alone(student, x, params, config, positions, want):
    """Arguments of any memory layout are accepted and left unchanged; the output is new."""
    token, given = student.hold(x), student.hold(params)
    both = student.keep(student.multi_head_attention, token, given, config, positions)
    out = student.keep(student.library("operator.getitem"), both, 0)
    yield student.fetch(token), x
    yield tuple(student.fetch(given)[n] for n in NAMES), tuple(params[n] for n in NAMES)
    student.keep(student.library("numpy.ndarray.fill"), token, 0.0)
    student.keep(student.multi_head_attention, token, given, config, positions)
    yield student.fetch(out), want[0]
    for layout, read_only in (("F", True), ("strided", False)):
        given = {name: laid(w, layout, read_only=read_only) for name, w in params.items()}
        token = laid(x, layout, read_only=read_only)
        yield attend(student, token, given, config, laid(positions, layout))[0], want[0]


SPLIT_X = "x.copy().reshape(*x.shape[:2], n_heads, -1)"
exercise.slip(
    "split_heads",
    "heads_in_turn",
    SPLIT_X,
    "x.copy().reshape(*x.shape[:2], -1, n_heads).swapaxes(2, 3)",
    "The columns are dealt out to the heads in turn: 0, 1, 2, 0, 1, 2. A head's columns are "
    "neighbours, so in memory the column within a head changes faster than the head.",
)
exercise.slip(
    "split_heads",
    "reshapes_to_heads_first",
    SPLIT_X,
    "x.copy().reshape(x.shape[0], n_heads, x.shape[1], -1).swapaxes(1, 2)",
    "The array is reshaped to (B, n_heads, T, d_head). A reshape moves nothing: tokens come before "
    "heads in memory, so this mixes tokens up. Reshape to tokens before heads; axes are exchanged "
    "with swapaxes.",
)
exercise.slip(
    "split_heads",
    "a_view",
    SPLIT_X,
    SPLIT_X.replace(".copy()", ""),
    "The values are right, but the result is a view: when somebody overwrites x, it changes, too. "
    "Return a copy.",
)
exercise.slip(
    "split_heads",
    "promotes",
    ".copy()",
    ".astype(np.float64)",
    "A float32 array comes back as float64. np.zeros and np.empty make float64 arrays unless they "
    "are told otherwise.",
)
exercise.slip(
    "split_heads",
    "backwards",
    SPLIT_X,
    SPLIT_X + "[:, :, ::-1]",
    "The heads come in reverse order. Head 0 has the first columns.",
)

MERGE_X = "x.copy().reshape(*x.shape[:2], -1)"
exercise.slip(
    "merge_heads",
    "columns_in_turn",
    MERGE_X,
    "x.swapaxes(2, 3).copy().reshape(*x.shape[:2], -1)",
    "The columns of the heads are interleaved: first all first ones, then all second ones. Head 0 "
    "comes as a whole, then head 1.",
)
exercise.slip(
    "merge_heads",
    "heads_before_tokens",
    MERGE_X,
    "x.swapaxes(1, 2).copy().reshape(*x.shape[:2], -1)",
    "Heads and tokens are exchanged before the reshape, which mixes the tokens up. Here the heads "
    "already stand next to their columns.",
)
exercise.slip(
    "merge_heads",
    "a_view",
    MERGE_X,
    MERGE_X.replace(".copy()", ""),
    "The values are right, but the result is a view: when somebody overwrites x, it changes, too. "
    "Return a copy.",
)
exercise.slip(
    "merge_heads",
    "promotes",
    ".copy()",
    ".astype(np.float64)",
    "A float32 array comes back as float64. np.zeros and np.empty make float64 arrays unless they "
    "are told otherwise.",
)

FORWARD = "multi_head_attention"
exercise.slip(
    FORWARD,
    "no_positions",
    "    q, k = (rope(a, positions, config.rope_theta) for a in (q, k))\n",
    "",
    "The positions take no part. Queries and keys are turned by RoPE before they meet.",
)
exercise.slip(
    FORWARD,
    "turns_the_queries_only",
    "q, k = (rope(a, positions, config.rope_theta) for a in (q, k))",
    "q = rope(q, positions, config.rope_theta)",
    "The queries are turned but the keys are not. Only when both are turned do the products depend "
    "on the distance.",
)
exercise.slip(
    FORWARD,
    "turns_the_values",
    "q, k = (rope(a, positions, config.rope_theta) for a in (q, k))",
    "q, k, v = (rope(a, positions, config.rope_theta) for a in (q, k, v))",
    "The values are turned, too. Positions decide where a query looks; what it takes along from "
    "there is left as it is.",
)
exercise.slip(
    FORWARD,
    "default_theta",
    "rope(a, positions, config.rope_theta)",
    "rope(a, positions)",
    "The base of the frequencies is the default of `rope`; the model's own is in the config.",
)
exercise.slip(
    FORWARD,
    "counts_the_positions",
    "rope(a, positions, config.rope_theta)",
    "rope(a, np.arange(x.shape[1]), config.rope_theta)",
    "The tokens are numbered 0, 1, 2, ... whatever `positions` says. It may have gaps, and may "
    "differ from row to row.",
)
exercise.slip(
    FORWARD,
    "sees_the_future",
    "attention(q, k, v)",
    "attention(q, k, v, causal=False)",
    "The causal mask is missing: every token reads later ones.",
)
exercise.slip(
    FORWARD,
    "forgets_w_o",
    'linear(merged, params["w_o"])',
    "merged + 0.0",
    "The merged heads are returned as they are. w_o brings the heads together.",
)
exercise.slip(
    FORWARD,
    "w_o_transposed",
    'params["w_o"]',
    'params["w_o"].T',
    "w_o is transposed. It is square here, so the shapes do not tell: weights are (in, out).",
)
exercise.slip(
    FORWARD,
    "values_from_w_k",
    'linear(x, params["w_v"])',
    'linear(x, params["w_k"])',
    "The values are made with w_k. They have weights of their own.",
)
exercise.slip(
    FORWARD,
    "keys_from_w_v",
    'linear(x, params["w_k"])',
    'linear(x, params["w_v"])',
    "The keys are made with w_v. They have weights of their own.",
)
exercise.slip(
    FORWARD,
    "merges_without_exchanging_back",
    "merge_heads(attention(q, k, v).swapaxes(1, 2))",
    "merge_heads(attention(q, k, v)).reshape(x.shape)",
    "After attention the heads still stand before the positions when they are merged. Exchange the "
    "axes back first; a reshape to the right shape only hides it.",
)
exercise.slip(
    FORWARD,
    "reshapes_instead_of_exchanging",
    "(a.swapaxes(1, 2) for a in (q, k, v))",
    "(a.reshape(a.shape[0], a.shape[2], a.shape[1], -1) for a in (q, k, v))",
    "A reshape puts heads before positions. It moves nothing in memory, so tokens and heads are "
    "mixed up: exchange the axes with swapaxes.",
)
exercise.slip(
    FORWARD,
    "heads_in_turn",
    "n_heads, -1)",
    "-1, n_heads).swapaxes(2, 3)",
    "split_heads deals the columns out to the heads in turn, while RoPE and merge_heads take a "
    "head's columns as neighbours.",
    within="split_heads",
)
exercise.slip(
    FORWARD,
    "adds_x",
    "return out, (x",
    "return out + x, (x",
    "x is added to the result. That is the job of the block, not of this layer.",
)
exercise.slip(
    FORWARD,
    "computes_in_float64",
    'linear(merged, params["w_o"])',
    'linear(merged.astype(np.float64), params["w_o"])',
    "float32 arguments give a float64 result. np.zeros and np.empty make float64 arrays unless "
    "told otherwise, and np.sqrt of an integer is a float64 scalar.",
)


@exercise.mistake(FORWARD)
def turns_the_tokens_it_was_given(x, params, config, positions):
    """The caller's x is changed by the call. Work on new arrays: the caller still needs x."""
    out, cache = multi_head.multi_head_attention(x.copy(), params, config, positions)
    x += out
    return out, cache


# multi_head_attention_backward


# With a single token the gradients of w_q and w_k are 0 up to rounding, which is not compared as
# strictly: that case is in stretching_adds_up.
LONGER = SIZES | {"T": [4, 5, 6, 2]}


@exercise.satisfies("multi_head_attention_backward", points=3, kind="R", sizes=LONGER, rtol=1e-12)
def backward_matches_reference(student, dout, x, params, config, positions, want):
    """All five gradients are right: many heads, groups of heads, one kv head for all."""
    _, cache = attend(student, x, params, config, positions)
    return gradients(student, dout, cache), want[1]


@exercise.satisfies("multi_head_attention_backward", points=1, kind="R", sizes=GROUPED, rtol=1e-12)
def backward_with_positions_of_each_row(student, dout, x, params, config, each, want_each):
    """Positions may differ from sequence to sequence."""
    _, cache = attend(student, x, params, config, each)
    return gradients(student, dout, cache), want_each[1]


@exercise.satisfies("multi_head_attention_backward", points=4, kind="F", sizes=GROUPED, rtol=1e-6)
def matches_finite_differences(student, dout, x, params, config, each, rng):
    """The gradients agree with differences of your own forward along random directions."""
    slopes, h = [], 1e-5
    for name in ("x", *NAMES):
        direction = rng.standard_normal(x.shape if name == "x" else params[name].shape)
        direction /= np.linalg.norm(direction)
        ends = []
        for step in (h * direction, -h * direction):
            token = x + step if name == "x" else x
            given = params if name == "x" else params | {name: params[name] + step}
            ends.append(attend(student, token, given, config, each)[0])
        yield np.abs(ends[0] - ends[1]).max() > 1e-3 * h  # a forward that ignores it has no slope
        slopes.append((direction, inner(ends[0] - ends[1], dout) / (2 * h)))
    _, cache = attend(student, x, params, config, each)
    got = gradients(student, dout, cache)
    pairs = zip(got, slopes, strict=True)
    yield np.array([inner(g, d) for g, (d, _) in pairs]), np.array([slope for _, slope in slopes])


@exercise.satisfies("multi_head_attention_backward", points=1, sizes=GROUPED)
def nothing_flows_to_the_future(student, dout, x, params, config, positions, rng):
    """A loss that sees only the first outputs has no gradient for later tokens."""
    cut = int(rng.integers(1, x.shape[1]))
    early = dout.copy()
    early[:, cut:] = 0.0
    _, cache = attend(student, x, params, config, positions)
    return gradients(student, early, cache)[0][:, cut:], np.zeros_like(x[:, cut:])


@exercise.satisfies("multi_head_attention_backward", points=1, sizes=SIZES)
def stretching_adds_up(student, dout, x, params, config, positions):
    """Stretching w_v or w_o stretches the output; stretching x stretches w_q, w_k and w_v."""
    out, cache = attend(student, x, params, config, positions)
    dx, *dw = gradients(student, dout, cache)
    by = {name: inner(d, params[name]) for name, d in zip(NAMES, dw, strict=True)}
    yield np.array([by["w_v"], by["w_o"]]), np.array([inner(dout, out)] * 2)
    yield by["w_q"], by["w_k"]
    yield inner(dx, x), by["w_q"] + by["w_k"] + by["w_v"]


@exercise.satisfies("multi_head_attention_backward", points=1, sizes=GROUPED)
def groups_add_up(student, dout, x, params, config, positions):
    """dw_k and dw_v of grouped heads are the sums over separate heads with equal weights."""
    group = config.n_heads // config.n_kv_heads
    d_head = x.shape[-1] // config.n_heads
    columns = in_heads(np.repeat(np.arange(config.n_kv_heads), group), d_head)
    each = params | {name: params[name][:, columns] for name in ("w_k", "w_v")}
    separate = replace(config, n_kv_heads=config.n_heads)
    dx, dw_q, *narrow, dw_o = gradients(
        student, dout, attend(student, x, params, config, positions)[1]
    )
    dx_2, dw_q_2, *wide, dw_o_2 = gradients(
        student, dout, attend(student, x, each, separate, positions)[1]
    )
    yield (dx, dw_q, dw_o), (dx_2, dw_q_2, dw_o_2)
    for got, parts in zip(narrow, wide, strict=True):
        shape = (len(parts), config.n_kv_heads, group, d_head)
        yield got, parts.reshape(shape).sum(axis=2).reshape(got.shape)


@exercise.satisfies(
    "multi_head_attention_backward", points=1, kind="E", sizes=GROUPED, dtype="float32"
)
def backward_keeps_dtype(student, dout, x, params, config, positions, want):
    """float32 arguments give float32 gradients."""
    _, cache = attend(student, x, params, config, positions)
    return gradients(student, dout, cache), want[1]


@exercise.satisfies("multi_head_attention_backward", points=1, kind="E", sizes=GROUPED)
def a_cache_belongs_to_its_call(student, dout, x, params, config, positions, want):
    """A cache works twice and is not disturbed by other calls; `dout` stays as it is."""
    _, cache = attend(student, x, params, config, positions)
    attend(student, x[:, ::-1], params, config, positions)
    held = student.hold(dout)
    yield gradients(student, held, cache), want[1]
    yield student.fetch(held), dout
    yield gradients(student, laid(dout, "F", read_only=True), cache), want[1]
    yield gradients(student, laid(dout, "strided"), cache), want[1]


BACKWARD = "multi_head_attention_backward"
BRANCHES = "dx_q + dx_k + dx_v"
for lost, kept in (("query", "dx_k + dx_v"), ("key", "dx_q + dx_v"), ("value", "dx_q + dx_k")):
    exercise.slip(
        BACKWARD,
        f"forgets_the_{lost}_branch",
        BRANCHES,
        kept,
        f"dx lacks the branch through the {lost}. The token was used three times; the total "
        "derivative has three terms.",
    )
exercise.slip(
    BACKWARD,
    "mean_of_the_branches",
    BRANCHES,
    f"({BRANCHES}) / 3",
    "dx is the mean of its three branches. The total derivative is their sum.",
)
TURN_BACK = "    dq, dk = (rope_backward(d, positions, config.rope_theta) for d in (dq, dk))\n"
exercise.slip(
    BACKWARD,
    "forgets_to_turn_back",
    TURN_BACK,
    "",
    "The gradients of queries and keys are not turned back. What RoPE turned, rope_backward turns "
    "the other way.",
)
exercise.slip(
    BACKWARD,
    "turns_forward_again",
    TURN_BACK,
    TURN_BACK.replace("rope_backward", "rope"),
    "The gradients are turned the same way as queries and keys were. The transpose of a rotation "
    "turns back.",
)
exercise.slip(
    BACKWARD,
    "turns_the_keys_alone_back",
    TURN_BACK,
    "    dk = rope_backward(dk, positions, config.rope_theta)\n",
    "Only the gradient of the keys is turned back. The queries were turned, too.",
)
exercise.slip(
    BACKWARD,
    "turns_the_queries_alone_back",
    TURN_BACK,
    "    dq = rope_backward(dq, positions, config.rope_theta)\n",
    "Only the gradient of the queries is turned back. The keys were turned, too.",
)
exercise.slip(
    BACKWARD,
    "turns_the_values_back",
    TURN_BACK,
    "    dq, dk, dv = (rope_backward(d, positions, config.rope_theta) for d in (dq, dk, dv))\n",
    "The gradient of the values is turned back, too. They never were turned.",
)
exercise.slip(
    BACKWARD,
    "turns_back_with_the_default_theta",
    "rope_backward(d, positions, config.rope_theta)",
    "rope_backward(d, positions)",
    "The gradients are turned back with the default base of `rope_backward`, not the config's.",
)
exercise.slip(
    BACKWARD,
    "counts_the_positions",
    "rope_backward(d, positions, config.rope_theta)",
    "rope_backward(d, np.arange(x.shape[1]), config.rope_theta)",
    "The gradients are turned back by 0, 1, 2, ... and not by `positions`: put them in the cache.",
)
exercise.slip(
    BACKWARD,
    "sees_the_future",
    "attention_backward(dheads, q, k, v)",
    "attention_backward(dheads, q, k, v, causal=False)",
    "The gradient ignores the causal mask: it flows to later tokens.",
)
exercise.slip(
    BACKWARD,
    "passes_by_w_o",
    "split_heads(dmerged, config",
    "split_heads(dout, config",
    "The heads get `dout` itself. Between them and the output lies w_o.",
)
exercise.slip(
    BACKWARD,
    "w_o_transposed",
    'merged, params["w_o"])',
    'merged, params["w_o"].T)',
    "On the way back through w_o its transpose is missing, or is there once too often. It is "
    "square here, so the shapes do not tell.",
)
exercise.slip(
    BACKWARD,
    "w_o_gradient_from_x",
    "linear_backward(dout, merged,",
    "linear_backward(dout, x,",
    "dw_o is made with x. What came into w_o were the merged heads.",
)
exercise.slip(
    BACKWARD,
    "w_q_gradient_from_the_merged_heads",
    "linear_backward(merge_heads(dq), x,",
    "linear_backward(merge_heads(dq), merged,",
    "dw_q is made with the merged heads. What came into w_q were the tokens x.",
)
exercise.slip(
    BACKWARD,
    "queries_go_back_through_w_o",
    'x, params["w_q"])',
    'x, params["w_o"])',
    "The gradient of the queries goes back to x through w_o. It came through w_q.",
)
exercise.slip(
    BACKWARD,
    "keys_and_values_exchanged",
    'x, params["w_k"])',
    'x, params["w_v"])',
    "The gradient of the keys goes back to x through w_v. It came through w_k.",
)
exercise.slip(
    BACKWARD,
    "weights_exchanged",
    '"w_k": dw_k, "w_v": dw_v',
    '"w_k": dw_v, "w_v": dw_k',
    "The gradients of w_k and w_v stand under each other's name.",
)
exercise.slip(
    BACKWARD,
    "reshapes_instead_of_exchanging",
    "split_heads(dmerged, config.n_heads).swapaxes(1, 2)",
    "dmerged.reshape(q.shape)",
    "The gradient is reshaped to heads before positions. A reshape moves nothing: split the heads, "
    "then exchange the axes.",
)
exercise.slip(
    BACKWARD,
    "mean_over_the_batch",
    '{"w_q": dw_q, "w_k": dw_k, "w_v": dw_v, "w_o": dw_o}',
    '{n: d / len(x) for n, d in {"w_q": dw_q, "w_k": dw_k, "w_v": dw_v, "w_o": dw_o}.items()}',
    "The gradients of the weights are averaged over the batch. Contributions of all tokens are "
    "added; whether the loss is a mean is the business of `dout`.",
)
exercise.slip(
    BACKWARD,
    "adds_the_residual",
    "return " + BRANCHES,
    "return dout + " + BRANCHES,
    "`dout` itself is added to dx. That is the residual's gradient, the job of the block.",
)
exercise.slip(
    BACKWARD,
    "computes_in_float64",
    "return " + BRANCHES,
    "return np.float64(1.0) * dx_q + dx_k + dx_v",
    "float32 arguments give float64 gradients. np.zeros and np.empty make float64 arrays unless "
    "told otherwise, and np.sqrt of an integer is a float64 scalar.",
)


@exercise.mistake(BACKWARD)
def changes_the_gradient_it_was_given(dout, cache):
    """`dout` is changed by the call. Work on new arrays: the caller still needs it."""
    dx, dparams = multi_head.multi_head_attention_backward(dout.copy(), cache)
    dout += dx
    return dx, dparams


@exercise.mistake(BACKWARD)
def uses_the_cache_up(dout, cache):
    """The cache is changed by the first backward, so that a second one with it gives other
    gradients. Leave the cache as it is."""
    dx, dparams = multi_head.multi_head_attention_backward(dout, cache)
    cache[4][...] = 0.0
    return dx, dparams
