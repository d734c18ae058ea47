"""Hidden checks for vol3_inference/sampling.

Which tokens are kept must not hang on rounding: logits keep a distance from each other, and a
threshold from whatever is compared with it, unless all numbers are exact in binary.
"""

import numpy as np

from autograder import Exercise, derived, integers
from solutions.vol3_inference import sampling

# With the sizes below a few suffice; with others, a single row for instance, it may be impossible.
TRIES = 50


def spread(rng, B, V):
    """Logits in random order, no two of a row closer than 0.1; rows from flat to steep."""
    ranks = np.argsort(rng.random((B, V)), axis=-1)
    scale = rng.permutation(np.linspace(0.2, 0.8, B))[:, np.newaxis]
    return (ranks + rng.uniform(0.0, 0.5, (B, V))) * scale - 0.2 * V


def distributions(rng, B, V):
    """Probabilities that no checked function has seen."""
    return sampling.sample_probs(spread(rng, B, V))


def clear_of(values, rng, low, high, fits=None):
    """A number in [low, high] that is far from all of `values`; one that `fits`, or None."""
    candidates = rng.uniform(low, high, 60)
    if fits is not None:
        candidates = np.array([c for c in candidates if fits(c)])
    if not candidates.size:
        return None
    distances = np.abs(candidates[:, None] - np.ravel(values)).min(axis=1)
    return float(candidates[np.argmax(distances)])


def sums_before(probs):
    """For each token of each row, the likeliest first, what those before it have together."""
    ranked = -np.sort(-probs, axis=-1)
    return np.cumsum(ranked, axis=-1) - ranked


def warm_nucleus(rng, B, V):
    """Logits, a temperature and a top_p of which not all rows keep equally many tokens."""
    for _ in range(TRIES):
        logits, temperature = spread(rng, B, V), warmth(rng)
        before = sums_before(sampling.sample_probs(logits, temperature))

        def differs(p, before=before):
            kept = (before < p).sum(axis=-1)
            return kept.min() < kept.max() and kept.min() < V

        p = clear_of(before, rng, 0.3, 0.95, differs)
        if p is not None:
            break
    return logits, temperature, p or 0.5


def warmth(rng):
    return float(rng.choice([rng.uniform(0.5, 0.8), rng.uniform(1.3, 2.0)]))


def in_pieces(rng, probs):
    """One number per row, well within the piece of a token that has a probability."""
    chosen = rng.integers(probs.shape[-1], size=probs.shape[:-1])[..., None]
    ends = np.cumsum(probs, axis=-1)
    end, length = (np.take_along_axis(a, chosen, axis=-1)[..., 0] for a in (ends, probs))
    return end - length * rng.uniform(0.2, 0.8, end.shape)


exercise = Exercise(
    "vol3_inference/sampling",
    solution=sampling,
    difficulty=2,
    minutes=90,
    inputs={
        "logits": derived(spread),
        "probs": derived(distributions),
        "u": derived(in_pieces),
        "ids": integers("B T", "V"),
        "penalty": derived(lambda rng: float(rng.uniform(1.2, 1.8))),
        "p": derived(
            lambda rng, probs: clear_of(probs / probs.max(-1, keepdims=True), rng, 0.1, 0.8)
        ),
    },
    sizes={"B": [3, 5], "V": [7, 5], "T": [4, 3]},
)
# More tokens than are said in all rows together.
TEXTS = {"B": [3, 4], "V": [11, 9], "T": [3, 2]}
WARM = derived(warmth)
NUCLEUS = {
    "setting": derived(warm_nucleus),
    "logits": derived(lambda setting: setting[0]),
    "temperature": derived(lambda setting: setting[1]),
    "top_p": derived(lambda setting: setting[2]),
}

# sample_probs

exercise.matches_reference("sample_probs", points=2, temperature=WARM)
exercise.matches_reference(
    "sample_probs",
    points=2,
    name="keeps_k",
    title="top_k keeps the k most likely tokens, which then sum to one.",
    temperature=WARM,
    top_k=derived(lambda rng, V: int(rng.integers(2, V - 1)) if V > 3 else V),
)
exercise.matches_reference(
    "sample_probs",
    points=2,
    name="keeps_the_nucleus",
    title="top_p keeps the fewest most likely tokens that reach p, which then sum to one.",
    **NUCLEUS,
)


def order_matters(rng, B, V):
    """Logits, temperature, k and p for which every other order of the steps keeps other tokens."""
    for _ in range(TRIES):
        logits, temperature = 0.5 * spread(rng, B, V), warmth(rng)
        k = int(rng.integers(3, V)) if V > 3 else V
        warm, cold = (
            -np.sort(-sampling.sample_probs(logits, t), axis=-1) for t in (temperature, 1)
        )
        orders = [
            p / p[:, :n].sum(axis=-1, keepdims=True) for p, n in ((warm, k), (warm, V), (cold, k))
        ]
        sums = [(np.cumsum(p, axis=-1) - p)[:, :k] for p in orders]

        def matters(p, sums=sums):
            right, first, last = [(s < p).sum(axis=-1) for s in sums]
            return (right != first).any() and (right != last).any() and right.min() < right.max()

        p = clear_of(np.concatenate(sums), rng, 0.3, 0.9, matters)
        if p is not None:
            break
    return logits, temperature, k, p or 0.5


@exercise.satisfies("sample_probs", kind="R", points=2, setting=derived(order_matters))
def one_after_the_other(student, setting):
    """Temperature, then top-k, then top-p among the tokens that top-k has left."""
    return student.sample_probs(*setting), sampling.sample_probs(*setting)


@exercise.satisfies("sample_probs", points=1)
def a_shift_of_a_row_changes_nothing(student, logits, rng):
    """Adding a constant to the logits of a row changes nothing, and rows do not meet."""
    shift = rng.normal(scale=50.0, size=(len(logits), 1))
    k = logits.shape[1] - 2
    yield student.sample_probs(logits + shift, 1.0, k), sampling.sample_probs(logits, 1.0, k)
    yield student.sample_probs(logits + shift), sampling.sample_probs(logits)
    shifted = student.sample_probs(logits + shift, 1.0, 0, 0.55)
    alone = np.concatenate([student.sample_probs(row[None], 1.0, 0, 0.55) for row in logits])
    yield shifted.shape == alone.shape
    yield shifted.sum(axis=-1), np.ones(len(logits))


def tied(rng, B, V):
    """Small whole numbers: every value occurs several times, the largest at least twice."""
    logits = rng.integers(0, 3, (B, V)).astype(np.float64)
    for row in logits:
        row[rng.choice(V, 2, replace=False)] = 3.0
    return logits


@exercise.satisfies(
    "sample_probs", kind="E", points=1, sizes={"B": [5], "V": [8]}, logits=derived(tied)
)
def ties_go_to_the_lowest_id(student, logits, rng):
    """Of equally likely tokens those with the lowest ids are kept, exactly k in all."""
    for k in range(1, logits.shape[1]):
        yield student.sample_probs(logits, 1.0, k), sampling.sample_probs(logits, 1.0, k)
    p = clear_of(sums_before(sampling.sample_probs(logits)), rng, 0.1, 0.9)
    yield student.sample_probs(logits, 1.0, 0, p), sampling.sample_probs(logits, 1.0, 0, p)


@exercise.satisfies(
    "sample_probs", kind="E", points=1, sizes={"B": [5], "V": [8]}, logits=derived(tied)
)
def temperature_zero_is_greedy(student, logits, rng):
    """temperature=0 gives everything to the largest logit, the first one of several."""
    one_hot = np.eye(logits.shape[1])[logits.argmax(axis=-1)]
    yield student.sample_probs(logits, 0.0), one_hot
    yield (
        student.sample_probs(-50.0 * rng.random(logits.shape) - 1.0 + logits, 0.0).max(-1),
        np.ones(5),
    )
    yield student.sample_probs(logits, 0.0, 3, 0.9), one_hot


@exercise.satisfies("sample_probs", kind="E", points=1, sizes={"B": [3], "V": [6]})
def knobs_at_their_ends(student, logits, V):
    """top_k=0, top_k >= V and top_p=1 keep every token; top_p=0 and top_k=1 keep one."""
    steep = logits.copy()
    steep[:, 0] += 60.0
    for k in (0, V, V + 3):
        yield (student.sample_probs(steep, 1.0, k) > 0).all()
    yield (student.sample_probs(steep, 1.0, 0, 1.0) > 0).all()
    yield student.sample_probs(np.zeros((1, 2)), 1.0, 0, 0.5), np.array([[1.0, 0.0]])
    best = np.eye(V)[logits.argmax(axis=-1)]
    yield student.sample_probs(logits, 1.0, 0, 0.0), best
    yield student.sample_probs(logits, 1.0, 1), best


@exercise.satisfies("sample_probs", kind="E", points=1)
def large_logits(student, logits):
    """Logits in the thousands give probabilities, not nan."""
    large = 1000.0 * logits
    yield student.sample_probs(large, 0.5), sampling.sample_probs(large, 0.5)
    yield student.sample_probs(-large, 2.0, 3, 0.5), sampling.sample_probs(-large, 2.0, 3, 0.5)


exercise.keeps_dtype("sample_probs", points=1, **NUCLEUS)
exercise.leaves_inputs_alone("sample_probs", points=1, **NUCLEUS)

exercise.slip(
    "sample_probs",
    "multiplies_by_the_temperature",
    "(ranked - ranked[:, :1]) / temperature",
    "(ranked - ranked[:, :1]) * temperature",
    "The logits are multiplied by the temperature. A small temperature has to make the differences "
    "larger.",
)
exercise.slip(
    "sample_probs",
    "ignores_the_temperature",
    "(ranked - ranked[:, :1]) / temperature",
    "(ranked - ranked[:, :1])",
    "The temperature changes nothing: divide the logits by it before the exponential.",
)
exercise.slip(
    "sample_probs",
    "keeps_one_token_too_many",
    "ranked[:, top_k:] = 0",
    "ranked[:, top_k + 1:] = 0",
    "One token too many is kept by top-k.",
)
exercise.slip(
    "sample_probs",
    "keeps_one_token_too_few",
    "ranked[:, top_k:] = 0",
    "ranked[:, max(top_k - 1, 1):] = 0",
    "One token too few is kept by top-k.",
)
exercise.slip(
    "sample_probs",
    "keeps_everything_tied_with_the_kth",
    "ranked[:, top_k:] = 0",
    "ranked = np.where(ranked >= ranked[:, min(top_k, ranked.shape[1]) - 1][:, None], ranked, 0)",
    "Every token that ties with the k-th is kept, so there may be more than k. Exactly k are kept, "
    "by rank: of equal ones those with the lowest ids.",
)
exercise.slip(
    "sample_probs",
    "ties_to_the_highest_id",
    'np.argsort(-logits, kind="stable")',
    'np.argsort(logits, kind="stable")[:, ::-1]',
    "Among equally likely tokens the highest id wins. Reversing a sorted order reverses its ties, "
    "too; sort the negative logits instead.",
)
exercise.slip(
    "sample_probs",
    "stays_sorted",
    "probs[rows, order] = ranked",
    "probs[...] = ranked",
    "The result is in sorted order. Put every probability back to the id it belongs to.",
)
exercise.slip(
    "sample_probs",
    "sorted_back_the_wrong_way",
    "probs[rows, order] = ranked",
    "probs[...] = ranked[rows, order]",
    "Sorting back applies the order a second time. The inverse is wanted: place j of the sorted "
    "row belongs to the id order[j].",
)
exercise.slip(
    "sample_probs",
    "no_division_between_the_two",
    "    ranked = ranked / ranked.sum(axis=-1, keepdims=True)\n    if top_p < 1:",
    "    whole = np.exp((logits - logits.max(axis=-1, keepdims=True)) / temperature)\n"
    "    ranked = ranked / whole.sum(axis=-1, keepdims=True)\n    if top_p >= 1:\n"
    "        ranked = ranked / ranked.sum(axis=-1, keepdims=True)\n    if top_p < 1:",
    "Top-p comes before top-k, or looks at what top-k has left before it is divided by its sum. "
    "First top-k, then the division, then top-p.",
)
exercise.slip(
    "sample_probs",
    "does_not_divide_after_top_p",
    "        ranked = np.where(needed, ranked, 0)\n"
    "        ranked = ranked / ranked.sum(axis=-1, keepdims=True)",
    "        ranked = np.where(needed, ranked, 0)",
    "After top-p the rows do not sum to one: divide by the sum of what is left.",
)
exercise.slip(
    "sample_probs",
    "drops_the_token_that_crosses",
    "before = np.cumsum(ranked, axis=-1) - ranked",
    "before = np.cumsum(ranked, axis=-1)",
    "The token that crosses p is dropped, so what is left has less than p. Look at the sum before "
    "a token, not at the sum that includes it.",
)
exercise.slip(
    "sample_probs",
    "keeps_what_comes_after_p",
    "needed = before < top_p",
    "needed = before >= top_p",
    "The tail is kept and the likely tokens are dropped: turn the comparison round.",
)
exercise.slip(
    "sample_probs",
    "may_keep_nothing",
    "        needed[:, 0] = True\n",
    "        needed[:, 0] |= (top_p > 0)\n",
    "With top_p=0 no token is left and the division gives nan. The most likely one is always kept.",
)
exercise.slip(
    "sample_probs",
    "top_p_of_one_is_not_off",
    "if top_p < 1:",
    "if top_p <= 1:",
    "With top_p=1.0 unlikely tokens vanish: the sum before them rounds to 1. top_p=1.0 means off.",
)
exercise.slip(
    "sample_probs",
    "temperature_zero_is_one",
    "temperature, top_k = 1.0, 1",
    "temperature = 1.0",
    "temperature=0 gives an ordinary distribution. It means greedy: everything for the largest.",
)
exercise.slip(
    "sample_probs",
    "no_shift",
    "(ranked - ranked[:, :1])",
    "ranked",
    "exp of a large logit overflows. Subtract the largest logit of the row first.",
)
exercise.slip(
    "sample_probs",
    "sums_over_the_batch",
    "        needed[:, 0] = True\n",
    "        needed[:, 0] = True\n        needed[:] = needed.any(axis=0)\n",
    "How many tokens top-p keeps is decided for all rows together. Each row has its own nucleus.",
)
exercise.slip(
    "sample_probs",
    "normalises_the_whole_batch",
    "    ranked = ranked / ranked.sum(axis=-1, keepdims=True)\n    if top_p < 1:",
    "    ranked = ranked / ranked.sum()\n    if top_p < 1:",
    "The probabilities of all rows together sum to one. Each row has a sum of its own.",
)


@exercise.mistake("sample_probs")
def temperature_last(logits, temperature=1.0, top_k=0, top_p=1.0):
    """The temperature acts on what top-p has left. It comes first: it decides what top-p keeps."""
    kept = sampling.sample_probs(logits, 1.0, top_k, top_p) > 0
    if temperature == 0:
        return sampling.sample_probs(logits, 0.0)
    exps = np.where(kept, np.exp((logits - logits.max(-1, keepdims=True)) / temperature), 0)
    return (exps / exps.sum(axis=-1, keepdims=True)).astype(logits.dtype)


@exercise.mistake("sample_probs")
def greedy_shares_among_ties(logits, temperature=1.0, top_k=0, top_p=1.0):
    """With temperature=0 equally large logits share the probability. The first one takes all."""
    if temperature:
        return sampling.sample_probs(logits, temperature, top_k, top_p)
    best = (logits == logits.max(axis=-1, keepdims=True)).astype(logits.dtype)
    return best / best.sum(axis=-1, keepdims=True)


@exercise.mistake("sample_probs")
def computes_in_float64(logits, temperature=1.0, top_k=0, top_p=1.0):
    """The result is float64 for float32 logits. Keep the dtype of the logits."""
    return sampling.sample_probs(np.asarray(logits, dtype=np.float64), temperature, top_k, top_p)


@exercise.mistake("sample_probs")
def shifts_the_logits_it_was_given(logits, temperature=1.0, top_k=0, top_p=1.0):
    """The shift is written into the logits themselves. Work on a new array."""
    logits -= logits.max(axis=-1, keepdims=True)
    return sampling.sample_probs(logits, temperature, top_k, top_p)


# draw

exercise.matches_reference("draw", points=2, sizes={"B": [16, 9], "V": [7, 5]})


@exercise.satisfies("draw", points=1, sizes={"B": [4], "V": [5]})
def any_number_of_leading_axes(student, probs, u):
    """(V,) with one number, (2, 2, V) with (2, 2): one token per row, int64."""
    grid = student.draw(probs.reshape(2, 2, -1), u.reshape(2, 2))
    yield grid, sampling.draw(probs, u).reshape(2, 2)
    yield grid.dtype == np.int64
    yield student.draw(probs[0], float(u[0])), sampling.draw(probs[0], u[0])


@exercise.satisfies("draw", points=1, sizes={"B": [6], "V": [5]})
def every_piece_is_as_long_as_its_probability(student, probs, rng):
    """u just inside of each end of each piece gives its token."""
    ends = np.cumsum(probs[0])
    starts = ends - probs[0]
    for u in (starts + 1e-6, ends - 1e-6):
        yield student.draw(np.tile(probs[0], (5, 1)), u), np.arange(5)


def binary(rng, B, V):
    """Probabilities that are whole numbers of 1 / 64: every sum of them is exact."""
    cuts = np.sort(np.array([rng.choice(np.arange(1, 64), V - 1, replace=False) for _ in range(B)]))
    ends = np.concatenate([np.zeros((B, 1)), cuts, np.full((B, 1), 64)], axis=1)
    return np.diff(ends, axis=1) / 64


@exercise.satisfies("draw", kind="E", points=1, sizes={"B": [4], "V": [5]}, probs=derived(binary))
def the_end_of_a_piece_belongs_to_the_next(student, probs):
    """A cumulative sum that equals u does not exceed it."""
    for i in range(probs.shape[1] - 1):
        yield student.draw(probs, probs[:, : i + 1].sum(axis=-1)), np.full(len(probs), i + 1)
    yield student.draw(probs, np.zeros(len(probs))), np.zeros(len(probs), dtype=int)


@exercise.satisfies("draw", kind="E", points=1, sizes={"B": [3], "V": [6]}, probs=derived(binary))
def never_a_token_without_probability(student, probs):
    """A token with probability 0 is never drawn: at the start, in the middle or at the end."""
    holes = np.insert(probs, [0, 3, 6, 6], 0.0, axis=1)
    at = np.array([1, 2, 3, 5, 6, 7])
    ends = np.cumsum(probs, axis=1)
    for i in range(6):
        yield student.draw(holes, ends[:, i] - probs[:, i]), np.full(3, at[i])
    yield student.draw(holes, np.full(3, 1 - 1e-12)), np.full(3, 7)


@exercise.satisfies("draw", kind="E", points=1, sizes={"B": [3], "V": [6]})
def a_sum_below_u(student, probs):
    """Where rounding leaves the sum of a row below u, the last token that may be drawn is."""
    last, u = np.array([3, 4, 2]), np.full(3, 1 - 1e-9)
    probs[np.arange(6) > last[:, None]] = 0
    probs *= (1 - 1e-6) / probs.sum(axis=-1, keepdims=True)
    yield student.draw(probs, u), last
    yield (
        student.draw(probs[:, :3] / probs[:, :3].sum(-1, keepdims=True) * (1 - 1e-6), u),
        0 * last + 2,
    )


@exercise.satisfies("draw", kind="E", points=1, dtype="float32")
def draws_from_float32(student, probs, u):
    """Probabilities in float32 give the same tokens."""
    return student.draw(probs, u), sampling.draw(probs.astype(np.float64), u)


exercise.leaves_inputs_alone("draw", points=1)

exercise.slip(
    "draw",
    "reaches_is_enough",
    "(sums <= np.asarray(u)[..., np.newaxis])",
    "(sums < np.asarray(u)[..., np.newaxis])",
    "A cumulative sum that equals u is taken as enough. It has to exceed u, or a token with "
    "probability 0 is drawn at u = 0.",
)
exercise.slip(
    "draw",
    "sum_before_the_token",
    "np.cumsum(probs, axis=-1)",
    "np.cumsum(probs, axis=-1) - probs",
    "The sum before a token is compared with u. Its own probability counts, too: the token is one "
    "too high.",
)
exercise.slip(
    "draw",
    "one_too_low",
    "np.minimum(below, last)",
    "np.maximum(np.minimum(below, last) - 1, 0)",
    "The token before the right one is drawn.",
)
exercise.slip(
    "draw",
    "always_the_most_likely",
    "np.minimum(below, last)",
    "np.argmax(probs, axis=-1)",
    "u is not used: the most likely token is drawn every time.",
)
exercise.slip(
    "draw",
    "counts_from_the_end",
    "sums = np.cumsum(probs, axis=-1)",
    "sums = np.cumsum(probs[..., ::-1], axis=-1)",
    "The probabilities are added from the end. Lay them out in the order of the ids.",
)
exercise.slip(
    "draw",
    "in_order_of_probability",
    "sums = np.cumsum(probs, axis=-1)",
    "sums = np.cumsum(-np.sort(-probs, axis=-1), axis=-1)",
    "The probabilities are sorted before they are added. Lay them out in the order of the ids.",
)
exercise.slip(
    "draw",
    "not_capped",
    "np.minimum(below, last)",
    "np.minimum(below, probs.shape[-1] - 1)",
    "Where rounding leaves the sum below u, the last id is drawn even if its probability is 0.",
)
exercise.slip(
    "draw",
    "falls_back_to_the_first",
    "np.minimum(below, last)",
    "np.where(below > last, 0, below)",
    "Where no cumulative sum exceeds u, id 0 is drawn. The last token that has any probability is "
    "nearest.",
)
exercise.slip(
    "draw",
    "beyond_the_vocabulary",
    "np.minimum(below, last)",
    "below",
    "Where rounding leaves the sum below u, the result is no token at all. Draw the last one that "
    "has any probability.",
)
exercise.slip(
    "draw",
    "one_u_for_all_rows",
    "np.asarray(u)[..., np.newaxis]",
    "np.asarray(u).flat[0]",
    "The first number of u decides every row. Each row has its own.",
)


@exercise.mistake("draw")
def returns_floats(probs, u):
    """The ids are floats. They index a vocabulary: int64."""
    return np.asarray(sampling.draw(probs, u), dtype=np.float64)


@exercise.mistake("draw")
def adds_up_in_place(probs, u):
    """The cumulative sums are written over the probabilities. Work on a new array."""
    ids = sampling.draw(probs, u)
    np.cumsum(probs, axis=-1, out=probs)
    return ids


# repetition_penalty

exercise.matches_reference("repetition_penalty", points=2, sizes=TEXTS)


@exercise.satisfies("repetition_penalty", points=1, sizes=TEXTS)
def once_per_token_and_row(student, logits, ids, penalty):
    """Saying a token again changes nothing more, and a row's text concerns that row only."""
    again = np.concatenate([ids, ids[:, ::-1], ids[:, :1]], axis=1)
    out = sampling.repetition_penalty(logits, ids, penalty)
    yield student.repetition_penalty(logits, again, penalty), out
    yield student.repetition_penalty(logits[1:], ids[1:], penalty), out[1:]


@exercise.satisfies("repetition_penalty", kind="E", points=1)
def nothing_changes_at_one(student, logits, ids):
    """A penalty of 1 changes nothing; neither does any penalty a logit of 0."""
    yield student.repetition_penalty(logits, ids, 1.0), logits
    yield student.repetition_penalty(0 * logits, ids, 1.5), 0 * logits


exercise.keeps_dtype("repetition_penalty", points=1)
exercise.leaves_inputs_alone("repetition_penalty", points=1)

exercise.slip(
    "repetition_penalty",
    "always_divides",
    "np.where(logits > 0, logits / penalty, logits * penalty)",
    "logits / penalty",
    "Negative logits are divided, too, and that raises them. Multiply those.",
)
exercise.slip(
    "repetition_penalty",
    "always_multiplies",
    "np.where(logits > 0, logits / penalty, logits * penalty)",
    "logits * penalty",
    "Positive logits are multiplied, and that raises them. Divide those.",
)
exercise.slip(
    "repetition_penalty",
    "the_wrong_way_round",
    "logits > 0",
    "logits < 0",
    "What has been said becomes more likely: the two cases are exchanged.",
)
exercise.slip(
    "repetition_penalty",
    "subtracts",
    "np.where(logits > 0, logits / penalty, logits * penalty)",
    "logits - penalty",
    "The penalty is subtracted. Positive logits are divided by it, the others multiplied.",
)
exercise.slip(
    "repetition_penalty",
    "penalises_everything",
    "np.where(said, lowered, logits)",
    "lowered",
    "Every token is penalised. Only those of the row's text are.",
)
exercise.slip(
    "repetition_penalty",
    "penalises_what_was_not_said",
    "np.where(said, lowered, logits)",
    "np.where(said, logits, lowered)",
    "The tokens that have not been said are penalised.",
)
exercise.slip(
    "repetition_penalty",
    "every_text_for_every_row",
    "np.where(said, lowered, logits)",
    "np.where(said.any(axis=0), lowered, logits)",
    "A row is penalised for the texts of the other rows, too.",
)
exercise.slip(
    "repetition_penalty",
    "only_the_last_token",
    "ids] = True",
    "ids[:, -1:]] = True",
    "Only the last token of the text is penalised. All of the text counts.",
)


@exercise.mistake("repetition_penalty")
def once_per_occurrence(logits, ids, penalty):
    """A token that occurs several times is penalised several times. Once is enough."""
    out = logits.copy()
    for column in ids.T:
        out = sampling.repetition_penalty(out, column[:, None], penalty)
    return out


@exercise.mistake("repetition_penalty")
def writes_into_the_logits(logits, ids, penalty):
    """The logits that were given are changed. Work on a copy."""
    logits[...] = sampling.repetition_penalty(logits, ids, penalty)
    return logits


@exercise.mistake("repetition_penalty")
def promotes_to_float64(logits, ids, penalty):
    """The result is float64 for float32 logits. Keep the dtype of the logits."""
    return sampling.repetition_penalty(logits.astype(np.float64), ids, penalty)


# min_p

exercise.matches_reference("min_p", points=2)


@exercise.satisfies("min_p", points=1)
def rows_have_bars_of_their_own(student, probs, p):
    """What a row keeps does not depend on the other rows."""
    together = student.min_p(probs, p)
    yield np.concatenate([student.min_p(row[None], p) for row in probs]), together
    yield together.sum(axis=-1), np.ones(len(probs))


@exercise.satisfies("min_p", kind="E", points=1)
def the_bar_itself_is_enough(student):
    """A token with exactly p times the largest probability stays; p=0 keeps all, p=1 the best."""
    probs = np.array([[0.125, 0.5, 0.25, 0.125], [0.25, 0.25, 0.375, 0.125]])
    yield student.min_p(probs, 0.5)[0], np.array([0, 2 / 3, 1 / 3, 0])
    yield student.min_p(probs, 0.25)[0], probs[0]
    yield student.min_p(probs, 0.0), probs
    yield student.min_p(np.array([[0.375, 0.25, 0.375]]), 1.0), np.array([[0.5, 0.0, 0.5]])


exercise.keeps_dtype("min_p", points=1)
exercise.leaves_inputs_alone("min_p", points=1)

exercise.slip(
    "min_p",
    "absolute_bar",
    "p * probs.max(axis=-1, keepdims=True)",
    "p",
    "The bar is p itself. It is p times the largest probability of the row.",
)
exercise.slip(
    "min_p",
    "one_bar_for_all_rows",
    "probs.max(axis=-1, keepdims=True)",
    "probs.max()",
    "All rows share one bar. Each has its own largest probability.",
)
exercise.slip(
    "min_p",
    "above_the_bar",
    "probs >= p",
    "probs > p",
    "A token that lies exactly at the bar is dropped; at least p times the largest is enough.",
)
exercise.slip(
    "min_p",
    "not_divided",
    "kept / kept.sum(axis=-1, keepdims=True)",
    "kept",
    "The rows do not sum to one: divide by the sum of what is left.",
)
exercise.slip(
    "min_p",
    "divides_by_the_sum_of_all",
    "kept.sum(axis=-1, keepdims=True)",
    "kept.sum()",
    "All rows together sum to one. Each row has a sum of its own.",
)
exercise.slip(
    "min_p",
    "keeps_what_is_below",
    "probs >= p * probs.max(axis=-1, keepdims=True)",
    "(probs < p * probs.max(axis=-1, keepdims=True)) | (probs == probs.max(-1, keepdims=True))",
    "The tokens below the bar are kept, and those above it dropped.",
)
exercise.slip(
    "min_p",
    "measures_from_the_smallest",
    "probs.max(axis=-1, keepdims=True)",
    "probs.min(axis=-1, keepdims=True)",
    "The bar is a share of the smallest probability, so nothing is dropped.",
)
exercise.slip(
    "min_p",
    "measures_from_the_mean",
    "probs.max(axis=-1, keepdims=True)",
    "probs.mean(axis=-1, keepdims=True)",
    "The bar is a share of the mean. The most likely token sets it.",
)


@exercise.mistake("min_p")
def keeps_the_array(probs, p):
    """The probabilities that were given are changed. Work on a copy."""
    probs[probs < p * probs.max(axis=-1, keepdims=True)] = 0
    probs /= probs.sum(axis=-1, keepdims=True)
    return probs


@exercise.mistake("min_p")
def returns_float64(probs, p):
    """The result is float64 for float32 probabilities. Keep the dtype."""
    return sampling.min_p(probs.astype(np.float64), p)
