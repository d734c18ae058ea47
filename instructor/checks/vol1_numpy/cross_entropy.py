"""Hidden checks for vol1_numpy/cross_entropy."""

import numpy as np

from autograder import Exercise, array, constant, derived
from solutions.vol1_numpy import cross_entropy


def ragged(rng, B, T, V):
    """Targets of which -100 takes the place of 1, 2, ... in the sequences, and never of all."""
    targets = rng.integers(V, size=(B, T))
    for b in range(B):
        targets[b, rng.permutation(T)[: (b + 1) % T]] = -100
    return targets


def padded(rng, B, T, V, ignore_index):
    """The same with `ignore_index`, which may be a word of the vocabulary, in place of -100."""
    others = (ignore_index + rng.integers(1, V, size=(B, T))) % V
    return np.where(ragged(rng, B, T, V) == -100, ignore_index, others)


def one_sequence(rng, N, V):
    """Targets of a single sequence; the first one does not count."""
    targets = rng.integers(V, size=N)
    targets[0] = -100
    return targets


def wrong_by_far(rng, B, T, V):
    """Logits in the thousands in most rows; the rows lie far above and below each other."""
    scale = rng.choice([1.0, 1e3, 3e3], size=(B, T, 1))
    scale[:, 0] = 3e3
    return scale * rng.standard_normal((B, T, V)) + 5e3 * rng.standard_normal((B, T, 1))


exercise = Exercise(
    "vol1_numpy/cross_entropy",
    solution=cross_entropy,
    difficulty=3,
    minutes=60,
    inputs={"logits": array("B T V", scale=2.0), "targets": derived(ragged)},
    sizes={"B": [2, 3, 1], "T": [4, 3, 1], "V": [5, 3, 2]},
)
# First an index that is no word and not the default, then one that is the last word.
INDEX = {
    "ignore_index": derived(lambda V, word: V - 1 if word else -1),
    "targets": derived(padded),
}
TWO = {"word": [0, 1], "B": [2, 3], "T": [4, 2], "V": [5, 4]}
ROWS = {"logits": array("N V", scale=2.0), "targets": derived(one_sequence)}
LIST = {"N": [5, 4, 2], "V": [3, 4, 6]}
ONE = {"B": [2], "T": [4], "V": [5]}
FEW = {"B": [2], "T": [3], "V": [4]}
# Every target counts: n is B T.
ALL = {"targets": derived(lambda rng, B, T, V: rng.integers(V, size=(B, T)))}
LARGE = {"B": [2], "T": [6], "V": [5]}
WIDE = {"N": [2], "V": [20_000]}

# cross_entropy

exercise.matches_reference("cross_entropy", points=3)
exercise.matches_reference(
    "cross_entropy",
    points=1,
    name="another_index",
    title="The targets that do not count are those equal to ignore_index, whichever that is.",
    sizes=TWO,
    **INDEX,
)
exercise.matches_reference(
    "cross_entropy",
    points=1,
    name="rows",
    title="Any number of leading axes will do: logits may be (N, V).",
    sizes=LIST,
    **ROWS,
)


@exercise.satisfies("cross_entropy", points=1, sizes=ONE, **ALL)
def even_guesses_and_sure_errors(student, logits, targets, V, rng):
    """Equal logits cost ln V; a word that is sure by 1000 and wrong costs 1000."""
    level = 10.0 * rng.standard_normal((*targets.shape, 1))
    even = np.broadcast_to(level, logits.shape)
    yield student.cross_entropy(even, targets), np.log(V)
    sure = np.zeros_like(logits)
    np.put_along_axis(sure, (targets[..., None] + 1) % V, 1000.0, axis=-1)
    yield student.cross_entropy(sure, targets), 1000.0


@exercise.satisfies("cross_entropy", points=1, sizes=ONE)
def what_does_not_count_does_not_matter(student, logits, targets, rng):
    """Logits whose target does not count change nothing; nor does a shift of a row."""
    loss = student.cross_entropy(logits, targets)
    kept = (targets != -100)[..., None]
    other = np.where(kept, logits, 10.0 * rng.standard_normal(logits.shape))
    yield student.cross_entropy(other, targets), loss
    shift = 2e3 * rng.choice([-1.0, 1.0], size=(*targets.shape, 1))
    yield student.cross_entropy(logits + shift, targets), loss


exercise.matches_reference(
    "cross_entropy",
    points=1,
    name="large_errors",
    title="Logits in the thousands give a finite loss, in float32 too.",
    kind="E",
    dtype="float32",
    sizes=LARGE,
    logits=derived(wrong_by_far),
)
exercise.matches_reference(
    "cross_entropy",
    points=1,
    name="nothing_counts",
    title="If no target counts, the loss is 0.",
    kind="E",
    sizes=FEW,
    targets=derived(lambda B, T: np.full((B, T), -100)),
)
exercise.matches_reference(
    "cross_entropy",
    points=1,
    name="twenty_thousand_words",
    title="Nothing larger than the logits is built: 20,000 words are no problem.",
    kind="E",
    sizes=WIDE,
    **ROWS,
)
exercise.leaves_inputs_alone("cross_entropy", points=1)

SHIFT, LOSSES = "rows - rows.max(axis=-1, keepdims=True)", "log_sums - shifted["
KEPT, PICKED = "targets != ignore_index", "log_sums - shifted[np.arange(len(labels)), labels]"
PROBABILITY = "softmax(rows)[np.arange(len(labels)), labels]"
MEAN = "losses.mean()"


def slip_in_both(name, new, hint):
    """Declare a mistake of both functions: which targets count."""
    for function in ("cross_entropy", "cross_entropy_backward"):
        exercise.slip(function, name, KEPT, new, hint)


slip_in_both(
    "index_is_fixed",
    "targets != -100",
    "Targets of -100 are left out whatever `ignore_index` says. -100 is only its default.",
)
slip_in_both(
    "negative_targets_do_not_count",
    "targets >= 0",
    "All negative targets are left out, and no others. Those that do not count are equal to "
    "`ignore_index`, which may be an id of the vocabulary.",
)
slip_in_both(
    "everything_counts",
    "targets == targets",
    "`ignore_index` is not used: targets equal to it count like all others.",
)
exercise.slip(
    "cross_entropy",
    "no_shift",
    SHIFT,
    "rows",
    "exp of a large logit overflows. A shift of the whole row changes no cost: which shift keeps "
    "every exponent at or below zero?",
)
exercise.slip(
    "cross_entropy",
    "shift_by_the_global_maximum",
    "rows.max(axis=-1, keepdims=True)",
    "rows.max()",
    "Each row needs its own shift. With one for all rows, the sum of a row far below the largest "
    "logit underflows to 0, and its logarithm is infinite.",
)
exercise.slip(
    "cross_entropy",
    "shifts_one_term_only",
    LOSSES,
    "log_sums - rows[",
    "The logits are shifted inside the sum but not where the target's logit is taken off. The two "
    "shifts cancel only if both terms have them.",
)
exercise.slip(
    "cross_entropy",
    "logarithm_of_a_probability",
    PICKED,
    f"-np.log({PROBABILITY})",
    "A probability that underflows to 0 costs infinitely much here. Take the logarithm of the "
    "fraction on paper first: it is a difference, and no probability is needed.",
)
exercise.slip(
    "cross_entropy",
    "probability_with_an_epsilon",
    PICKED,
    f"-np.log({PROBABILITY} + 1e-8)",
    "A small number is added to the probability. It changes every cost a little and caps the large "
    "ones. Without a probability there is nothing that could be zero.",
)
exercise.slip(
    "cross_entropy",
    "caps_the_cost",
    PICKED,
    f"-np.log(np.maximum({PROBABILITY}, 1e-12))",
    "Small probabilities are raised to a least one, so all large errors cost the same. A target "
    "that lies 1000 below the largest logit costs 1000.",
)
exercise.slip(
    "cross_entropy",
    "one_sum_for_all_rows",
    ".sum(axis=-1)",
    ".sum()",
    "The exponentials of all rows are added up. Every row has its own sum, over the words.",
)
exercise.slip(
    "cross_entropy",
    "forgets_the_sum",
    PICKED,
    "-rows[np.arange(len(labels)), labels]",
    "Only the target's logit is there. Without the logarithm of the sum, raising all logits alike "
    "would make the loss smaller.",
)
exercise.slip(
    "cross_entropy",
    "forgets_the_target",
    PICKED,
    "np.log(np.exp(rows).sum(axis=-1))",
    "The cost does not depend on the target: its logit has to be taken off the logarithm of the "
    "sum.",
)
exercise.slip(
    "cross_entropy",
    "averages_over_all_words",
    PICKED,
    "log_sums - shifted.mean(axis=-1)",
    "The mean over all words is taken where the target's logit alone is asked for.",
)
exercise.slip(
    "cross_entropy",
    "one_minus_the_probability",
    PICKED,
    f"1 - {PROBABILITY}",
    "The cost of a target is -ln p, not 1 - p.",
)
exercise.slip(
    "cross_entropy",
    "squared_error",
    PICKED,
    f"(softmax(rows) ** 2).sum(axis=-1) - 2 * {PROBABILITY} + 1",
    "This is a squared error of the probabilities. The cost of a target is -ln p.",
)
exercise.slip(
    "cross_entropy",
    "in_bits",
    MEAN,
    "losses.mean() / np.log(2.0)",
    "The loss is in bits: the logarithm has base 2. Here it is the natural one.",
)
exercise.slip(
    "cross_entropy",
    "opposite_sign",
    MEAN,
    "-losses.mean()",
    "The loss has the opposite sign: a better model must have a smaller one, and 0 is the best.",
)
exercise.slip(
    "cross_entropy",
    "perplexity",
    MEAN,
    "np.exp(losses.mean())",
    "This is the perplexity, e to the power of the loss.",
)
exercise.slip(
    "cross_entropy",
    "sum_for_mean",
    MEAN,
    "losses.sum()",
    "The costs are added up but not divided by the number of targets that count.",
)
exercise.slip(
    "cross_entropy",
    "divides_by_all_targets",
    MEAN,
    "losses.sum() / targets.size",
    "The sum is divided by the number of all targets. Those that do not count do not count there "
    "either.",
)
exercise.slip(
    "cross_entropy",
    "divides_by_the_number_of_sequences",
    MEAN,
    "losses.sum() / len(targets)",
    "The sum is divided by the length of the first axis. Divide by the number of targets that "
    "count.",
)
exercise.slip(
    "cross_entropy",
    "nan_if_nothing_counts",
    "return 0.0",
    "return float('nan')",
    "If no target counts, the mean is 0 / 0. The loss is 0.0 then.",
)


@exercise.mistake("cross_entropy")
def mean_of_means(logits, targets, ignore_index=-100):
    """Each sequence is averaged first, then the sequences. Targets in short sequences weigh more
    that way; take one mean over all targets that count."""
    if targets.ndim == 1:
        return cross_entropy.cross_entropy(logits, targets, ignore_index)
    each = zip(logits, targets, strict=True)
    return np.mean([cross_entropy.cross_entropy(x, y, ignore_index) for x, y in each])


@exercise.mistake("cross_entropy")
def ignored_targets_cost_something(logits, targets, ignore_index=-100):
    """Targets that do not count are taken for word 0 and cost something. A stand-in may be used as
    an index, but then its cost has to be left out, and it must not be counted."""
    return cross_entropy.cross_entropy(logits, np.where(targets == ignore_index, 0, targets))


@exercise.mistake("cross_entropy")
def shifts_in_time(logits, targets, ignore_index=-100):
    """The logits of one place are compared with the target of the next. The targets already are
    the next words: compare place by place."""
    return cross_entropy.cross_entropy(logits[..., :-1, :], targets[..., 1:], ignore_index)


@exercise.mistake("cross_entropy")
def shifts_the_logits_it_was_given(logits, targets, ignore_index=-100):
    """The shift is written into `logits` itself. Work on a new array: the caller still needs it."""
    logits -= logits.max(axis=-1, keepdims=True)
    return cross_entropy.cross_entropy(logits, targets, ignore_index)


# cross_entropy_backward

exercise.matches_reference("cross_entropy_backward", points=3)
exercise.matches_finite_differences(
    "cross_entropy_backward",
    of="cross_entropy",
    wrt=["logits"],
    points=2,
    sizes=FEW,
    dout=constant(1.0),
)
exercise.matches_reference(
    "cross_entropy_backward",
    points=1,
    name="another_index",
    title="The targets that do not count are those equal to ignore_index, whichever that is.",
    sizes=TWO,
    **INDEX,
)
exercise.matches_reference(
    "cross_entropy_backward",
    points=1,
    name="rows",
    title="Any number of leading axes will do: logits may be (N, V).",
    sizes=LIST,
    **ROWS,
)


@exercise.satisfies("cross_entropy_backward", points=1, sizes=ONE)
def rows_sum_to_zero(student, logits, targets):
    """Every row sums to 0; a row whose target does not count is exactly 0, all through."""
    dlogits = student.cross_entropy_backward(logits, targets)
    yield dlogits.sum(axis=-1), np.zeros(targets.shape)
    yield not dlogits[targets == -100].any()


@exercise.satisfies("cross_entropy_backward", points=1, sizes=ONE)
def rows_meet_in_their_number_only(student, logits, targets):
    """Repeating the batch halves every row; rows that do not count can be left out."""
    dlogits = student.cross_entropy_backward(logits, targets)
    twice = student.cross_entropy_backward(
        np.concatenate([logits, logits]), np.concatenate([targets, targets])
    )
    yield 2.0 * twice, np.concatenate([dlogits, dlogits])
    kept = targets != -100
    yield student.cross_entropy_backward(logits[kept], targets[kept]), dlogits[kept]


exercise.matches_reference(
    "cross_entropy_backward",
    points=1,
    name="large_errors",
    title="Logits in the thousands give a finite gradient.",
    kind="E",
    sizes=LARGE,
    logits=derived(wrong_by_far),
)
exercise.matches_reference(
    "cross_entropy_backward",
    points=1,
    name="nothing_counts",
    title="If no target counts, the gradient is 0.",
    kind="E",
    sizes=FEW,
    targets=derived(lambda B, T: np.full((B, T), -100)),
)
exercise.matches_reference(
    "cross_entropy_backward",
    points=1,
    name="twenty_thousand_words",
    title="Nothing larger than the logits is built: 20,000 words are no problem.",
    kind="E",
    sizes=WIDE,
    **ROWS,
)
exercise.keeps_dtype("cross_entropy_backward", points=1)
exercise.leaves_inputs_alone("cross_entropy_backward", points=1)

ERRORS, NUMBER = "(softmax(logits) - one_hot) * kept", "errors / max(int(kept.sum()), 1)"
exercise.slip(
    "cross_entropy_backward",
    "forgets_the_mean",
    NUMBER,
    "errors",
    "The loss is a mean over the targets that count; its factor 1 / n is missing.",
)
exercise.slip(
    "cross_entropy_backward",
    "divides_by_all_targets",
    NUMBER,
    "errors / targets.size",
    "Everything is divided by the number of all targets. The mean is over those that count.",
)
exercise.slip(
    "cross_entropy_backward",
    "divides_by_the_number_of_sequences",
    NUMBER,
    "errors / len(targets)",
    "Everything is divided by the length of the first axis. Divide by the number of targets that "
    "count.",
)
exercise.slip(
    "cross_entropy_backward",
    "averages_over_words_too",
    NUMBER,
    "errors / max(int(kept.sum()) * logits.shape[-1], 1)",
    "Everything is divided by the number of words as well. The loss is a mean over targets only.",
)
exercise.slip(
    "cross_entropy_backward",
    "divides_one_part_only",
    ERRORS,
    "(softmax(logits) * max(int(kept.sum()), 1) - one_hot) * kept",
    "Only the target's part is divided by the number of targets. Both parts are: mind the "
    "parentheses.",
)
exercise.slip(
    "cross_entropy_backward",
    "zero_by_zero",
    "max(int(kept.sum()), 1)",
    "int(kept.sum())",
    "If no target counts, this divides 0 by 0. The gradient is zero then.",
)
exercise.slip(
    "cross_entropy_backward",
    "forgets_the_target",
    "softmax(logits) - one_hot",
    "softmax(logits)",
    "The gradient does not depend on the target: the second term of the cost is missing.",
)
exercise.slip(
    "cross_entropy_backward",
    "subtracts_one_everywhere",
    "softmax(logits) - one_hot",
    "softmax(logits) - 1.0",
    "1 is taken off every entry. The derivative of the target's logit by another one is 0.",
)
exercise.slip(
    "cross_entropy_backward",
    "target_only",
    ERRORS,
    "(softmax(logits) - one_hot) * one_hot * kept",
    "Only the target's entry is there. All logits are in the sum, and each has a gradient.",
)
exercise.slip(
    "cross_entropy_backward",
    "opposite_sign",
    "softmax(logits) - one_hot",
    "one_hot - softmax(logits)",
    "Everything has the opposite sign: raising the target's logit makes the loss smaller.",
)
exercise.slip(
    "cross_entropy_backward",
    "plus_for_minus",
    "softmax(logits) - one_hot",
    "softmax(logits) + one_hot",
    "The second term of the cost has a minus sign.",
)
exercise.slip(
    "cross_entropy_backward",
    "logits_for_probabilities",
    "softmax(logits) - one_hot",
    "logits - one_hot",
    "The logits stand where the probabilities belong: look at the fraction again.",
)
exercise.slip(
    "cross_entropy_backward",
    "softmax_twice",
    "softmax(logits) - one_hot",
    "softmax(softmax(logits)) - one_hot",
    "Softmax is applied twice.",
)
exercise.slip(
    "cross_entropy_backward",
    "softmax_over_the_first_axis",
    "softmax(logits)",
    "softmax(logits, axis=0)",
    "Softmax runs along the first axis. The words are the last one.",
)
exercise.slip(
    "cross_entropy_backward",
    "softmax_over_places",
    "softmax(logits)",
    "softmax(logits, axis=-2)",
    "Softmax runs over the places of a sequence. The words are the last axis.",
)
exercise.slip(
    "cross_entropy_backward",
    "exp_without_a_shift",
    "softmax(logits)",
    "np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)",
    "exp of a large logit overflows. Your softmax has a way around that.",
)
exercise.slip(
    "cross_entropy_backward",
    "stops_at_the_probabilities",
    ERRORS,
    "(0.0 - one_hot) / softmax(logits) * kept",
    "This is the derivative by the probabilities. It has to go back through softmax to the logits, "
    "too.",
)
exercise.slip(
    "cross_entropy_backward",
    "slope_of_a_probability",
    ERRORS,
    "(softmax(logits) - one_hot) * softmax(logits) * (1 - softmax(logits)) * kept",
    "There is a factor p (1 - p) too many. That is the slope of a probability; the logarithm has "
    "already cancelled it.",
)
exercise.slip(
    "cross_entropy_backward",
    "ignored_rows_are_not_zero",
    " * kept",
    "",
    "Rows whose target does not count are not zero. The loss does not depend on them.",
)
exercise.slip(
    "cross_entropy_backward",
    "mask_in_float64",
    ERRORS,
    f"{ERRORS}.astype(np.float64)",
    "float32 logits give a float64 gradient. A float64 mask promotes float32, and so does the sum "
    "of a mask, a NumPy integer; a bool mask and a Python number do not.",
)


@exercise.mistake("cross_entropy_backward")
def mean_of_means_backward(logits, targets, ignore_index=-100):
    """Each sequence is divided by its own number of targets. The loss is one mean over all targets
    that count."""
    if targets.ndim == 1:
        return cross_entropy.cross_entropy_backward(logits, targets, ignore_index)
    each = zip(logits, targets, strict=True)
    parts = [cross_entropy.cross_entropy_backward(x, y, ignore_index) for x, y in each]
    return np.stack(parts) / len(parts)
