"""Hidden checks for vol3_inference/prefill.

The cache is served here: what is appended to it is seen, in which order and in pieces of which
length. Logits are compared with those of the uncached model of Volume 1, and warm caches are filled
by the reference, so that each function is graded alone.
"""

import numpy as np

from autograder import Callback, Exercise, derived, integers, laid, raises
from solutions.vol1_numpy.llama import init_params, llama
from solutions.vol1_numpy.multi_head import Config
from solutions.vol3_inference import prefill
from solutions.vol3_inference.kv_cache import Int8KVCache, KVCache


def draw_config(rng, vocab_size, d_model, n_layers, n_heads, n_kv_heads, d_ff, tied):
    """All sizes, and constants that matter."""
    return Config(
        vocab_size=vocab_size,
        d_model=d_model,
        n_layers=n_layers,
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        d_ff=d_ff,
        max_T=31,
        rope_theta=float(rng.uniform(20.0, 60.0)),
        norm_eps=float(rng.uniform(0.1, 0.3)),
        tied=bool(tied),
    )


def draw_params(rng, config):
    """Weights that keep everything near size 1, and gains that differ from 1."""
    return {
        name: rng.standard_normal(w.shape) * 0.4 + 1.0
        if name.endswith("norm")
        else rng.standard_normal(w.shape) * (1.0 if name == "embedding" else w.shape[0] ** -0.5)
        for name, w in init_params(config, rng).items()
    }


def wide(params):
    return {name: w.astype(np.float64) for name, w in params.items()}


def room_for(config, B, T, kind=KVCache):
    """A cache of ours for this model."""
    d_head = config.d_model // config.n_heads
    return kind(config.n_layers, B, config.n_kv_heads, T, d_head)


def expected(params, tokens, config):
    """The logits (B, T, vocab_size) of the uncached model, and all keys and values by layer."""
    cache = room_for(config, *tokens.shape)
    prefill.prefill(wide(params), config, cache, tokens)
    return llama(wide(params), tokens, config)[0], cache.keys, cache.values


class Joined:
    """A cache that takes whatever it is given, and joins it; `room` limits the tokens."""

    def __init__(self, n_layers, room):
        self.kept, self.room = [[] for _ in range(n_layers)], room

    def append(self, layer, k, v):
        kept = self.kept[layer]
        if sum(x.shape[2] for x, _ in kept) + k.shape[2] > self.room:
            raise ValueError("the tokens do not fit")
        kept.append((k.copy(), v.copy()))
        keys, values = zip(*kept, strict=True)
        return np.concatenate(keys, axis=2), np.concatenate(values, axis=2)

    @property
    def length(self):
        return min(sum(x.shape[2] for x, _ in kept) for kept in self.kept)


class Watched:
    """A cache on our side, used from the student's: `there` stands for it.

    Attributes:
        calls: [layer, number of tokens] of each append.
        given: All keys and values that were appended, by layer.
    """

    def __init__(self, student, cache, n_layers):
        self.student, self.cache, self.calls = student, cache, []
        self.given = [[] for _ in range(n_layers)]
        make = student.library("types.SimpleNamespace")
        self.there = student.keep(make, append=Callback(self.append), length=cache.length)

    def append(self, layer, k, v):
        student = self.student
        student.transcript.append([layer, k, v])  # by the logits alone, mistakes look alike
        result = self.cache.append(layer, k, v)
        self.calls.append([layer, k.shape[2]])
        self.given[layer].append((k.copy(), v.copy()))
        student.keep(student.library("builtins.setattr"), self.there, "length", self.cache.length)
        return result

    def all_given(self):
        """Keys and values of layer 0, of layer 1, and so on."""
        every = [zip(*given, strict=True) for given in self.given if given]
        return tuple(np.concatenate(x, axis=2) for both in every for x in both)


NO_END = 10**6


def empty(student, config, room=NO_END):
    return Watched(student, Joined(config.n_layers, room), config.n_layers)


def warm(student, config, want, s, room=NO_END):
    """A cache with the first `s` tokens of a text, put there by the reference."""
    cache = Joined(config.n_layers, room)
    for layer, both in enumerate(zip(*want[1:], strict=True)):
        cache.append(layer, *(x[:, :, :s].astype(want[0].dtype) for x in both))
    return Watched(student, cache, config.n_layers)


def stored(want, start=0, end=None):
    """What all layers must have been given of a text, from token `start` on."""
    return tuple(x[:, :, start:end] for both in zip(*want[1:], strict=True) for x in both)


def steps(config, *pieces):
    """[layer, tokens] of each append when pieces of so many tokens are read."""
    return [[layer, piece] for piece in pieces for layer in range(config.n_layers)]


def cut(T, chunk):
    """The lengths of the pieces of T tokens."""
    return [min(chunk, T - start) for start in range(0, T, chunk)]


exercise = Exercise(
    "vol3_inference/prefill",
    solution=prefill,
    difficulty=4,
    minutes=90,
    inputs={
        "config": derived(draw_config),
        "params": derived(draw_params),
        "tokens": integers("B T", "vocab_size"),
        "want": derived(expected),
    },
    sizes={
        "B": [3, 2, 2, 1],
        "T": [5, 4, 7, 3],
        "vocab_size": [8, 13, 7, 3],
        "d_model": [8, 8, 12, 2],
        "n_layers": [1, 3, 2, 1],
        "n_heads": [2, 4, 6, 1],
        "n_kv_heads": [2, 2, 2, 1],
        "d_ff": [8, 5, 7, 1],
        "tied": [0, 0, 1, 1],
    },
)
ONE = {
    "B": [2],
    "T": [7],
    "vocab_size": [11],
    "d_model": [8],
    "n_layers": [2],
    "n_heads": [4],
    "n_kv_heads": [2],
    "d_ff": [5],
    "tied": [0],
}
TWO = {
    name: [*ONE[name], other] for name, other in zip(ONE, (3, 6, 7, 12, 1, 6, 3, 4, 1), strict=True)
}
# 64 rows of logits are 10 MB here, one row 160 kB.
MANY_CLASSES = ONE | {"B": [1], "T": [64], "vocab_size": [20_000], "d_model": [4], "n_heads": [2]}
MANY_CLASSES |= {"n_kv_heads": [1], "n_layers": [1]}
CLOSE = 1e-11


# prefill


@exercise.satisfies("prefill", kind="R", points=3, rtol=CLOSE)
def scores_what_comes_next(student, params, config, tokens, want):
    """The logits of the last token are those of the uncached model: one layer and several, grouped
    heads, tied and not."""
    cache = empty(student, config)
    yield student.prefill(params, config, cache.there, tokens), want[0][:, -1]


@exercise.satisfies("prefill", points=2, rtol=CLOSE)
def stores_keys_and_values(student, params, config, tokens, want, T):
    """Every layer appends the keys, turned by their positions, and the values of all tokens once,
    for the n_kv_heads heads that there are."""
    cache = empty(student, config)
    student.keep(student.prefill, params, config, cache.there, tokens)
    yield cache.all_given(), stored(want)
    yield cache.calls, steps(config, T)


@exercise.satisfies("prefill", points=3, rtol=CLOSE, sizes=TWO)
def any_pieces_give_the_same(student, params, config, tokens, want, T):
    """In pieces of any length, longer than the prompt too, logits and cache are the same, and each
    piece goes through all layers before the next one."""
    for chunk in (1, 2, 4, T - 1, T, T + 3):
        cache = empty(student, config)
        logits = student.prefill(params, config, cache.there, tokens, chunk)
        yield logits, want[0][:, -1]
        yield cache.all_given(), stored(want)
        yield cache.calls, steps(config, *cut(T, chunk))


@exercise.satisfies("prefill", points=3, rtol=CLOSE, sizes=TWO)
def goes_on_behind_a_warm_cache(student, params, config, tokens, want, T):
    """Tokens behind those of the cache, in one piece and in several, are scored as part of the
    whole text."""
    for s, chunk in ((1, None), (3, None), (T - 1, None), (2, 1), (1, 3), (2, 2)):
        cache = warm(student, config, want, s)
        logits = student.prefill(params, config, cache.there, tokens[:, s:], chunk)
        yield logits, want[0][:, -1]
        yield cache.all_given(), stored(want, s)
        yield cache.calls, steps(config, *cut(T - s, chunk or T))


@exercise.satisfies("prefill", points=1, rtol=CLOSE, sizes=TWO)
def parts_of_a_prompt_one_after_another(student, params, config, tokens, want, T):
    """A prompt may come in several calls, each with logits of its own last token."""
    cache = empty(student, config)
    for start, end in ((0, 2), (2, 3), (3, T)):
        logits = student.prefill(params, config, cache.there, tokens[:, start:end], 2)
        yield logits, want[0][:, end - 1]
    yield cache.all_given(), stored(want)


def alone_and_together(student, function, params, config, tokens, want, s):
    """The same rows in another batch and in another order."""
    for rows in ([1], [1, 0], [0, 1, 0]):
        some = tuple(x[rows] if x is want[0] else x[:, rows] for x in want)
        cache = warm(student, config, some, s)
        last = tokens[rows, s] if function == "decode" else tokens[rows, s:]
        logits = getattr(student, function)(params, config, cache.there, last)
        yield logits, want[0][rows, s if function == "decode" else -1]


@exercise.satisfies("prefill", points=1, rtol=CLOSE, sizes=ONE)
def rows_stand_alone(student, params, config, tokens, want):
    """A row has the same logits alone, in another batch, and in another place of it."""
    yield from alone_and_together(student, "prefill", params, config, tokens, want, 3)


@exercise.satisfies("prefill", points=1, rtol=1e-9, sizes=ONE)
def attends_to_what_comes_back(student, params, config, tokens, T):
    """Queries meet the keys and values that the cache gives back: with an int8 cache, the rounded
    ones."""
    for chunk in (None, 3):
        ours = room_for(config, len(tokens), T, Int8KVCache)
        want = prefill.prefill(params, config, ours, tokens, chunk)
        rounds = room_for(config, len(tokens), T, Int8KVCache)
        cache = Watched(student, rounds, config.n_layers)
        yield student.prefill(params, config, cache.there, tokens, chunk), want


@exercise.satisfies("prefill", points=1, rtol=CLOSE, sizes=ONE)
def two_texts_at_a_time(student, params, config, tokens, want, T):
    """Whatever is known of a text is in its cache: two texts may be read in turns."""
    other = tokens[:, ::-1].copy()
    others = expected(params, other, config)
    caches = empty(student, config), empty(student, config)
    for start, end in ((0, 3), (3, 4), (4, T)):
        for cache, text, logits in zip(caches, (tokens, other), (want, others), strict=True):
            got = student.prefill(params, config, cache.there, text[:, start:end])
            yield got, logits[0][:, end - 1]


@exercise.satisfies("prefill", kind="E", points=1, sizes=MANY_CLASSES)
def one_row_of_logits_is_made(student, params, config, tokens, T):
    """With 20,000 classes and 64 tokens, memory grows by far less than the logits of all tokens
    would take."""
    given = student.hold(params)
    first, cache = empty(student, config), empty(student, config)
    student.keep(student.prefill, given, config, first.there, tokens[:, :2])
    grown = student.memory_during(
        lambda: student.keep(student.prefill, given, config, cache.there, tokens)
    )
    return grown < 5e6


@exercise.satisfies("prefill", kind="E", points=1, sizes=ONE, dtype="float32")
def float32_stays_float32(student, params, config, tokens, want, T):
    """float32 parameters give float32 logits, and float32 keys and values in the cache."""
    for chunk in (None, 3):
        cache = empty(student, config)
        logits = student.prefill(params, config, cache.there, tokens, chunk)
        yield logits, want[0][:, -1]
        yield cache.all_given(), stored(want)


def left_alone(student, function, params, config, tokens, want, s):
    """Arguments in several memory layouts; the result afterwards."""
    wanted = want[0][:, -1] if function == "prefill" else want[0][:, s]
    ids = tokens[:, s:] if function == "prefill" else tokens[:, s]
    call = getattr(student, function)
    given, held = student.hold(params), student.hold(ids)
    logits = student.keep(call, given, config, warm(student, config, want, s).there, held)
    yield student.fetch(held), ids
    yield tuple(student.fetch(given)[n] for n in params), tuple(params.values())
    other = (ids + 1) % config.vocab_size
    student.keep(call, given, config, warm(student, config, want, s).there, other)
    yield student.fetch(logits), wanted
    for layout, read_only in (("F", True), ("strided", False)):
        turned = {name: laid(w, layout, read_only=read_only) for name, w in params.items()}
        cache = warm(student, config, want, s)
        yield call(turned, config, cache.there, laid(ids, layout, read_only=read_only)), wanted


@exercise.satisfies("prefill", kind="E", points=1, sizes=ONE)
def leaves_arguments_alone(student, params, config, tokens, want):
    """Arguments of any memory layout are accepted and left unchanged; the logits are new."""
    yield from left_alone(student, "prefill", params, config, tokens, want, 2)


@exercise.satisfies("prefill", kind="E", points=1, sizes=ONE)
def nothing_to_read_is_refused(student, params, config, tokens, want, T):
    """No token and pieces of less than one token raise ValueError, and the cache is as it was."""
    for ids, chunk in ((0, None), (0, 3), (T, 0), (T, -1), (T, -T)):
        for cache in (empty(student, config), warm(student, config, want, 2)):
            given = params, config, cache.there, tokens[:, :ids]
            yield raises(ValueError, student.prefill, *given, chunk)
            yield cache.calls, []


@exercise.satisfies("prefill", kind="E", points=1, sizes=ONE, rtol=CLOSE)
def what_does_not_fit_is_refused(student, params, config, tokens, want, T):
    """Tokens that fill the cache exactly are read; one more raises ValueError, and what was read
    before stays."""
    cache = warm(student, config, want, 2, T)
    yield student.prefill(params, config, cache.there, tokens[:, 2:], 3), want[0][:, -1]
    one = params, config, cache.there, tokens[:, :1]
    yield raises(ValueError, student.prefill, *one)
    yield raises(ValueError, student.prefill, *one, 1)
    for chunk, read in ((None, []), (T, []), (2, [2, 2]), (1, [1, 1, 1, 1])):
        cache = warm(student, config, want, 2, T - 1)
        given = params, config, cache.there, tokens[:, 2:]
        yield raises(ValueError, student.prefill, *given, chunk)
        yield cache.calls, steps(config, *read)


# decode


@exercise.satisfies("decode", kind="R", points=3, rtol=CLOSE)
def scores_what_comes_after(student, params, config, tokens, want, T):
    """Token by token behind a prompt, or from the first token on, the logits are those of the
    uncached model."""
    for s in (T - 2, 0):
        cache = warm(student, config, want, s) if s else empty(student, config)
        for t in range(s, T):
            yield student.decode(params, config, cache.there, tokens[:, t]), want[0][:, t]


@exercise.satisfies("decode", points=2, rtol=CLOSE, sizes=TWO)
def one_token_is_stored_per_call(student, params, config, tokens, want, T):
    """Each call sends one token through the model: every layer appends one key, turned by its
    position, and one value per head."""
    cache = warm(student, config, want, 2)
    for t in range(2, T):
        student.keep(student.decode, params, config, cache.there, tokens[:, t])
        yield cache.calls, steps(config, *[1] * (t - 1))
        yield cache.all_given(), stored(want, 2, t + 1)


@exercise.satisfies("decode", points=1, rtol=CLOSE, sizes=ONE)
def each_row_for_itself(student, params, config, tokens, want):
    """A row has the same logits alone, in another batch, and in another place of it."""
    yield from alone_and_together(student, "decode", params, config, tokens, want, 4)


@exercise.satisfies("decode", points=1, rtol=1e-9, sizes=ONE)
def attends_to_what_the_cache_gives(student, params, config, tokens, T):
    """The query meets the keys and values that the cache gives back: with an int8 cache, the
    rounded ones."""
    ours, theirs = (room_for(config, len(tokens), T, Int8KVCache) for _ in range(2))
    for cache in (ours, theirs):
        prefill.prefill(params, config, cache, tokens[:, :3])
    cache = Watched(student, theirs, config.n_layers)
    for t in range(3, T):
        want = prefill.decode(params, config, ours, tokens[:, t])
        yield student.decode(params, config, cache.there, tokens[:, t]), want


@exercise.satisfies("decode", points=1, rtol=CLOSE, sizes=ONE)
def two_texts_in_turns(student, params, config, tokens, want, T):
    """Whatever is known of a text is in its cache: two texts may be continued in turns."""
    other = tokens[:, ::-1].copy()
    others = expected(params, other, config)
    first, second = warm(student, config, want, 2), warm(student, config, others, 3)
    for t in range(2, T - 1):
        yield student.decode(params, config, first.there, tokens[:, t]), want[0][:, t]
        got = student.decode(params, config, second.there, other[:, t + 1])
        yield got, others[0][:, t + 1]


@exercise.satisfies("decode", kind="E", points=1, sizes=ONE, dtype="float32")
def float32_in_float32_out(student, params, config, tokens, want, T):
    """float32 parameters give float32 logits, and float32 keys and values in the cache."""
    cache = empty(student, config)
    for t in range(T):
        yield student.decode(params, config, cache.there, tokens[:, t]), want[0][:, t]
    yield cache.all_given(), stored(want)


@exercise.satisfies("decode", kind="E", points=1, sizes=ONE)
def arguments_stay_as_they_are(student, params, config, tokens, want):
    """Arguments of any memory layout are accepted and left unchanged; the logits are new."""
    yield from left_alone(student, "decode", params, config, tokens, want, 4)


@exercise.satisfies("decode", kind="E", points=1, sizes=ONE, rtol=CLOSE)
def a_full_cache_is_refused(student, params, config, tokens, want, T):
    """The last place is used; one token more raises ValueError, and the cache is as it was."""
    cache = warm(student, config, want, T - 1, T)
    yield student.decode(params, config, cache.there, tokens[:, -1]), want[0][:, -1]
    yield raises(ValueError, student.decode, params, config, cache.there, tokens[:, 0])
    yield cache.calls, steps(config, 1)


# Mistakes that can be made in both

POSITIONS = "np.arange(cache.length, cache.length + tokens.shape[1])"
TURN = "q, k = rope(q, positions, config.rope_theta), rope(k, positions, config.rope_theta)"
APPEND = "cache.append(i, k.swapaxes(1, 2), v.swapaxes(1, 2))"
ATTEND = "attention(q.swapaxes(1, 2), keys, values)"
STORE = f"keys, values = {APPEND}"
GROUP = "config.n_heads // config.n_kv_heads"


def up_to(end):
    """Attention in which query t sees so many keys; n of them were in the cache."""
    one = f"attention(q[:, t : t + 1].swapaxes(1, 2), keys[:, :, :{end}], values[:, :, :{end}])"
    return (
        f"(lambda n: np.concatenate([{one} for t in range(q.shape[1])], axis=2))"
        "(keys.shape[2] - q.shape[1])"
    )


for each in ("prefill", "decode"):
    for name, old, new, hint in (
        (
            "positions_from_zero",
            POSITIONS,
            "np.arange(tokens.shape[1])",
            "The positions of new tokens start at 0 although the cache has tokens already (or, in "
            "decode, nothing is turned). The first new token stands at `cache.length`.",
        ),
        (
            "one_position_too_far",
            POSITIONS,
            "1 + " + POSITIONS,
            "Positions are one too high: the first token of a text has position 0, and the first "
            "new one `cache.length`. Among themselves the keys agree, but not with those that "
            "others have put into the cache.",
        ),
        (
            "one_position_short",
            POSITIONS,
            "np.maximum(cache.length - 1, 0) + np.arange(tokens.shape[1])",
            "The first new token gets the position of the last one in the cache. Positions start "
            "at 0, so the cache ends at `cache.length - 1`, and the new token is the next.",
        ),
        (
            "reads_the_length_too_late",
            STORE,
            f"{STORE}\n        q = rope(rope(q, -positions, config.rope_theta), "
            "np.arange(cache.length, cache.length + tokens.shape[1]), config.rope_theta)",
            "Queries and keys get different positions: `cache.length` has grown when the last "
            "layer has stored its keys. Read it once, before the first layer.",
        ),
        (
            "keys_turned_twice",
            STORE,
            f"{STORE}\n        keys = rope(keys.swapaxes(1, 2), np.arange(keys.shape[2]), "
            "config.rope_theta).swapaxes(1, 2)",
            "What the cache gives back is turned again. Its keys have been turned before they were "
            "stored.",
        ),
        (
            "new_keys_turned_twice",
            TURN,
            f"{TURN}\n        k = rope(k, positions, config.rope_theta)",
            "The new keys are turned twice before they are stored. Once is right.",
        ),
        (
            "keys_not_turned",
            TURN,
            "q = rope(q, positions, config.rope_theta)",
            "The keys are never turned. RoPE turns queries and keys, each by its own position.",
        ),
        (
            "queries_not_turned",
            TURN,
            "k = rope(k, positions, config.rope_theta)",
            "The queries are not turned. RoPE turns queries and keys, each by its own position.",
        ),
        (
            "values_are_turned",
            TURN,
            f"{TURN}\n        v = rope(v, positions, config.rope_theta)",
            "The values are turned, too. RoPE is for queries and keys.",
        ),
        (
            "stores_keys_before_they_are_turned",
            f"{TURN}\n        {STORE}",
            f"q = rope(q, positions, config.rope_theta)\n        {STORE}\n"
            "        keys = rope(keys.swapaxes(1, 2), np.arange(keys.shape[2]), "
            "config.rope_theta).swapaxes(1, 2)",
            "Keys are stored as they are and turned when they come back, all of them at every "
            "step. Turn each once, before it is stored.",
        ),
        (
            "stores_repeated_heads",
            APPEND,
            f"cache.append(i, np.repeat(k.swapaxes(1, 2), {GROUP}, axis=1), "
            f"np.repeat(v.swapaxes(1, 2), {GROUP}, axis=1))",
            "Keys and values are repeated for the query heads before they are stored, which takes "
            "n_heads / n_kv_heads times the memory. Store the n_kv_heads heads that there are.",
        ),
        (
            "wrong_head_for_a_query",
            ATTEND,
            f"attention(q.swapaxes(1, 2), np.tile(keys, (1, {GROUP}, 1, 1)), "
            f"np.tile(values, (1, {GROUP}, 1, 1)))",
            "Query heads read the wrong key heads. Head h reads head h // (n_heads // n_kv_heads): "
            "neighbours share one.",
        ),
        (
            "appends_twice",
            STORE,
            f"{APPEND}\n        {STORE}",
            "Keys and values are appended twice. Each layer appends once per piece.",
        ),
        (
            "every_layer_is_layer_0",
            APPEND,
            APPEND.replace("(i,", "(0,"),
            "All layers append to layer 0. Each has keys and values of its own.",
        ),
        (
            "exchanges_keys_and_values",
            APPEND,
            "cache.append(i, v.swapaxes(1, 2), k.swapaxes(1, 2))[::-1]",
            "Keys and values are exchanged in `append`: it takes the keys first.",
        ),
        (
            "a_square_mask",
            ATTEND,
            up_to("t + 1"),
            "The mask is the square one of an empty cache: query i sees the keys 0 to i. With s "
            "tokens in the cache it sees the keys 0 to s + i; the triangle stands at the right "
            "end of a mask that is (T, s + T).",
        ),
        (
            "sees_the_new_alone",
            ATTEND,
            "attention(q.swapaxes(1, 2), k.swapaxes(1, 2), v.swapaxes(1, 2))",
            "The new tokens see one another only. They see what the cache gives back: all keys "
            "and values so far.",
        ),
        (
            "does_not_see_itself",
            ATTEND,
            up_to("max(n + t, 1)"),
            "A token does not see itself: the mask ends one key too early, or the token attends "
            "before it is appended.",
        ),
        (
            "no_norm_before_attention",
            'normed = rmsnorm(x, params[at + "attn_norm"], config.norm_eps)',
            "normed = x",
            "Queries, keys and values are made of the stream itself. The block norms it first, "
            "with `attn_norm`.",
        ),
        (
            "one_block_for_all",
            'at = f"blocks.{i}."',
            'at = "blocks.0."',
            "Every layer uses the parameters of block 0.",
        ),
        (
            "no_residual",
            "x = x + merge_heads",
            "x = merge_heads",
            "What attention gives replaces the stream. It is added to it.",
        ),
        (
            "always_float64",
            'params["embedding"][tokens]',
            'params["embedding"][tokens].astype(np.float64)',
            "Float32 parameters give float64 logits, or keys. NumPy widens as soon as one operand "
            "is a float64 array.",
        ),
    ):
        exercise.slip(each, name, old, new, hint, within="_read")
    for name, old, new, hint in (
        (
            "no_final_norm",
            'last = rmsnorm(x[:, -1], params["final_norm"], config.norm_eps)',
            "last = x[:, -1]",
            "The stream goes into the head as it is. The final norm comes first.",
        ),
        (
            "tied_or_not_the_embedding",
            '(params["embedding"].T if config.tied else params["head"])',
            'params["embedding"].T',
            "The embedding is the head although the model has one of its own. It is when "
            "`config.tied` says so.",
        ),
    ):
        exercise.slip(each, name, old, new, hint, within="prefill")

# prefill

LOOP = "for start in range(0, T, step):"
PIECE = "tokens[:, start : start + step]"
STEP = "step = T if chunk is None else chunk"
REFUSE = "if T == 0 or step < 1:"
LAST = "rmsnorm(x[:, -1], "
HEAD = 'logits: Floats = last @ (params["embedding"].T if config.tied else params["head"])'
for name, old, new, hint in (
    (
        "logits_of_the_first_token",
        LAST,
        "rmsnorm(x[:, 0], ",
        "The logits are those of the first token of the piece. The last one says what comes next.",
    ),
    (
        "logits_of_all_tokens",
        LAST,
        "rmsnorm(x, ",
        "Logits of all tokens come back. Those of the last one are wanted, (B, vocab_size).",
    ),
    (
        "cuts_the_logits",
        f'last = {LAST}params["final_norm"], config.norm_eps)\n    {HEAD}',
        f'last = rmsnorm(x, params["final_norm"], config.norm_eps)\n'
        f"    {HEAD.replace('last @ ', '(last @ ')})[:, -1]",
        "Logits of all tokens are made and all but one row thrown away. Cut the stream before the "
        "head.",
    ),
    (
        "drops_the_rest",
        LOOP,
        "for start in range(0, max(T // step * step, 1), step):",
        "The tokens that do not fill a piece are never read. The last piece may be shorter.",
    ),
    (
        "reads_the_last_piece_only",
        LOOP,
        "for start in range((T - 1) // step * step, T, step):",
        "Only the last piece is read. Those before it belong into the cache.",
    ),
    (
        "pieces_overlap",
        PIECE,
        "tokens[:, max(start - 1, 0) : start + step]",
        "A piece begins with the token that the one before it ended with, so this token is read "
        "twice.",
    ),
    (
        "a_token_missing_between_pieces",
        PIECE,
        "tokens[:, min(start + (start > 0), T - 1) : start + step]",
        "The first token of each later piece is left out.",
    ),
    (
        "chunk_does_nothing",
        STEP,
        "step = T if chunk is None or chunk > 0 else chunk",
        "The whole prompt is read at once whatever `chunk` says. Read pieces of so many tokens.",
    ),
    (
        "always_single_tokens",
        STEP,
        "step = min(T, 1) if chunk is None or chunk > 0 else chunk",
        "The prompt is read token by token, which fetches all weights for every token. Read pieces "
        "of `chunk` tokens.",
    ),
    (
        "chunk_is_a_number_of_pieces",
        STEP,
        "step = T if chunk is None else -(-T // chunk) if chunk > 0 else chunk",
        "`chunk` is taken for the number of pieces. It is how many tokens a piece has.",
    ),
    (
        "chunk_0_is_one_piece",
        STEP,
        "step = chunk or T",
        "`chunk=0` is taken for None. It raises ValueError.",
    ),
    (
        "a_negative_chunk_is_one_piece",
        STEP,
        "step = T if chunk is None or chunk < 0 else chunk",
        "A negative `chunk` is taken for None. It raises ValueError.",
    ),
    (
        "no_token_is_fine",
        REFUSE,
        "if T == 0:\n        return np.zeros((len(tokens), config.vocab_size))\n    if step < 1:",
        "Without a token there are no logits: raise ValueError instead of giving some.",
    ),
):
    exercise.slip("prefill", name, old, new, hint)


@exercise.mistake("prefill")
def forgets_what_does_not_fit(params, config, cache, tokens, chunk=None):
    """Tokens that do not fit are left out, and nobody is told. Let the ValueError of `append`
    pass."""
    if tokens.shape[1] == 0 or (chunk is not None and chunk < 1):
        raise ValueError
    try:
        return prefill.prefill(params, config, cache, tokens, chunk)
    except ValueError:
        return np.zeros((len(tokens), config.vocab_size))


@exercise.mistake("prefill")
def begins_before_it_looks(params, config, cache, tokens, chunk=None):
    """The first tokens are in the cache when a chunk below 1 is refused. Look at the arguments
    first of all."""
    if chunk is not None and chunk < 1 and tokens.shape[1]:
        prefill.prefill(params, config, cache, tokens[:, :1])
    return prefill.prefill(params, config, cache, tokens, chunk)


@exercise.mistake("prefill")
def gives_every_row_the_first(params, config, cache, tokens, chunk=None):
    """Every row gets the logits of row 0: the rows of a batch are different texts."""
    logits = prefill.prefill(params, config, cache, tokens, chunk)
    return np.repeat(logits[:1], len(tokens), axis=0)


for name, old, new, hint in (
    (
        "nothing_is_turned",
        TURN,
        "pass",
        "Neither queries nor keys are turned, so the model does not know the order of its tokens. "
        "Apply RoPE to both.",
    ),
    (
        "no_mask_within_a_piece",
        ATTEND,
        ATTEND.replace("values)", "values, causal=False)"),
        "Tokens of a piece see the later ones of the same piece. They see themselves and what is "
        "before them.",
    ),
    (
        "sees_one_token_too_far",
        ATTEND,
        up_to("n + t + 2"),
        "Every token sees the one after it: the mask ends one key too late. Query i sees the keys "
        "0 to s + i.",
    ),
):
    exercise.slip("prefill", name, old, new, hint, within="_read")

# decode

ONE_TOKEN = "prefill(params, config, cache, tokens[:, np.newaxis])"
for name, old, new, hint in (
    (
        "one_axis_too_many",
        ONE_TOKEN,
        f"{ONE_TOKEN}[:, np.newaxis]",
        "The logits have an axis for the one token. They are (B, vocab_size).",
    ),
    (
        "sends_the_token_twice",
        ONE_TOKEN,
        "prefill(params, config, cache, np.stack([tokens, tokens], axis=1))",
        "The token is read twice. Each call reads one token per row.",
    ),
    (
        "one_token_for_all_rows",
        ONE_TOKEN,
        "prefill(params, config, cache, np.repeat(tokens[:1], len(tokens))[:, np.newaxis])",
        "Every row gets the token of row 0.",
    ),
):
    exercise.slip("decode", name, old, new, hint)


@exercise.mistake("decode")
def forgets_that_the_cache_is_full(params, config, cache, tokens):
    """When the cache is full the ValueError is swallowed. Let it pass: whoever asks must know."""
    try:
        return prefill.decode(params, config, cache, tokens)
    except ValueError:
        return np.zeros((len(tokens), config.vocab_size))
