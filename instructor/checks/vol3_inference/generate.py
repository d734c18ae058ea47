"""Hidden checks for vol3_inference/generate.

The model and `choose` are served here, so what they were called with is known. Two models: one in
which every token of the window counts, wherever it stands, and a chain, in which the last token
alone decides and it is known when each row ends.
"""

import codecs
import itertools

import numpy as np

from autograder import Callback, Exercise, Items, derived, integers, laid, raises
from solutions.vol3_inference import generate

LONGEST = 12


def every_token_counts(table):
    """A model whose logits hang on each token that it sees and on how far back it stands."""
    V = table.shape[-1]

    def model(ids):
        if ids.ndim != 2 or ids.dtype.kind != "i" or ids.min(initial=0) < 0:
            raise ValueError("ids are (B, T), from 0 on")
        B, T = ids.shape
        logits = np.zeros((B, T, V))
        for back in range(T):
            logits[:, back:] += table[back][ids[:, : T - back]]
        return logits

    return model


def chain(V, following):
    """A model for which `following` of the last token comes next; the lowest id is the worst."""

    def model(ids):
        return -np.abs(np.arange(V) - following[ids][..., np.newaxis]).astype(np.float64)

    return model


class Served:
    """A model and a `choose` on our side, and what they were called with."""

    def __init__(self, model, choose=None):
        self.seen, self.offered = [], []

        def call(ids):
            self.seen.append(ids.copy())
            return model(ids)

        def chosen(logits):
            self.offered.append(logits.copy())
            return choose(logits)

        self.model, self.choose = Callback(call), Callback(chosen)

    def notes(self, student):
        """Write down what the model saw: by what it returns alone, mistakes look alike."""
        student.transcript.append([*self.seen, *self.offered])


def draw_cycle(rng, V):
    """A random cycle through all ids: what follows each, and the ids in order."""
    order = rng.permutation(V)
    following = np.empty(V, dtype=np.int64)
    following[order] = np.roll(order, -1)
    return following, order


def draw_ends(rng, cycle, B, P, V):
    """Prompts whose rows reach one id after different numbers of tokens, the id, the numbers."""
    order = cycle[1]
    at = int(rng.integers(V))
    middle, others = rng.permutation([3, 4]), rng.permutation([1, 6])
    steps = np.array([middle[0], *others, middle[1]])[:B]  # the first row ends in between
    prompt = rng.integers(V, size=(B, P))
    prompt[:, -1] = order[(at - steps) % V]
    prompt[0, 0] = prompt[-1, -2] = order[at]  # in a prompt it ends nothing
    return prompt, int(order[at]), steps


# One to four bytes, the first and last of each length among them, and whole words.
CHARACTERS = "a~\x80\u00e9\u07ff\u0800\u20ac\ud7ff\ue000\uffff\U00010000\U0001f642\U0010ffff"
WORDS = ["the ", "caf\u00e9 ", "\u4e2d\u6587", "e\u0301", "\n\n", "\U0001f642!"]


def draw_text(rng):
    """All of these in random order, with a few of them twice."""
    parts = [*CHARACTERS, *WORDS, *rng.choice(list(CHARACTERS), size=3)]
    return "".join(parts[i] for i in rng.permutation(len(parts)))


def draw_parts(rng):
    """The bytes of a text, cut at random into pieces of one to four, the bytes of as many tokens;
    no token comes twice, so that their order is known."""
    raw = draw_text(rng).encode()
    cuts = [0, *itertools.takewhile(lambda c: c < len(raw), np.cumsum(rng.integers(1, 5, 90)))]
    return [raw[a:b] for a, b in itertools.pairwise([*map(int, cuts), len(raw)])]


exercise = Exercise(
    "vol3_inference/generate",
    solution=generate,
    difficulty=2,
    minutes=60,
    inputs={
        "table": derived(lambda rng, V: rng.standard_normal((LONGEST, V, V))),
        "model": derived(lambda table: Callback(every_token_counts(table), max_calls=10**9)),
        "prompt": integers("B P", "V"),
        "max_new_tokens": derived(lambda n: n),
        "cycle": derived(draw_cycle),
        "ends": derived(draw_ends),
        "parts": derived(draw_parts),
        "ids": derived(lambda parts: list(range(len(parts)))),
        "vocab": derived(lambda parts: dict(enumerate(parts))),
    },
    sizes={"B": [3, 4, 1], "P": [4, 2, 1], "V": [11, 9, 7], "n": [5, 4, 5]},
)
ONE = {"B": [3], "P": [4], "V": [11], "n": [5]}
TWO = {"B": [3, 2], "P": [4, 1], "V": [11, 9], "n": [4, 5]}
ROWS = {"B": [4, 3], "P": [4, 3], "V": [11, 9], "n": [8, 7]}


# generate


@exercise.satisfies("generate", kind="R", points=3)
def continues_every_row(student, table, prompt, n):
    """Each row is continued by the id with the largest logit, one token after another."""
    model = every_token_counts(table)
    served = Served(model)
    got = student.generate(served.model, prompt, n)
    served.notes(student)
    return got, generate.generate(model, prompt, n)


@exercise.satisfies("generate", kind="R", points=2, sizes=TWO)
def the_window(student, table, prompt, P, n):
    """With max_T the model sees the last max_T tokens, and the whole text is returned."""
    model = every_token_counts(table)
    for max_T in (max(P - 1, 2), P + 2, 1, P + n):
        served = Served(model)
        got = student.generate(served.model, prompt, n, max_T=max_T)
        served.notes(student)
        yield got, generate.generate(model, prompt, n, max_T=max_T)
        text = [got[:, max(0, P + i - max_T) : P + i] for i in range(n)]
        yield served.seen, text


@exercise.satisfies("generate", kind="R", points=3, sizes=ROWS)
def each_row_has_its_own_end(student, cycle, ends, V, n):
    """A row that has generated eos is filled with it; when all have, nothing more is added."""
    model = chain(V, cycle[0])
    prompt, eos, steps = ends
    for most in (n, int(steps.max()), int(steps.max()) - 1, 1):
        served = Served(model)
        got = student.generate(served.model, prompt, most, eos=eos)
        served.notes(student)
        yield got, generate.generate(model, prompt, most, eos=eos)
    got = student.generate(Callback(model), prompt, n, eos=V + 1)
    yield got, generate.generate(model, prompt, n)


@exercise.satisfies("generate", kind="P", points=2, sizes=ROWS)
def one_call_per_column(student, cycle, ends, V, P, n):
    """The model and choose are called once for each column that is added; the model sees all rows
    as they are by then, choose the logits of the last position."""
    model = chain(V, cycle[0])
    prompt, eos, steps = ends
    for most, end in ((n, None), (n, eos), (2, eos)):
        served = Served(model, generate.argmax)
        got = student.generate(served.model, prompt, most, eos=end, choose=served.choose)
        served.notes(student)
        width = min(most, int(steps.max())) if end is not None else most
        yield got.shape[1], P + width
        yield [len(served.seen), len(served.offered)], [width, width]
        yield served.seen, [got[:, : P + i] for i in range(width)]
        yield served.offered, [model(s)[:, -1] for s in served.seen]


@exercise.satisfies("generate", points=1, sizes={name: sizes[:1] for name, sizes in ROWS.items()})
def rows_do_not_meet(student, table, prompt, cycle, ends, V, P, n):
    """A row is continued as it would be alone."""
    model = Callback(every_token_counts(table))
    together = student.generate(model, prompt, 3)
    alone = [student.generate(model, row[np.newaxis], 3) for row in prompt]
    yield np.concatenate(alone), together
    prompt, eos, steps = ends
    model = Callback(chain(V, cycle[0]))
    together = student.generate(model, prompt, n, eos=eos)
    for row, text, step in zip(prompt, together, steps, strict=True):
        alone = student.generate(model, row[np.newaxis], n, eos=eos)
        yield alone[0], text[: P + step]


@exercise.satisfies("generate", points=1, sizes=ONE)
def choose_decides(student, table, prompt, n, rng):
    """Whatever choose returns is appended, any kind of integers; what it says of a row that has
    finished does not count."""
    model, B = every_token_counts(table), len(prompt)
    served = Served(model, lambda logits: np.argsort(logits, axis=-1)[:, -2])
    got = student.generate(served.model, prompt, n, choose=served.choose)
    served.notes(student)
    yield got, generate.generate(model, prompt, n, choose=served.choose.function)
    script = rng.integers(1, 9, size=(n, B)).astype(np.int32)
    script[1, 0] = script[3, 1] = 9
    columns = iter(script)
    served = Served(model, lambda logits: next(columns))
    got = student.generate(served.model, prompt, n, 9, choose=served.choose)
    served.notes(student)
    want = np.concatenate([prompt, script.T], axis=1)
    want[0, prompt.shape[1] + 2 :] = want[1, prompt.shape[1] + 4 :] = 9
    yield got, want


@exercise.satisfies("generate", kind="E", points=1, sizes=ONE)
def any_id_may_be_the_eos(student, V):
    """Id 0 ends a row as any other id does, and without an eos nothing ends a row."""
    following = (np.arange(V) - 1) % V
    prompt = np.array([[0, 3], [0, 0], [5, 2]])
    model = Callback(chain(V, following))
    yield student.generate(model, prompt, 5, eos=0), generate.generate(model, prompt, 5, eos=0)
    yield student.generate(model, prompt, 5, None), generate.generate(model, prompt, 5)
    yield student.generate(model, np.array([[1], [1]]), 4, eos=0), np.array([[1, 0], [1, 0]])


@exercise.satisfies("generate", kind="E", points=1, sizes=ONE)
def ties_go_to_the_lower_id(student, V):
    """Of several largest logits that with the lowest id is taken."""
    tied = np.zeros(V)
    tied[[2, 5, V - 1]] = 1.0
    model = Callback(lambda ids: np.broadcast_to(tied, (*ids.shape, V)).copy())
    yield student.generate(model, np.array([[1], [4]]), 2), np.array([[1, 2, 2], [4, 2, 2]])


@exercise.satisfies("generate", kind="E", points=1, sizes=ONE)
def lengths_at_their_ends(student, table, prompt):
    """max_new_tokens=0 returns the prompt as a new array without asking the model, 1 adds one."""
    model = every_token_counts(table)
    served = Served(model)
    for layout in ("C", "F", "strided"):
        given = laid(prompt, layout, read_only=layout == "F")
        got, _, later = student.trial(student.generate, served.model, given, 0)
        served.notes(student)
        yield got, prompt
        yield later, prompt
        yield not served.seen or not served.seen[0].any()  # the second call of a trial has zeros
    yield student.generate(served.model, prompt, 0, eos=3), prompt
    yield len(served.seen), 0
    yield student.generate(served.model, prompt, 1), generate.generate(model, prompt, 1)
    yield len(served.seen), 1


@exercise.satisfies("generate", kind="E", points=1, sizes=ONE)
def an_empty_prompt_is_refused(student, B, V):
    """A prompt without tokens raises ValueError before the model is called; one token is enough."""
    served = Served(lambda ids: np.zeros((*ids.shape, V)))
    empty = np.zeros((B, 0), dtype=np.int64)
    yield raises(ValueError, student.generate, served.model, empty, 3)
    yield raises(ValueError, student.generate, served.model, empty, 3, 1, 4)
    yield not served.seen
    one = np.ones((B, 1), dtype=np.int64)
    yield student.generate(served.model, one, 1), np.concatenate([one, 0 * one], axis=1)


@exercise.satisfies("generate", kind="E", points=1, sizes=ONE)
def the_dtype_of_the_prompt(student, table, prompt, cycle, ends, V, n):
    """The ids have the dtype of the prompt, with and without an eos."""
    small = prompt.astype(np.int32)
    for most in (0, n):
        got = student.generate(Callback(every_token_counts(table)), small, most)
        yield got.dtype.name, "int32"
    prompt, eos, _ = ends
    got = student.generate(Callback(chain(V, cycle[0])), prompt.astype(np.int32), n, eos=eos)
    yield got.dtype.name, "int32"
    got = student.generate(Callback(chain(V, cycle[0])), prompt, n, eos=eos)
    yield got.dtype.name, "int64"


exercise.leaves_inputs_alone("generate", points=1)

exercise.slip(
    "generate",
    "reads_the_first_position",
    "model(window)[:, -1]",
    "model(window)[:, 0]",
    "The logits of the first position are used. Those of the last one say what comes next.",
)
exercise.slip(
    "generate",
    "sees_the_last_token_only",
    "ids if max_T is None else ids[:, -max_T:]",
    "ids[:, -1:]",
    "The model is shown the last token alone. Without a cache it needs all of the text.",
)
exercise.slip(
    "generate",
    "sees_the_prompt_only",
    "window = ids if max_T is None",
    "window = prompt if max_T is None",
    "The model is shown the prompt every time. What has been generated belongs to its input.",
)
exercise.slip(
    "generate",
    "the_first_max_T",
    "ids[:, -max_T:]",
    "ids[:, :max_T]",
    "A long text is cut at its end: the model sees the first max_T tokens. It needs the last ones.",
)
exercise.slip(
    "generate",
    "no_window",
    "ids if max_T is None else ids[:, -max_T:]",
    "ids",
    "max_T changes nothing: the model is shown more than max_T tokens.",
)
exercise.slip(
    "generate",
    "one_token_too_many",
    "ids[:, -max_T:]",
    "ids[:, -max_T - 1:]",
    "The model is shown max_T + 1 tokens.",
)
exercise.slip(
    "generate",
    "one_token_too_few",
    "ids[:, -max_T:]",
    "ids[:, -max(max_T - 1, 1):]",
    "The model is shown max_T - 1 tokens.",
)
exercise.slip(
    "generate",
    "starts_a_window_afresh",
    "ids[:, -max_T:]",
    "ids[:, (ids.shape[1] - 1) // max_T * max_T:]",
    "When the window is full it begins anew with one token. It slides: the last max_T tokens, "
    "every time.",
)
exercise.slip(
    "generate",
    "loses_what_leaves_the_window",
    "window = ids if max_T is None else ids[:, -max_T:]",
    "window = ids = ids if max_T is None else ids[:, -max_T:]",
    "What has left the window is missing from the result. Only the model sees the window; the text "
    "is returned whole.",
)
exercise.slip(
    "generate",
    "ignores_choose",
    "choose(model(window)[:, -1])",
    "np.argmax(model(window)[:, -1], axis=-1)",
    "The largest logit is taken whatever `choose` is. Call `choose` instead.",
)
exercise.slip(
    "generate",
    "chooses_everywhere",
    "choose(model(window)[:, -1])",
    "choose(model(window))[:, -1]",
    "`choose` is given the logits of all positions. It takes those of the last one, (B, V).",
)
exercise.slip(
    "generate",
    "chooses_row_by_row",
    "choose(model(window)[:, -1])",
    "np.array([choose(row[np.newaxis, -1])[0] for row in model(window)])",
    "`choose` is called once for each row. It takes all rows at once, (B, V): one that draws "
    "random numbers relies on it.",
)
exercise.slip(
    "generate",
    "ties_go_to_the_highest",
    "np.argmax(logits, axis=-1)",
    "logits.shape[-1] - 1 - np.argmax(logits[..., ::-1], axis=-1)",
    "Of several equal logits the last is taken. The lowest id wins.",
    within="argmax",
)
exercise.slip(
    "generate",
    "eos_does_nothing",
    "if eos is not None:",
    "if False:",
    "A row goes on after its eos. Fill it with eos from there on, and stop when all rows are done.",
)
exercise.slip(
    "generate",
    "eos_0_is_no_eos",
    "if eos is not None:",
    "if eos:",
    "An eos with id 0 is taken for none. Ask whether it is None.",
)
exercise.slip(
    "generate",
    "finished_rows_go_on",
    "np.where(finished, eos, chosen)",
    "np.asarray(chosen)",
    "A row that has finished goes on with what the model says. Fill it with eos.",
)
exercise.slip(
    "generate",
    "fills_with_zeros",
    "np.where(finished, eos, chosen)",
    "np.where(finished, 0, chosen)",
    "Rows that have finished are filled with 0. Fill them with eos.",
)
exercise.slip(
    "generate",
    "stops_with_the_first",
    "if finished.all():",
    "if finished.any():",
    "Everything stops when the first row has finished. Go on until all have.",
)
exercise.slip(
    "generate",
    "never_stops_early",
    "if finished.all():",
    "if False:",
    "When all rows have finished, columns of eos are still added. Stop there.",
)
exercise.slip(
    "generate",
    "watches_the_first_row",
    "if finished.all():",
    "if finished[0]:",
    "The loop ends when the first row of the batch has finished. Go on until all have.",
)
exercise.slip(
    "generate",
    "an_eos_in_the_prompt_counts",
    "finished = np.zeros(len(ids), dtype=bool)",
    "finished = (ids == eos).any(axis=1)",
    "An eos in the prompt ends its row. Only a generated one does.",
)
exercise.slip(
    "generate",
    "an_eos_at_the_end_of_the_prompt_counts",
    "finished = np.zeros(len(ids), dtype=bool)",
    "finished = ids[:, -1] == eos",
    "A row whose prompt ends with eos is not continued. Only a generated eos ends a row.",
)
exercise.slip(
    "generate",
    "only_new_tokens",
    "return ids",
    "return ids[:, prompt.shape[1]:]",
    "The result holds the new tokens alone. It is the prompt and what follows.",
)
exercise.slip(
    "generate",
    "one_token_less",
    "range(max_new_tokens)",
    "range(max_new_tokens - 1)",
    "One token is missing.",
)
exercise.slip(
    "generate",
    "as_many_tokens_in_all",
    "range(max_new_tokens)",
    "range(max_new_tokens - prompt.shape[1])",
    "The tokens of the prompt are counted as new ones.",
)
exercise.slip(
    "generate",
    "one_call_too_many",
    "return ids",
    "model(ids if max_T is None else ids[:, -max_T:])\n    return ids",
    "The model is called once more after the last column, and its logits are thrown away.",
)
exercise.slip(
    "generate",
    "calls_before_it_looks",
    "        if finished.all():\n            break\n"
    "        window = ids if max_T is None else ids[:, -max_T:]\n"
    "        chosen = choose(model(window)[:, -1])\n",
    "        window = ids if max_T is None else ids[:, -max_T:]\n"
    "        chosen = choose(model(window)[:, -1])\n"
    "        if finished.all():\n            break\n",
    "When all rows have finished the model is called once more before the loop ends. Look first.",
)
exercise.slip(
    "generate",
    "returns_the_prompt_itself",
    "prompt.copy()",
    "prompt",
    "With max_new_tokens=0 the very array of the prompt is returned. Return a new one.",
)
exercise.slip(
    "generate",
    "another_dtype",
    ".astype(ids.dtype)",
    ".astype(np.int64)",
    "The result has another dtype than the prompt: joining two kinds of integers gives the wider.",
)
exercise.slip(
    "generate",
    "continues_from_nothing",
    'raise ValueError("the prompt is empty")',
    "prompt = np.zeros((len(prompt), 1), dtype=prompt.dtype)",
    "An empty prompt is replaced by a token of its own choice. Raise ValueError.",
)


@exercise.mistake("generate")
def asks_each_row_alone(model, prompt, max_new_tokens, eos=None, max_T=None, choose=None):
    """The rows are generated one after another, with a call of the model for each. One call takes
    all rows of the batch."""
    choose = choose or generate.argmax
    rows = [
        generate.generate(model, row[np.newaxis], max_new_tokens, eos, max_T, choose)[0]
        for row in prompt
    ]
    out = np.full((len(rows), max(map(len, rows))), eos or 0, dtype=prompt.dtype)
    for line, row in zip(out, rows, strict=True):
        line[: len(row)] = row
    return out


@exercise.mistake("generate")
def leaves_finished_rows_out(model, prompt, max_new_tokens, eos=None, max_T=None, choose=None):
    """Rows that have finished are no longer shown to the model. They stay in the batch here; to
    drop them is another exercise."""
    choose, ids = choose or generate.argmax, generate.generate(model, prompt, 0)
    going = np.ones(len(ids), dtype=bool)
    for _ in range(max_new_tokens):
        if not going.any():
            break
        column = np.full(len(ids), -1 if eos is None else eos, dtype=ids.dtype)
        column[going] = choose(model(ids[going] if max_T is None else ids[going, -max_T:])[:, -1])
        going &= column != (-1 if eos is None else eos)
        ids = np.concatenate([ids, column[:, np.newaxis]], axis=1)
    return ids


# stream_decode


def streamed(student, ids, vocab):
    """The texts of a stream, and how many of them were out whenever an id was pulled."""
    out, at = [], []

    def stream():
        for token in ids:
            at.append(len(out))
            yield token

    texts = student.keep(student.stream_decode, Items(stream()), vocab)
    lazy = not at
    texts = student.keep(student.library("builtins.iter"), texts)
    following = student.library("builtins.next")
    while len(out) <= 4 * len(ids) + 4 and (text := following(texts, None)) is not None:
        out.append(text)
    student.transcript.append([lazy, *at])
    return lazy, out, at


def whole(ids, vocab):
    return b"".join(vocab[i] for i in ids).decode(errors="replace")


def complete(ids, vocab):
    """For each token, the text that is complete before it; invalid bytes at its end may wait."""
    decoder, text = codecs.getincrementaldecoder("utf-8")(errors="replace"), ""
    for token in ids:
        yield text.rstrip("\ufffd")
        text += decoder.decode(vocab[token])


def draw_noise(rng):
    """Bytes of which many are not UTF-8, cut at random: bytes that continue nothing, beginnings
    without an end, forms that are too long, surrogates, and letters in between."""
    odd = [b"\x80", b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x99", b"\xc0\xaf", b"\xed\xa0\x80"]
    odd += [b"\xf4\x90\x80\x80", b"\xe0\x80\x80", b"\xf0\x80\x80", b"\xf5", b"\xbf\xbf"]
    raw = b""
    for i in rng.permutation(len(odd)):
        raw += odd[i] + [b"", b"x", "\u00e9".encode(), b"yz", "\U0001f642".encode()][i % 5]
    cuts = [0, *itertools.takewhile(lambda c: c < len(raw), np.cumsum(rng.integers(1, 4, 90)))]
    pieces = [raw[a:b] for a, b in itertools.pairwise([*map(int, cuts), len(raw)])]
    # Whatever the cuts, some token ends within a character that the next one does not go on with.
    return [b"\xe2\x82", b"x", *pieces, b"\xf0\x9f\x99", b"\xc3", b"y"]


NOISE = derived(draw_noise)


@exercise.satisfies("stream_decode", kind="R", points=3, sizes={"draw": [0]})
def characters_come_whole(student, ids, vocab):
    """A character that is cut by tokens comes when its last byte does: all texts joined are the
    text of all bytes."""
    _, out, _ = streamed(student, ids, vocab)
    return "".join(out), whole(ids, vocab)


@exercise.satisfies("stream_decode", kind="R", points=2, sizes={"draw": [0]}, parts=NOISE)
def invalid_bytes_are_replaced(student, ids, vocab):
    """Invalid bytes become U+FFFD, as many as when all bytes are decoded at once."""
    _, out, _ = streamed(student, ids, vocab)
    return "".join(out), whole(ids, vocab)


def at_once(student, ids, vocab):
    lazy, out, at = streamed(student, ids, vocab)
    yield lazy
    yield "".join(out), whole(ids, vocab)
    yield len(at) == len(ids)
    for count, text in zip(at, complete(ids, vocab), strict=True):
        yield "".join(out[:count]).startswith(text)


@exercise.satisfies("stream_decode", points=2, sizes={"draw": [0]})
def each_text_comes_at_once(student, ids, vocab):
    """Before a text is asked for nothing is pulled, and before the next token is pulled every
    character that is complete has been yielded."""
    yield from at_once(student, ids, vocab)


@exercise.satisfies("stream_decode", points=1, sizes={"draw": [0]}, parts=NOISE)
def the_text_goes_on_after_invalid_bytes(student, ids, vocab):
    """Invalid bytes hold nothing back: characters after them come as soon as they are complete."""
    yield from at_once(student, ids, vocab)


@exercise.satisfies("stream_decode", kind="E", points=1, sizes={"draw": [0]})
def what_is_left_at_the_end(student, ids, vocab):
    """Bytes that are never completed become U+FFFD at the end; no tokens give no text."""
    for end in (b"\xc3", b"\xe2\x82", b"\xf0\x9f\x99", b"x\xf0"):
        ended = vocab | {len(vocab): end}
        _, out, _ = streamed(student, [*ids[:5], len(vocab)], ended)
        yield "".join(out), whole([*ids[:5], len(vocab)], ended)
    yield len(streamed(student, [], vocab)[1]), 0


@exercise.satisfies("stream_decode", kind="E", points=1, sizes={"draw": [0]})
def no_text_is_empty(student, ids, vocab):
    """Where a token completes nothing, nothing is yielded; a token may have no bytes at all."""
    vocab = vocab | {len(vocab): b""}
    _, out, _ = streamed(student, [len(vocab) - 1, *ids, len(vocab) - 1], vocab)
    yield all(type(text) is str and text for text in out)
    yield "".join(out), whole(ids, vocab)


@exercise.mistake("stream_decode")
def decodes_each_token(ids, vocab):
    """Every token is decoded on its own, and a character that is cut becomes several replacement
    characters. Keep the bytes that have begun one until the rest comes."""
    for token in ids:
        if text := vocab[token].decode(errors="replace"):
            yield text


@exercise.mistake("stream_decode")
def yields_the_difference(ids, vocab):
    """Everything is decoded again for each token, and what is longer than before is yielded: half a
    character is out as a replacement character before its end comes. Hold it back."""
    raw, before = b"", 0
    for token in ids:
        raw += vocab[token]
        text = raw.decode(errors="replace")
        if text[before:]:
            yield text[before:]
        before = len(text)


@exercise.mistake("stream_decode")
def waits_until_all_is_valid(ids, vocab):
    """An invalid byte holds back everything after it until the end. It can be replaced at once, and
    the text goes on."""
    held = b""
    for token in ids:
        held += vocab[token]
        try:
            text, held = held.decode(), b""
        except UnicodeDecodeError:
            continue
        if text:
            yield text
    if held:
        yield held.decode(errors="replace")


@exercise.mistake("stream_decode")
def loses_what_is_not_completed(ids, vocab):
    """When the next bytes do not complete a character, those that had begun it vanish. They become
    a replacement character."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for token in ids:
        pending, _ = decoder.getstate()
        if pending and not 0x80 <= (vocab[token] or b"\x80")[0] <= 0xBF:
            decoder.reset()
        if text := decoder.decode(vocab[token]):
            yield text
    if text := decoder.decode(b"", final=True):
        yield text


@exercise.mistake("stream_decode")
def one_mark_per_byte(ids, vocab):
    """Every invalid byte becomes a replacement character of its own. A character that has begun and
    is not completed becomes one, however many bytes of it are there."""
    codecs.register_error("each", lambda e: ("\ufffd" * (e.end - e.start), e.end))
    decoder = codecs.getincrementaldecoder("utf-8")(errors="each")
    for token in ids:
        if text := decoder.decode(vocab[token]):
            yield text
    if text := decoder.decode(b"", final=True):
        yield text


@exercise.mistake("stream_decode")
def reads_everything_first(ids, vocab):
    """Nothing is yielded before the last token has come. Yield what each token completes."""
    if text := b"".join(vocab[i] for i in ids).decode(errors="replace"):
        yield text


@exercise.mistake("stream_decode")
def returns_a_list(ids, vocab):
    """All tokens are pulled when the function is called. Write a generator: it pulls a token when a
    text is asked for."""
    return list(generate.stream_decode(ids, vocab))


@exercise.mistake("stream_decode")
def late_by_a_text(ids, vocab):
    """A text is kept until the next one is there. Yield it as soon as it is complete."""
    held = ""
    for text in generate.stream_decode(ids, vocab):
        if held:
            yield held
        held = text
    if held:
        yield held


@exercise.mistake("stream_decode")
def waits_for_the_word(ids, vocab):
    """Text is held back until a word is complete. Yield every character as soon as it is there."""
    held = ""
    for text in generate.stream_decode(ids, vocab):
        head, space, held = (held + text).rpartition(" ")
        if space:
            yield head + space
    if held:
        yield held


for name, old, new, hint in (
    (
        "leaves_invalid_bytes_out",
        '("utf-8")(errors="replace")',
        '("utf-8")(errors="ignore")',
        "Invalid bytes vanish. Each such sequence becomes U+FFFD.",
    ),
    (
        "forgets_the_rest",
        'decoder.decode(b"", final=True)',
        '""',
        "Bytes that are left at the end vanish. They become U+FFFD: tell the decoder that no more "
        "will come.",
    ),
    (
        "never_ends_the_text",
        "final=True",
        "final=False",
        "Bytes that are left at the end vanish. They become U+FFFD: tell the decoder that no more "
        "will come.",
    ),
    (
        "yields_empty_texts",
        "        if text:\n            yield text",
        "        yield text",
        "An empty text is yielded where a token completes nothing. Yield nothing there.",
    ),
    (
        "ends_with_an_empty_text",
        "    if rest:\n        yield rest",
        "    yield rest",
        "An empty text is yielded at the end when no bytes are left.",
    ),
    (
        "stops_at_a_token_without_text",
        "        if text:\n            yield text",
        "        if not text:\n            break\n        yield text",
        "The stream ends where a token completes no character. Go on with the next one.",
    ),
    (
        "bytes_are_characters",
        '"utf-8"',
        '"latin-1"',
        "Each byte becomes a character of its own. The bytes are UTF-8.",
    ),
):
    exercise.slip("stream_decode", name, old, new, hint)
