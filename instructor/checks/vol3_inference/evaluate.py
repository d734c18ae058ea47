"""Hidden checks for vol3_inference/evaluate.

The model is served here, so it is known what it was shown. Every token of a window counts in its
logits, so that another window gives another perplexity.
"""

from types import SimpleNamespace

import numpy as np

from autograder import Callback, Exercise, derived, integers, laid, raises
from solutions.vol3_inference import evaluate

LONGEST = 12


def every_token_counts(table):
    """A model whose logits hang on each token that it sees and on how far back it stands."""

    def model(ids):
        if ids.ndim != 2 or ids.dtype.kind != "i" or ids.shape[1] > LONGEST:
            raise ValueError("ids are (B, T), T not beyond what the model is made for")
        logits = np.zeros((*ids.shape, table.shape[-1]))
        for back in range(ids.shape[1]):
            logits[:, back:] += table[back][ids[:, : ids.shape[1] - back]]
        return logits

    return model


class Served:
    """A model on our side, and the windows that it was shown, in any order."""

    def __init__(self, model):
        self.windows = []

        def call(ids):
            self.windows += [tuple(row) for row in ids.tolist()]
            return model(ids)

        self.model = Callback(call)

    def notes(self, student):
        """Write down what the model saw: by what is returned alone, mistakes look alike."""
        student.transcript.append(sorted(self.windows))


def windows(ids, max_T, stride):
    """What is to be shown: until the last token but one is in."""
    shown = ids[:-1].tolist()
    most = max(len(shown) - max_T, 0)
    count = 1 + -(-most // stride)
    return sorted(tuple(shown[i * stride : i * stride + max_T]) for i in range(count))


def draw_config(rng):
    """Sizes that are all different, with one query head more per key head."""
    n_kv_heads, group, d_head = (int(n) for n in rng.permutation([2, 3, 4]))
    d_model = n_kv_heads * group * d_head
    return SimpleNamespace(
        vocab_size=int(rng.integers(50, 90)),
        d_model=d_model,
        n_layers=int(rng.integers(5, 9)),
        n_heads=n_kv_heads * group,
        n_kv_heads=n_kv_heads,
        d_ff=int(rng.integers(60, 90)),
        max_T=int(rng.integers(100, 200)),
        rope_theta=10000.0,
        norm_eps=1e-5,
        tied=False,
    )


def tied(config):
    return SimpleNamespace(**{**vars(config), "tied": True})


exercise = Exercise(
    "vol3_inference/evaluate",
    solution=evaluate,
    difficulty=2,
    minutes=90,
    inputs={
        "table": derived(lambda rng, V: 0.7 * rng.standard_normal((LONGEST, V, V))),
        "model": derived(lambda table: Callback(every_token_counts(table), max_calls=10**9)),
        "ids": integers("N", "V"),
        "max_T": derived(lambda W: W),
        "stride": derived(lambda S: S),
        "start": derived(lambda rng: float(rng.uniform(1.0, 9.0))),
        "times": derived(lambda rng, start, n: start + np.cumsum(rng.uniform(0.1, 1.0, n))),
        "flops": derived(lambda rng: float(rng.uniform(1.0, 9.0) * 1e9)),
        "bytes": derived(lambda rng: float(rng.uniform(1.0, 9.0) * 1e6)),
        "peak_flops": derived(lambda rng: float(rng.uniform(1.0, 9.0) * 1e12)),
        "bandwidth": derived(lambda rng: float(rng.uniform(1.0, 9.0) * 1e10)),
        "config": derived(draw_config),
        "itemsize": derived(lambda rng: int(rng.choice([2, 4, 8]))),
    },
    # Windows that fit and that do not, with a short one at the end.
    sizes={"N": [17, 14, 12], "V": [7, 5, 9], "W": [6, 5, 4], "S": [3, 2, 4], "n": [6, 4, 2]},
)
ONE = {"N": [15], "V": [6], "W": [6], "S": [4], "n": [5]}


# perplexity


@exercise.satisfies("perplexity", kind="R", points=4)
def scores_every_token_once(student, table, ids, max_T, stride):
    """The mean is over all tokens but the first, each scored once, in windows with a stride."""
    model = every_token_counts(table)
    served = Served(model)
    got = student.perplexity(served.model, ids, max_T, stride)
    served.notes(student)
    return got, evaluate.perplexity(model, ids, max_T, stride)


@exercise.satisfies("perplexity", kind="R", points=2, sizes=ONE)
def any_stride(student, table, ids, max_T):
    """Every stride from 1 to max_T scores each token once."""
    model = every_token_counts(table)
    for stride in (max_T, 1, max_T - 1, 2):
        served = Served(model)
        got = student.perplexity(served.model, ids, max_T, stride)
        served.notes(student)
        yield got, evaluate.perplexity(model, ids, max_T, stride)


@exercise.satisfies("perplexity", points=2, sizes={**ONE, "N": [13]})
def the_windows_that_are_shown(student, table, ids, max_T, stride):
    """The model is shown the windows that are needed, up to the last token but one, and no more."""
    for width, step in ((max_T, stride), (max_T, max_T), (max_T, 1), (4, 4), (4, 2)):
        served = Served(every_token_counts(table))
        student.perplexity(served.model, ids, width, step)
        served.notes(student)
        yield sorted(served.windows), windows(ids, width, step)


@exercise.satisfies("perplexity", points=1, sizes=ONE)
def uniform_logits_give_the_vocabulary(student, ids, max_T, rng):
    """A model that finds all V tokens equally likely has perplexity V, whatever is added."""
    for V in (6, 11):
        shift = float(rng.uniform(-5.0, 5.0))
        model = Callback(lambda shown, V=V, s=shift: np.full((*shown.shape, V), s))
        for stride in (2, max_T):
            yield student.perplexity(model, ids, max_T, stride), float(V)


@exercise.satisfies("perplexity", points=1, sizes=ONE)
def without_context_windows_do_not_matter(student, ids, max_T, rng):
    """Where the last token alone decides, every stride and every window give one perplexity."""
    logits = rng.standard_normal((6, 6))
    chosen = np.log(np.exp(logits).sum(axis=-1))[ids[:-1]] - logits[ids[:-1], ids[1:]]
    want = float(np.exp(chosen.mean()))
    model = Callback(lambda shown: logits[shown])
    for width, stride in ((max_T, 4), (max_T, max_T), (4, 1), (1, 1), (40, 7)):
        yield student.perplexity(model, ids, width, stride), want


@exercise.satisfies("perplexity", kind="E", points=1, sizes=ONE)
def short_texts(student, table, ids, max_T):
    """Texts that are shorter than a window, or just as long, and one of two tokens."""
    model = every_token_counts(table)
    for length in (2, 3, max_T - 1, max_T, max_T + 1, max_T + 2):
        served = Served(model)
        got = student.perplexity(served.model, ids[:length], max_T, 3)
        served.notes(student)
        yield got, evaluate.perplexity(model, ids[:length], max_T, 3)
        yield sorted(served.windows), windows(ids[:length], max_T, 3)


@exercise.satisfies("perplexity", kind="E", points=1, sizes=ONE)
def large_logits(student, table, ids, max_T, stride):
    """Logits in the thousands give a finite perplexity."""
    for shift in (3000.0, -3000.0):
        model = every_token_counts(table)
        shifted = Callback(lambda shown, m=model, s=shift: m(shown) + s)
        yield (
            student.perplexity(shifted, ids, max_T, stride),
            evaluate.perplexity(model, ids, max_T, stride),
        )
    sure = np.zeros((6, 6))
    sure[ids[0]] = 2000.0 * np.eye(6)[ids[0]]
    same = np.full(9, ids[0])
    yield student.perplexity(Callback(lambda shown: sure[shown]), same, max_T, stride), 1.0
    far = np.full(9, (ids[0] + 1) % 6)
    far[0] = ids[0]  # one of eight tokens costs 2000, the others ln 6
    want = float(np.exp((2000.0 + 7 * np.log(6.0)) / 8))
    yield student.perplexity(Callback(lambda shown: sure[shown]), far, max_T, stride), want


@exercise.satisfies("perplexity", kind="E", points=1, sizes=ONE)
def what_is_refused(student, table, ids, max_T):
    """Fewer than two ids, and a stride that is not from 1 to max_T, raise ValueError."""
    served = Served(every_token_counts(table))
    refused = [
        int(raises(ValueError, student.perplexity, served.model, text, max_T, stride))
        for text, stride in ((ids[:1], 2), (ids[:0], 2), (ids, max_T + 1), (ids, 0), (ids, -1))
    ]
    student.transcript.append(refused)
    yield refused, [1, 1, 1, 1, 1]
    yield not served.windows


@exercise.satisfies("perplexity", kind="E", points=1, sizes=ONE)
def ids_of_any_layout(student, table, ids, max_T, stride):
    """The ids may be read-only or not contiguous, and stay as they are."""
    model = every_token_counts(table)
    for layout in ("F", "strided"):
        given = laid(ids, layout, read_only=layout == "F")
        got, after, _ = student.trial(student.perplexity, Callback(model), given, max_T, stride)
        yield got, evaluate.perplexity(model, ids, max_T, stride)
        yield after[1], ids


def nlls(model, ids, max_T, stride):
    """For each window: where it begins, and what each of its targets costs."""
    last = len(ids) - 1
    for begin in range(0, last, stride):
        end = min(begin + max_T, last)
        logits = model(ids[np.newaxis, begin:end])[0]
        logits = logits - logits.max(axis=-1, keepdims=True)
        right = logits[np.arange(end - begin), ids[begin + 1 : end + 1]]
        yield begin, np.log(np.exp(logits).sum(axis=-1)) - right
        if end == last:
            return


def checked(mistake):
    """A mistake that refuses what is to be refused."""

    def refusing(model, ids, max_T, stride):
        if len(ids) < 2 or not 1 <= stride <= max_T:
            raise ValueError
        return mistake(model, ids, max_T, stride)

    refusing.__name__, refusing.__doc__ = mistake.__name__, mistake.__doc__
    return refusing


@exercise.mistake("perplexity")
@checked
def scores_the_context_again(model, ids, max_T, stride):
    """Tokens that overlapping windows share are scored once in each of them. Score only those that
    no window before has scored."""
    return float(np.exp(np.concatenate([c for _, c in nlls(model, ids, max_T, stride)]).mean()))


@exercise.mistake("perplexity")
@checked
def skips_the_first_of_each_window(model, ids, max_T, stride):
    """The first token of each window is not scored: where windows do not overlap, it is predicted
    by the last row of the window before. Show max_T tokens and score the one behind each."""
    total, count, scored, last = 0.0, 0, 0, len(ids) - 1
    for begin in range(0, last + 1, stride):
        end = min(begin + max_T, last + 1)
        _, costs = next(nlls(model, ids[begin:end], max_T, stride)) if end - begin > 1 else (0, [])
        new = [c for t, c in enumerate(costs, start=begin + 1) if t > scored]
        total, count, scored = total + sum(new), count + len(new), end - 1
        if end > last:
            break
    return float(np.exp(total / max(count, 1)))


@exercise.mistake("perplexity")
@checked
def means_of_means(model, ids, max_T, stride):
    """The mean of the windows' means is taken, and a short window counts as much as a long one.
    Add up the tokens of all windows and divide once."""
    scored, means = 0, []
    for begin, costs in nlls(model, ids, max_T, stride):
        means.append(costs[scored - begin :].mean())
        scored = begin + len(costs)
    return float(np.exp(np.mean(means)))


@exercise.mistake("perplexity")
@checked
def mean_of_perplexities(model, ids, max_T, stride):
    """The perplexities of the windows are averaged. The mean is taken of the logarithms, over all
    tokens, and the exponential once at the end."""
    scored, found = 0, []
    for begin, costs in nlls(model, ids, max_T, stride):
        found += [np.exp(costs[scored - begin :].mean())] * (len(costs) + begin - scored)
        scored = begin + len(costs)
    return float(np.mean(found))


@exercise.mistake("perplexity")
@checked
def arithmetic_mean(model, ids, max_T, stride):
    """The mean is taken of the probabilities, and not of their logarithms."""
    scored, found = 0, []
    for begin, costs in nlls(model, ids, max_T, stride):
        found += np.exp(-costs[scored - begin :]).tolist()
        scored = begin + len(costs)
    return float(1 / np.mean(found))


@exercise.mistake("perplexity")
@checked
def moves_the_last_window_back(model, ids, max_T, stride):
    """The last window is moved back until it is full. It begins where its turn is, and is
    shorter."""
    scored, total, last = 0, 0.0, len(ids) - 1
    for begin, _ in nlls(lambda x: np.zeros((*x.shape, 99)), ids, max_T, stride):
        end = min(begin + max_T, last)
        first = max(end - max_T, 0)
        _, costs = next(nlls(model, ids[first : end + 1], max_T, stride))
        total += costs[scored - first :].sum()
        scored = end
    return float(np.exp(total / last))


@exercise.mistake("perplexity")
@checked
def leaves_out_the_short_window(model, ids, max_T, stride):
    """The tokens behind the last full window are not scored. The last window may be shorter."""
    scored, found = 0, []
    for begin, costs in nlls(model, ids, max_T, stride):
        if len(costs) == max_T or not found:
            found += costs[scored - begin :].tolist()
            scored = begin + len(costs)
    return float(np.exp(np.mean(found)))


for name, old, new, hint in (
    (
        "scores_the_first_of_a_window",
        "[0, scored - begin :]",
        "[0, : end - scored]",
        "In windows after the first, the wrong rows are used: the new tokens are predicted by the "
        "last rows, not by the first.",
    ),
    (
        "targets_are_not_shifted",
        "ids[scored + 1 : end + 1]",
        "ids[scored : end]",
        "Each row is compared with the token that it has seen. It predicts the one after it.",
    ),
    (
        "divides_by_all_tokens",
        "total / last",
        "total / len(ids)",
        "The sum is divided by N. The first token is not scored: N - 1 are.",
    ),
    (
        "no_exponential",
        "float(np.exp(total / last))",
        "total / last",
        "The mean loss is returned. Perplexity is its exponential.",
    ),
    (
        "power_of_two",
        "np.exp(total / last)",
        "2.0 ** (total / last)",
        "Two to the power of a natural logarithm: with natural logarithms the base is e.",
    ),
    (
        "sum_instead_of_mean",
        "np.exp(total / last)",
        "np.exp(total)",
        "The sum over all tokens is not divided by their number.",
    ),
    (
        "upside_down",
        "np.exp(total / last)",
        "np.exp(-total / last)",
        "The mean probability is returned. Perplexity is one over it.",
    ),
    (
        "exponential_overflows",
        "logits = logits - logits.max(axis=-1, keepdims=True)",
        "logits = logits + 0.0",
        "Large logits give inf or nan: subtract the largest before the exponential.",
    ),
    (
        "logarithm_of_a_probability",
        "total += (np.log(np.exp(logits).sum(axis=-1)) - right).sum()",
        "total -= np.log(np.exp(right) / np.exp(logits).sum(axis=-1)).sum()",
        "The probability of an unlikely token becomes 0 before the logarithm is taken. Take the "
        "logarithm of the sum, and no exponential of the token's own logit.",
    ),
    (
        "stride_does_nothing",
        "range(0, last, stride)",
        "range(0, last, max_T)",
        "The windows do not overlap: each begins `stride` behind the one before.",
    ),
    (
        "always_a_stride_of_one",
        "range(0, last, stride)",
        "range(0, last, 1)",
        "Every token has a window of its own. Windows begin `stride` apart.",
    ),
    (
        "goes_on_after_the_end",
        "        if scored == last:\n            break\n",
        "",
        "Windows that lie within the last one are shown to the model, though all tokens are "
        "scored. Stop at the first window that reaches the end.",
    ),
    (
        "stops_too_early",
        "if scored == last:",
        "if scored >= last - 1:",
        "The last token is not scored where it has a window of its own.",
    ),
    (
        "shows_the_last_token",
        "ids[np.newaxis, begin:end])[0, scored - begin :]",
        "ids[np.newaxis, begin:end + 1])[0, scored - begin : -1]",
        "A window shows the model max_T + 1 tokens, and the last row goes unused. Show max_T.",
    ),
    (
        "shows_one_token_less",
        "min(begin + max_T, last)",
        "min(max(begin + max_T - 1, scored + 1), last)",
        "Windows are one token shorter than max_T.",
    ),
    (
        "shows_everything_before",
        "ids[np.newaxis, begin:end])[0, scored - begin :]",
        "ids[np.newaxis, max(end - 12, 0):end])[0, scored - end :]",
        "The model is shown more than max_T tokens.",
    ),
    (
        "any_stride_goes",
        "len(ids) < 2 or not 1 <= stride <= max_T",
        "len(ids) < 2 or stride < 1",
        "A stride above max_T leaves tokens out between windows. Refuse it with ValueError.",
    ),
    (
        "one_id_is_enough",
        "len(ids) < 2 or not",
        "not",
        "A text of fewer than two ids has nothing to score. Refuse it with ValueError.",
    ),
    (
        "no_context_at_all",
        "ids[np.newaxis, begin:end])[0, scored - begin :]",
        "ids[np.newaxis, scored:end])[0]",
        "A window shows the new tokens alone. Those before them, from where it begins, are the "
        "context.",
    ),
):
    exercise.slip("perplexity", name, old, new, hint)


# latencies


exercise.matches_reference("latencies", points=2)


@exercise.satisfies("latencies", points=1, sizes=ONE)
def the_clock_may_start_anywhere(student, start, times, rng):
    """Another zero of the clock changes nothing; all waiting together ends with the last token."""
    ttft, gaps = student.latencies(start, times)
    yield ttft + np.sum(gaps), times[-1] - start
    later = float(rng.integers(1, 9) * 2**20)
    moved = student.latencies(start + later, times + later)
    yield (np.round(moved[0], 6), np.round(moved[1], 6)), (np.round(ttft, 6), np.round(gaps, 6))


@exercise.satisfies("latencies", kind="E", points=1, sizes=ONE)
def one_token_has_no_gap(student, start, times):
    """After one token there is a time to it and no gap."""
    ttft, gaps = student.latencies(start, times[:1])
    yield ttft, times[0] - start
    yield np.shape(gaps), (0,)


exercise.leaves_inputs_alone("latencies", points=1)

for name, old, new, hint in (
    (
        "time_on_the_clock",
        "float(times[0] - start)",
        "float(times[0])",
        "The time of the first token on the clock is returned. Subtract when the request was made.",
    ),
    (
        "time_to_the_last_token",
        "float(times[0] - start)",
        "float(times[-1] - start)",
        "The time to the last token is returned, not that to the first.",
    ),
    (
        "counts_the_first_as_a_gap",
        "np.diff(times)",
        "np.diff(times, prepend=start)",
        "The wait for the first token stands among the gaps. It is reported apart.",
    ),
    (
        "since_the_request",
        "np.diff(times)",
        "times[1:] - start",
        "The gaps are counted from the request. A gap is the time since the token before.",
    ),
    (
        "gaps_backwards",
        "np.diff(times)",
        "-np.diff(times)",
        "The gaps are negative: later minus earlier.",
    ),
    (
        "only_the_mean",
        "np.diff(times)",
        "np.full(len(times) - 1, (times[-1] - times[0]) / max(len(times) - 1, 1))",
        "Every gap is the mean gap, and an uneven stream looks even. Return each gap.",
    ),
):
    exercise.slip("latencies", name, old, new, hint)


# roofline


@exercise.satisfies("roofline", kind="R", points=2, sizes={"N": [5, 5, 5]})
def the_larger_of_both(student, flops, bytes, peak_flops, bandwidth):
    """The seconds of whichever takes longer, arithmetic or memory."""
    got, want = [], []
    for factor in (1e-3, 1.0, 1e3, 3e3, 1e6):
        work = flops * factor, bytes * 1e3
        got.append(student.roofline(*work, peak_flops, bandwidth))
        want.append(max(work[0] / peak_flops, work[1] / bandwidth))
    yield from zip(got, want, strict=True)


@exercise.satisfies("roofline", points=1, sizes={"N": [5]})
def twice_the_machine_is_half_the_time(student, flops, bytes, peak_flops, bandwidth):
    """Twice the work takes twice as long, and a machine twice as fast in both takes half."""
    for factor in (1e-3, 1e6):
        work, machine = (flops * factor, bytes * 1e3), (peak_flops, bandwidth)
        once = student.roofline(*work, *machine)
        twice = student.roofline(2 * work[0], 2 * work[1], *machine)
        half = student.roofline(*work, 2 * machine[0], 2 * machine[1])
        yield (twice, half), (2 * once, once / 2)
        yield once > 0


@exercise.satisfies("roofline", kind="E", points=1, sizes={"N": [5]})
def each_limit_alone(student, flops, bytes, peak_flops, bandwidth):
    """Without bytes arithmetic decides, without operations memory does."""
    yield 1e6 * student.roofline(flops, 0.0, peak_flops, bandwidth), 1e6 * flops / peak_flops
    yield 1e6 * student.roofline(0.0, bytes, peak_flops, bandwidth), 1e6 * bytes / bandwidth


for name, new, hint in (
    (
        "the_smaller",
        "min(flops / peak_flops, bytes / bandwidth)",
        "The smaller time is returned. Both are lower bounds, so the larger one holds.",
    ),
    (
        "one_after_the_other",
        "flops / peak_flops + bytes / bandwidth",
        "The two times are added. Arithmetic and memory can work at once.",
    ),
    (
        "arithmetic_only",
        "flops / peak_flops",
        "Only the operations count. Moving the bytes may take longer.",
    ),
    (
        "memory_only",
        "bytes / bandwidth",
        "Only the bytes count. The operations may take longer.",
    ),
    (
        "a_rate",
        "min(peak_flops, bandwidth * flops / max(bytes, 1e-300))",
        "Operations per second are returned. Asked for is the time in seconds.",
    ),
):
    exercise.slip("roofline", name, "max(flops / peak_flops, bytes / bandwidth)", new, hint)


# model_bytes


@exercise.satisfies("model_bytes", kind="R", points=2, sizes={"N": [5, 5]})
def counts_every_weight(student, config, itemsize):
    """Every weight counts with the bytes of one number, and the result is an integer."""
    got = student.model_bytes(config, itemsize)
    yield [got], [evaluate.model_bytes(config, itemsize)]
    yield np.asarray(got).dtype.kind in "iu"


@exercise.satisfies("model_bytes", points=1, sizes={"N": [5]})
def a_tied_head_counts_once(student, config, itemsize):
    """A tied head adds nothing to the embedding table."""
    got = [student.model_bytes(tied(config), itemsize)]
    return got, [evaluate.model_bytes(tied(config), itemsize)]


@exercise.satisfies("model_bytes", kind="E", points=1, sizes={"N": [5]})
def a_layer_more(student, config):
    """Each layer adds the same; int8 takes a byte per weight; as many key heads as queries."""
    taller = SimpleNamespace(**{**vars(config), "n_layers": config.n_layers + 1})
    plain = SimpleNamespace(**{**vars(taller), "n_kv_heads": config.n_heads})
    for sizes in (config, taller, plain):
        yield [student.model_bytes(sizes, 1)], [evaluate.model_bytes(sizes, 1)]


for name, old, new, hint in (
    (
        "heads_are_all_alike",
        "config.n_kv_heads * (config.d_model // config.n_heads)",
        "config.d_model",
        "Keys and values are as wide as queries. They have n_kv_heads heads only.",
    ),
    (
        "not_an_integer",
        "config.d_model // config.n_heads",
        "config.d_model / config.n_heads",
        "The result is a float. Bytes are whole: divide d_model by n_heads with `//`.",
    ),
    (
        "forgets_the_norms",
        "layer = 2 * d + 2",
        "layer = 2",
        "The gains of the two norms of each layer are missing.",
    ),
    (
        "forgets_the_last_norm",
        "* layer + d)",
        "* layer)",
        "The gain of the last norm is missing.",
    ),
    (
        "two_matrices",
        "3 * d * config.d_ff",
        "2 * d * config.d_ff",
        "The feed-forward part has three matrices: gate, up and down.",
    ),
    (
        "the_head_always_counts",
        "1 if config.tied else 2",
        "2",
        "A tied head is the embedding table itself and counts once.",
    ),
    (
        "the_head_never_counts",
        "1 if config.tied else 2",
        "1",
        "A head that is not tied has a table of its own.",
    ),
    (
        "tied_the_wrong_way_round",
        "1 if config.tied else 2",
        "2 if config.tied else 1",
        "The two cases of the head are exchanged.",
    ),
    (
        "numbers_not_bytes",
        "return itemsize * (",
        "return (",
        "The number of weights is returned. Each takes `itemsize` bytes.",
    ),
    (
        "counts_the_mask",
        "* layer + d)",
        "* (layer + config.max_T ** 2) + d)",
        "A mask of max_T by max_T is counted in each layer. It is no weight.",
    ),
    (
        "counts_positions",
        "* layer + d)",
        "* layer + d + config.max_T * d)",
        "A table of positions is counted. Rotations need none.",
    ),
    (
        "one_layer",
        "config.n_layers * layer",
        "layer",
        "One layer is counted. There are n_layers.",
    ),
    (
        "forgets_the_way_out",
        "+ 2 * d * d +",
        "+ d * d +",
        "One of the projections of queries and out of the heads is missing.",
    ),
):
    exercise.slip("model_bytes", name, old, new, hint)
