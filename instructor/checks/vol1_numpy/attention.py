"""Hidden checks for vol1_numpy/attention."""

import numpy as np

from autograder import Exercise, array, constant, derived, raises
from solutions.vol1_numpy import attention

exercise = Exercise(
    "vol1_numpy/attention",
    solution=attention,
    difficulty=4,
    minutes=120,
    inputs={
        "q": array("B n_heads Tq d_head"),
        "k": array("B n_kv_heads Tk d_head"),
        "v": array("B n_kv_heads Tk d_head"),
        "dout": array("B n_heads Tq d_head"),
    },
    sizes={"B": [1], "n_heads": [6], "n_kv_heads": [2], "Tq": [3], "Tk": [5], "d_head": [4]},
)
# A square case of multi-head attention first: there a missing transpose gives wrong values, while
# in the others it raises. Then every size distinct (and so is the group, 3); then one new token.
SIZES = {
    "B": [3, 4, 1],
    "n_heads": [4, 6, 3],
    "n_kv_heads": [4, 2, 1],
    "Tq": [4, 5, 1],
    "Tk": [4, 7, 4],
    "d_head": [4, 8, 2],
}
MORE_QUERIES = {"B": [3], "n_heads": [4], "n_kv_heads": [2], "Tq": [4], "Tk": [3], "d_head": [5]}
# More queries than keys, and fewer.
CROSSED = {
    "B": [3, 1],
    "n_heads": [4, 2],
    "n_kv_heads": [2, 1],
    "Tq": [6, 3],
    "Tk": [5, 4],
    "d_head": [7, 2],
}
TINY = {"B": [1], "n_heads": [2], "n_kv_heads": [1], "Tq": [2], "Tk": [3], "d_head": [2]}
LARGE = {"B": [2], "n_heads": [4], "n_kv_heads": [2], "Tq": [4], "Tk": [6], "d_head": [3]}


def towering(rng, B, n_kv_heads, Tk, d_head):
    """Keys for scores in the thousands: those of a head nearly alike, the last one apart.

    Rows lie far above and far below each other; the last key, hidden from most queries, often
    outweighs all others. Few rows are one-hot, so that the gradients are not all rounding errors.
    """
    shape = (B, n_kv_heads, 1, d_head)
    k = rng.standard_normal((B, n_kv_heads, Tk, d_head)) + 1.5e3 * rng.standard_normal(shape)
    k[:, :, -1:] += 5e3 * rng.standard_normal(shape)
    return k


def group_of(q, k):
    """How many query heads read one kv head."""
    return q.shape[1] // k.shape[1]


def cut_in_time(q, k, rng):
    """A query and the key at its position: earlier queries must not see that key or later ones."""
    query = int(rng.integers(1, q.shape[2]))
    return query, query + k.shape[2] - q.shape[2]


# attention

exercise.matches_reference("attention", points=3, sizes=SIZES)
exercise.matches_reference(
    "attention",
    points=2,
    name="not_causal",
    title="Without the mask every query sees every key, with more queries than keys, too.",
    sizes=CROSSED,
    causal=constant(False),
)


@exercise.satisfies("attention", points=1)
def the_past_ignores_the_future(student, q, k, v, rng):
    """Other keys and values at later positions change no earlier output."""
    query, key = cut_in_time(q, k, rng)
    other_k, other_v = k.copy(), v.copy()
    other_k[:, :, key:] += rng.normal(scale=3.0, size=k[:, :, key:].shape)
    other_v[:, :, key:] += rng.normal(scale=3.0, size=k[:, :, key:].shape)
    before = student.attention(q, k, v)[:, :, :query]
    return student.attention(q, other_k, other_v)[:, :, :query], before


@exercise.satisfies("attention", points=1)
def few_queries_are_the_last_rows(student, k, v, Tq, n_heads, rng):
    """With fewer queries than keys the output is the last rows of what all queries would give."""
    B, _, Tk, d_head = k.shape
    every = rng.standard_normal((B, n_heads, Tk, d_head))
    return student.attention(every[:, :, -Tq:], k, v), student.attention(every, k, v)[:, :, -Tq:]


@exercise.satisfies("attention", points=1)
def keys_are_a_set(student, q, k, v, rng):
    """Without the mask, the order of the keys and a vector added to all of them change nothing."""
    out = student.attention(q, k, v, causal=False)
    order = rng.permutation(k.shape[2])
    yield student.attention(q, k[:, :, order], v[:, :, order], causal=False), out
    shift = rng.normal(scale=3.0, size=k[:, :, :1].shape)
    yield student.attention(q, k + shift, v, causal=False), out


@exercise.satisfies("attention", points=1)
def groups_share_their_kv_head(student, q, k, v):
    """Grouped heads equal separate heads with equal keys; equal values come out unchanged."""
    k_each, v_each = (np.repeat(x, group_of(q, k), axis=1) for x in (k, v))
    yield student.attention(q, k, v), student.attention(q, k_each, v_each)
    flat, flat_each = (np.broadcast_to(x[:, :, :1], x.shape) for x in (v, v_each))
    yield student.attention(q, k, flat), flat_each[:, :, : q.shape[2]]


exercise.matches_reference(
    "attention",
    points=1,
    name="large_scores",
    title="Scores in the thousands give finite outputs, and hidden keys stay hidden.",
    kind="E",
    rtol=1e-6,
    sizes=LARGE,
    k=derived(towering),
)


@exercise.satisfies("attention", points=1, kind="E", sizes=MORE_QUERIES)
def more_queries_than_keys_is_an_error(student, q, k, v):
    """With the mask, more queries than keys raise ValueError."""
    return raises(ValueError, student.attention, q, k, v)


exercise.keeps_dtype("attention", points=1)
exercise.leaves_inputs_alone("attention", points=1)

# Both functions compute the same probabilities, so these mistakes can be made in either.


def slip_in_either(name, old, new, hint, within="_probabilities"):
    """Declare a mistake of both functions: an edit of a helper that they share."""
    for function in ("attention", "attention_backward"):
        exercise.slip(function, name, old, new, hint, within=within)


slip_in_either(
    "no_scale",
    " * d_head**-0.5",
    "",
    "The scores that go into softmax are plain dot products: the division by the root of "
    "d_head is missing there.",
)
slip_in_either(
    "divides_by_d_head",
    "d_head**-0.5",
    "d_head**-1.0",
    "The scores are divided by d_head instead of its root. (Or by the root twice: once in q "
    "and once in k.)",
)
slip_in_either(
    "multiplies_by_the_root",
    "d_head**-0.5",
    "d_head**0.5",
    "The scores are multiplied by the root of d_head. The scale is there to make them smaller.",
)
slip_in_either(
    "scale_of_the_whole_width",
    "d_head**-0.5",
    "(q.shape[1] * d_head) ** -0.5",
    "The scale uses the width of all heads together. A dot product runs over one head: d_head "
    "terms.",
)
slip_in_either(
    "scale_of_the_length",
    "d_head**-0.5",
    "Tk**-0.5",
    "The scale uses the number of keys. The variance of a dot product grows with the number of "
    "its terms, d_head; check which axis you read the size from.",
)
slip_in_either(
    "mask_at_the_top_left",
    "Tk - Tq, dtype",
    "0, dtype",
    "The mask is aligned at the top left: query 0 is treated as position 0. The queries are "
    "the last Tq of Tk positions, so query 0 stands further right when Tq < Tk.",
)
slip_in_either(
    "hides_its_own_key",
    "Tk - Tq, dtype",
    "Tk - Tq - 1, dtype",
    "The mask is one key too strict: a query also sees the key at its own position. With it "
    "hidden, the first query of a whole sequence sees nothing, which gives 0 / 0.",
)
slip_in_either(
    "sees_one_key_ahead",
    "Tk - Tq, dtype",
    "Tk - Tq + 1, dtype",
    "The mask is one key too generous: every query sees the key right after its own position, "
    "which is what a language model has to predict.",
)
slip_in_either(
    "hides_the_past",
    "where=~visible",
    "where=visible",
    "The mask is the wrong way round: the visible keys are hidden and the hidden ones seen. "
    "The last query then sees nothing at all, and its row is 0 / 0.",
)
slip_in_either(
    "sees_itself_and_the_future",
    "visible = np.tri(Tq, Tk, Tk - Tq, dtype=bool)",
    "visible = ~np.tri(Tq, Tk, Tk - Tq - 1, dtype=bool)",
    "The upper triangle is visible instead of the lower one: queries look at themselves and "
    "at the future. Rows of the mask are queries, columns are keys.",
)
slip_in_either(
    "hidden_scores_of_zero",
    "-np.inf",
    "0.0",
    "Hidden scores become 0 (by multiplying with the mask, perhaps). Softmax gives a score of "
    "0 the weight e^0 = 1: which score has weight 0?",
)
slip_in_either(
    "adds_a_mask_of_ones",
    "np.copyto(scores, -np.inf, where=~visible)",
    "scores += visible",
    "A mask of zeros and ones is added to the scores. That favours the visible keys a little; "
    "it does not hide the others.",
)
slip_in_either(
    "hidden_scores_of_minus_100",
    "-np.inf",
    "-100.0",
    "Hidden scores get a finite value that ordinary scores can go below. When visible scores "
    "are in the thousands the hidden keys win: is there a value below every score?",
)
slip_in_either(
    "masks_after_softmax",
    "        np.copyto(scores, -np.inf, where=~visible)\n    return softmax(scores)",
    "        return softmax(scores) * visible\n    return softmax(scores)",
    "Probabilities are set to zero after softmax, so the rows no longer sum to one: hidden "
    "keys already took their share. Hide the scores before softmax.",
)
slip_in_either(
    "masks_after_softmax_and_normalises_again",
    "        np.copyto(scores, -np.inf, where=~visible)\n    return softmax(scores)",
    "        scores = softmax(scores) * visible\n"
    "        return scores / scores.sum(axis=-1, keepdims=True)\n"
    "    return softmax(scores)",
    "Masking after softmax and normalising again is right on paper only: when a hidden key "
    "has by far the largest score, all visible ones underflow to 0 and the row is 0 / 0.",
)
slip_in_either(
    "never_masks",
    "    if causal:",
    "    if False:",
    "The mask is missing: with causal=True every query must be kept from later keys. (In the "
    "backward, the probabilities that are computed once more need the mask, too.)",
)
slip_in_either(
    "always_masks",
    "    if causal:",
    "    if True:",
    "The argument `causal` is ignored: the mask is there with causal=False, too.",
)
slip_in_either(
    "softmax_over_the_queries",
    "softmax(scores)",
    "softmax(scores, axis=-2)",
    "The probabilities of each key over the queries sum to one. It is each query that divides "
    "its attention over the keys: the last axis.",
)
slip_in_either(
    "exp_without_a_shift",
    "softmax(scores)",
    "np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)",
    "exp of a large score overflows. Use your softmax, which shifts each row first.",
)
slip_in_either(
    "one_shift_for_all_rows",
    "softmax(scores)",
    "(e := np.exp(scores - scores.max())) / e.sum(axis=-1, keepdims=True)",
    "All rows are shifted by the largest score of the whole array; a row far below it "
    "underflows to 0 / 0. Each row needs its own shift, as in your softmax.",
)
slip_in_either(
    "keys_ask_the_queries",
    "(q * d_head**-0.5) @ keys.swapaxes(-1, -2)",
    "(keys * d_head**-0.5) @ q.swapaxes(-1, -2)",
    "Queries and keys are exchanged in the scores: rows should be queries, columns keys. Where "
    "Tq and Tk are equal the shapes do not tell.",
)
slip_in_either(
    "kv_heads_in_turn",
    "np.repeat(x, n_heads // x.shape[1], axis=1)",
    "np.tile(x, (1, n_heads // x.shape[1], 1, 1))",
    "The kv heads are dealt out in turn: 0, 1, 0, 1. Query heads of a group are neighbours: "
    "with two kv heads and six query heads it is 0, 0, 0, 1, 1, 1.",
    within="_per_query_head",
)
slip_in_either(
    "every_head_reads_kv_head_0",
    "np.repeat(x, n_heads // x.shape[1], axis=1)",
    "np.repeat(x[:, :1], n_heads, axis=1)",
    "Every query head reads kv head 0. That is right only where there is just one.",
    within="_per_query_head",
)

exercise.slip(
    "attention",
    "keys_for_values",
    "probs @ _per_query_head(v, n_heads)",
    "probs @ _per_query_head(k, n_heads)",
    "The probabilities mix the keys. Keys are only for finding; the output is made of values.",
)
exercise.slip(
    "attention",
    "transposed_probabilities",
    "out: Floats = probs @",
    "out: Floats = probs.swapaxes(-1, -2) @",
    "The probabilities are transposed before they mix the values. The summed index is the key: "
    "where does it stand in each of the two factors?",
)
exercise.slip(
    "attention",
    "heads_behind_positions",
    "return out",
    "return out.swapaxes(1, 2)",
    "Heads and positions are exchanged in the result: heads stay on axis 1, as in q.",
)
exercise.slip(
    "attention",
    "too_many_queries_pass",
    "if causal and q.shape[2] > k.shape[2]:",
    "if False:",
    "With the mask and more queries than keys, the first queries see no key. The docstring says "
    "what is raised then.",
)
exercise.slip(
    "attention",
    "computes_in_float64",
    "d_head**-0.5",
    "np.float64(d_head) ** -0.5",
    "float32 arguments give a float64 result. np.sqrt of an integer is a float64 scalar, and "
    "np.zeros and np.full make float64 arrays unless told otherwise: one of them promotes the "
    "scores.",
    within="_probabilities",
)


@exercise.mistake("attention")
def scales_the_queries_it_was_given(q, k, v, causal=True):
    """The scale is multiplied into `q` itself. Work on a new array: the caller still needs q."""
    out = attention.attention(q, k, v, causal)
    q *= q.shape[-1] ** -0.5
    return out


# attention_backward

exercise.matches_reference("attention_backward", points=4, sizes=SIZES)
exercise.matches_finite_differences(
    "attention_backward", of="attention", wrt=["q", "k", "v"], points=3, sizes=TINY
)
exercise.matches_reference(
    "attention_backward",
    points=2,
    name="not_causal",
    title="The gradients without the mask, with more queries than keys, too.",
    sizes=CROSSED,
    causal=constant(False),
)


@exercise.satisfies("attention_backward", points=1)
def nothing_flows_to_the_future(student, dout, q, k, v, rng):
    """A loss that sees only the first outputs has no gradient for later queries, keys, values."""
    query, key = cut_in_time(q, k, rng)
    early = dout.copy()
    early[:, :, query:] = 0.0
    dq, dk, dv = student.attention_backward(early, q, k, v)
    yield dq[:, :, query:], np.zeros_like(q[:, :, query:])
    yield dk[:, :, key:], np.zeros_like(k[:, :, key:])
    yield dv[:, :, key:], np.zeros_like(v[:, :, key:])


@exercise.satisfies("attention_backward", points=1)
def sums_over_the_keys(student, dout, q, k, v):
    """Over all keys, dk sums to 0 (a shared shift), dv to the group's dout (weights sum to 1)."""
    _, dk, dv = student.attention_backward(dout, q, k, v)
    yield dk.sum(axis=2), np.zeros_like(dk[:, :, 0])
    readers = dout.sum(axis=2).reshape(*k.shape[:2], group_of(q, k), k.shape[3])
    yield dv.sum(axis=2), readers.sum(axis=2)


@exercise.satisfies("attention_backward", points=1)
def groups_add_up(student, dout, q, k, v):
    """dk and dv of grouped heads are the sums over separate heads with equal keys and values."""
    k_each, v_each = (np.repeat(x, group_of(q, k), axis=1) for x in (k, v))
    dq, dk, dv = student.attention_backward(dout, q, k, v)
    dq_each, dk_each, dv_each = student.attention_backward(dout, q, k_each, v_each)
    yield dq, dq_each
    starts = np.arange(0, q.shape[1], group_of(q, k))
    yield dk, np.add.reduceat(dk_each, starts, axis=1)
    yield dv, np.add.reduceat(dv_each, starts, axis=1)


exercise.matches_reference(
    "attention_backward",
    points=1,
    name="large_scores",
    title="Scores in the thousands give finite gradients, and hidden keys stay hidden.",
    kind="E",
    rtol=1e-6,
    sizes=LARGE,
    k=derived(towering),
)
exercise.keeps_dtype("attention_backward", points=1)
exercise.leaves_inputs_alone("attention_backward", points=1)

exercise.slip(
    "attention_backward",
    "forgets_the_scale",
    " * q.shape[3] ** -0.5",
    "",
    "dq and dk are too large by the root of d_head: the scale is a factor of every score, so it is "
    "one of every gradient that passes through the scores.",
)
exercise.slip(
    "attention_backward",
    "scale_of_dq_only",
    "dk = ddots.",
    "dk = dscores.",
    "The scale is in dq but not in dk. Both derivatives of a score have it.",
)
exercise.slip(
    "attention_backward",
    "scale_of_dk_only",
    "dq = ddots",
    "dq = dscores",
    "The scale is in dk but not in dq. Both derivatives of a score have it.",
)
exercise.slip(
    "attention_backward",
    "scales_the_gradient_twice",
    "q.shape[3] ** -0.5",
    "q.shape[3] ** -1.0",
    "The scale is in dq and dk twice: they are divided by d_head instead of its root.",
)
exercise.slip(
    "attention_backward",
    "scales_dv",
    "probs.swapaxes(-1, -2) @ dout",
    "probs.swapaxes(-1, -2) @ dout * q.shape[3] ** -0.5",
    "dv has the scale as a factor. The values do not pass through the scores.",
)
exercise.slip(
    "attention_backward",
    "group_mean",
    ".sum(axis=2)",
    ".mean(axis=2)",
    "dk and dv are averaged over the query heads of a group. A kv head that is read several times "
    "gets the total of the gradients.",
    within="_sum_groups",
)
exercise.slip(
    "attention_backward",
    "first_of_each_group",
    "grouped.sum(axis=2)",
    "grouped[:, :, 0]",
    "dk and dv come from one query head of each group. All heads of the group read that kv head.",
    within="_sum_groups",
)
exercise.slip(
    "attention_backward",
    "groups_of_every_other_head",
    "dx.reshape(B, n_kv_heads, n_heads // n_kv_heads, Tk, d_head)",
    "dx.reshape(B, n_heads // n_kv_heads, n_kv_heads, Tk, d_head).swapaxes(1, 2)",
    "dk and dv sum the wrong heads: 0, 2, 4 and 1, 3, 5. The heads of a group are neighbours, so "
    "the axis of heads splits into kv heads first and members of a group second.",
    within="_sum_groups",
)
exercise.slip(
    "attention_backward",
    "diagonal_of_the_softmax",
    "softmax_backward(dprobs, probs)",
    "dprobs * probs",
    "Of the softmax gradient only the term with i = j is there. A score changes all probabilities "
    "of its row: use your softmax_backward.",
)
exercise.slip(
    "attention_backward",
    "no_softmax_gradient",
    "softmax_backward(dprobs, probs)",
    "dprobs",
    "The gradient by the probabilities is used as if it were that by the scores. Softmax lies "
    "between them.",
)
exercise.slip(
    "attention_backward",
    "softmax_gradient_over_the_queries",
    "softmax_backward(dprobs, probs)",
    "softmax_backward(dprobs, probs, axis=-2)",
    "softmax_backward runs over the queries. The probabilities sum to one over the keys, the last "
    "axis.",
)
exercise.slip(
    "attention_backward",
    "softmax_gradient_arguments_exchanged",
    "softmax_backward(dprobs, probs)",
    "softmax_backward(probs, dprobs)",
    "The arguments of softmax_backward are exchanged: first comes the gradient, then what softmax "
    "returned.",
)
exercise.slip(
    "attention_backward",
    "gradient_through_the_mask",
    "softmax_backward(dprobs, probs)",
    "softmax_backward(dprobs, _probabilities(q, keys, False))",
    "Gradient leaks through the mask: dv uses the masked probabilities, but the softmax gradient "
    "uses unmasked ones. A hidden score is a constant.",
)
exercise.slip(
    "attention_backward",
    "minus_infinity_in_the_gradient",
    "softmax_backward(dprobs, probs)",
    "np.where(probs > 0, softmax_backward(dprobs, probs), -np.inf)",
    "Hidden entries of the score gradient are set to minus infinity. That is how a score is "
    "hidden; the derivative of a constant is something else.",
)
exercise.slip(
    "attention_backward",
    "dv_from_scores",
    "probs.swapaxes(-1, -2) @ dout",
    "(keys @ q.swapaxes(-1, -2) * q.shape[3] ** -0.5) @ dout",
    "dv is made with the scores. The values are weighted with the probabilities, after softmax.",
)
exercise.slip(
    "attention_backward",
    "dv_from_dprobs",
    "probs.swapaxes(-1, -2) @ dout",
    "dprobs.swapaxes(-1, -2) @ dout",
    "dv is made with the gradient of the probabilities. The factor of a value in the output is the "
    "probability itself.",
)
exercise.slip(
    "attention_backward",
    "dv_without_transpose",
    "probs.swapaxes(-1, -2) @ dout",
    "probs @ dout",
    "In dv the probabilities are not transposed: the sum runs over the queries, the first index of "
    "both factors.",
)
exercise.slip(
    "attention_backward",
    "dk_without_transpose",
    "ddots.swapaxes(-1, -2) @ q",
    "ddots @ q",
    "In dk the score gradient is not transposed: the gradient of a key collects over the queries, "
    "the first index of both factors.",
)
exercise.slip(
    "attention_backward",
    "dq_with_transpose",
    "dq = ddots @",
    "dq = ddots.swapaxes(-1, -2) @",
    "In dq the score gradient is transposed: the gradient of a query collects over the keys, which "
    "already are its last index.",
)
exercise.slip(
    "attention_backward",
    "dprobs_without_transpose",
    "dout @ values.swapaxes(-1, -2)",
    "dout @ values",
    "The values are not transposed in the gradient of the probabilities: the sum runs over d_head, "
    "the last index of both factors. Where Tk and d_head are equal the shapes do not tell.",
)
exercise.slip(
    "attention_backward",
    "dprobs_from_keys",
    "dout @ values",
    "dout @ keys",
    "The gradient of the probabilities uses the keys. The output is a mean of values, so a "
    "probability's factor in it is a value.",
)
exercise.slip(
    "attention_backward",
    "dq_from_queries",
    "dq = ddots @ keys",
    "dq = ddots @ q",
    "dq is made with the queries. A score is a product, and the derivative by one factor is the "
    "other one: the key.",
)
exercise.slip(
    "attention_backward",
    "dk_from_keys",
    "ddots.swapaxes(-1, -2) @ q",
    "ddots.swapaxes(-1, -2) @ keys",
    "dk is made with the keys. A score is a product, and the derivative by one factor is the other "
    "one: the query.",
)
exercise.slip(
    "attention_backward",
    "gradients_in_another_order",
    "return dq, _sum_groups(dk, n_kv_heads), _sum_groups(dv, n_kv_heads)",
    "return dq, _sum_groups(dv, n_kv_heads), _sum_groups(dk, n_kv_heads)",
    "dk and dv are exchanged in the result. Gradients come back in the order of the arguments.",
)
exercise.slip(
    "attention_backward",
    "computes_in_float64",
    "ddots = dscores * q.shape[3] ** -0.5",
    "ddots = dscores / np.sqrt(q.shape[3])",
    "float32 arguments give float64 gradients. np.sqrt of an integer is a float64 scalar, and "
    "np.zeros makes float64 arrays unless told otherwise: one of them promotes the result.",
)


@exercise.mistake("attention_backward")
def scales_the_saved_queries(dout, q, k, v, causal=True):
    """The scale is multiplied into `q` itself. Work on a new array: the caller still needs q."""
    gradients = attention.attention_backward(dout, q, k, v, causal)
    q *= q.shape[-1] ** -0.5
    return gradients
