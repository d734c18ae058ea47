"""Hidden checks for vol1_numpy/attention_head."""

import numpy as np

from autograder import Exercise, array, constant, derived
from solutions.vol1_numpy import attention_head

exercise = Exercise(
    "vol1_numpy/attention_head",
    solution=attention_head,
    difficulty=3,
    minutes=90,
    inputs={
        "x": array("B T d_model"),
        "w_q": array("d_model d_head", scale=0.7),
        "w_k": array("d_model d_head", scale=0.7),
        "w_v": array("d_model d_head", scale=0.7),
        "dout": array("B T d_head"),
    },
    sizes={"B": [2], "T": [4], "d_model": [3], "d_head": [5]},
)
# A square case first: there a missing transpose gives wrong values, while in the others it raises.
# Then every size distinct, one wider than the other; then one token, and heads of width 1.
SIZES = {
    "B": [4, 2, 3, 1, 2],
    "T": [4, 6, 4, 1, 3],
    "d_model": [4, 3, 5, 2, 4],
    "d_head": [4, 5, 2, 3, 1],
}
TINY = {"B": [2], "T": [3], "d_model": [2], "d_head": [4]}
LARGE = {"B": [2], "T": [5], "d_model": [4], "d_head": [3]}


def towering(rng, w_q, w_k, B, T):
    """Tokens for scores in the thousands: all below zero in one sequence, all above in the next.

    The tokens of a sequence are nearly alike, so that few rows are one-hot; the last one, hidden
    from all others, is apart and often outweighs them.
    """
    tokens = rng.standard_normal((50, len(w_q)))
    scores = ((tokens @ w_q) * (tokens @ w_k)).sum(axis=1)
    far = tokens[[scores.argmin(), scores.argmax()]] * 40.0
    x = far[np.arange(B) % 2, np.newaxis] + 0.01 * rng.standard_normal((B, T, len(w_q)))
    x[:, -1:] *= 1.5
    return x


def inner(a, b):
    """The sum of all products of entries."""
    return float(np.vdot(a, b))


# attention_head

exercise.matches_reference("attention_head", points=2, sizes=SIZES)
exercise.matches_reference(
    "attention_head",
    points=1,
    name="not_causal",
    title="Without the mask every token reads every token.",
    causal=constant(False),
)


@exercise.satisfies("attention_head", points=1)
def the_past_ignores_the_future(student, x, w_q, w_k, w_v, rng):
    """Other tokens later in the sequence change no earlier output."""
    cut = int(rng.integers(1, x.shape[1]))
    other = x.copy()
    other[:, cut:] += rng.normal(scale=3.0, size=x[:, cut:].shape)
    before = student.attention_head(x, w_q, w_k, w_v)[:, :cut]
    return student.attention_head(other, w_q, w_k, w_v)[:, :cut], before


@exercise.satisfies("attention_head", points=1)
def tokens_are_a_set(student, x, w_q, w_k, w_v, rng):
    """Without the mask, tokens in another order give the same outputs in that order."""
    order = rng.permutation(x.shape[1])
    out = student.attention_head(x, w_q, w_k, w_v, causal=False)
    return student.attention_head(x[:, order], w_q, w_k, w_v, causal=False), out[:, order]


@exercise.satisfies("attention_head", points=1)
def sequences_stand_alone(student, x, w_q, w_k, w_v):
    """A sequence gives the same output alone and in a batch; the first token reads itself."""
    out = student.attention_head(x, w_q, w_k, w_v)
    yield student.attention_head(x[1:2], w_q, w_k, w_v), out[1:2]
    yield out[:, 0], x[:, 0] @ w_v


exercise.matches_reference(
    "attention_head",
    points=1,
    name="large_scores",
    title="Scores in the thousands give finite outputs, and hidden tokens stay hidden.",
    kind="E",
    rtol=1e-6,
    sizes=LARGE,
    x=derived(towering),
)
exercise.keeps_dtype("attention_head", points=1)
exercise.leaves_inputs_alone("attention_head", points=1)

# Both functions compute the same probabilities, so these mistakes can be made in either.


def slip_in_either(name, old, new, hint):
    """Declare a mistake of both functions: an edit of the helper that they share."""
    for function in ("attention_head", "attention_head_backward"):
        exercise.slip(function, name, old, new, hint, within="_probabilities")


slip_in_either(
    "no_scale",
    " * d_head**-0.5",
    "",
    "The scores that go into softmax are plain dot products: the division by the root of d_head "
    "is missing there.",
)
slip_in_either(
    "divides_by_d_head",
    "d_head**-0.5",
    "d_head**-1.0",
    "The scores are divided by d_head instead of its root.",
)
slip_in_either(
    "multiplies_by_the_root",
    "d_head**-0.5",
    "d_head**0.5",
    "The scores are multiplied by the root of d_head. The scale is there to make them smaller.",
)
slip_in_either(
    "scale_of_the_length",
    "d_head**-0.5",
    "T**-0.5",
    "The scale uses the number of tokens. A score is a sum of d_head products: check which axis "
    "you read the size from.",
)
slip_in_either(
    "keys_ask_the_queries",
    "q @ k.swapaxes(-1, -2)",
    "k @ q.swapaxes(-1, -2)",
    "Queries and keys are exchanged in the scores: rows should be queries, columns keys. The "
    "shapes do not tell.",
)
slip_in_either(
    "softmax_over_the_queries",
    "softmax(scores)",
    "softmax(scores, axis=-2)",
    "The probabilities of each key over the queries sum to one. It is each query that divides its "
    "attention over the keys: the last axis.",
)
slip_in_either(
    "exp_without_a_shift",
    "softmax(scores)",
    "np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)",
    "exp of a large score overflows. Use your softmax, which shifts each row first.",
)
slip_in_either(
    "hides_the_past",
    "~np.tri(T, dtype=bool)",
    "np.tri(T, k=-1, dtype=bool)",
    "The mask is the wrong way round: earlier tokens are hidden and later ones seen. Rows of the "
    "mask are queries, columns are keys.",
)
slip_in_either(
    "hides_the_token_itself",
    "np.tri(T, dtype=bool)",
    "np.tri(T, k=-1, dtype=bool)",
    "The mask is one token too strict: a token also sees itself. With that hidden, the first token "
    "sees nothing, which gives 0 / 0.",
)
slip_in_either(
    "sees_one_token_ahead",
    "np.tri(T, dtype=bool)",
    "np.tri(T, k=1, dtype=bool)",
    "The mask is one token too generous: every token sees the one right after it, which is what a "
    "language model has to predict.",
)
slip_in_either(
    "hidden_scores_of_zero",
    "-np.inf",
    "0.0",
    "Hidden scores become 0 (by multiplying with the mask, perhaps). Softmax gives a score of 0 "
    "the weight e^0 = 1: which score has weight 0?",
)
slip_in_either(
    "hidden_scores_of_minus_100",
    "-np.inf",
    "-100.0",
    "Hidden scores get a finite value that ordinary scores can go below. When visible scores are "
    "in the thousands the hidden tokens win: is there a value below every score?",
)
slip_in_either(
    "masks_after_softmax",
    "        scores[:, future] = -np.inf\n    return softmax(scores)",
    "        return softmax(scores) * ~future\n    return softmax(scores)",
    "Probabilities are set to zero after softmax, so the rows no longer sum to one: hidden tokens "
    "already took their share. Hide the scores before softmax.",
)
slip_in_either(
    "never_masks",
    "    if causal:",
    "    if False:",
    "The mask is missing: with causal=True every token must be kept from later ones. (In the "
    "backward, the probabilities that are computed once more need the mask, too.)",
)
slip_in_either(
    "always_masks",
    "    if causal:",
    "    if True:",
    "The argument `causal` is ignored: the mask is there with causal=False, too.",
)

exercise.slip(
    "attention_head",
    "reads_the_keys",
    "linear(x, w_v)",
    "linear(x, w_k)",
    "The probabilities mix the keys. Keys are only for being found; the output is made of values.",
)
exercise.slip(
    "attention_head",
    "queries_for_keys",
    "linear(x, w_k), causal",
    "linear(x, w_q), causal",
    "The scores are products of queries with queries: w_k takes no part. A token is found by its "
    "key.",
)
exercise.slip(
    "attention_head",
    "transposed_probabilities",
    "causal) @ linear",
    "causal).swapaxes(-1, -2) @ linear",
    "The probabilities are transposed before they mix the values. The summed index is the key: "
    "where does it stand in each of the two factors?",
)
exercise.slip(
    "attention_head",
    "computes_in_float64",
    "d_head**-0.5",
    "np.float64(d_head) ** -0.5",
    "float32 arguments give a float64 result. np.sqrt of an integer is a float64 scalar, and "
    "np.zeros and np.full make float64 arrays unless told otherwise: one of them promotes the "
    "scores.",
    within="_probabilities",
)


@exercise.mistake("attention_head")
def scales_the_query_weights_it_was_given(x, w_q, w_k, w_v, causal=True):
    """The scale is multiplied into `w_q` itself. Work on a new array: the caller needs w_q."""
    out = attention_head.attention_head(x, w_q, w_k, w_v, causal)
    w_q *= w_q.shape[1] ** -0.5
    return out


# attention_head_backward

# With a single token the gradients of w_q and w_k are 0 up to rounding, which is not compared as
# strictly: that case is in stretching_adds_up.
exercise.matches_reference(
    "attention_head_backward", points=3, sizes=SIZES | {"T": [4, 6, 4, 2, 3]}
)
exercise.matches_finite_differences(
    "attention_head_backward",
    of="attention_head",
    wrt=["x", "w_q", "w_k", "w_v"],
    points=3,
    sizes=TINY,
)
exercise.matches_reference(
    "attention_head_backward",
    points=1,
    name="not_causal",
    title="The gradients without the mask.",
    causal=constant(False),
)


@exercise.satisfies("attention_head_backward", points=1)
def nothing_flows_to_the_future(student, dout, x, w_q, w_k, w_v, rng):
    """A loss that sees only the first outputs has no gradient for later tokens."""
    cut = int(rng.integers(1, x.shape[1]))
    early = dout.copy()
    early[:, cut:] = 0.0
    dx, *_ = student.attention_head_backward(early, x, w_q, w_k, w_v)
    return dx[:, cut:], np.zeros_like(x[:, cut:])


@exercise.satisfies("attention_head_backward", points=1, sizes=SIZES)
def stretching_adds_up(student, dout, x, w_q, w_k, w_v):
    """Stretching x has the effect of stretching w_q, w_k and w_v; of w_q, the effect of w_k."""
    out = attention_head.attention_head(x, w_q, w_k, w_v)
    dx, dw_q, dw_k, dw_v = student.attention_head_backward(dout, x, w_q, w_k, w_v)
    by_q, by_k, by_v = inner(dw_q, w_q), inner(dw_k, w_k), inner(dw_v, w_v)
    yield by_q, by_k
    yield by_v, inner(dout, out)
    yield inner(dx, x), by_q + by_k + by_v


exercise.matches_reference(
    "attention_head_backward",
    points=1,
    name="large_scores",
    title="Scores in the thousands give finite gradients, and hidden tokens stay hidden.",
    kind="E",
    rtol=1e-6,
    sizes=LARGE,
    x=derived(towering),
)
exercise.keeps_dtype("attention_head_backward", points=1)
exercise.leaves_inputs_alone("attention_head_backward", points=1)

BRANCHES = "dx_q + dx_k + dx_v"
exercise.slip(
    "attention_head_backward",
    "value_branch_only",
    BRANCHES,
    "dx_v",
    "dx comes back through the values alone. The token also made the query and the key that "
    "decided how much of which value is taken.",
)
exercise.slip(
    "attention_head_backward",
    "forgets_the_value_branch",
    BRANCHES,
    "dx_q + dx_k",
    "dx comes back through query and key; the branch through the value is missing.",
)
exercise.slip(
    "attention_head_backward",
    "forgets_the_key_branch",
    BRANCHES,
    "dx_q + dx_v",
    "dx comes back through query and value; the branch through the key is missing.",
)
exercise.slip(
    "attention_head_backward",
    "forgets_the_query_branch",
    BRANCHES,
    "dx_k + dx_v",
    "dx comes back through key and value; the branch through the query is missing.",
)
exercise.slip(
    "attention_head_backward",
    "mean_of_the_branches",
    BRANCHES,
    "(dx_q + dx_k + dx_v) / 3",
    "dx is the mean of its three branches. The total derivative is their sum.",
)
exercise.slip(
    "attention_head_backward",
    "mean_over_the_batch",
    "return dx_q + dx_k + dx_v, dw_q, dw_k, dw_v",
    "return dx_q + dx_k + dx_v, dw_q / len(x), dw_k / len(x), dw_v / len(x)",
    "The gradients of the weights are averaged over the batch. Whether the loss is a mean is the "
    "business of `dout`; here the contributions of all sequences are added.",
)
exercise.slip(
    "attention_head_backward",
    "forgets_the_scale",
    " * q.shape[-1] ** -0.5",
    "",
    "The branches through query and key are too large by the root of d_head: the scale is a factor "
    "of every score, so it is one of every gradient that passes through the scores.",
)
exercise.slip(
    "attention_head_backward",
    "scale_of_the_query_only",
    "ddots.swapaxes(-1, -2) @ q",
    "dscores.swapaxes(-1, -2) @ q",
    "The scale is in the gradient of the queries but not in that of the keys. It is a factor of "
    "the product of both.",
)
exercise.slip(
    "attention_head_backward",
    "scale_of_the_key_only",
    "ddots @ k",
    "dscores @ k",
    "The scale is in the gradient of the keys but not in that of the queries. It is a factor of "
    "the product of both.",
)
exercise.slip(
    "attention_head_backward",
    "scales_twice",
    "q.shape[-1] ** -0.5",
    "q.shape[-1] ** -1.0",
    "The branches through query and key have the scale twice: they are divided by d_head instead "
    "of its root.",
)
exercise.slip(
    "attention_head_backward",
    "scales_the_values",
    "probs.swapaxes(-1, -2) @ dout",
    "probs.swapaxes(-1, -2) @ dout * q.shape[-1] ** -0.5",
    "The gradient of the values has the scale as a factor. The values do not pass through the "
    "scores.",
)
exercise.slip(
    "attention_head_backward",
    "no_softmax_gradient",
    "softmax_backward(dprobs, probs)",
    "dprobs",
    "The gradient by the probabilities is used as if it were that by the scores. Softmax lies "
    "between them.",
)
exercise.slip(
    "attention_head_backward",
    "diagonal_of_the_softmax",
    "softmax_backward(dprobs, probs)",
    "dprobs * probs",
    "Of the softmax gradient only the term with i = j is there. A score changes all probabilities "
    "of its row: use your softmax_backward.",
)
exercise.slip(
    "attention_head_backward",
    "softmax_gradient_over_the_queries",
    "softmax_backward(dprobs, probs)",
    "softmax_backward(dprobs, probs, axis=-2)",
    "softmax_backward runs over the queries. The probabilities sum to one over the keys, the last "
    "axis.",
)
exercise.slip(
    "attention_head_backward",
    "softmax_gradient_arguments_exchanged",
    "softmax_backward(dprobs, probs)",
    "softmax_backward(probs, dprobs)",
    "The arguments of softmax_backward are exchanged: first comes the gradient, then what softmax "
    "returned.",
)
exercise.slip(
    "attention_head_backward",
    "gradient_through_the_mask",
    "softmax_backward(dprobs, probs)",
    "softmax_backward(dprobs, _probabilities(q, k, False))",
    "Gradient leaks through the mask: the values use the masked probabilities, but the softmax "
    "gradient uses unmasked ones. A hidden score is a constant.",
)
exercise.slip(
    "attention_head_backward",
    "minus_infinity_in_the_gradient",
    "softmax_backward(dprobs, probs)",
    "np.where(probs > 0, softmax_backward(dprobs, probs), -np.inf)",
    "Hidden entries of the score gradient are set to minus infinity. That is how a score is "
    "hidden; the derivative of a constant is something else.",
)
exercise.slip(
    "attention_head_backward",
    "keys_without_transpose",
    "ddots.swapaxes(-1, -2) @ q",
    "ddots @ q",
    "In the gradient of the keys the score gradient is not transposed: a key collects over all "
    "queries that ask it, the first index of both factors.",
)
exercise.slip(
    "attention_head_backward",
    "queries_with_transpose",
    "ddots @ k",
    "ddots.swapaxes(-1, -2) @ k",
    "In the gradient of the queries the score gradient is transposed: a query collects over the "
    "keys, which already are the last index.",
)
exercise.slip(
    "attention_head_backward",
    "values_without_transpose",
    "probs.swapaxes(-1, -2) @ dout",
    "probs @ dout",
    "In the gradient of the values the probabilities are not transposed: a value collects over all "
    "queries that read it, the first index of both factors.",
)
exercise.slip(
    "attention_head_backward",
    "values_from_dprobs",
    "probs.swapaxes(-1, -2) @ dout",
    "dprobs.swapaxes(-1, -2) @ dout",
    "The gradient of the values is made with the gradient of the probabilities. The factor of a "
    "value in the output is the probability itself.",
)
exercise.slip(
    "attention_head_backward",
    "probabilities_from_keys",
    "dout @ v.swap",
    "dout @ k.swap",
    "The gradient of the probabilities uses the keys. The output is a mean of values, so a "
    "probability's factor in it is a value.",
)
exercise.slip(
    "attention_head_backward",
    "queries_from_queries",
    "ddots @ k",
    "ddots @ q",
    "The gradient of the queries is made with the queries. A score is a product, and the "
    "derivative by one factor is the other one: the key.",
)
exercise.slip(
    "attention_head_backward",
    "keys_from_keys",
    "ddots.swapaxes(-1, -2) @ q",
    "ddots.swapaxes(-1, -2) @ k",
    "The gradient of the keys is made with the keys. A score is a product, and the derivative by "
    "one factor is the other one: the query.",
)
exercise.slip(
    "attention_head_backward",
    "weights_exchanged",
    "return dx_q + dx_k + dx_v, dw_q, dw_k, dw_v",
    "return dx_q + dx_k + dx_v, dw_k, dw_q, dw_v",
    "dw_q and dw_k are exchanged in the result. Gradients come back in the order of the arguments.",
)
exercise.slip(
    "attention_head_backward",
    "computes_in_float64",
    "ddots = dscores * q.shape[-1] ** -0.5",
    "ddots = dscores / np.sqrt(q.shape[-1])",
    "float32 arguments give float64 gradients. np.sqrt of an integer is a float64 scalar, and "
    "np.zeros makes float64 arrays unless told otherwise: one of them promotes the result.",
)


@exercise.mistake("attention_head_backward")
def scales_the_gradient_it_was_given(dout, x, w_q, w_k, w_v, causal=True):
    """The scale is multiplied into `dout` itself. Work on a new array: the caller needs it."""
    gradients = attention_head.attention_head_backward(dout, x, w_q, w_k, w_v, causal)
    dout *= w_q.shape[1] ** -0.5
    return gradients


@exercise.mistake("attention_head_backward")
def weights_of_the_first_sequence(dout, x, w_q, w_k, w_v, causal=True):
    """The gradients of the weights come from the first sequence alone. Every sequence of the
    batch uses the same weights: sum over all."""
    dx, *_ = attention_head.attention_head_backward(dout, x, w_q, w_k, w_v, causal)
    first = attention_head.attention_head_backward(dout[:1], x[:1], w_q, w_k, w_v, causal)
    return dx, *first[1:]
