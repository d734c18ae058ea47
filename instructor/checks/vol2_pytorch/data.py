"""Hidden checks for vol2_pytorch/data.

What is drawn at random may be drawn in any way that the handout allows, so the values of a batch
are not compared with ours: all tokens differ, hence a token tells where it comes from. Such values
stay out of the transcript; what can be said of them whatever was drawn stands there instead.

Where chance decides, right code fails with a probability below 1e-12 per check; it is worked out
next to the check.
"""

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from autograder import Exercise, derived, integers, raises
from solutions.vol2_pytorch import data as reference

LIBRARY = "torch.utils.data"


def distinct(rng, n):
    """Tokens that differ from one another."""
    return rng.permutation(3 * n)[:n].astype(np.int64)


def draw_documents(rng):
    """Documents of one to six tokens, none of them the eos."""
    return [rng.integers(1, 90, size=rng.integers(1, 7)) for _ in range(6)]


exercise = Exercise(
    "vol2_pytorch/data",
    solution=reference,
    arrays="torch",
    difficulty=2,
    minutes=90,
    inputs={
        "ids": derived(distinct),
        "documents": derived(draw_documents),
        "eos": integers("", 200, low=100),
        "seed": integers("", 2**31),
    },
    sizes={"n": [13, 14, 9, 7], "T": [4, 3, 4, 1]},
)
LONG = {"n": [50], "T": [3]}


def number(value):
    """A drawn integer as the student gets it."""
    return int(value)


# windows


def cut(ids, T):
    """Inputs and targets, one window at a time."""
    starts = [s for s in range(0, len(ids), T) if s + T < len(ids)]
    x = [ids[s : s + T] for s in starts]
    y = [ids[s + 1 : s + T + 1] for s in starts]
    return tuple(np.array(part, dtype=np.int64).reshape(-1, T) for part in (x, y))


@exercise.satisfies("windows", kind="R", points=2)
def cuts_the_corpus_into_windows(student, ids, T):
    """Inputs lie side by side, and each target is the token after its input."""
    return student.windows(ids, T), cut(ids, T)


@exercise.satisfies("windows", points=1, sizes={"n": [16], "T": [5]})
def as_many_windows_as_fit(student, ids, T):
    """For a corpus of any length there are all windows that have their last target."""
    for length in range(T, len(ids) + 1):
        yield student.windows(ids[:length], T), cut(ids[:length], T)


@exercise.satisfies("windows", points=1, kind="E", sizes={"n": [5], "T": [7]})
def a_short_corpus_has_no_window(student, ids, T):
    """Too few tokens give two results of shape (0, T), in int64."""
    for length in range(1, len(ids) + 1):
        x, y = student.windows(ids[:length], T)
        yield (x, y), cut(ids[:length], T)
        yield x.dtype == np.int64 and y.dtype == np.int64


@exercise.satisfies("windows", points=1, kind="E", sizes={"n": [13, 9], "T": [4, 8]})
def windows_own_their_memory(student, ids, T):
    """The corpus is not changed, and overwriting it or `x` does not change `y`."""
    want = cut(ids, T)
    got, after, later = student.trial(student.windows, ids, T)
    yield got, want
    yield after[0], ids
    yield later, want
    yield overwritten(student, student.keep(student.windows, ids, T)), want[1]


def overwritten(student, pair):
    """The second of two held results after the first was overwritten."""
    item = student.library("operator.getitem")
    x, y = (student.keep(item, pair, i) for i in range(2))
    student.keep(student.library("torch.Tensor.zero_"), x)
    return student.fetch(y, record=False)


COUNT = "n = (len(ids) - 1) // T"
TARGETS = "ids[1 : n * T + 1]"
exercise.slip(
    "windows",
    "counts_a_window_without_target",
    f"{COUNT}  # the last input needs a target, too",
    "n = len(ids) // T\n    ids = torch.cat([ids, ids[:1]])",
    "There is a window too many when the length is a multiple of T: its last input has no target. "
    "A window touches T + 1 tokens.",
)
exercise.slip(
    "windows",
    "a_token_more_per_window",
    COUNT,
    "n = len(ids) // (T + 1)",
    "The windows are counted as if each needed T + 1 tokens of its own. Two neighbours share one: "
    "the last target of the first is the first input of the second.",
)
exercise.slip(
    "windows",
    "drops_two",
    COUNT,
    "n = max(0, (len(ids) - 2) // T)",
    "One window is missing when the tokens just suffice. Which is the last token that N windows "
    "touch, and what is its index?",
)
exercise.slip(
    "windows",
    "targets_not_shifted",
    TARGETS,
    "ids[: n * T]",
    "The targets are the inputs. A model would learn to copy: y is x one token later.",
)
exercise.slip(
    "windows",
    "shifted_the_other_way",
    TARGETS,
    "torch.cat([ids[:1], ids[: n * T - 1] if n else ids[:0]])[: n * T]",
    "The shift goes the wrong way: y holds the token *before* each token of x.",
)
exercise.slip(
    "windows",
    "shifts_within_each_window",
    TARGETS + ".reshape(n, T)",
    "x.roll(-1, 1)",
    "The last target of each window is its own first token: the shift wraps around (roll). It is "
    "the next token of the corpus.",
)
exercise.slip(
    "windows",
    "reads_down_the_columns",
    "    x = ids[: n * T].reshape(n, T)\n    y = ids[1 : n * T + 1].reshape(n, T)\n",
    "    x = ids[: n * T].reshape(T, n).T\n    y = ids[1 : n * T + 1].reshape(T, n).T\n",
    "Neighbours in the corpus are in different rows. A row of x is one stretch of the corpus.",
)
exercise.slip(
    "windows",
    "overlapping_windows",
    "    x = ids[: n * T].reshape(n, T)\n    y = ids[1 : n * T + 1].reshape(n, T)\n",
    "    n = max(0, len(ids) - T)\n"
    "    x = ids.unfold(0, T, 1)[:n] if n else ids[:0].reshape(0, T)\n"
    "    y = ids[1:].unfold(0, T, 1) if n else ids[:0].reshape(0, T)\n",
    "The windows overlap: there is one for each start. Here the next one begins where the last "
    "one ended, T tokens later.",
)
exercise.slip(
    "windows",
    "views_of_the_corpus",
    "return x.clone(), y.clone()",
    "return x, y",
    "The values are right, but x and y are views of the corpus and of each other: who changes one "
    "changes all. Return tensors with memory of their own.",
)
exercise.slip(
    "windows",
    "flat",
    "return x.clone(), y.clone()",
    "return x.flatten(), y.flatten()",
    "The results have one axis. Each window is a row: (N, T).",
)
exercise.slip(
    "windows",
    "floats",
    "return x.clone(), y.clone()",
    "return (x.clone(), y.clone()) if n else (torch.empty(0, T), torch.empty(0, T))",
    "Without a window the results are float tensors. Ids are int64, also when there are none.",
)

# get_batch


def generator_of(student, seed):
    """A torch.Generator on the student's side."""
    return student.library("torch.Generator")().manual_seed(number(seed))


def draw(student, ids, batch_size, T, *generator):
    """A batch, kept out of the transcript, and the starts of its rows, -1 for no token of ids."""
    got = student.fetch(
        student.keep(student.get_batch, ids, batch_size, T, *generator), record=False
    )
    x, y = got
    if x.shape != (batch_size, T) or y.shape != x.shape:
        student.transcript.append([x.shape, y.shape])
        raise ValueError("a batch has another shape")
    place = np.full(int(ids.max()) + 2, -1)
    place[ids] = np.arange(len(ids))
    px, py = (place[np.clip(v.astype(np.int64), -1, len(place) - 1)] for v in (x, y))
    student.transcript.append(
        [
            x.dtype == np.int64,
            y.dtype == np.int64,
            np.unique(px - px[:, :1] - np.arange(T)),
            np.unique(py - px),
        ]
    )
    return got, px[:, 0]


def rows(ids, starts, T):
    """The batch that has these starts."""
    at = np.clip(starts, 0, len(ids) - T - 1)[:, None] + np.arange(T)
    return ids[at], ids[at + 1]


@exercise.satisfies("get_batch", kind="R", points=3)
def batches_are_windows_and_their_targets(student, ids, T, seed):
    """Every row is a stretch of the corpus, and its target is the same stretch one token later."""
    generator = generator_of(student, seed)
    for batch_size in (8, 1, 5):
        got, starts = draw(student, ids, batch_size, T, generator)
        yield got, rows(ids, starts, T)


@exercise.satisfies("get_batch", kind="R", points=2, sizes={"n": [7], "T": [4]})
def every_start_is_equally_likely(student, ids, T, seed):
    """Each of the len(data) - T starts comes as often as the others."""
    # 3 starts, 2048 draws. By Hoeffding's inequality right code has a share outside of 1/3 +- 0.09
    # with a probability below 2 * 3 * exp(-2 * 2048 * 0.09**2) = 2.3e-14.
    _, starts = draw(student, ids, 2048, T, generator_of(student, seed))
    shares = np.array([(starts == s).mean() for s in range(3)])
    student.transcript.append([np.unique(starts), np.round(8 * shares)])
    return np.abs(shares - 1 / 3).max() <= 0.09


@exercise.satisfies("get_batch", points=1, sizes={"n": [7], "T": [4]})
def rows_are_drawn_independently(student, ids, T, seed):
    """Any start may be followed by any start, in the next row and in the next call."""
    generator = generator_of(student, seed)
    # Three rows of three starts all differ with a probability of 2/9, in 20 batches of (2/9)**20,
    # which is 9e-14.
    small = [draw(student, ids, 3, T, generator)[1] for _ in range(20)]
    repeats = any(len(set(starts.tolist())) < 3 for starts in small)
    # Of 9 pairs, right code misses one in 256 independent draws with a probability below
    # 9 * (8/9)**256 = 7.2e-13.
    _, starts = draw(student, ids, 512, T, generator)
    pairs = set(zip(starts[::2].tolist(), starts[1::2].tolist(), strict=True))
    student.transcript.append([repeats, len(pairs), np.unique(np.diff(starts))])
    yield repeats and len(pairs) == 9
    # Ten calls give what ten others gave with a probability of 3**-30 = 5e-15.
    yield not np.array_equal(small[:10], small[10:])


@exercise.satisfies("get_batch", points=1, sizes=LONG)
def all_randomness_is_the_generators(student, ids, T, seed):
    """The same generator gives the same batches; the global one is neither read nor moved."""
    state = student.library("torch.get_rng_state")
    seed_global = student.library("torch.default_generator.manual_seed")
    batches = []
    for other in (1, 2):
        seed_global(other)
        before = state()
        generator = generator_of(student, seed)
        for _ in range(2):
            batches.append(draw(student, ids, 40, T, generator)[1])
        yield np.array_equal(state(), before)
    yield np.array_equal(batches[0], batches[2]) and np.array_equal(batches[1], batches[3])
    # Two seeds agree in 40 of 47 starts with a probability of 47**-40.
    _, starts = draw(student, ids, 40, T, generator_of(student, number(seed) + 1))
    yield not np.array_equal(starts, batches[0])


@exercise.satisfies("get_batch", points=1, kind="E", sizes=LONG)
def without_a_generator_the_global_one_is_used(student, ids, T, seed):
    """With generator=None, torch.manual_seed makes a batch repeatable."""
    seed_global = student.library("torch.default_generator.manual_seed")
    found = []
    for given in ((), (None,)):
        seed_global(number(seed))
        for _ in range(2):
            got, starts = draw(student, ids, 40, T, *given)
            yield got, rows(ids, starts, T)
            found.append(starts)
    yield np.array_equal(found[0], found[2]) and np.array_equal(found[1], found[3])
    yield not np.array_equal(found[0], found[1])


@exercise.satisfies("get_batch", points=1, kind="E", sizes={"n": [6], "T": [5]})
def needs_one_window(student, ids, T, seed):
    """T + 1 tokens give the only window; fewer raise ValueError."""
    generator = generator_of(student, seed)
    lengths = (6, 5, 3, 1)
    refused = [raises(ValueError, student.get_batch, ids[:m], 3, T, generator) for m in lengths]
    yield refused == [False, True, True, True]
    got, _ = draw(student, ids, 3, T, generator)
    yield got, rows(ids, np.zeros(3, dtype=np.int64), T)


@exercise.satisfies("get_batch", points=1, kind="E", sizes=LONG)
def batches_are_int64(student, ids, T, seed):
    """A corpus stored in a smaller type gives int64 batches and keeps its type."""
    for kind in (np.uint8, np.int16, np.int32):
        small = ids.astype(kind)
        held = student.hold(small)
        generator = generator_of(student, seed)
        batch = student.keep(student.get_batch, held, 9, T, generator)
        x, y = student.fetch(batch, record=False)
        student.transcript.append([x.dtype.name, y.dtype.name])
        yield x.dtype == np.int64 and y.dtype == np.int64
        yield bool((np.isin(x, ids)).all())
        yield student.fetch(held), small


@exercise.satisfies("get_batch", points=1, kind="E", sizes=LONG)
def batches_own_their_memory(student, ids, T, seed):
    """The corpus is not changed, and overwriting it or `x` does not change `y`."""
    held = student.hold(ids)
    batch = student.keep(student.get_batch, held, 9, T, generator_of(student, seed))
    yield student.fetch(held), ids
    before = student.fetch(batch, record=False)
    student.keep(student.library("torch.Tensor.zero_"), held)
    after = student.fetch(batch, record=False)
    facts = [np.array_equal(b, a) for b, a in zip(before, after, strict=True)]
    facts.append(np.array_equal(overwritten(student, batch), before[1]))
    student.transcript.append(facts)
    yield all(facts)


BATCH_COUNT = "count = len(data) - T"
STARTS = "torch.randint(count, (batch_size,), generator=generator).tolist()"
NEXT = "y = torch.stack([data[s + 1 : s + T + 1] for s in starts])"
exercise.slip(
    "get_batch",
    "never_the_last_start",
    STARTS,
    "torch.randint(max(1, count - 1), (batch_size,), generator=generator).tolist()",
    "The last start never comes, so the last token of the corpus is never a target. The bound of "
    "randint is not drawn itself, so it is the number of starts.",
)
exercise.slip(
    "get_batch",
    "never_the_first_start",
    STARTS,
    "torch.randint(min(1, count - 1), count, (batch_size,), generator=generator).tolist()",
    "The first start never comes. Starts are counted from 0.",
)
exercise.slip(
    "get_batch",
    "rounds_a_float",
    STARTS,
    "(torch.rand(batch_size, generator=generator) * (count - 1)).round().long().tolist()",
    "A float is drawn and rounded, so the first and the last start come half as often as the rest. "
    "Draw whole numbers.",
)
exercise.slip(
    "get_batch",
    "whole_windows_only",
    STARTS,
    "[s // T * T for s in torch.randint(count, (batch_size,), generator=generator).tolist()]",
    "Windows start at multiples of T only. Every token that has T tokens after it can be a start.",
)
exercise.slip(
    "get_batch",
    "without_replacement",
    STARTS,
    "torch.cat([torch.randperm(count, generator=generator)"
    " for _ in range(batch_size // count + 1)])[:batch_size].tolist()",
    "A start that has come cannot come again before all others have: the rows are shuffled, not "
    "drawn independently.",
)
exercise.slip(
    "get_batch",
    "one_start_for_the_batch",
    STARTS,
    "torch.randint(count, (1,), generator=generator).tolist()\n"
    "    starts = [(starts[0] + s) % count for s in range(batch_size)]",
    "One start is drawn for the whole batch and the rows follow one another. Each row has a draw "
    "of its own.",
)
exercise.slip(
    "get_batch",
    "sorted_starts",
    STARTS,
    "torch.randint(count, (batch_size,), generator=generator).sort().values.tolist()",
    "The starts are sorted, so the rows of a batch are not independent.",
)
exercise.slip(
    "get_batch",
    "forgets_the_generator",
    STARTS,
    "torch.randint(count, (batch_size,)).tolist()",
    "The generator that was given is not used: the starts come from the global one. Pass it on.",
)
exercise.slip(
    "get_batch",
    "seeds_the_generator",
    STARTS,
    "torch.randint(count, (batch_size,), generator=(generator or torch.default_generator)"
    ".manual_seed(0)).tolist()",
    "The generator is seeded inside, so every call gives the same batch. Seeding is up to the "
    "caller.",
)
exercise.slip(
    "get_batch",
    "a_generator_of_its_own",
    STARTS,
    "torch.randint(count, (batch_size,), generator=generator or torch.Generator()).tolist()",
    "Without a generator a new one is made, and a new one always starts from the same seed. With "
    "None the global generator is meant.",
)
exercise.slip(
    "get_batch",
    "draws_from_the_global_one_as_well",
    STARTS,
    "torch.randint(count, (batch_size,), generator=generator).tolist()\n    torch.rand(1)",
    "The starts come from the generator that was given, but the global one is used as well. Who "
    "relies on its state gets other numbers.",
)
exercise.slip(
    "get_batch",
    "seeds_the_global_one_from_the_generator",
    STARTS,
    "torch.randint(count, (batch_size,), generator=None if generator is None else"
    " torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))).tolist()",
    "The global generator is seeded from the one that was given. Leave the global one alone.",
)
exercise.slip(
    "get_batch",
    "targets_not_shifted",
    NEXT,
    "y = x.clone()",
    "The targets are the inputs: y is x one token later.",
)
exercise.slip(
    "get_batch",
    "targets_two_later",
    NEXT,
    "y = torch.stack([torch.cat([data, data[:1]])[s + 2 : s + T + 2] for s in starts])",
    "The targets are two tokens later. y is x *one* token later.",
)
exercise.slip(
    "get_batch",
    "shifts_within_each_row",
    NEXT,
    "y = x.roll(-1, 1)",
    "The last target of a row is its own first token: the shift wraps around (roll). It is the "
    "next token of the corpus.",
)
exercise.slip(
    "get_batch",
    "targets_drawn_anew",
    NEXT,
    f"starts = {STARTS}\n    {NEXT}",
    "x and y have different starts: these are drawn once and used for both.",
)
exercise.slip(
    "get_batch",
    "keeps_the_small_type",
    "return x.long(), y.long()",
    "return x, y",
    "The batch has the type in which the corpus is stored. Embedding and loss need int64.",
)
exercise.slip(
    "get_batch",
    "one_memory_for_both",
    "return x.long(), y.long()",
    "both = torch.stack([data[s : s + T + 1] for s in starts]).long()\n"
    "    return both[:, :-1], both[:, 1:]",
    "The values are right, but x and y are views of one tensor: masking x in place changes y.",
)
exercise.slip(
    "get_batch",
    "accepts_a_corpus_that_is_too_short",
    "if count < 1:",
    "if count < 0:\n        raise ValueError\n    if count == 0:\n"
    "        return torch.empty(0, T).long(), torch.empty(0, T).long()\n    if False:",
    "T tokens are accepted, though none follows the last of them. A window needs T + 1.",
)
exercise.slip(
    "get_batch",
    "refuses_the_only_window",
    "if count < 1:",
    "if count < 2:",
    "A corpus of T + 1 tokens is refused. It has one window.",
)
exercise.slip(
    "get_batch",
    "time_first",
    "return x.long(), y.long()",
    "return x.long().T, y.long().T",
    "The axes are swapped: a row of the batch is one window, (batch_size, T).",
)

# pack


def joined(documents, T, eos):
    """The rows of tokens and of document indices, token by token."""
    tokens, owners = [], []
    for i, document in enumerate(documents):
        if i:
            tokens.append(eos)
            owners.append(i - 1)
        for token in document.tolist():
            tokens.append(token)
            owners.append(i)
    n = len(tokens) // T * T
    return tuple(np.array(v[:n], dtype=np.int64).reshape(-1, T) for v in (tokens, owners))


@exercise.satisfies("pack", kind="R", points=3)
def packs_documents_and_says_which_is_which(student, documents, T, eos):
    """Documents are joined by eos and cut into rows; each token knows its document."""
    eos = number(eos)
    return student.pack(documents, T, eos), joined(documents, T, eos)


@exercise.satisfies("pack", points=1, sizes={"T": [4]})
def rows_of_one_token_are_the_corpus(student, documents, T, eos):
    """Rows of another length hold the same tokens and the same documents, cut elsewhere."""
    eos = number(eos)
    tokens, owners = joined(documents, 1, eos)
    yield student.pack(documents, 1, eos), (tokens, owners)
    for width in (T, len(tokens)):
        n = len(tokens) // width * width
        got = student.pack(documents, width, eos)
        yield got, tuple(v[:n].reshape(-1, width) for v in (tokens, owners))


@exercise.satisfies("pack", points=1, sizes={"T": [3]})
def a_row_is_full_as_soon_as_it_can(student, documents, T, eos):
    """Whatever the length of the last document, no row is missing and none is too short."""
    eos = number(eos)
    for length in range(1, len(documents[-1]) + 1):
        some = [*documents[:-1], documents[-1][:length]]
        yield student.pack(some, T, eos), joined(some, T, eos)


@exercise.satisfies("pack", points=1, kind="E", sizes={"T": [2]})
def an_empty_document_counts(student, documents, T, eos):
    """An empty document, at the start, inside or at the end, keeps its index and its eos."""
    eos, none = number(eos), np.zeros(0, dtype=np.int64)
    for at in (0, 3, len(documents)):
        some = [*documents[:at], none, *documents[at:]]
        yield student.pack(some, T, eos), joined(some, T, eos)


@exercise.satisfies("pack", points=1, kind="E", sizes={"n": [6], "T": [3]})
def one_document_has_no_eos(student, ids, T, eos):
    """A single document is only cut; what is too short for one row gives two (0, T) of int64."""
    eos = number(eos)
    yield student.pack([ids], T, eos), joined([ids], T, eos)
    got, doc = student.pack([ids[:2]], T, eos)
    yield (got, doc), joined([ids[:2]], T, eos)
    yield got.dtype == np.int64 and doc.dtype == np.int64


@exercise.satisfies("pack", points=1, kind="E", sizes={"n": [6], "T": [3]})
def packed_rows_own_their_memory(student, ids, documents, T, eos):
    """Documents are not changed, and overwriting them later does not change the rows."""
    eos = number(eos)
    for given in ([ids], documents):
        handles = [student.hold(d) for d in given]
        packed = student.keep(student.pack, handles, T, eos)
        for handle, before in zip(handles, given, strict=True):
            yield student.fetch(handle), before
            student.keep(student.library("torch.Tensor.zero_"), handle)
        yield student.fetch(packed), joined(given, T, eos)


END = "end = [eos] if i < len(documents) - 1 else []"
PIECE = "piece = torch.cat([document, document.new_tensor(end)])"
OWNER = "owners.append(torch.full_like(piece, i))"
LENGTH = "torch.arange(len(piece))"
exercise.slip(
    "pack",
    "eos_behind_the_last_document",
    END,
    "end = [eos]",
    "There is an eos behind the last document. It stands between two documents.",
)
exercise.slip(
    "pack",
    "no_eos",
    END,
    "end = []",
    "The documents follow one another without an eos between them.",
)
exercise.slip(
    "pack",
    "eos_before_each_document",
    PIECE,
    "piece = torch.cat([document.new_tensor(end), document])",
    "The eos stands before a document instead of behind it, so there is one at the very start and "
    "the last two documents touch.",
)
exercise.slip(
    "pack",
    "eos_belongs_to_the_next",
    OWNER,
    f"owners.append(torch.where({LENGTH} < len(document), i, i + 1))",
    "The eos has the index of the document after it. It belongs to the one that it ends.",
)
exercise.slip(
    "pack",
    "eos_belongs_to_nobody",
    OWNER,
    f"owners.append(torch.where({LENGTH} < len(document), i, -1))",
    "The eos has an index of its own. It belongs to the document that it ends, so that the model "
    "learns from that document when to stop.",
)
exercise.slip(
    "pack",
    "counts_documents_from_one",
    OWNER,
    "owners.append(torch.full_like(piece, i + 1))",
    "Documents are counted from 1. `doc` is the index in the list, from 0.",
)
exercise.slip(
    "pack",
    "counts_anew_in_each_row",
    "return ids[: n * T].reshape(n, T), doc[: n * T].reshape(n, T)",
    "doc = doc[: n * T].reshape(n, T)\n    return ids[: n * T].reshape(n, T), doc - doc[:, :1]",
    "`doc` starts from 0 in each row. It is the index in the whole list.",
)
exercise.slip(
    "pack",
    "skips_empty_documents",
    "    for i, document in enumerate(documents):\n",
    "    documents = [d for d in documents if len(d)]\n"
    "    for i, document in enumerate(documents):\n",
    "Empty documents are left out, so all documents behind them have the wrong index. An empty one "
    "keeps its index and its eos.",
)


@exercise.mistake("pack")
def wants_a_target_behind_the_last_row(documents, T, eos):
    """The last row is dropped though it is full. The rows are not shifted here, so no token is
    needed behind them."""
    ids, doc = reference.pack(documents, 1, eos)
    n = (len(ids) - 1) // T
    return ids[: n * T].reshape(n, T), doc[: n * T].reshape(n, T)


exercise.slip(
    "pack",
    "fills_up_the_last_row",
    "n = len(ids) // T",
    "n = -(-len(ids) // T)\n"
    "    ids = torch.cat([ids, ids.new_full((n * T - len(ids),), eos)])\n"
    "    doc = torch.cat([doc, doc.new_full((n * T - len(doc),), len(documents) - 1)])",
    "The last row is filled up with padding. What does not fill a row is dropped.",
)
exercise.slip(
    "pack",
    "each_document_starts_a_row",
    PIECE,
    f"end += [eos] * (-(len(document) + len(end)) % T)\n        {PIECE}",
    "Each document begins in a new row and the rest of the row is padding. Packing puts one "
    "directly after the other.",
)
exercise.slip(
    "pack",
    "position_instead_of_document",
    OWNER,
    f"owners.append({LENGTH})",
    "`doc` holds the position of each token in its document. It holds which document that is.",
)
exercise.slip(
    "pack",
    "results_swapped",
    "return ids[: n * T].reshape(n, T), doc[: n * T].reshape(n, T)",
    "return doc[: n * T].reshape(n, T), ids[: n * T].reshape(n, T)",
    "The two results have changed places: the tokens come first.",
)
exercise.slip(
    "pack",
    "a_view_of_the_only_document",
    "ids, doc = torch.cat(pieces), torch.cat(owners)",
    "ids, doc = torch.cat(pieces), torch.cat(owners)\n"
    "    ids = ids if len(documents) > 1 else documents[0]",
    "The values are right, but a single document is returned as a view: who overwrites it changes "
    "the rows.",
)
exercise.slip(
    "pack",
    "documents_as_floats",
    "ids, doc = torch.cat(pieces), torch.cat(owners)",
    "ids, doc = torch.cat(pieces), torch.cat(owners)\n"
    "    doc = doc if len(ids) >= T else torch.tensor([])",
    "Without a full row `doc` is a float tensor. It is int64, also when it is empty.",
)

# split

# Away from halves, where rounding the other part would give another length.
FRACTIONS = (0.1, 0.26, 0.34, 1 - 0.9, 0.5, 0.72)


def cut_at(ids, fraction):
    """The two parts, the length of the second counted by hand."""
    n = int(np.floor(fraction * len(ids) + 0.5))
    return ids[: len(ids) - n], ids[len(ids) - n :]


@exercise.satisfies("split", kind="R", points=1, sizes={"n": [10, 40]})
def the_end_is_for_validation(student, ids):
    """The last part has the right length, and the first part has the rest."""
    for fraction in FRACTIONS:
        yield student.split(ids, fraction), cut_at(ids, fraction)


@exercise.satisfies("split", points=1, sizes={"n": [30]})
def nothing_is_lost(student, ids):
    """The two parts one after the other are the corpus."""
    for fraction in (0.03, 0.21, 0.62, 0.97):
        train, val = student.split(ids, fraction)
        yield np.concatenate([train, val]), ids


@exercise.satisfies("split", points=1, kind="E", sizes={"n": [8]})
def a_part_may_be_empty(student, ids):
    """With 0 everything is for training, with 1 everything for validation."""
    for fraction, n in ((0.0, 8), (1.0, 0), (0.01, 8)):
        yield student.split(ids, fraction), (ids[:n], ids[n:])


@exercise.satisfies("split", points=1, kind="E", sizes={"n": [10]})
def parts_are_new_and_keep_their_type(student, ids):
    """Both parts own their memory and have the type of the corpus."""
    for kind in (np.int64, np.int32, np.uint8):
        given = ids.astype(kind)
        got, after, later = student.trial(student.split, given, 0.3)
        yield all([part.dtype == kind for part in got])
        yield got, (given[:7], given[7:])
        yield after[0], given
        yield later, (given[:7], given[7:])


CUT = "cut = len(ids) - round(val_fraction * len(ids))"
PARTS = "return ids[:cut].clone(), ids[cut:].clone()"
exercise.slip(
    "split",
    "cuts_off_the_fraction",
    CUT,
    "cut = len(ids) - int(val_fraction * len(ids))",
    "The length of the validation part is cut off instead of rounded; (1 - 0.9) * 10 is a little "
    "less than 1.",
)
exercise.slip(
    "split",
    "cuts_off_the_other_fraction",
    CUT,
    "cut = int((1 - val_fraction) * len(ids))",
    "The length of the training part is cut off (int) instead of rounded.",
)
exercise.slip(
    "split",
    "the_start_is_for_validation",
    CUT + "\n    " + PARTS,
    "cut = round(val_fraction * len(ids))\n    return ids[cut:].clone(), ids[:cut].clone()",
    "The first part of the corpus became the validation part. It is the last one.",
)
exercise.slip(
    "split",
    "parts_swapped",
    PARTS,
    "return ids[cut:].clone(), ids[:cut].clone()",
    "The two parts are returned in the wrong order: training first.",
)
exercise.slip(
    "split",
    "fraction_of_the_training_part",
    CUT,
    "cut = round(val_fraction * len(ids))",
    "`val_fraction` is taken as the share of the training part.",
)
exercise.slip(
    "split",
    "minus_zero",
    CUT + "\n    " + PARTS,
    "n = round(val_fraction * len(ids))\n    return ids[:-n].clone(), ids[-n:].clone()",
    "With a validation part of length 0 the slice [:-0] is empty and [-0:] is everything. Count "
    "where to cut from the front.",
)
exercise.slip(
    "split",
    "at_least_one_token",
    CUT,
    "cut = len(ids) - max(1, round(val_fraction * len(ids)))",
    "The validation part always gets a token. With a fraction of 0 it is empty.",
)
exercise.slip(
    "split",
    "views_of_the_corpus",
    PARTS,
    "return ids[:cut], ids[cut:]",
    "The parts are views: they change when the corpus does. Return new tensors.",
)
exercise.slip(
    "split",
    "always_int64",
    PARTS,
    "return ids[:cut].clone().long(), ids[cut:].clone().long()",
    "The parts are converted to int64. They keep the type of the corpus.",
)

# make_loader

# 24 windows and one token that does not fill another.
EPOCH = {"n": [74], "T": [3]}
WORKER = f"{LIBRARY}._utils.worker"


def loader_of(student, ids, batch_size, T, seed, *workers):
    """A loader; whatever number of workers it has, it is iterated over in this process."""
    loader = student.keep(student.make_loader, ids, batch_size, T, number(seed), *workers)
    student.keep(student.library("builtins.setattr"), loader, "num_workers", 0)
    return loader


def epoch(student, loader):
    """The batches of one epoch, kept out of the transcript."""
    batches = student.fetch(student.keep(student.library("builtins.list"), loader), record=False)
    return [(x, y) for x, y in batches]


def order(ids, batches):
    """Where each window starts, in the order in which they come; -1 for no token of ids."""
    first = np.concatenate([x[:, 0] for x, _ in batches]).astype(np.int64)
    place = np.full(int(ids.max()) + 2, -1)
    place[ids] = np.arange(len(ids))
    return place[np.clip(first, -1, len(place) - 1)]


def note(student, ids, batches):
    """Write down what can be said of an epoch whatever its order."""
    starts = order(ids, batches)
    student.transcript.append([[x.shape for x, _ in batches], np.sort(starts)])
    return starts


def as_two_workers(student, ids, batch_size, T, seed):
    """The first epoch that two worker processes would give; none is started.

    Items with numbers are asked for in an order that the main process settles. A stream is read by
    every worker, each of which may look up which one it is, and they take turns.
    """
    streams = []
    for i in range(2):
        loader = loader_of(student, ids, batch_size, T, seed, 2)
        dataset = student.part(loader, "dataset")
        stream = student.library(f"{LIBRARY}.IterableDataset")
        if not student.library("builtins.isinstance")(dataset, stream):
            return epoch(student, loader)
        info = student.keep(
            student.library(f"{WORKER}.WorkerInfo"), id=i, num_workers=2, seed=i, dataset=dataset
        )
        write, module = student.library("builtins.setattr"), student.library(WORKER)
        student.keep(write, module, "_worker_info", info)
        try:
            streams.append(epoch(student, loader))
        finally:
            student.keep(write, module, "_worker_info", None)
    longest = max(map(len, streams))
    return [s[i] for i in range(longest) for s in streams if i < len(s)]


@exercise.satisfies("make_loader", kind="R", points=3, sizes=EPOCH)
def an_epoch_has_every_window_once(student, ids, T, seed):
    """In each epoch every window comes once, with its targets."""
    loader = loader_of(student, ids, 6, T, seed)
    for _ in range(2):
        batches = epoch(student, loader)
        starts = note(student, ids, batches)
        yield np.sort(starts), np.arange(0, 72, 3)
        x, y = (np.concatenate(part) for part in zip(*batches, strict=True))
        yield (x, y), rows(ids, starts, T)


@exercise.satisfies("make_loader", points=2, sizes=EPOCH)
def order_does_not_depend_on_the_workers(student, ids, T, seed):
    """Two workers give the windows in the order of none."""
    loader = student.keep(student.make_loader, ids, 5, T, number(seed), 2)
    yield student.library("builtins.isinstance")(loader, student.library(f"{LIBRARY}.DataLoader"))
    yield loader.num_workers == 2
    yield student.keep(student.make_loader, ids, 5, T, number(seed)).num_workers == 0
    alone = note(student, ids, epoch(student, loader_of(student, ids, 5, T, seed, 0)))
    together = note(student, ids, as_two_workers(student, ids, 5, T, seed))
    in_order = np.array_equal(together, np.sort(together))
    student.transcript.append([np.array_equal(alone, together), in_order])
    yield np.array_equal(alone, together)
    yield kept_workers_go_on(student, ids, T, seed)


def kept_workers_go_on(student, ids, T, seed):
    """Whether persistent workers, if there are any, get the second epoch that there is without.

    For these the loader draws no seed before the second epoch; only the sampler goes on. Where it
    draws from the loader's own generator, that makes another order.
    """
    alone, kept = (loader_of(student, ids, 5, T, seed, workers) for workers in (0, 2))
    if not kept.persistent_workers or kept.batch_sampler is None:
        return True
    numbers = []
    for loader, persistent in ((alone, False), (kept, True)):
        epoch(student, loader)
        sampler = student.part(loader, "batch_sampler")
        if not persistent:  # what an iterator of the loader does first
            seed_of = student.library("torch.Tensor.random_")
            source = student.part(loader, "generator")
            student.keep(seed_of, np.zeros((), dtype=np.int64), generator=source)
        held = student.keep(student.library("builtins.list"), sampler)
        numbers.append(student.fetch(held, record=False))
    student.transcript.append(numbers[0] == numbers[1])
    return numbers[0] == numbers[1]


@exercise.satisfies("make_loader", points=1, sizes=EPOCH)
def every_epoch_has_its_own_order(student, ids, T, seed):
    """The windows come shuffled, and in another order in the next epoch."""
    # 24 windows are in one given order with a probability of 1 / 24! = 2e-24.
    loader = loader_of(student, ids, 6, T, seed)
    first, second = (note(student, ids, epoch(student, loader)) for _ in range(2))
    facts = [bool((first != np.sort(first)).any()), bool((first != second).any())]
    # Windows are shuffled, not batches: of the 20 neighbours within the batches, right code has 15
    # that are neighbours in the corpus with a probability below C(20, 15) * 9! / 24! = 1e-14.
    inside = [(b[1:] == b[:-1] + 3).sum() for b in first.reshape(4, 6)]
    facts.append(int(sum(inside)) <= 14)
    student.transcript.append(facts)
    return all(facts)


@exercise.satisfies("make_loader", points=1, sizes=EPOCH)
def the_seed_settles_every_order(student, ids, T, seed):
    """The same seed gives the same epochs, whatever the global generator does; another seed not."""
    found = []
    for other, more in ((1, 0), (2, 0), (2, 1)):
        student.library("torch.default_generator.manual_seed")(other)
        loader = loader_of(student, ids, 6, T, number(seed) + more)
        found.append([note(student, ids, epoch(student, loader)) for _ in range(2)])
    facts = [np.array_equal(found[0], found[1]), not np.array_equal(found[1][0], found[2][0])]
    student.transcript.append(facts)
    return all(facts)


@exercise.satisfies("make_loader", points=1, kind="E", sizes=EPOCH)
def the_last_batch_may_be_smaller(student, ids, T, seed):
    """Batches are (batch_size, T) of int64, except the last one of an epoch."""
    for batch_size, rest in ((5, 4), (24, 24), (30, 24), (1, 1)):
        batches = epoch(student, loader_of(student, ids, batch_size, T, seed))
        note(student, ids, batches)
        sizes = [batch_size] * ((24 - rest) // batch_size) + [rest]
        yield [x.shape for x, _ in batches] == [(size, T) for size in sizes]
        yield all([v.dtype == np.int64 for pair in batches for v in pair])


@exercise.satisfies("make_loader", points=1, kind="E", sizes={"n": [73, 72, 4], "T": [3, 3, 3]})
def the_last_window_comes_too(student, ids, T, seed):
    """A corpus whose tokens just suffice for its last window, or just do not, and one window."""
    batches = epoch(student, loader_of(student, ids, 6, T, seed))
    starts = note(student, ids, batches)
    return np.sort(starts), np.arange(0, len(ids) - T, T)


LOADER = """return DataLoader(
        dataset, batch_size, shuffle=True, generator=generator, num_workers=num_workers
    )"""
MAKE = "generator = torch.Generator().manual_seed(seed)"
SHUFFLE = "shuffle=True, generator=generator"
exercise.slip(
    "make_loader",
    "does_not_shuffle",
    SHUFFLE,
    "shuffle=False, generator=generator",
    "The windows come in the order of the corpus. Shuffle them.",
)
exercise.slip(
    "make_loader",
    "global_generator",
    SHUFFLE,
    "shuffle=True",
    "The order comes from the global generator, so the seed settles nothing. Give the loader a "
    "generator of its own.",
)
exercise.slip(
    "make_loader",
    "forgets_the_seed",
    MAKE,
    "generator = torch.Generator()",
    "The order is the same for every seed: the generator is not seeded with it.",
)
exercise.slip(
    "make_loader",
    "forgets_the_workers",
    "num_workers=num_workers",
    "num_workers=0",
    "The loader has no workers, however many were asked for.",
)
exercise.slip(
    "make_loader",
    "seed_depends_on_the_workers",
    MAKE,
    "generator = torch.Generator().manual_seed(seed + num_workers)",
    "Another number of workers gives another order.",
)
exercise.slip(
    "make_loader",
    "shuffles_only_without_workers",
    SHUFFLE,
    "shuffle=num_workers == 0, generator=generator",
    "With workers the windows are not shuffled. The order is the same for any number of workers.",
)
exercise.slip(
    "make_loader",
    "drops_the_rest",
    SHUFFLE,
    f"{SHUFFLE}, drop_last=True",
    "The last batch of an epoch is dropped when it is smaller, so some windows do not come.",
)
exercise.slip(
    "make_loader",
    "batch_of_one",
    "dataset, batch_size,",
    "dataset, 1,",
    "Every batch has one window, whatever `batch_size` is.",
)
exercise.slip(
    "make_loader",
    "workers_are_kept",
    "num_workers=num_workers",
    "num_workers=num_workers, persistent_workers=num_workers > 0",
    "With persistent_workers the loader draws one number less from its generator before the second "
    "epoch, so from there on the order depends on the number of workers. Leave them out, or give "
    "the sampler a generator of its own.",
)
exercise.slip(
    "make_loader",
    "shuffles_once",
    f"{MAKE}\n    {LOADER}",
    f"{MAKE}\n"
    "    x, y = windows(data, T)\n"
    "    perm = torch.randperm(len(x), generator=generator)\n"
    "    dataset = TensorDataset(x[perm], y[perm])\n"
    "    return DataLoader(dataset, batch_size, num_workers=num_workers)",
    "Every epoch has the same order. The shuffling goes on from one epoch to the next: neither "
    "shuffle once when the loader is made, nor seed the generator anew each time.",
)
exercise.slip(
    "make_loader",
    "shuffles_the_batches_only",
    LOADER,
    """order = torch.arange(len(dataset)).split(batch_size)
    class Blocks(torch.utils.data.Sampler):
        def __iter__(self):
            for i in torch.randperm(len(order), generator=generator).tolist():
                yield order[i].tolist()
        def __len__(self):
            return len(order)
    return DataLoader(dataset, batch_sampler=Blocks(), num_workers=num_workers)""",
    "Only the order of the batches is random: inside a batch the windows are neighbours in the "
    "corpus, in every epoch the same ones. Shuffle windows.",
)
exercise.slip(
    "make_loader",
    "with_replacement",
    LOADER,
    """sampler = torch.utils.data.RandomSampler(dataset, replacement=True, generator=generator)
    return DataLoader(dataset, batch_size, sampler=sampler, num_workers=num_workers)""",
    "Windows are drawn with replacement: in an epoch some come several times and others not at "
    "all.",
)
exercise.slip(
    "make_loader",
    "every_start",
    "dataset = TensorDataset(*windows(data, T))",
    "dataset = TensorDataset(data.unfold(0, T, 1)[:-1], data[1:].unfold(0, T, 1))",
    "The windows overlap, one for each start, so an epoch has every token T times. These are the "
    "windows of section 1.",
)
exercise.slip(
    "make_loader",
    "targets_are_inputs",
    "dataset = TensorDataset(*windows(data, T))",
    "x, _ = windows(data, T)\n    dataset = TensorDataset(x, x.clone())",
    "The targets are the inputs: y is x one token later.",
)


@exercise.mistake("make_loader")
def a_copy_for_every_worker(data, batch_size, T, seed, num_workers=0):
    """Each worker has a copy of the whole stream, so with two workers every window comes twice. Use
    a dataset with numbered items, or let each worker take its own share."""

    class Stream(IterableDataset):
        def __init__(self):
            self.pairs = list(zip(*reference.windows(data, T), strict=True))
            self.generator = torch.Generator().manual_seed(seed)

        def __iter__(self):
            for i in torch.randperm(len(self.pairs), generator=self.generator).tolist():
                yield self.pairs[i]

    return DataLoader(Stream(), batch_size, num_workers=num_workers)
