"""Hidden checks for vol3_inference/batching.

The model is served here: what it was shown and how often is known. Every real token and its place
counts in its logits; the logits at padding are loud nonsense. What a request must get is worked out
for that request alone.
"""

import numpy as np

from autograder import Callback, Exercise, array, derived, integers, laid, raises
from solutions.vol1_numpy import attention, llama, multi_head, rmsnorm, rope, softmax, swiglu
from solutions.vol3_inference import batching

PLACES, MOST_TOKENS = 13, 1000
MOST_CALLS = 200  # of one model; right code makes less than 50
MOST_STEPS = 80


def reads_real_tokens(table):
    """A model whose logits hang on every real token of a row and on its place, from 0 on."""
    V, places = table.shape[-1], np.arange(MOST_TOKENS) % PLACES
    nonsense = 9 * table[places, np.arange(MOST_TOKENS) % V]

    def model(ids, lengths):
        B, T = ids.shape
        logits = np.tile(nonsense[:T], (B, 1, 1))
        for row, out, n in zip(ids % V, logits, lengths, strict=True):
            n = min(max(int(n), 0), T)
            own = table[places[:n], row[T - n :]]
            out[T - n :] = own.cumsum(axis=0) / 2 + 2 * own
        return logits

    return model


def alone(table, prompt, most, eos=None):
    """The text of a request that has this model to itself."""
    text, total = [], np.zeros(table.shape[-1])
    for token in prompt:
        own = table[len(text) % PLACES, token]
        text, total = [*text, int(token)], total + own
    for _ in range(most):
        text.append(int(np.argmax(total / 2 + 2 * own)))
        if text[-1] == eos:
            break
        own = table[(len(text) - 1) % PLACES, text[-1]]
        total = total + own
    return np.array(text)


class Served:
    """A model on our side, and the texts that it was shown."""

    def __init__(self, model):
        self.seen, self.shapes, self.ids = [], [], [0]

        def call(ids, lengths):
            ids, lengths = np.asarray(ids), np.asarray(lengths)
            if ids.ndim != 2 or ids.dtype.kind != "i" or lengths.shape != ids.shape[:1]:
                raise ValueError("ids are integers (B, T), lengths (B,)")
            if ids.shape[1] > MOST_TOKENS:
                raise ValueError("a text is longer than any that is asked for")
            if len(self.seen) == MOST_CALLS:
                raise RuntimeError("the model is called again and again")
            T = ids.shape[1]
            rows = zip(ids.tolist(), lengths.tolist(), strict=True)
            self.seen.append(sorted(tuple(row[T - n if 0 < n < T else 0 :]) for row, n in rows))
            self.shapes.append(ids.shape)
            self.ids += [int(ids.min(initial=0)), int(ids.max(initial=0))]
            return model(ids, lengths)

        self.model = Callback(call)

    def notes(self, student):
        """Write down what the model saw: by what comes back alone, mistakes look alike."""
        student.transcript.append([*self.seen, *self.shapes])


def kinds(student, *arrays):
    """The dtypes of what came back, written down, too: equal numbers look alike."""
    found = [np.asarray(a).dtype.name if isinstance(a, np.ndarray) else "none" for a in arrays]
    student.transcript.append(found)
    return found


def draw_requests(rng, table, V):
    """Seven requests. Those with the numbers 1 and 4 end early by an eos of their own, which is in
    the prompt of the latter; those of the first and the last never come. Each eos is in texts of
    others, and so is id 0."""
    while True:
        prompts = [rng.integers(V, size=P) for P in rng.permutation([1, 2, 3, 4, 5, 6, 8])]
        most = [int(n) for n in rng.permutation([1, 2, 3, 4, 5, 6, 8])]
        most[1], most[4] = 7, 6
        new = [alone(table, p, m)[len(p) :].tolist() for p, m in zip(prompts, most, strict=True)]
        one, four = new[1][2], new[4][3]
        if one in new[1][:2] or four in new[4][:3] or one == four or four not in prompts[4]:
            continue
        inside = {token for i in (0, 2, 3, 5, 6) for token in new[i][:-1]}
        first, last = (sorted(inside - {0, *new[i]}) for i in (0, 6))
        if first and last and {0, one, four} <= inside:
            ends = {0: first[0], 1: one, 4: four, 6: last[-1]}
            return [(p, m, ends.get(i)) for i, (p, m) in enumerate(zip(prompts, most, strict=True))]


def submit(scheduler, request):
    """The number that a request is given."""
    return int(np.asarray(scheduler.submit(*request)))


def started(student, model, slots, requests=()):
    """A scheduler of the student's with some requests."""
    scheduler = student.Scheduler(model, slots)
    for request in requests:
        submit(scheduler, request)
    return scheduler


def steps_of(scheduler):
    """What step returns, until there is nothing to do."""
    found = []
    while len(found) < MOST_STEPS and (tokens := scheduler.step()):
        found.append(tokens)
    return found


def as_planned(table, requests, S):
    """The reference at work: its steps, and what its model was shown."""
    served = Served(reads_real_tokens(table))
    steps = steps_of(started(batching, served.model.function, S, requests))
    return steps, served.seen


def ragged(rng, B, V, longest):
    """Prompts of different lengths, the longest neither first nor last, the shortest last; 0 and
    `pad` begin one each, and `pad` stands within another."""
    lengths = [2, longest, *rng.integers(1, longest, size=max(B - 3, 0)), 1][:B]
    prompts = [rng.integers(1, V, size=n) for n in lengths]
    prompts[0][0], prompts[-1][0] = 0, V - 1
    if B > 1:
        prompts[1][[0, 2]] = 1, V - 1
    return prompts


exercise = Exercise(
    "vol3_inference/batching",
    solution=batching,
    difficulty=3,
    minutes=90,
    inputs={
        "prompts": derived(ragged),
        "pad": derived(lambda V: V - 1),
        "lengths": derived(lambda rng, B, T: np.append(rng.permutation(T)[: B - 1] + 1, 1)),
        "table": derived(lambda rng, V: rng.standard_normal((PLACES, V, V))),
        "requests": derived(draw_requests),
        "plan": derived(as_planned),
        "texts": derived(
            lambda table, requests: dict(enumerate(alone(table, *r) for r in requests))
        ),
        "x": array("3 B H T D"),
        "prompt": integers("P", "V"),
    },
    sizes={"B": [4, 3, 1], "longest": [7, 5, 3], "V": [9, 11, 8]},
)
RAGGED = {"B": [5], "longest": [6], "V": [9]}


# left_pad


@exercise.satisfies("left_pad", kind="R", points=2)
def every_prompt_ends_its_row(student, prompts, pad):
    """Each prompt stands at the end of its row, padding before it; lengths count real tokens."""
    return student.left_pad(prompts, pad), batching.left_pad(prompts, pad)


@exercise.satisfies("left_pad", points=1, sizes={"B": [5, 4], "longest": [6, 7], "V": [9, 8]})
def a_row_is_that_of_its_prompt(student, prompts, pad):
    """In another order the rows come in that order, and with another pad nothing else changes."""
    ids, lengths = student.left_pad(prompts, pad)
    yield student.left_pad(prompts[::-1], pad), (ids[::-1], lengths[::-1])
    T = ids.shape[1]
    others, same = student.left_pad(prompts, 0)
    yield same, lengths
    padding = np.arange(T) < T - np.asarray(lengths)[:, np.newaxis]
    yield np.where(padding, 0, ids), others
    yield [ids[b, T - len(p) :] for b, p in enumerate(prompts)], prompts


@exercise.satisfies("left_pad", kind="E", points=1, sizes=RAGGED)
def prompts_of_one_length(student, prompts, pad):
    """Where no padding is needed there is none, for one prompt and for several."""
    for given in (prompts[:1], prompts[1:2], [prompts[0], prompts[0][::-1]], [prompts[0][:1]]):
        yield student.left_pad(given, pad), (np.stack(given), np.full(len(given), len(given[0])))


@exercise.satisfies("left_pad", kind="E", points=1, sizes=RAGGED)
def arrays_of_their_own(student, prompts, pad):
    """ids and lengths are int64 whatever the prompts are, and prompts of any layout stay as they
    are."""
    want = batching.left_pad(prompts, pad)
    for dtype, layout in (("int64", "C"), ("int32", "strided"), ("int64", "F")):
        given = [laid(p.astype(dtype), layout, read_only=layout == "F") for p in prompts]
        held = [student.hold(p) for p in given]
        ids, lengths = student.left_pad(held, pad)
        yield kinds(student, ids, lengths), ["int64", "int64"]
        yield (ids, lengths), want
        yield [student.fetch(h) for h in held], prompts
    held = [student.hold(prompts[1])]
    result = student.keep(student.left_pad, held, pad)
    student.keep(student.library("numpy.ndarray.fill"), held[0], 7)
    yield student.fetch(result)[0], prompts[1][np.newaxis]


@exercise.satisfies("left_pad", kind="E", points=1, sizes=RAGGED)
def an_empty_prompt_is_refused(student, prompts, pad):
    """A prompt without tokens raises ValueError, wherever it stands; one token is enough."""
    nothing = prompts[0][:0]
    for given in ([nothing], [nothing, *prompts], [*prompts, nothing], [nothing, nothing]):
        yield raises(ValueError, student.left_pad, given, pad)
    yield not raises(ValueError, student.left_pad, [prompts[0][:1], prompts[1]], pad)


# padding_mask

WIDTHS = {"B": [4, 3, 2], "T": [6, 4, 3]}
HEADS = {"B": [4], "H": [2], "T": [6], "D": [4]}


@exercise.satisfies("padding_mask", kind="R", points=1, sizes=WIDTHS)
def positions_of_tokens(student, lengths, T):
    """Real tokens have the positions 0, 1, 2, ..., padding has 0."""
    positions, _ = student.padding_mask(lengths, T)
    return positions, batching.padding_mask(lengths, T)[0]


@exercise.satisfies("padding_mask", kind="R", points=2, sizes=WIDTHS)
def who_sees_whom(student, lengths, T):
    """Real queries see the real keys up to themselves; padding sees itself."""
    _, mask = student.padding_mask(lengths, T)
    return mask, batching.padding_mask(lengths, T)[1]


@exercise.satisfies("padding_mask", points=2, sizes=HEADS)
def attention_is_as_if_alone(student, lengths, x, T):
    """With RoPE and attention by these positions and this mask, a row's real tokens get what they
    get without padding, and nothing is nan."""
    positions, mask = student.padding_mask(lengths, T)
    q, k = (rope.rope(a.swapaxes(1, 2), positions).swapaxes(1, 2) for a in x[:2])
    scores = q @ k.swapaxes(-1, -2) / x.shape[-1] ** 0.5
    scores = np.where(np.asarray(mask, dtype=bool)[:, np.newaxis], scores, -np.inf)
    with np.errstate(all="ignore"):
        out = softmax.softmax(scores) @ x[2]
    yield bool(np.isfinite(out).all())
    for b, n in enumerate(lengths):
        q, k, v = x[:, b : b + 1, :, T - n :]
        q, k = (rope.rope(a.swapaxes(1, 2), np.arange(n)).swapaxes(1, 2) for a in (q, k))
        yield out[b : b + 1, :, T - n :], attention.attention(q, k, v)


@exercise.satisfies("padding_mask", points=1, sizes={"B": [4], "T": [6]})
def a_row_depends_on_its_own_length(student, lengths, T):
    """Rows in another order give the same, and more padding on the left moves a row and changes
    nothing in it."""
    positions, mask = student.padding_mask(lengths, T)
    yield student.padding_mask(lengths[::-1], T), (positions[::-1], mask[::-1])
    wide = student.padding_mask(lengths, T + 2)
    yield wide[0][:, 2:], positions
    yield wide[1][:, 2:, 2:], mask
    yield not np.any(wide[1][:, 2:, :2])
    for b, n in enumerate(lengths):
        yield positions[b, T - n :], np.arange(n)


@exercise.satisfies("padding_mask", kind="E", points=1, sizes={"B": [4], "T": [5]})
def padding_everywhere_and_nowhere(student, B):
    """Rows without padding, rows of one token, rows that are all shorter than the array."""
    for lengths, T in (([4, 4], 4), ([1], 1), ([1] * B, 6), ([2, 3], 5), ([1, 7], 7)):
        given = np.array(lengths)
        yield student.padding_mask(given, T), batching.padding_mask(given, T)


@exercise.satisfies("padding_mask", kind="E", points=1, sizes={"B": [4], "T": [5]})
def integers_and_booleans(student, lengths, T):
    """positions are integers, the mask is True and False, and lengths stay as they are."""
    for layout in ("C", "strided", "F"):
        given = laid(lengths, layout, read_only=layout == "F")
        (positions, mask), after, later = student.trial(student.padding_mask, given, T)
        yield kinds(student, positions, mask) in (["int64", "bool"], ["int32", "bool"])
        yield (positions, mask), batching.padding_mask(lengths, T)
        yield after[0], lengths
        yield later, (positions, mask)


# Scheduler

BUSY = {"V": [9, 11, 8], "S": [3, 2, 1]}
ONE = {"V": [9], "S": [3]}
SOME = {"V": [9, 11], "S": [3, 2]}


@exercise.satisfies("Scheduler", kind="R", points=3, sizes=BUSY)
def each_request_as_if_alone(student, table, requests, texts, S):
    """run returns, for every request, its prompt and the tokens that it gets when it is alone."""
    served = Served(reads_real_tokens(table))
    got = started(student, served.model, S, requests).run()
    served.notes(student)
    yield got, texts


@exercise.satisfies("Scheduler", kind="R", points=3, sizes=BUSY)
def each_step_gives_new_tokens(student, table, requests, plan, S):
    """A step returns one new token for every request that has a slot, by its number; a slot that
    becomes free is used in the next step."""
    served = Served(reads_real_tokens(table))
    scheduler = started(student, served.model, S, requests)
    for want in [*plan[0], {}]:
        got = scheduler.step()
        served.notes(student)
        yield got, want


@exercise.satisfies("Scheduler", kind="R", points=2, sizes=SOME)
def in_any_order_of_arrival(student, table, requests, texts, rng, S):
    """In whatever order and between whichever steps requests come, each gets what it gets alone."""
    for _ in range(2):
        order = [int(i) for i in rng.permutation(len(requests))]
        pauses = [*rng.permutation([0, 0, 1, 1, 2, 4]), 30]
        scheduler, got = started(student, Served(reads_real_tokens(table)).model, S), {}
        for i, pause in zip(order, pauses, strict=True):
            submit(scheduler, requests[i])
            for _ in range(pause):
                for name, token in scheduler.step().items():
                    got.setdefault(name, []).append(int(token))
        want = {name: texts[i] for name, i in enumerate(order)}
        new = {n: text[len(requests[order[n]][0]) :] for n, text in want.items()}
        yield got, {n: text.tolist() for n, text in new.items()}
        yield scheduler.run(), want


@exercise.satisfies("Scheduler", points=2, sizes=SOME)
def one_call_per_step(student, table, requests, S):
    """A step calls the model once, with no more rows than there are slots, and with as many as it
    returns tokens."""
    served = Served(reads_real_tokens(table))
    scheduler = started(student, served.model, S, requests)
    for count in range(1, MOST_STEPS):
        tokens = scheduler.step()
        served.notes(student)
        if not tokens:
            break
        yield len(served.shapes), count
        yield served.shapes[-1][0] <= S
        yield served.shapes[-1][0], len(tokens)
    yield len(served.shapes), count - 1


@exercise.satisfies("Scheduler", points=2, sizes=SOME)
def the_model_reads_whole_texts(student, table, requests, plan, S):
    """In every step the model is shown the prompt and the new tokens of each running request, and
    nothing else."""
    served = Served(reads_real_tokens(table))
    started(student, served.model, S, requests).run()
    served.notes(student)
    yield served.seen, plan[1]


@exercise.satisfies("Scheduler", points=1, sizes=SOME)
def who_came_first_is_first(student, table, requests, S):
    """Requests get their slots in the order in which they came, whatever their lengths are."""
    for order in (requests, sorted(requests, key=lambda r: -r[1])):
        scheduler, first = started(student, Served(reads_real_tokens(table)).model, S, order), []
        for tokens in steps_of(scheduler):
            first += [name for name in sorted(tokens) if name not in first]
        yield first, list(range(len(order)))


@exercise.satisfies("Scheduler", points=1, sizes=SOME)
def no_slot_is_idle(student, table, requests, plan, S):
    """While anybody waits, every slot is in use; all is done after as few steps as that takes."""
    served = Served(reads_real_tokens(table))
    scheduler = started(student, served.model, S, requests)
    counts = [len(tokens) for tokens in steps_of(scheduler)]
    served.notes(student)
    yield counts, [len(tokens) for tokens in plan[0]]


@exercise.satisfies("Scheduler", points=1, sizes={"V": [12], "S": [2]})
def with_a_llama(student, rng, V, S):
    """With a LLaMA that masks its padding, each text is that of the model without padding."""
    config = multi_head.Config(V, 8, 2, 4, 2, 12, 32)
    params = llama.init_params(config, rng)
    params = {n: w if n.endswith("norm") else 40 * w for n, w in params.items()}
    parts = rmsnorm.rmsnorm, rope.rope, softmax.softmax, swiglu.swiglu
    model = batching.padded_llama(params, config, *parts)
    prompts = [rng.integers(V, size=P) for P in (4, 1, 6, 2)]
    scheduler = started(
        student, Served(model).model, S, [(p, 5 - i) for i, p in enumerate(prompts)]
    )
    want = {}
    for i, prompt in enumerate(prompts):
        for _ in range(5 - i):
            logits, _ = llama.llama(params, prompt[np.newaxis], config)
            prompt = np.append(prompt, logits[0, -1].argmax())
        want[i] = prompt
    yield scheduler.run(), want


@exercise.satisfies("Scheduler", kind="E", points=1, sizes=ONE)
def any_id_may_be_an_eos(student, V):
    """Id 0 ends a request as any other id does; an eos in a prompt ends nothing, and without an
    eos nothing does; a request may end at its first token."""
    following = np.eye(V)[(np.arange(V) - 1) % V]  # the next id is one less than the last
    model = Served(lambda ids, lengths: following[ids]).model
    requests = [([3], 6, 0), ([0, 3], 6, 0), ([0], 4, None), ([2], 6, None), ([5, 1], 6, 0)]
    want = [[3, 2, 1, 0], [0, 3, 2, 1, 0], [0, 8, 7, 6, 5], [2, 1, 0, 8, 7, 6, 5], [5, 1, 0]]
    for S in (1, 2, 5):
        scheduler = started(student, model, S, [(np.array(p), *rest) for p, *rest in requests])
        yield scheduler.run(), {i: np.array(text) for i, text in enumerate(want)}


@exercise.satisfies("Scheduler", kind="E", points=1, sizes=ONE)
def ties_go_to_the_lower_id(student, V):
    """Of several largest logits that with the lowest id is taken."""
    tied = np.zeros(V)
    tied[[2, 5, V - 1]] = 1.0
    model = Served(lambda ids, lengths: np.broadcast_to(tied, (*ids.shape, V)).copy()).model
    scheduler = started(student, model, 2, [(np.array([1]), 2, None), (np.array([4, 4]), 1, None)])
    yield scheduler.step(), {0: 2, 1: 2}
    yield scheduler.run(), {0: np.array([1, 2, 2]), 1: np.array([4, 4, 2])}


@exercise.satisfies("Scheduler", kind="E", points=1, sizes=ONE)
def nothing_to_do(student, table, requests, S):
    """Where there is nothing to do, step returns an empty dict and the model is not called; a
    request that comes afterwards is served."""
    served = Served(reads_real_tokens(table))
    scheduler = started(student, served.model, S)
    yield scheduler.step(), {}
    yield scheduler.run(), {}
    want = {}
    for i, request in enumerate(requests[:3]):
        yield submit(scheduler, request), i
        calls, want[i] = len(served.seen), alone(table, *request)
        yield scheduler.run(), want
        yield len(served.seen) - calls, len(want[i]) - len(request[0])
        yield scheduler.step(), {}
        yield scheduler.run(), want
        yield len(served.seen) - calls, len(want[i]) - len(request[0])


@exercise.satisfies("Scheduler", kind="E", points=1, sizes=ONE)
def no_new_tokens(student, table, requests, S):
    """With max_new_tokens=0 a text is its prompt: it takes no slot and no step, before others,
    behind them, and alone."""
    served = Served(reads_real_tokens(table))
    nothing = [(p, 0, eos) for p, _, eos in requests]
    scheduler = started(student, served.model, S, nothing[:1])
    yield scheduler.step(), {}
    yield scheduler.run(), {0: requests[0][0]}
    yield not served.seen
    order = [nothing[1], requests[2], nothing[3], nothing[4], requests[5], requests[6]]
    for request in order:
        submit(scheduler, request)
    yield sorted(scheduler.step()), [2, 5, 6]
    want = {i: alone(table, *request) for i, request in enumerate([nothing[0], *order])}
    yield scheduler.run(), want


@exercise.satisfies("Scheduler", kind="E", points=1, sizes=ONE)
def what_is_refused(student, table, requests, S):
    """No slots, or a prompt without tokens, raises ValueError; nothing has changed, and no number
    was given."""
    served = Served(reads_real_tokens(table))
    for slots in (0, -1):
        student.transcript.append(slots)
        yield raises(ValueError, student.Scheduler, served.model, slots)
    yield not raises(ValueError, student.Scheduler, served.model, 1)
    scheduler = started(student, served.model, S)
    empty = np.array([], dtype=np.int64)
    yield raises(ValueError, scheduler.submit, empty, 3)
    yield submit(scheduler, requests[0]), 0
    yield raises(ValueError, scheduler.submit, empty, 0)
    yield raises(ValueError, scheduler.submit, empty, 3, 1)
    yield submit(scheduler, requests[1]), 1
    yield sorted(scheduler.step()), [0, 1]
    yield scheduler.run(), {i: alone(table, *requests[i]) for i in range(2)}


@exercise.satisfies("Scheduler", kind="E", points=1, sizes=ONE)
def prompts_are_copied(student, table, requests):
    """Prompts of any layout and kind of integer are taken and left alone, and may be overwritten
    while the request waits."""
    scheduler, held = started(student, Served(reads_real_tokens(table)).model, 1), []
    for i, (prompt, most, eos) in enumerate(requests):
        dtype = "int32" if i % 2 else "int64"
        layout = ("C", "F", "strided")[i % 3]
        given = laid(prompt.astype(dtype), layout, read_only=layout == "F")
        held.append(student.hold(given))
        submit(scheduler, (held[-1], most, eos))
        yield student.fetch(held[-1]), prompt
    for i in (0, 2, 3, 5, 6):
        student.keep(student.library("numpy.ndarray.fill"), held[i], 1)
    yield scheduler.run(), {i: alone(table, *request) for i, request in enumerate(requests)}
    yield student.fetch(held[4]), requests[4][0]


@exercise.satisfies("Scheduler", kind="E", points=1, sizes=ONE)
def texts_are_arrays_of_their_own(student, table, requests, S):
    """Texts are int64 arrays; whoever writes into one does not change the next result."""
    scheduler = started(student, Served(reads_real_tokens(table)).model, S)
    for prompt, most, eos in (*requests[:3], (*requests[3][:1], 0, None)):
        submit(scheduler, (prompt.astype(np.int32), most, eos))
    texts = student.keep(scheduler.run)
    want = {i: alone(table, *request) for i, request in enumerate(requests[:3])}
    want[3] = requests[3][0]
    for i, text in want.items():
        one = student.keep(student.library("operator.getitem"), texts, i)
        got = student.fetch(one)
        yield kinds(student, got), ["int64"]
        yield got, text
        student.keep(student.library("numpy.ndarray.fill"), one, 1)
    yield scheduler.run(), want


@exercise.satisfies("Scheduler", kind="E", points=1, sizes=ONE)
def two_schedulers_share_nothing(student, table, requests):
    """Each scheduler has requests, numbers and slots of its own."""
    model = Served(reads_real_tokens(table)).model
    one, other = started(student, model, 1, requests[:2]), started(student, model, 2)
    yield sorted(one.step()), [0]
    yield submit(other, requests[2]), 0
    yield submit(one, requests[3]), 2
    yield submit(other, requests[4]), 1
    yield other.run(), {0: alone(table, *requests[2]), 1: alone(table, *requests[4])}
    want = {i: alone(table, *requests[j]) for i, j in enumerate((0, 1, 3))}
    yield one.run(), want


@exercise.satisfies("Scheduler", kind="E", points=1, sizes=SOME)
def no_column_in_vain(student, table, requests, V, S):
    """The array is as wide as its longest text, and padding is an id of the vocabulary, even if
    that has one id only."""
    served = Served(reads_real_tokens(table))
    texts = started(student, served.model, S, requests).run()
    served.notes(student)
    yield len(texts) == len(requests) and len(served.seen) > 0
    yield [T for _, T in served.shapes], [max(map(len, seen)) for seen in served.seen]
    yield min(served.ids) >= 0 and max(served.ids) < V
    tiny = Served(lambda ids, lengths: np.zeros((*ids.shape, 1)))
    requests = [(np.zeros(P, dtype=np.int64), 2) for P in (3, 1)]
    texts = started(student, tiny.model, 2, requests).run()
    yield texts, {0: np.zeros(5), 1: np.zeros(3)}
    yield max(tiny.ids), 0


# Mistakes in left_pad

FILL = """T = lengths.max()
    ids = np.full((len(prompts), T), pad)
    for row, prompt in zip(ids, prompts, strict=True):
        row[T - len(prompt) :] = prompt"""

for name, old, new, hint in (
    (
        "pads_on_the_right",
        "row[T - len(prompt) :] = prompt",
        "row[: len(prompt)] = prompt",
        "The padding is on the right, so the rows end in different columns and the last "
        "one holds padding. Put it on the left.",
    ),
    (
        "lengths_include_padding",
        "return ids, lengths",
        "return ids, np.full_like(lengths, ids.shape[1])",
        "The lengths count the padding: all of them are the width of the array. Count real tokens.",
    ),
    (
        "lengths_of_the_padding",
        "return ids, lengths",
        "return ids, ids.shape[1] - lengths",
        "The lengths count the padding instead of the real tokens.",
    ),
    (
        "finds_padding_by_its_id",
        "return ids, lengths",
        "return ids, (ids != pad).sum(axis=1)",
        "The lengths count ids that are not `pad`, but a prompt may hold that id, too. "
        "Take the lengths of the prompts.",
    ),
    (
        "finds_the_first_token_by_its_id",
        "return ids, lengths",
        "return ids, ids.shape[1] - np.where((ids != pad).any(axis=1), (ids != "
        "pad).argmax(axis=1), ids.shape[1] - 1)",
        "A prompt is taken to begin at the first id that is not `pad`, but it may begin "
        "with that very id. Take the lengths of the prompts.",
    ),
    (
        "pads_with_0",
        "T), pad)",
        "T), 0)",
        "The array is filled up with 0 whatever `pad` is.",
    ),
    (
        "repeats_the_first_token",
        "row[T - len(prompt) :] = prompt",
        "row[:] = prompt[0]\n        row[T - len(prompt) :] = prompt",
        "The array is filled up with the first token of each prompt. Fill it up with `pad`.",
    ),
    (
        "as_wide_as_the_first",
        FILL,
        FILL.replace("lengths.max()", "lengths[0]")
        .replace("] = prompt", "][:] = prompt[-T:]")
        .replace("T - len(prompt)", "max(T - len(prompt), 0)"),
        "The array is as wide as the first prompt. The longest one gives the width.",
    ),
    (
        "cuts_to_the_shortest",
        FILL,
        FILL.replace("lengths.max()", "lengths.min()").replace(
            "T - len(prompt) :] = prompt", ":] = prompt[-T:]"
        ),
        "Prompts are cut to the length of the shortest. Fill the others up instead.",
    ),
    (
        "one_column_too_many",
        "T = lengths.max()",
        "T = lengths.max() + 1",
        "Every row has padding, the longest one, too: the array is a column too wide.",
    ),
    (
        "reverses_the_prompts",
        "row[T - len(prompt) :] = prompt",
        "row[T - len(prompt) :] = prompt[::-1]",
        "The tokens of each prompt are in the opposite order. Only the place of the "
        "padding changes.",
    ),
    (
        "sorts_by_length",
        "lengths = np.array([len(prompt) for prompt in prompts])",
        "prompts = sorted(prompts, key=len)\n"
        "    lengths = np.array([len(prompt) for prompt in prompts])",
        "The rows are sorted by length, and nobody knows any more which prompt is which. "
        "Keep the order.",
    ),
    (
        "the_longest_first",
        "lengths = np.array([len(prompt) for prompt in prompts])",
        "prompts = sorted(prompts, key=len, reverse=True)\n"
        "    lengths = np.array([len(prompt) for prompt in prompts])",
        "The rows are sorted by length, and nobody knows any more which prompt is which. "
        "Keep the order.",
    ),
    (
        "keeps_the_kind_of_integer",
        "T), pad)",
        "T), pad, dtype=prompts[0].dtype)",
        "The ids have the dtype of the prompts. They are int64 whatever came in.",
    ),
    (
        "floats",
        "T), pad)",
        "T), float(pad))",
        "The ids are floats, with which no table can be indexed. Make an array of integers.",
    ),
    (
        "lengths_as_int32",
        "return ids, lengths",
        "return ids, lengths.astype(np.int32)",
        "The lengths are int32. They are int64.",
    ),
    (
        "hands_a_single_prompt_back",
        "ids = np.full((len(prompts), T), pad)",
        "if len(prompts) == 1 and prompts[0].dtype == np.int64:\n"
        "        return prompts[0][np.newaxis], lengths\n"
        "    ids = np.full((len(prompts), T), pad)",
        "For a single prompt the result is a view of it, and changes when the prompt "
        "does. Return a new array.",
    ),
    (
        "takes_an_empty_prompt",
        "if lengths.min() == 0:",
        "if False:",
        "A prompt without tokens becomes a row of padding. Raise ValueError.",
    ),
    (
        "looks_for_an_empty_prompt_first_only",
        "if lengths.min() == 0:",
        "if lengths[0] == 0:",
        "Only the first prompt is checked for being empty. Check all of them.",
    ),
    (
        "refuses_only_if_all_are_empty",
        "if lengths.min() == 0:",
        "if lengths.max() == 0:",
        "Empty prompts are refused only when all are empty. One is enough.",
    ),
    (
        "refuses_a_single_token",
        "if lengths.min() == 0:",
        "if lengths.min() <= 1:",
        "A prompt of one token is refused. Only one without tokens is.",
    ),
):
    exercise.slip("left_pad", name, old, new, hint)


# Mistakes in padding_mask

for name, old, new, hint in (
    (
        "counts_from_the_edge",
        "return np.maximum(positions, 0), mask",
        "return np.arange(T) + 0 * positions, mask",
        "Positions count from the edge of the array, padding included. The first real "
        "token is at position 0.",
    ),
    (
        "counts_from_1",
        "return np.maximum(positions, 0), mask",
        "return np.maximum(positions + 1, 0), mask",
        "The first real token is at position 1. Positions start at 0.",
    ),
    (
        "counts_backwards",
        "return np.maximum(positions, 0), mask",
        "return np.where(real, np.arange(T)[::-1], 0), mask",
        "Positions count from the end of the row. The first real token has 0, the last "
        "one the largest.",
    ),
    (
        "negative_positions",
        "return np.maximum(positions, 0), mask",
        "return positions, mask",
        "Padding has negative positions. Let it have 0.",
    ),
    (
        "as_if_padded_on_the_right",
        "positions = np.arange(T) - (T - lengths[:, np.newaxis])\n"
        "    causal = np.tri(T, dtype=bool)\n"
        "    real = positions >= 0",
        "positions = np.arange(T) + 0 * lengths[:, np.newaxis]\n"
        "    causal = np.tri(T, dtype=bool)\n"
        "    real = positions < lengths[:, np.newaxis]\n"
        "    positions = np.where(real, positions, 0)",
        "The padding is looked for at the right end of each row. It is on the left.",
    ),
    (
        "padding_is_attended",
        "(causal & real[:, np.newaxis]) | np.eye(T, dtype=bool)",
        "causal & np.ones_like(real[:, np.newaxis])",
        "The mask is the causal one alone: real tokens see the padding before them.",
    ),
    (
        "the_future_is_attended",
        "(causal & real[:, np.newaxis])",
        "(real[:, :, np.newaxis] & real[:, np.newaxis])",
        "Real tokens see real tokens that come after them. The mask is still causal.",
    ),
    (
        "everybody_sees_the_real_ones",
        "(causal & real[:, np.newaxis])",
        "(np.ones((T, 1), dtype=bool) & real[:, np.newaxis])",
        "Real tokens see real tokens that come after them. The mask is still causal.",
    ),
    (
        "padding_sees_nothing",
        "(causal & real[:, np.newaxis]) | np.eye(T, dtype=bool)",
        "causal & real[:, np.newaxis]",
        "A query of padding sees nothing, and softmax over nothing is 0 / 0: nan. Let "
        "it see itself.",
    ),
    (
        "does_not_see_itself",
        "(causal & real[:, np.newaxis]) | np.eye(T, dtype=bool)",
        "(np.tri(T, k=-1, dtype=bool) & real[:, np.newaxis]) | (np.eye(T, dtype=bool) & "
        "~real[:, np.newaxis])",
        "A real token does not see itself. It sees the keys up to and including its own.",
    ),
    (
        "padding_sees_padding",
        "(causal & real[:, np.newaxis]) | np.eye(T, dtype=bool)",
        "causal & (real[:, np.newaxis] | ~real[:, :, np.newaxis])",
        "Padding sees the padding before it, too. It sees itself alone.",
    ),
    (
        "hides_queries_not_keys",
        "causal & real[:, np.newaxis]",
        "causal & real[:, :, np.newaxis]",
        "The rows of the padding are masked, not its columns: real queries see padding. "
        "It is the keys that are hidden.",
    ),
    (
        "upside_down",
        "return np.maximum(positions, 0), mask",
        "return np.maximum(positions, 0), ~mask",
        "The mask is True where nothing may be seen. True stands for what is seen.",
    ),
    (
        "keys_by_queries",
        "return np.maximum(positions, 0), mask",
        "return np.maximum(positions, 0), mask.swapaxes(1, 2)",
        "Queries and keys are exchanged in the mask. The queries are its second axis, "
        "the keys its last.",
    ),
    (
        "forgets_the_first_real_token",
        "real = positions >= 0",
        "real = positions > 0",
        "The first real token is masked like padding.",
    ),
    (
        "sees_the_last_padding",
        "real = positions >= 0",
        "real = positions >= -1",
        "One column of padding counts as real.",
    ),
    (
        "numbers_instead_of_booleans",
        "return np.maximum(positions, 0), mask",
        "return np.maximum(positions, 0), mask.astype(np.float64)",
        "The mask is made of numbers. Make it True and False: `~` and indexing do "
        "something else with numbers.",
    ),
    (
        "float_positions",
        "return np.maximum(positions, 0), mask",
        "return np.maximum(positions, 0.0), mask",
        "The positions are floats. They are integers: a table may be indexed with them.",
    ),
    (
        "the_first_row_for_all",
        "positions = np.arange(T) - (T - lengths[:, np.newaxis])",
        "positions = np.arange(T) - (T - lengths[:1, np.newaxis]) + 0 * lengths[:, np.newaxis]",
        "Every row is treated like the first. Each has its own length.",
    ),
    (
        "as_wide_as_the_longest",
        "positions = np.arange(T) - (T - lengths[:, np.newaxis])",
        "T = int(lengths.max())\n    positions = np.arange(T) - (T - lengths[:, np.newaxis])",
        "The width is that of the longest row. It is T: an array may be wider than its "
        "longest row.",
    ),
):
    exercise.slip("padding_mask", name, old, new, hint)


# Mistakes in Scheduler

ADMIT = "while self.waiting and len(self.running) < self.slots:"
TAKE = "self.running.append(self.waiting.popleft())"
IDLE = "if not self.running:\n            return {}"
PAD = "ids, lengths = left_pad([np.array(self.texts[name]) for name in self.running], 0)"
CHOOSE = "np.argmax(self.model(ids, lengths)[:, -1], axis=-1)"
KEEP = "self.texts[name].append(token)"
LIMITS = "P, most, eos = self.limits[name]"
DONE = "if token == eos or len(self.texts[name]) == P + most:"
LEAVE = "self.running.remove(name)"
NUMBER = "return name\n"
LIMIT = "self.limits.append((len(prompt), max_new_tokens, eos))"
QUEUE = "if max_new_tokens > 0:\n            self.waiting.append(name)"
REFUSE = 'if len(prompt) == 0:\n            raise ValueError("the prompt is empty")'
SLOTS = 'if slots < 1:\n            raise ValueError(f"{slots} slots: there must be at least one")'
RUN = "while self.step():\n            pass"
TEXTS = "return {name: np.array(text) for name, text in enumerate(self.texts)}"

for name, old, new, hint in (
    (
        "pads_on_the_right",
        PAD,
        "ids, lengths = left_pad([np.array(self.texts[name]) for name in self.running], "
        "0)\n"
        "        shifts = lengths - ids.shape[1]\n"
        "        ids = np.array([np.roll(row, n) for row, n in zip(ids, shifts, "
        "strict=True)])",
        "Texts are padded on the right, and the logits of the last column are read: they "
        "say what follows padding. Pad on the left.",
    ),
    (
        "lengths_include_padding",
        PAD,
        "ids, lengths = left_pad([np.array(self.texts[name]) for name in self.running], "
        "0)\n"
        "        lengths[:] = ids.shape[1]",
        "The model is told that every row is as long as the array, so it reads the "
        "padding as text. Hand it the lengths of the texts.",
    ),
    (
        "lengths_of_the_prompts",
        PAD,
        "ids, lengths = left_pad([np.array(self.texts[name]) for name in self.running], "
        "0)\n"
        "        lengths = np.array([self.limits[name][0] for name in self.running])",
        "The model is told the lengths of the prompts. What has been generated is text, too.",
    ),
    (
        "reads_the_first_column",
        CHOOSE,
        "np.argmax(self.model(ids, lengths)[:, 0], axis=-1)",
        "The logits of the first column are read. Those of the last one say what comes next.",
    ),
    (
        "reads_at_the_length",
        CHOOSE,
        "np.argmax(self.model(ids, lengths)[np.arange(len(ids)), lengths - 1], axis=-1)",
        "The logits are read at column lengths - 1, as for padding on the right. With "
        "padding on the left every row ends in the last column.",
    ),
    (
        "shows_the_prompts_only",
        PAD,
        "texts = [np.array(self.texts[name][: self.limits[name][0]]) for name in "
        "self.running]\n"
        "        ids, lengths = left_pad(texts, 0)",
        "The model is shown the prompt every time. What has been generated belongs to its input.",
    ),
    (
        "shows_the_last_token_only",
        PAD,
        "ids, lengths = left_pad([np.array(self.texts[name][-1:]) for name in self.running], 0)",
        "The model is shown the last token alone. Without a cache it needs the whole text.",
    ),
    (
        "asks_each_request_alone",
        CHOOSE,
        "np.array([\n"
        "            np.argmax(self.model(row[np.newaxis, -n:], np.array([n]))[0, -1])\n"
        "            for row, n in zip(ids, lengths, strict=True)\n"
        "        ])",
        "The model is called once for every request. One call takes all rows: that is "
        "what a batch is for.",
    ),
    (
        "calls_twice",
        CHOOSE,
        "self.model(ids, lengths)[:, -1].argmax(axis=-1)\n"
        "        chosen = np.argmax(self.model(ids, lengths)[:, -1], axis=-1)",
        "The model is called twice in a step.",
    ),
    (
        "fills_the_batch_up",
        CHOOSE,
        "np.argmax(self.model(\n"
        "            np.pad(ids, ((0, self.slots - len(ids)), (0, 0))),\n"
        "            np.pad(lengths, (0, self.slots - len(ids)), constant_values=1),\n"
        "        )[: len(ids), -1], axis=-1)",
        "Slots that are free are filled with rows that belong to nobody, and the model "
        "works for them.",
    ),
    (
        "as_wide_as_ever",
        PAD,
        "ids, lengths = left_pad([np.array(self.texts[name]) for name in self.running], "
        "0)\n"
        "        self.width = max(vars(self).get('width', 0), ids.shape[1])\n"
        "        ids = np.pad(ids, ((0, 0), (self.width - ids.shape[1], 0)))",
        "The array stays as wide as it ever was, so the model reads columns in which "
        "every row has padding.",
    ),
    (
        "as_wide_as_it_may_become",
        PAD,
        "ids, lengths = left_pad([np.array(self.texts[name]) for name in self.running], "
        "0)\n"
        "        width = max(sum(self.limits[name][:2]) for name in self.running)\n"
        "        ids = np.pad(ids, ((0, 0), (width - ids.shape[1], 0)))",
        "The array has room for all tokens that may come, so the model reads columns in "
        "which every row has padding.",
    ),
    (
        "pads_with_minus_1",
        PAD,
        "ids, lengths = left_pad([np.array(self.texts[name]) for name in self.running], -1)",
        "Texts are padded with -1, which is no id of the vocabulary: a model looks every "
        "id up. Pad with 0.",
    ),
    (
        "pads_with_1",
        PAD,
        PAD.replace(", 0)", ", 1)"),
        "Texts are padded with an id that a small vocabulary may not have. Pad with 0.",
    ),
    (
        "one_slot_too_many",
        ADMIT,
        "while self.waiting and len(self.running) <= self.slots:",
        "One more request runs than there are slots.",
    ),
    (
        "no_limit",
        ADMIT,
        "while self.waiting:",
        "All requests run at once, however few slots there are.",
    ),
    (
        "one_slot_too_few",
        ADMIT,
        "while self.waiting and len(self.running) < max(self.slots - 1, 1):",
        "One slot is never used.",
    ),
    (
        "one_slot_alone",
        ADMIT,
        "while self.waiting and len(self.running) < 1:",
        "The requests run one after another: only one of the slots is used.",
    ),
    (
        "waits_for_all_to_finish",
        ADMIT,
        "begin = not self.running\n"
        "        while begin and self.waiting and len(self.running) < self.slots:",
        "New requests wait until all that run have finished: that is static batching. A "
        "slot is given away as soon as it is free.",
    ),
    (
        "waits_until_the_batch_is_full",
        ADMIT,
        "full = len(self.running) + len(self.waiting) >= self.slots\n"
        "        while (full or not self.running) and self.waiting and len(self.running) "
        "< self.slots:",
        "A request waits until enough others are there to fill every slot. It gets a "
        "free slot at once.",
    ),
    (
        "one_newcomer_per_step",
        ADMIT,
        "if self.waiting and len(self.running) < self.slots:",
        "Only one request gets a slot in each step, however many are free.",
    ),
    (
        "keeps_its_slot",
        ADMIT,
        "while self.waiting and vars(self).setdefault('given', 0) < self.slots:\n"
        "            self.given += 1",
        "A request that has finished keeps its slot, so some of those who wait never get "
        "one and their texts stay prompts.",
    ),
    (
        "last_come_first_served",
        TAKE,
        "self.running.append(self.waiting.pop())",
        "The request that came last gets the free slot. The one that has waited longest does.",
    ),
    (
        "fewest_tokens_first",
        TAKE,
        "short = min(self.waiting, key=lambda name: self.limits[name][1])\n"
        "            self.waiting.remove(short)\n"
        "            self.running.append(short)",
        "The request that wants the fewest tokens gets the free slot. The one that has "
        "waited longest does.",
    ),
    (
        "shortest_prompt_first",
        TAKE,
        "short = min(self.waiting, key=lambda name: self.limits[name][0])\n"
        "            self.waiting.remove(short)\n"
        "            self.running.append(short)",
        "The request with the shortest prompt gets the free slot. The one that has "
        "waited longest does.",
    ),
    (
        "forgets_some_who_wait",
        TAKE,
        "self.running.append(self.waiting.popleft())\n"
        "            if len(self.waiting) > self.slots:\n"
        "                self.waiting.pop()",
        "When many requests wait, some are forgotten. Each gets its turn.",
    ),
    (
        "keyed_by_row",
        "return tokens",
        "return dict(enumerate(tokens.values()))",
        "What step returns is keyed by the row of the batch. Rows move up when another "
        "request leaves: key the tokens by the request's number.",
    ),
    (
        "texts_by_row",
        "for name, token in tokens.items():\n            self.texts[name].append(token)",
        "for row, (name, token) in enumerate(tokens.items()):\n"
        "            self.texts[row].append(token)",
        "Tokens are appended to the text with the number of their row. Rows move up when "
        "another request leaves: append them to the request's own text.",
    ),
    (
        "limits_by_row",
        "for name, token in tokens.items():\n"
        "            self.texts[name].append(token)\n"
        "            P, most, eos = self.limits[name]",
        "for row, (name, token) in enumerate(tokens.items()):\n"
        "            self.texts[name].append(token)\n"
        "            P, (_, most, eos) = self.limits[name][0], self.limits[row]",
        "The eos and the limit are looked up by the row of the batch. Rows move up when "
        "another request leaves: look them up by the request's number.",
    ),
    (
        "tokens_of_those_who_go_on",
        "return tokens",
        "return {name: token for name, token in tokens.items() if name in self.running}",
        "The last token of a request is missing from what step returns.",
    ),
    (
        "ties_go_to_the_highest",
        CHOOSE,
        "np.array([\n"
        "            len(row) - 1 - np.argmax(row[::-1]) for row in self.model(ids, "
        "lengths)[:, -1]\n"
        "        ])",
        "Of several equal logits the last is taken. The lowest id wins.",
    ),
    (
        "eos_does_nothing",
        DONE,
        "if len(self.texts[name]) == P + most:",
        "A request goes on after its eos. It is done when it has generated it.",
    ),
    (
        "eos_0_is_no_eos",
        DONE,
        "if (eos and token == eos) or len(self.texts[name]) == P + most:",
        "An eos with id 0 is taken for none. Compare with the eos itself.",
    ),
    (
        "padding_is_an_eos",
        DONE,
        "if token in (0, eos) or len(self.texts[name]) == P + most:",
        "A request ends when it generates id 0, the one that fills up. Only its own eos "
        "ends it; 0 is a token like any other.",
    ),
    (
        "no_eos_is_eos_0",
        DONE,
        "if token == (eos or 0) or len(self.texts[name]) == P + most:",
        "A request without an eos ends when it generates id 0. Without an eos nothing "
        "ends it but its limit.",
    ),
    (
        "eos_of_the_last_request",
        LIMITS,
        "P, most, eos = self.limits[name]\n            eos = self.limits[-1][2]",
        "The eos of the request that came last holds for all. Each has its own.",
    ),
    (
        "eos_of_the_first_request",
        LIMITS,
        "P, most, eos = self.limits[name]\n            eos = self.limits[0][2]",
        "The eos of the first request holds for all. Each has its own.",
    ),
    (
        "every_eos_ends_everybody",
        DONE,
        "if token in {end for _, _, end in self.limits} or len(self.texts[name]) == P + most:",
        "A request ends at an eos that belongs to another one. Each has its own.",
    ),
    (
        "eos_ends_the_batch",
        LEAVE,
        "self.running.remove(name)\n"
        "            if token == eos:\n"
        "                self.running.clear()\n"
        "                break",
        "When one request generates its eos, all that run are ended. The others go on.",
    ),
    (
        "drops_the_eos",
        LEAVE,
        "self.running.remove(name)\n"
        "                if token == eos:\n"
        "                    self.texts[name].pop()",
        "The eos is missing from the text. It is kept.",
    ),
    (
        "keeps_the_eos_twice",
        LEAVE,
        "self.running.remove(name)\n"
        "                if token == eos:\n"
        "                    self.texts[name].append(token)",
        "The eos stands at the end of the text twice.",
    ),
    (
        "step_hides_the_eos",
        "return tokens",
        "return {name: t for name, t in tokens.items() if t != self.limits[name][2]}",
        "step does not return the eos of a request. It is a new token like any other.",
    ),
    (
        "an_eos_in_the_prompt_counts",
        QUEUE,
        "if max_new_tokens > 0 and eos not in self.texts[name]:\n"
        "            self.waiting.append(name)",
        "A request with its eos in the prompt is taken to be done. Only a generated eos ends it.",
    ),
    (
        "an_eos_anywhere_counts",
        DONE,
        "if eos in self.texts[name] or len(self.texts[name]) == P + most:",
        "A request ends after one token because its eos is in the prompt. Only a "
        "generated eos ends it.",
    ),
    (
        "one_token_less",
        LIMIT,
        "self.limits.append((len(prompt), max(max_new_tokens - 1, 1), eos))",
        "One token is missing.",
    ),
    (
        "one_token_more",
        LIMIT,
        "self.limits.append((len(prompt), max_new_tokens + 1, eos))",
        "One token too many is generated.",
    ),
    (
        "the_prompt_counts",
        LIMIT,
        "self.limits.append((len(prompt), max(max_new_tokens - len(prompt), 1), eos))",
        "The tokens of the prompt are counted as new ones, so the text is too short.",
    ),
    (
        "the_limit_of_the_first",
        LIMITS,
        "P, most, eos = self.limits[name]\n            most = self.limits[0][1]",
        "The first request's max_new_tokens holds for all. Each has its own.",
    ),
    (
        "at_least_one_token",
        QUEUE,
        "self.limits[-1] = (len(prompt), max(max_new_tokens, 1), eos)\n"
        "        self.waiting.append(name)",
        "With max_new_tokens=0 a token is generated all the same. Such a request is done "
        "when it is submitted.",
    ),
    (
        "without_limit_for_0",
        QUEUE,
        "self.limits[-1] = (len(prompt), max_new_tokens or 20, eos)\n"
        "        self.waiting.append(name)",
        "max_new_tokens=0 is taken for no limit. Such a request is done when it is submitted.",
    ),
    (
        "forgets_requests_without_tokens",
        TEXTS,
        "return {name: np.array(text) for name, text in enumerate(self.texts) if "
        "self.limits[name][1]}",
        "A request with max_new_tokens=0 is missing from the result. Its text is its prompt.",
    ),
    (
        "numbers_from_1",
        NUMBER,
        "return name + 1\n",
        "The first request is given the number 1. Numbers begin at 0, and the same "
        "number is its key in what step and run return.",
    ),
    (
        "numbers_those_who_wait",
        NUMBER,
        "return max(len(self.waiting) - 1, 0)\n",
        "The number is a place in the queue, and is given again when the queue is "
        "shorter. No number is given twice.",
    ),
    (
        "numbers_the_refused",
        REFUSE,
        "if len(prompt) == 0:\n"
        "            self.texts.append([])\n"
        "            self.limits.append((0, 0, None))\n"
        '            raise ValueError("the prompt is empty")',
        "A prompt that is refused has used up a number. Check it before anything changes.",
    ),
    (
        "continues_from_nothing",
        REFUSE,
        "if len(prompt) == 0:\n            prompt = np.array([0])",
        "An empty prompt is replaced by a token of its own choice. Raise ValueError.",
    ),
    (
        "refuses_only_if_tokens_are_wanted",
        REFUSE,
        "if len(prompt) == 0 < max_new_tokens:\n"
        '            raise ValueError("the prompt is empty")',
        "An empty prompt is accepted with max_new_tokens=0. Raise ValueError whatever is wanted.",
    ),
    (
        "no_slots_are_accepted",
        SLOTS,
        "slots = max(slots, 1)",
        "A scheduler without slots is made all the same. Raise ValueError.",
    ),
    (
        "takes_negative_slots",
        SLOTS,
        "if slots == 0:\n"
        '            raise ValueError(f"{slots} slots: there must be at least one")',
        "A negative number of slots is accepted. Raise ValueError for anything below 1.",
    ),
    (
        "refuses_a_single_slot",
        SLOTS,
        "if slots <= 1:\n"
        '            raise ValueError(f"{slots} slots: there must be at least one")',
        "A scheduler of one slot is refused. It runs one request after another.",
    ),
    (
        "calls_for_nobody",
        IDLE,
        "if not self.running:\n"
        "            self.model(np.zeros((0, 1), dtype=np.int64), np.zeros(0, "
        "dtype=np.int64))\n"
        "            return {}",
        "The model is called although nothing is left to do.",
    ),
    (
        "one_call_too_many",
        TEXTS,
        "self.model(*left_pad([np.array(text) for text in self.texts[: self.slots]] or "
        "[np.array([0])], 0))\n"
        "        return {name: np.array(text) for name, text in enumerate(self.texts)}",
        "run calls the model once more when all is done, and throws the logits away.",
    ),
    (
        "run_takes_one_step",
        RUN,
        "self.step()",
        "run takes a single step. It goes on until nothing is left to do.",
    ),
    (
        "run_ignores_those_who_wait",
        RUN,
        "self.step()\n        while self.running:\n            self.step()",
        "run ends when all slots are free at the same time, though requests are waiting still.",
    ),
    (
        "only_new_tokens",
        TEXTS,
        "return {name: np.array(text[self.limits[name][0] :], dtype=np.int64) for name, "
        "text in enumerate(self.texts)}",
        "The texts hold the new tokens alone. They are the prompt and what follows.",
    ),
    (
        "forgets_what_was_finished_before",
        RUN,
        "old = set(range(len(self.texts))) - {*self.waiting, *self.running}\n"
        "        while self.step():\n"
        "            pass\n"
        "        if old:\n"
        "            return {n: np.array(text) for n, text in enumerate(self.texts) if n "
        "not in old}",
        "run leaves out requests that had finished before it was called. It returns "
        "every request that was ever submitted.",
    ),
    (
        "lists",
        TEXTS,
        "return {name: list(text) for name, text in enumerate(self.texts)}",
        "The texts are lists. They are arrays, int64.",
    ),
    (
        "a_queue_in_the_class",
        "self.waiting: deque[int] = deque()",
        "Scheduler.waiting = deque()",
        "Two schedulers share their queue: it belongs to the class (or is global). What "
        "a scheduler remembers belongs to `self`.",
    ),
):
    exercise.slip("Scheduler", name, old, new, hint)


@exercise.mistake("Scheduler")
class counts_steps_from_the_start(batching.Scheduler):
    """Tokens are counted by the steps of the scheduler, so a request that had to wait gets fewer.
    Count its own."""

    taken = 0

    def step(self):
        self.taken += 1
        tokens = super().step()
        self.running = [name for name in self.running if self.taken < self.limits[name][1]]
        return tokens


@exercise.mistake("Scheduler")
class a_step_too_late(batching.Scheduler):
    """A slot that becomes free stays empty for a step. It is used again in the very next one."""

    left = 0

    def step(self):
        slots, self.slots = self.slots, self.slots - self.left
        tokens = super().step()
        self.slots, self.left = slots, len(tokens) - len(self.running)
        return tokens


@exercise.mistake("Scheduler")
class finished_rows_stay(batching.Scheduler):
    """A request that has finished stays in the batch until those that run with it have finished,
    and the model goes on reading it. It leaves at once."""

    def step(self):
        if not self.running:
            while self.waiting and len(self.running) < self.slots:
                self.running.append(self.waiting.popleft())
            self.batch = list(self.running)
        if not self.running:
            return {}
        ids, lengths = batching.left_pad([np.array(self.texts[name]) for name in self.batch], 0)
        chosen = np.argmax(self.model(ids, lengths)[:, -1], axis=-1)
        tokens = {n: int(t) for n, t in zip(self.batch, chosen, strict=True) if n in self.running}
        for name, token in tokens.items():
            self.texts[name].append(token)
            P, most, eos = self.limits[name]
            if token == eos or len(self.texts[name]) == P + most:
                self.running.remove(name)
        return tokens


@exercise.mistake("Scheduler")
class no_tokens_take_a_slot(batching.Scheduler):
    """A request with max_new_tokens=0 takes a slot for a step. It is done when it is submitted."""

    def submit(self, prompt, max_new_tokens, eos=None):
        name = super().submit(prompt, max_new_tokens, eos)
        if max_new_tokens == 0:
            self.waiting.append(name)
        return name

    def step(self):
        tokens = super().step()
        for name in [name for name in tokens if self.limits[name][1] == 0]:
            self.texts[name].pop()
            if name in self.running:
                self.running.remove(name)
            del tokens[name]
        return tokens


@exercise.mistake("Scheduler")
class keeps_the_prompt_itself(batching.Scheduler):
    """The prompt is read when the request gets its slot; if it has been overwritten by then,
    another text is continued. Copy it in submit."""

    def submit(self, prompt, max_new_tokens, eos=None):
        name = super().submit(prompt, max_new_tokens, eos)
        vars(self).setdefault("prompts", {})[name] = prompt
        return name

    def step(self):
        for name in self.waiting:
            self.texts[name] = [int(token) for token in self.prompts[name]]
        return super().step()


@exercise.mistake("Scheduler")
class the_dtype_of_the_prompt(batching.Scheduler):
    """A text has the dtype of its prompt. Texts are int64 whatever came in."""

    def submit(self, prompt, max_new_tokens, eos=None):
        name = super().submit(prompt, max_new_tokens, eos)
        vars(self).setdefault("dtypes", {})[name] = prompt.dtype
        return name

    def run(self):
        return {name: text.astype(self.dtypes[name]) for name, text in super().run().items()}


@exercise.mistake("Scheduler")
class the_same_arrays_again(batching.Scheduler):
    """run returns the same arrays again, so whoever has written into one finds that in the next
    result. Return new ones."""

    def run(self):
        kept = vars(self).setdefault("kept", {})
        for name, text in super().run().items():
            if len(kept.get(name, ())) != len(text):
                kept[name] = text
        return dict(kept)
