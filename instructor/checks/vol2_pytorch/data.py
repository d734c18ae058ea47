"""Hidden checks for vol2_pytorch/data.

What is drawn at random by design is not recorded (`record=False`): facts about it are, so that
known mistakes can be told apart.
"""

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from autograder import Exercise, derived, integers, laid, raises
from solutions.vol2_pytorch import data

STEP = 3  # ids that count in threes: no two windows are alike, and differences say what was read


def counted(rng, n):
    """Ids that count up from anywhere."""
    return int(rng.integers(10, 50)) + STEP * np.arange(n)


def draw_documents(rng, eos):
    """Documents of different lengths, one of them longer than a row; eos is in none."""
    lengths = [int(n) for n in rng.permutation([1, 2, 3, 4, 7, 15])]
    return [eos + 1 + rng.integers(0, 90, size=n) for n in lengths]


exercise = Exercise(
    "vol2_pytorch/data",
    solution=data,
    arrays="torch",
    difficulty=2,
    minutes=90,
    inputs={
        "ids": integers("n", 100),
        "T": derived(lambda rng: int(rng.integers(3, 6))),
        "eos": derived(lambda rng: int(rng.integers(3, 9))),
        "documents": derived(draw_documents),
        "val_fraction": derived(lambda rng: float(rng.choice([0.1, 0.25, 0.3]))),
        "seed": derived(lambda rng: int(rng.integers(1000))),
    },
    sizes={"n": [31, 26, 16]},
)
ONE = {"n": [23]}
NONE = {"draw": [0]}


def seeded(student, seed):
    """A generator on the student's side."""
    generator = student.library("torch.Generator")()
    student.keep(generator.manual_seed, seed)
    return generator


def global_state(student):
    """The state of PyTorch's global generator."""
    return student.fetch(student.keep(student.library("torch.get_rng_state")), record=False)


def reference(function, *args):
    """What the reference gives for arrays, as arrays."""
    as_tensors = [torch.tensor(a) if isinstance(a, np.ndarray) else a for a in args]
    return tuple(part.numpy() for part in function(*as_tensors))


def independent(student, function, want, given, *args):
    """Arguments of any layout are taken and left alone; results share no memory with them."""
    fill, item = student.library("torch.Tensor.fill_"), student.library("operator.getitem")
    for layout in ("C", "strided"):
        held = student.hold(laid(given, layout))
        result = student.keep(function, held, *args)
        parts = [student.keep(item, result, i) for i in (0, 1)]
        yield [student.fetch(part) for part in parts], want
        student.keep(fill, parts[0], 1000)
        yield student.fetch(held), given
        yield student.fetch(parts[1]), want[1]
        student.keep(fill, held, 2000)
        yield student.fetch(parts[1]), want[1]


# windows


@exercise.satisfies("windows", kind="R", points=3)
def windows_and_their_targets(student, ids, T):
    """Windows follow each other without overlap, and targets are one token later."""
    return student.windows(ids, T), reference(data.windows, ids, T)


@exercise.satisfies("windows", kind="R", points=1, sizes=NONE)
def every_remainder(student, rng, T):
    """Whatever is left over is dropped, and no full window is."""
    for n in range(2 * T, 3 * T + 2):
        given = rng.integers(0, 100, size=n)
        yield student.windows(given, T), reference(data.windows, given, T)


@exercise.satisfies("windows", points=1, sizes=ONE)
def targets_are_the_next_inputs(student, ids, T):
    """In a row each target is the next input, and the last one begins the next row."""
    x, y = student.windows(ids, T)
    yield x.reshape(-1), ids[: len(ids) - 1 - (len(ids) - 1) % T]
    yield y[:, :-1], x[:, 1:]
    yield y[:-1, -1], x[1:, 0]


@exercise.satisfies("windows", points=1, kind="E", sizes=NONE)
def no_window_at_all(student, rng, T):
    """Too few ids give no window: shapes (0, T). T = 1 makes one of every id but the last."""
    for n in (T, 1, 0):
        x, y = student.windows(rng.integers(0, 100, size=n), T)
        yield np.array(x.shape + y.shape), np.array([0, T, 0, T])
    single = rng.integers(0, 100, size=5)
    yield student.windows(single, 1), (single[:-1, None], single[1:, None])


@exercise.satisfies("windows", points=1, kind="E", sizes=ONE)
def windows_are_copies(student, ids, T):
    """Ids of any memory layout are taken and left alone; windows are not their memory."""
    yield from independent(student, student.windows, reference(data.windows, ids, T), ids, T)


COUNT = "n = max(len(ids) - 1, 0) // T"
PAIR = "x, y = ids[: n * T], ids[1 : n * T + 1]"
exercise.slip(
    "windows",
    "targets_are_inputs",
    PAIR,
    "x, y = ids[: n * T], ids[: n * T]",
    "Inputs and targets are the same. The target of a token is the one after it.",
)
exercise.slip(
    "windows",
    "targets_come_before",
    PAIR,
    "y, x = ids[: n * T], ids[1 : n * T + 1]",
    "Targets are the tokens before the inputs. They are the ones after.",
)
exercise.slip(
    "windows",
    "targets_two_later",
    "ids[1 : n * T + 1]",
    "torch.cat([ids[2 : n * T + 1], ids[:1]])",
    "Targets are two tokens later than inputs. One is enough.",
)
exercise.slip(
    "windows",
    "targets_wrap_around",
    f"{COUNT}\n    {PAIR}",
    "n = len(ids) // T\n    x, y = ids[: n * T], torch.roll(ids, -1)[: n * T]",
    "The last id gets the first one as its target, as if the text were a circle. It has none.",
)
exercise.slip(
    "windows",
    "targets_within_rows",
    "y.reshape(n, T).clone()",
    "torch.roll(x.reshape(n, T), -1, 1)",
    "Targets are shifted within each row, so the last one of a row is its first input. It is the "
    "first input of the next row.",
)
exercise.slip(
    "windows",
    "one_too_few",
    COUNT,
    "n = max(len(ids) // T - 1, 0)",
    "A window is missing: the last one needs a single id more than it has inputs.",
)
exercise.slip(
    "windows",
    "each_window_wants_its_own_target",
    COUNT,
    "n = len(ids) // (T + 1)",
    "Windows are counted as if each took T + 1 ids for itself. Neighbours share one.",
)
exercise.slip(
    "windows",
    "drops_the_beginning",
    PAIR,
    "x, y = ids[len(ids) - n * T - 1 : -1], ids[len(ids) - n * T :]",
    "What is left over is dropped at the beginning. Begin with the first id and drop the end.",
)
exercise.slip(
    "windows",
    "columns",
    "x.reshape(n, T).clone(), y.reshape(n, T).clone()",
    "x.reshape(T, n).T.clone(), y.reshape(T, n).T.clone()",
    "Windows run down the columns before the array is turned. Consecutive ids belong into a row.",
)
exercise.slip(
    "windows",
    "overlapping",
    "x.reshape(n, T).clone(), y.reshape(n, T).clone()",
    "ids[:-1].unfold(0, T, 1).clone(), ids[1:].unfold(0, T, 1).clone()",
    "The windows overlap: each begins one id after the last. Each begins where the last one ended.",
)
exercise.slip(
    "windows",
    "views_of_the_corpus",
    "x.reshape(n, T).clone(), y.reshape(n, T).clone()",
    "x.reshape(n, T), y.reshape(n, T)",
    "The windows are views of the ids: who changes a window changes the corpus. Return copies.",
)
exercise.slip(
    "windows",
    "floats",
    "x.reshape(n, T).clone(), y.reshape(n, T).clone()",
    "x.reshape(n, T).float() / 3, y.reshape(n, T).float() / 3",
    "Ids have become other numbers. They stay as they are.",
)


# get_batch


def drawn(student, corpus, batch_size, T, *generator):
    """A batch, not recorded, and the differences that tell how it was read."""
    batch = student.keep(student.get_batch, corpus, batch_size, T, *generator)
    x, y = student.fetch(batch, record=False)
    facts = [x.shape, y.shape, x - x[:, :1], y - x[:, :1]]
    student.transcript.append(facts)
    return x, y, facts


def facts_of(batch_size, T):
    """What `drawn` finds where ids count in steps."""
    along = np.tile(STEP * np.arange(T), (batch_size, 1))
    return [(batch_size, T), (batch_size, T), along, along + STEP]


@exercise.satisfies("get_batch", kind="R", points=3, sizes=NONE)
def rows_are_windows_with_their_targets(student, rng, T, seed):
    """Every row is a window of the data, and its targets are one token later."""
    corpus = counted(rng, 40)
    for batch_size in (5, 1, T):
        generator = seeded(student, seed)
        x, _, facts = drawn(student, corpus, batch_size, T, generator)
        yield facts, facts_of(batch_size, T)
        yield bool(np.isin(x, corpus).all())


@exercise.satisfies("get_batch", kind="R", points=2, sizes=NONE)
def every_beginning_is_as_likely(student, rng, T, seed):
    """Windows begin anywhere, the first place and the last one included, equally often."""
    places, draws = 7, 1400
    corpus = counted(rng, T + places)
    x, _, _ = drawn(student, corpus, draws, T, seeded(student, seed))
    times = np.bincount((x[:, 0] - corpus[0]) // STEP, minlength=places)
    # 200 on average with a deviation of 13: seven of these are allowed.
    fine = (abs(times - draws // places) < 95).tolist()
    student.transcript.append(fine)
    return fine == [True] * places


@exercise.satisfies("get_batch", points=1, sizes=NONE)
def rows_are_drawn_each_for_itself(student, rng, T, seed):
    """Rows of a batch are independent: neighbours are not in order, and may be the same window."""
    places = 7
    corpus, generator = counted(rng, T + places), seeded(student, seed)
    batch = [drawn(student, corpus, places, T, generator)[0] for _ in range(12)]
    starts = [(x[:, 0] - corpus[0]) // STEP for x in batch]
    facts = [
        any(len(set(s.tolist())) < places for s in starts),
        any(len(set(s.tolist())) > 2 for s in starts),
        any((np.diff(s) % places != (s[1] - s[0]) % places).any() for s in starts),
        any((np.diff(s) < 0).any() for s in starts),
        any((s != starts[0]).any() for s in starts),
    ]
    student.transcript.append(facts)
    return all(facts)


@exercise.satisfies("get_batch", points=2, sizes=NONE)
def all_randomness_is_the_generators(student, rng, T, seed):
    """The same generator state gives the same batch, and the global generator is not touched."""
    corpus, facts = counted(rng, 60), []
    for name in ("torch.manual_seed", "numpy.random.seed", "random.seed"):
        student.keep(student.library(name), seed)
    before = global_state(student)
    first, _, _ = drawn(student, corpus, 6, T, generator := seeded(student, seed))
    second, _, _ = drawn(student, corpus, 6, T, generator)
    again, _, _ = drawn(student, corpus, 6, T, seeded(student, seed))
    facts.append(bool((first == again).all()))
    facts.append(bool((first != second).any()))
    facts.append(bool((global_state(student) == before).all()))
    state = student.fetch(student.keep(generator.get_state), record=False)
    drawn(student, corpus, 6, T)  # without a generator, from the global one
    after = student.fetch(student.keep(generator.get_state), record=False)
    facts.append(bool((state == after).all()))
    facts.append(bool((global_state(student) != before).any()))
    student.keep(student.library("torch.manual_seed"), seed)
    one, _, _ = drawn(student, corpus, 6, T)
    student.keep(student.library("torch.manual_seed"), seed)
    other, _, _ = drawn(student, corpus, 6, T, None)
    facts.append(bool((one == other).all()))
    student.transcript.append(facts)
    return all(facts)


@exercise.satisfies("get_batch", points=1, kind="E", sizes=NONE)
def little_data(student, rng, T, seed):
    """T + 1 tokens hold one window; with fewer a ValueError is raised."""
    corpus = counted(rng, T + 1)
    x, _, facts = drawn(student, corpus, 4, T, seeded(student, seed))
    yield facts, facts_of(4, T)
    yield x[:, 0], np.full(4, corpus[0])
    yield all(
        [raises(ValueError, student.get_batch, corpus[:n], 4, T) for n in (T, T - 1, 1)]
        + [raises(ValueError, student.get_batch, corpus[:T], 4, T, seeded(student, seed))]
    )


@exercise.satisfies("get_batch", points=1, kind="E", sizes=NONE)
def batches_are_int64_and_own_their_memory(student, rng, T, seed):
    """Whatever type the data has, batches are int64; changing one changes nothing else."""
    add = student.library("torch.Tensor.add_")
    item = student.library("operator.getitem")
    for kind in (np.int64, np.int32, np.uint8):
        corpus = counted(rng, 30).astype(kind)
        held = student.hold(corpus)
        batch = student.keep(student.get_batch, held, 5, T, seeded(student, seed))
        x, y = (student.keep(item, batch, i) for i in (0, 1))
        before = [student.fetch(part, record=False) for part in (x, y)]
        kinds = [part.dtype == np.int64 for part in before]
        student.transcript.append(kinds)
        yield all(kinds)
        student.keep(add, x, 1000)
        yield student.fetch(y, record=False) - before[0], np.full((5, T), STEP)
        student.keep(add, y, 1000)
        yield student.fetch(x, record=False) - before[0], np.full((5, T), 1000)
        yield student.fetch(held), corpus


DRAW = "torch.randint(len(data) - T, (batch_size, 1), generator=generator)"
exercise.slip(
    "get_batch",
    "targets_are_inputs",
    "data[places + 1].long()",
    "data[places].long()",
    "Inputs and targets are the same. The target of a token is the one after it.",
)
exercise.slip(
    "get_batch",
    "targets_come_before",
    "data[places].long(), data[places + 1].long()",
    "data[places + 1].long(), data[places].long()",
    "Targets are the tokens before the inputs. They are the ones after.",
)
exercise.slip(
    "get_batch",
    "targets_within_rows",
    "data[places + 1].long()",
    "torch.roll(data[places].long(), -1, 1)",
    "The last target of a row is its first input. It is the token that follows in the data.",
)
exercise.slip(
    "get_batch",
    "last_beginning_is_missing",
    "torch.randint(len(data) - T,",
    "torch.randint(max(len(data) - T - 1, 1),",
    "The last window is never drawn. A window that begins at len(data) - T - 1 has all its targets.",
)
exercise.slip(
    "get_batch",
    "first_beginning_is_missing",
    "torch.randint(len(data) - T,",
    "torch.randint(min(1, len(data) - T - 1), len(data) - T,",
    "The first window is never drawn. Windows begin at 0, too.",
)
exercise.slip(
    "get_batch",
    "one_beginning_too_many",
    f"{DRAW}\n    places = starts + torch.arange(T)",
    f"{DRAW.replace('- T,', '- T + 1,')}\n    places = (starts + torch.arange(T)) % (len(data) - 1)",
    "There is one beginning too many: from the last of them a row runs over the end of the data.",
)
exercise.slip(
    "get_batch",
    "only_multiples_of_T",
    DRAW,
    f"{DRAW} // T * T",
    "Windows begin at multiples of T only. They may begin anywhere.",
)
exercise.slip(
    "get_batch",
    "one_beginning_for_all",
    "(batch_size, 1), generator=generator)",
    "(1, 1), generator=generator).expand(batch_size, 1)",
    "All rows of a batch are the same window. Draw a beginning for each.",
)
exercise.slip(
    "get_batch",
    "rows_in_a_row",
    DRAW,
    "(torch.randint(len(data) - T, (1, 1), generator=generator) + torch.arange(batch_size)[:, None])"
    " % (len(data) - T)",
    "One beginning is drawn, and the other rows follow it. Draw each for itself.",
)
exercise.slip(
    "get_batch",
    "without_replacement",
    DRAW,
    "torch.cat([torch.randperm(len(data) - T, generator=generator) for _ in range(batch_size)])"
    "[:batch_size, None]",
    "No window comes twice in a batch. Rows are independent: the same one may be drawn again.",
)
exercise.slip(
    "get_batch",
    "sorted_beginnings",
    DRAW,
    f"{DRAW}.sort(0)[0]",
    "The rows of a batch are sorted by where they begin. Leave them as they are drawn.",
)
exercise.slip(
    "get_batch",
    "ignores_the_generator",
    "generator=generator",
    "generator=None",
    "The generator that was passed is not used. All randomness comes from it.",
)
exercise.slip(
    "get_batch",
    "always_the_same_seed",
    f"starts = {DRAW}",
    "generator = torch.Generator().manual_seed(0)\n"
    f"    starts = {DRAW}",
    "Each call makes a generator of its own, and so each call gives the same batch. Use the one "
    "that is passed.",
)
exercise.slip(
    "get_batch",
    "keeps_a_small_type",
    "data[places].long(), data[places + 1].long()",
    "data[places], data[places + 1]",
    "Batches have the type in which the data is stored. They are int64 whatever that is.",
)
exercise.slip(
    "get_batch",
    "one_memory_for_both",
    "return data[places].long(), data[places + 1].long()",
    "both = data[starts + torch.arange(T + 1)].long()\n    return both[:, :-1], both[:, 1:]",
    "x and y share memory: who changes one changes the other. Copy them apart.",
)
exercise.slip(
    "get_batch",
    "never_refuses",
    'if len(data) < T + 1:\n        raise ValueError(f"{len(data)} tokens hold no window of {T} with its '
    'targets")\n',
    "if len(data) < T + 1:\n        data = data.repeat(T + 2)\n",
    "Data that holds no window should raise ValueError.",
)
exercise.slip(
    "get_batch",
    "refuses_one_too_many",
    "if len(data) < T + 1:",
    "if len(data) <= T + 1:",
    "T + 1 tokens are refused. They hold one window with its targets.",
)


@exercise.mistake("get_batch")
def numpy_draws(corpus, batch_size, T, generator=None):
    """The beginnings are drawn by NumPy or Python's random. Draw them with torch.randint from the
    generator that is passed."""
    if len(corpus) < T + 1:
        raise ValueError
    starts = torch.tensor([np.random.randint(len(corpus) - T) for _ in range(batch_size)])
    places = starts[:, None] + torch.arange(T)
    return corpus[places].long(), corpus[places + 1].long()


@exercise.mistake("get_batch")
def seeds_the_global_generator(corpus, batch_size, T, generator=None):
    """The global generator is seeded from the one that is passed, and drawn from. Pass `generator`
    on to torch.randint."""
    if len(corpus) < T + 1:
        raise ValueError
    if generator is not None:
        torch.manual_seed(int(torch.randint(1 << 30, (), generator=generator)))
    places = torch.randint(len(corpus) - T, (batch_size, 1)) + torch.arange(T)
    return corpus[places].long(), corpus[places + 1].long()


# pack


def packed(documents, T, eos):
    """What the reference gives for arrays, as arrays."""
    return reference(data.pack, [torch.tensor(d) for d in documents], T, eos)


@exercise.satisfies("pack", kind="R", points=2, sizes={"round": [0, 1]})
def documents_are_joined_by_eos(student, documents, T, eos):
    """The rows hold the documents one after the other, with one eos between each two."""
    yield student.pack(documents, T, eos)[0], packed(documents, T, eos)[0]


@exercise.satisfies("pack", kind="R", points=2, sizes={"round": [0, 1]})
def tokens_know_their_document(student, documents, T, eos):
    """Every token has the index of its document, an eos that of the one it ends."""
    yield student.pack(documents, T, eos)[1], packed(documents, T, eos)[1]


@exercise.satisfies("pack", points=1, sizes=NONE)
def documents_come_back(student, documents, eos):
    """In one row of its own length, the tokens with one index are that document and its eos."""
    total = sum(map(len, documents)) + len(documents) - 1
    ids, doc = student.pack(documents, total, eos)
    for i, document in enumerate(documents):
        last = i + 1 == len(documents)
        yield ids[doc == i], document if last else np.append(document, eos)


@exercise.satisfies("pack", points=1, sizes=NONE)
def nobody_sees_another_document(student, documents, T, eos):
    """Where doc is equal, a token sees back to the beginning of its document or of its row."""
    ids, doc = student.pack(documents, T, eos)
    sees = (doc[:, :, None] == doc[:, None, :]).sum(axis=(1, 2))
    want_ids, want = packed(documents, T, eos)
    yield sees, (want[:, :, None] == want[:, None, :]).sum(axis=(1, 2))
    yield np.diff(doc.reshape(-1)), np.roll(want_ids.reshape(-1) == eos, 1)[1:].astype(int)
    yield (ids == eos).sum(), (want_ids == eos).sum()


@exercise.satisfies("pack", points=1, kind="E", sizes=NONE)
def unusual_documents(student, rng, eos):
    """Empty documents, a single one, one that is longer than all rows, and rows never filled."""
    a, b, c = (eos + 1 + rng.integers(0, 90, size=n) for n in (5, 12, 1))
    none = a[:0]
    for given, T in (
        ([none, a, none, none, c], 3),
        ([a], 2),
        ([a], 5),
        ([b, a], 4),
        ([a, b], 18),
        ([a, b], 19),
        ([c], 3),
        ([none], 3),
    ):
        ids, doc = student.pack(given, T, eos)
        want_ids, want = packed(given, T, eos)
        yield ids, want_ids
        yield doc, want
        yield ids.dtype == doc.dtype == np.int64


@exercise.satisfies("pack", points=1, kind="E", sizes=NONE)
def documents_stay(student, documents, T, eos):
    """The documents are left as they were, and the rows are not their memory."""
    for given in (documents, documents[:1]):
        held = [student.hold(d) for d in given]
        result = student.keep(student.pack, student.hold(held), T, eos)
        ids = student.keep(student.library("operator.getitem"), result, 0)
        yield student.fetch(ids), packed(given, T, eos)[0]
        student.keep(student.library("torch.Tensor.fill_"), ids, 77)
        for handle, document in zip(held, given, strict=True):
            yield student.fetch(handle), document


JOIN = "torch.cat([torch.cat([document, end]) for document in documents])[:-1]"
LENGTHS = "torch.tensor([len(document) + 1 for document in documents])"
OWNERS = "torch.repeat_interleave(torch.arange(len(documents)), lengths)[:-1]"
exercise.slip(
    "pack",
    "eos_after_the_last",
    f"{JOIN}\n    lengths = {LENGTHS}\n    doc = {OWNERS}",
    f"{JOIN[:-5]}\n    lengths = {LENGTHS}\n    doc = {OWNERS[:-5]}",
    "There is an eos after the last document, too. It stands between documents.",
)
exercise.slip(
    "pack",
    "eos_before_each",
    JOIN,
    "torch.cat([torch.cat([end, document]) for document in documents])[:-1]",
    "There is an eos before the first document, and the last one lacks its last token. It stands "
    "between documents.",
)
exercise.slip(
    "pack",
    "no_eos",
    f"{JOIN}\n    lengths = {LENGTHS}\n    doc = {OWNERS}",
    f"torch.cat(list(documents))\n    lengths = {LENGTHS.replace(' + 1', '')}\n    doc = {OWNERS[:-5]}",
    "There is no eos between the documents.",
)
exercise.slip(
    "pack",
    "eos_begins_the_next",
    f"lengths = {LENGTHS}\n    doc = {OWNERS}",
    "doc = torch.cat([ids.new_full((len(d) + (i > 0),), i) for i, d in enumerate(documents)])",
    "An eos has the index of the document after it. It belongs to the one that it ends.",
)
exercise.slip(
    "pack",
    "eos_belongs_to_nobody",
    OWNERS,
    f"{OWNERS}\n    doc[ids == eos] = -1",
    "An eos has an index of its own. It belongs to the document that it ends.",
)
exercise.slip(
    "pack",
    "documents_count_from_one",
    "torch.arange(len(documents))",
    "torch.arange(1, len(documents) + 1)",
    "Documents are numbered from 1. Python counts from 0, and so does `doc`.",
)
exercise.slip(
    "pack",
    "each_row_counts_anew",
    "doc[: n * T].reshape(n, T)",
    "doc[: n * T].reshape(n, T) - doc[: n * T].reshape(n, T)[:, :1]",
    "Documents are numbered anew in each row. They keep their index over all rows.",
)
exercise.slip(
    "pack",
    "alternating_numbers",
    "doc[: n * T].reshape(n, T)",
    "doc[: n * T].reshape(n, T) % 2",
    "Different documents have the same number. The index is that in `documents`.",
)
exercise.slip(
    "pack",
    "positions_for_documents",
    "doc[: n * T].reshape(n, T)",
    "torch.arange(n * T).reshape(n, T)",
    "doc holds the place of each token. Wanted is the index of its document.",
)
exercise.slip(
    "pack",
    "a_row_for_each_document",
    f"{JOIN}\n    lengths = {LENGTHS}\n    doc = {OWNERS}\n    n = len(ids) // T",
    "torch.cat([torch.cat([d, end.repeat(T)])[:T] for d in documents])\n"
    "    doc = torch.arange(len(documents)).repeat_interleave(T)\n"
    "    n = len(documents)",
    "Each document has a row of its own, cut or filled up. Write them one after the other: rows end "
    "where they are full.",
)
exercise.slip(
    "pack",
    "fills_the_last_row",
    "n = len(ids) // T",
    "n = -(-len(ids) // T)\n"
    "    ids = torch.cat([ids, end.repeat(n * T - len(ids))])\n"
    "    doc = torch.cat([doc, doc[-1:].repeat(n * T - len(doc))])",
    "The last row is filled up with eos. A row that is not full is dropped.",
)
exercise.slip(
    "pack",
    "columns",
    "ids[: n * T].reshape(n, T), doc[: n * T].reshape(n, T)",
    "ids[: n * T].reshape(T, n).T, doc[: n * T].reshape(T, n).T",
    "Documents run down the columns. Consecutive tokens belong into a row.",
)
exercise.slip(
    "pack",
    "longest_first",
    "end = torch.tensor([eos])",
    "end, documents = torch.tensor([eos]), sorted(documents, key=len, reverse=True)",
    "The documents are sorted by length. They come in the given order.",
)
exercise.slip(
    "pack",
    "leaves_out_empty_documents",
    "end = torch.tensor([eos])",
    "end, documents = torch.tensor([eos]), [d for d in documents if len(d)] or documents[:1]",
    "Empty documents are left out, so that the others are numbered differently. An empty document "
    "has its eos and its index.",
)
exercise.slip(
    "pack",
    "a_single_document_is_returned_itself",
    f"ids = {JOIN}",
    f"ids = {JOIN} if len(documents) > 1 else documents[0]",
    "The rows are the memory of the document: who changes one changes the other. Return copies.",
)

# split


@exercise.satisfies("split", kind="R", points=2)
def the_end_is_for_validation(student, ids, val_fraction):
    """The beginning is returned first, the end, of the right length, second."""
    return student.split(ids, val_fraction), reference(data.split, ids, val_fraction)


@exercise.satisfies("split", points=1, sizes=ONE)
def nothing_is_lost(student, ids, val_fraction):
    """Put together, both parts are the ids; a larger share makes the second part longer."""
    train, val = student.split(ids, val_fraction)
    yield np.concatenate([train, val]), ids
    more, longer = student.split(ids, val_fraction + 0.4)
    yield np.concatenate([more, longer]), ids
    yield len(longer) > len(val) > 0


@exercise.satisfies("split", points=1, kind="E", sizes=NONE)
def shares_are_rounded(student, rng):
    """The share is rounded to the nearest whole number; 0 and 1 leave a part empty."""
    ids = rng.integers(0, 100, size=11)
    for share, m in ((0.0, 0), (1.0, 11), (0.06, 1), (0.03, 0), (0.7, 8), (0.9, 10), (0.3, 3)):
        yield student.split(ids, share), (ids[: 11 - m], ids[11 - m :])


@exercise.satisfies("split", points=1, kind="E", sizes=ONE)
def parts_are_copies(student, ids):
    """Ids of any memory layout are taken and left alone; the parts are not their memory."""
    yield from independent(student, student.split, reference(data.split, ids, 0.5), ids, 0.5)


CUT = "n = len(ids) - round(len(ids) * val_fraction)"
exercise.slip(
    "split",
    "the_beginning_is_for_validation",
    "return ids[:n].clone(), ids[n:].clone()",
    "return ids[len(ids) - n :].clone(), ids[: len(ids) - n].clone()",
    "The beginning is kept for validation. Keep the end.",
)
exercise.slip(
    "split",
    "validation_first",
    "return ids[:n].clone(), ids[n:].clone()",
    "return ids[n:].clone(), ids[:n].clone()",
    "Both parts are right, but validation is returned first. Training comes first.",
)
exercise.slip(
    "split",
    "share_of_the_training",
    CUT,
    "n = round(len(ids) * val_fraction)",
    "The share is taken for the training part. It is that of the validation.",
)
exercise.slip(
    "split",
    "rounds_down",
    "round(len(ids) * val_fraction)",
    "int(len(ids) * val_fraction)",
    "The length of the validation part is rounded down. Round to the nearest whole number.",
)
exercise.slip(
    "split",
    "rounds_up",
    "round(len(ids) * val_fraction)",
    "-int(-len(ids) * val_fraction // 1)",
    "The length of the validation part is rounded up. Round to the nearest whole number.",
)
exercise.slip(
    "split",
    "every_few_ids",
    "return ids[:n].clone(), ids[n:].clone()",
    "step = max(len(ids) // max(len(ids) - n, 1), 1)\n"
    "    places = torch.zeros(len(ids), dtype=torch.bool)\n"
    "    places[::step] = len(ids) > n\n"
    "    return ids[~places], ids[places]",
    "Validation takes an id here and there out of the text. It is one piece at the end.",
)
exercise.slip(
    "split",
    "an_id_between",
    "ids[:n].clone()",
    "ids[: max(n - 1, 0)].clone()",
    "The id before the cut is in neither part.",
)
exercise.slip(
    "split",
    "an_id_in_both",
    "ids[:n].clone()",
    "ids[: n + 1].clone()",
    "The first id of the validation is also the last one of the training.",
)
exercise.slip(
    "split",
    "views",
    "return ids[:n].clone(), ids[n:].clone()",
    "return ids[:n], ids[n:]",
    "Both parts are views of the ids: who changes one changes the corpus. Return copies.",
)
exercise.slip(
    "split",
    "nothing_means_everything",
    "return ids[:n].clone(), ids[n:].clone()",
    "m = len(ids) - n\n    return ids[:-m].clone(), ids[-m:].clone()",
    "With a share of 0 everything is validation: ids[-0:] are all ids.",
)


# make_loader


def epoch(student, loader):
    """One epoch, not recorded: all inputs, all targets, the sizes of the batches."""
    batches = student.fetch(student.keep(student.library("builtins.list"), loader), record=False)
    x, y = (np.concatenate([batch[i] for batch in batches]) for i in (0, 1))
    return x, y, [len(batch[0]) for batch in batches]


def loaded(student, corpus, T, seed, *, epochs=2, batch_size=4, **workers):
    """The inputs of some epochs of a new loader."""
    loader = student.make_loader(corpus, batch_size, T, seed, **workers)
    return [epoch(student, loader)[0] for _ in range(epochs)]


def same(*arrays):
    """Whether arrays are equal, shapes included."""
    return all(np.array_equal(arrays[0], other) for other in arrays[1:])


@exercise.satisfies("make_loader", kind="R", points=3, sizes=NONE)
def every_window_once(student, rng, T, seed):
    """An epoch has each window of the data once, with its targets, in batches that are full."""
    for count, batch_size in ((11, 4), (6, 3)):
        corpus = counted(rng, count * T + 2)
        loader = student.make_loader(corpus, batch_size, T, seed)
        for _ in range(2):
            x, y, sizes = epoch(student, loader)
            facts = [sizes, np.sort(x[:, 0]), x - x[:, :1], y - x[:, :1]]
            student.transcript.append(facts)
            full, rest = divmod(count, batch_size)
            yield numbers(sizes), numbers([batch_size] * full + [rest] * bool(rest))
            yield facts[1:], [corpus[: count * T : T], *facts_of(count, T)[2:]]
            yield x.dtype == y.dtype == np.int64


def numbers(values):
    """Whole numbers to compare with: shape and values."""
    return np.array(values, dtype=np.int64)


@exercise.satisfies("make_loader", points=1, sizes=NONE)
def the_order_is_shuffled(student, rng, T, seed):
    """Windows come in random order, in another one in each epoch."""
    corpus = counted(rng, 40 * T + 1)
    first, second = loaded(student, corpus, T, seed)
    starts = first[:, 0]
    facts = [
        same(first, second),
        bool((np.diff(starts) > 0).all()),
        len(set(np.diff(starts).tolist())) < 5,
        # Windows that are neighbours in the data stay together only by chance.
        int((np.diff(starts) == STEP * T).sum()) > 20,
    ]
    student.transcript.append(facts)
    return not any(facts)


@exercise.satisfies("make_loader", points=2, sizes=NONE)
def only_the_seed_matters(student, rng, T, seed):
    """The order of each epoch is that of the seed, whatever the global generators have drawn."""
    corpus = counted(rng, 30 * T + 1)
    found = []
    for number, own in ((1, seed), (2, seed), (3, seed + 1)):
        for name in ("torch.manual_seed", "numpy.random.seed", "random.seed"):
            student.keep(student.library(name), number)
        before = global_state(student)
        found.append(loaded(student, corpus, T, own))
        found[-1].append(bool((global_state(student) == before).all()))
    (a, b, still), (c, d, quiet), (e, f, _) = found
    facts = [same(a, c), same(b, d), not same(a, e), not same(b, f), still, quiet]
    student.transcript.append(facts)
    return all(facts)


@exercise.satisfies("make_loader", points=2, sizes=NONE)
def workers_do_not_change_the_order(student, rng, T, seed):
    """With two workers the loader asks for the same windows, and items are not random."""
    corpus, facts = counted(rng, 13 * T + 1), []
    take, item = student.library("itertools.islice"), student.library("operator.getitem")
    as_list = student.library("builtins.list")
    orders = []
    for workers in (0, 2):
        loader = student.make_loader(corpus, 4, T, seed, workers)
        facts.append(loader.num_workers == workers)
        sampler = student.part(loader, "batch_sampler")
        batches = student.keep(as_list, student.keep(take, sampler, 9))
        orders.append([i for batch in student.fetch(batches, record=False) for i in batch])
    dataset = student.part(loader, "dataset")
    facts.append(student.library("builtins.len")(dataset) == 13)
    for name in ("torch.manual_seed", "numpy.random.seed", "random.seed"):
        student.keep(student.library(name), 0)
    rows = [
        [student.fetch(student.keep(item, dataset, i), record=False)[0] for i in range(13)]
        for _ in range(2)
    ]
    facts.append(same(orders[0], orders[1]) and sorted(orders[0]) == list(range(13)))
    facts.append(same(np.array(rows[0]), np.array(rows[1])))
    student.transcript.append(facts)
    return all(facts)


@exercise.satisfies("make_loader", points=1, kind="E", sizes=NONE)
def few_windows(student, rng, T, seed):
    """A batch larger than an epoch, batches of one, one window; two loaders do not disturb."""
    for count, batch_size in ((3, 8), (3, 1), (1, 2)):
        corpus = counted(rng, count * T + 1)
        x, y, sizes = epoch(student, student.make_loader(corpus, batch_size, T, seed))
        yield np.sort(x[:, 0]), corpus[:-1:T]
        yield y - x, np.full((count, T), STEP)
        yield numbers(sizes), numbers([count] if batch_size > 1 else [1] * count)
    corpus = counted(rng, 30 * T + 1)
    held = student.hold(corpus)
    one, two = (student.make_loader(held, 4, T, seed) for _ in range(2))
    yield same(*(epoch(student, loader)[0] for loader in (one, two)))
    yield same(*(epoch(student, loader)[0] for loader in (two, one)))
    yield student.fetch(held), corpus


class _Starts(Dataset):
    """Every place of the data as the beginning of a window."""

    def __init__(self, corpus, T):
        self.corpus, self.T = corpus, T

    def __len__(self):
        return len(self.corpus) - self.T

    def __getitem__(self, i):
        return self.corpus[i : i + self.T], self.corpus[i + 1 : i + self.T + 1]


class _Drawn(_Starts):
    """A random window whatever is asked for."""

    def __len__(self):
        return (len(self.corpus) - 1) // self.T

    def __getitem__(self, i):
        return super().__getitem__(int(torch.randint(len(self), ())) * self.T)


class _Stream(IterableDataset):
    """Windows in an order that the stream draws itself."""

    def __init__(self, corpus, T, seed):
        self.x, self.y = data.windows(corpus, T)
        self.order = torch.Generator().manual_seed(seed)

    def __len__(self):
        return len(self.x)

    def __iter__(self):
        for i in torch.randperm(len(self.x), generator=self.order).tolist():
            yield self.x[i], self.y[i]


@exercise.mistake("make_loader")
def all_beginnings(corpus, batch_size, T, seed, num_workers=0):
    """Windows begin at every token, so an epoch has each token T times. Take those of `windows`."""
    order = torch.Generator().manual_seed(seed)
    return DataLoader(
        _Starts(corpus, T), batch_size, shuffle=True, generator=order, num_workers=num_workers
    )


@exercise.mistake("make_loader")
def items_are_random(corpus, batch_size, T, seed, num_workers=0):
    """Items are drawn at random when they are asked for: some windows come twice, others never, and
    each worker draws its own. Let only the order be random."""
    order = torch.Generator().manual_seed(seed)
    return DataLoader(_Drawn(corpus, T), batch_size, generator=order, num_workers=num_workers)


@exercise.mistake("make_loader")
def a_stream(corpus, batch_size, T, seed, num_workers=0):
    """The dataset is a stream that shuffles itself: with two workers each goes through all of it,
    and every window comes twice. Use a dataset with items, and let the loader draw the order."""
    return DataLoader(_Stream(corpus, T, seed), batch_size, num_workers=num_workers)


@exercise.mistake("make_loader")
def shuffled_once(corpus, batch_size, T, seed, num_workers=0):
    """The windows are shuffled once, and every epoch has the same order. Draw one for each."""
    x, y = data.windows(corpus, T)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    return DataLoader(TensorDataset(x[order], y[order]), batch_size, num_workers=num_workers)


@exercise.mistake("make_loader")
def seeds_the_global_one(corpus, batch_size, T, seed, num_workers=0):
    """The global generator is seeded, and the order is drawn from it: the loader changes what all
    others draw. Give it a generator of its own."""
    torch.manual_seed(seed)
    x, y = data.windows(corpus, T)
    return DataLoader(TensorDataset(x, y), batch_size, shuffle=True, num_workers=num_workers)


@exercise.mistake("make_loader")
def batches_are_shuffled_only(corpus, batch_size, T, seed, num_workers=0):
    """Neighbouring windows stay together in a batch; only the batches are shuffled. Shuffle the
    windows."""
    x, y = data.windows(corpus, T)

    class Blocks:
        order = torch.Generator().manual_seed(seed)

        def __len__(self):
            return -(-len(x) // batch_size)

        def __iter__(self):
            blocks = torch.arange(len(x)).split(batch_size)
            *full, last = blocks
            for i in torch.randperm(len(full), generator=self.order).tolist():
                yield full[i].tolist()
            yield last.tolist()

    return DataLoader(TensorDataset(x, y), batch_sampler=Blocks(), num_workers=num_workers)


LOADER = "shuffle=True, generator=order, num_workers=num_workers"
exercise.slip(
    "make_loader",
    "not_shuffled",
    "shuffle=True",
    "shuffle=False",
    "The windows come in the order of the text. Shuffle them.",
)
exercise.slip(
    "make_loader",
    "drops_the_last_batch",
    LOADER,
    f"{LOADER}, drop_last=True",
    "The last batch is dropped when it is not full, and its windows with it.",
)
exercise.slip(
    "make_loader",
    "no_generator",
    LOADER,
    LOADER.replace("generator=order, ", ""),
    "The order is drawn from the global generator. Make one from `seed`.",
)
exercise.slip(
    "make_loader",
    "seed_is_ignored",
    "manual_seed(seed)",
    "manual_seed(0)",
    "`seed` makes no difference.",
)
exercise.slip(
    "make_loader",
    "no_workers",
    "num_workers=num_workers",
    "num_workers=0",
    "`num_workers` is ignored.",
)
exercise.slip(
    "make_loader",
    "targets_are_inputs",
    "dataset = TensorDataset(*windows(data, T))",
    "dataset = TensorDataset(*windows(data, T)[:1], *windows(data, T)[:1])",
    "Inputs and targets are the same. The target of a token is the one after it.",
)
exercise.slip(
    "make_loader",
    "one_window_per_batch",
    "dataset, batch_size,",
    "dataset, 1,",
    "`batch_size` is ignored: every batch has one window.",
)
exercise.slip(
    "make_loader",
    "drawn_with_replacement",
    "order = torch.Generator().manual_seed(seed)",
    "order = torch.Generator().manual_seed(seed)\n"
    "    from torch.utils.data import RandomSampler\n"
    "    return DataLoader(\n"
    "        d := TensorDataset(*windows(data, T)), batch_size,\n"
    "        sampler=RandomSampler(d, replacement=True, generator=order),\n"
    "        generator=order, num_workers=num_workers,\n"
    "    )",
    "Windows are drawn with replacement: some come twice in an epoch, others never.",
)
