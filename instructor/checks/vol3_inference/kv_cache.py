"""Hidden checks for vol3_inference/kv_cache.

A cache is held on the student's side and driven through its handle. Checks that are the same for
all three classes are declared once: they append whole multiples of a step with +-127 steps among
them, which int8 keeps but for the rounding of the scale; the others are compared bit for bit.
"""

import numpy as np

from autograder import Exercise, array, constant, derived, laid, raises
from solutions.vol1_numpy.multi_head import Config
from solutions.vol3_inference import kv_cache

EVERY = ("KVCache", "SlidingKVCache", "Int8KVCache")


def whole_steps(rng, L, B, H, T, D):
    """Keys or values that int8 keeps exactly: every token and head has its own step."""
    codes = rng.integers(-126, 127, (L, B, H, T, D)).astype(np.float64)
    np.put_along_axis(codes, rng.integers(D, size=(L, B, H, T, 1)), 127.0, axis=-1)
    signs = rng.choice([-1.0, 1.0], (L, B, H, T, 1))
    return codes * signs * 2.0 ** rng.integers(-6, 4, (L, B, H, T, 1))


def clear_of_halves(rng, L, B, H, T, D):
    """Numbers whose rounding is never in doubt, and what int8 makes of them."""
    codes = rng.integers(-126, 127, (L, B, H, T, D)).astype(np.float64)
    rest = rng.uniform(0.2, 0.4, codes.shape) * rng.choice([-1.0, 1.0], codes.shape)
    largest = rng.integers(D, size=(L, B, H, T, 1))
    np.put_along_axis(codes, largest, rng.choice([-127.0, 127.0], largest.shape), axis=-1)
    np.put_along_axis(rest, largest, 0.0, axis=-1)
    step = np.exp(rng.uniform(-3.0, 1.5, (L, B, H, T, 1)))
    return (codes + rest) * step, codes * step


exercise = Exercise(
    "vol3_inference/kv_cache",
    solution=kv_cache,
    difficulty=3,
    minutes=120,
    inputs={
        "k": derived(whole_steps),
        "v": derived(whole_steps),
        "clear_k": derived(clear_of_halves),
        "clear_v": derived(clear_of_halves),
        "x": array("L B H T D"),
        "config": derived(
            lambda rng: Config(
                vocab_size=11,
                d_model=96,
                n_layers=int(rng.choice([7, 11])),
                n_heads=12,
                n_kv_heads=int(rng.choice([2, 3, 4, 6])),
                d_ff=7,
                max_T=int(rng.choice([101, 103, 107])),  # a multiple of no T
            )
        ),
    },
    sizes={"L": [2, 3], "B": [2, 1], "H": [2, 3], "T": [7, 6], "D": [4, 3]},
)
ONE = {"L": [2], "B": [2], "H": [2], "T": [6], "D": [4]}


def new(student, cls, x, room, dtype=None):
    """A cache for keys like `x` (L, B, H, T, D) with `room` for so many tokens."""
    L, B, H, _, D = x.shape
    kind = () if dtype is None else (student.library(f"numpy.{dtype}"),)
    return getattr(student, cls)(L, B, H, room, D, *kind)


def chunks(*lengths):
    """(start, end) of pieces with these lengths."""
    ends = np.cumsum(lengths).tolist()
    return list(zip([0, *ends[:-1]], ends, strict=True))


def kv(result):
    """Keys and values alone, where positions come with them."""
    return tuple(result[:2])


def part(k, v, layer, start, end):
    return k[layer, :, :, start:end], v[layer, :, :, start:end]


def fill(student, handle, value):
    """Overwrite a held array."""
    student.keep(student.library("numpy.ndarray.fill"), handle, value)


# A scale may be kept as float32, or made with a reciprocal; the values have its rounding.
SCALE = 1e-6


def exactness(cls):
    """How far results may be from what was appended, when that is whole multiples of a step."""
    return SCALE if cls == "Int8KVCache" else 0.0


def for_every_class(points, kind="E", sizes=ONE):
    """Declare a check of all three classes; each has the room `T` and is exact on `k` and `v`."""

    def declare(author):
        for cls in EVERY:
            rtol = exactness(cls)
            exercise.satisfies(
                cls, points=points, kind=kind, sizes=sizes, rtol=rtol, cls=constant(cls)
            )(author)
        return author

    return declare


# KVCache


@exercise.satisfies("KVCache", points=3, kind="R", rtol=0.0)
def returns_all_so_far(student, k, v, T):
    """Each layer gives back, bit for bit and in order, all that it was given."""
    cache = new(student, "KVCache", k, T + 2)
    for start, end in chunks(3, 1, T - 4):
        for layer in range(len(k)):
            got = cache.append(layer, *part(k, v, layer, start, end))
            yield got, part(k, v, layer, 0, end)


@exercise.satisfies("KVCache", points=1, rtol=0.0, sizes=ONE, k=array("L B H T D"))
def chunks_do_not_matter(student, k, v, T):
    """Token by token or all at once: the same keys and values."""
    single, whole = new(student, "KVCache", k, T), new(student, "KVCache", k, T)
    for t in range(T):
        got = single.append(0, *part(k, v, 0, t, t + 1))
    yield whole.append(0, *part(k, v, 0, 0, T)), kv(got)
    yield got, part(k, v, 0, 0, T)


@exercise.satisfies("KVCache", points=1, kind="E", sizes=ONE)
def bytes_are_those_of_the_room(student, k, v, T):
    """nbytes counts the room for keys and values in the dtype of the cache, filled or not."""
    for dtype, itemsize in ((None, 8), ("float32", 4)):
        cache = new(student, "KVCache", k, T, dtype)
        yield cache.nbytes, 2 * k.size * itemsize
        kind = dtype or "float64"
        student.keep(cache.append, 0, *(a.astype(kind) for a in part(k, v, 0, 0, 2)))
        yield cache.nbytes, 2 * k.size * itemsize


@exercise.satisfies("KVCache", points=1, kind="E", dtype="float32", rtol=0.0, sizes=ONE)
def float32_stays_float32(student, k, v, T):
    """A float32 cache gives back float32."""
    cache = new(student, "KVCache", k, T, "float32")
    for start, end in chunks(2, T - 2):
        yield cache.append(1, *part(k, v, 1, start, end)), part(k, v, 1, 0, end)


# SlidingKVCache

WINDOWS = {"L": [2, 1], "B": [2, 3], "H": [2, 1], "W": [3, 1], "D": [4, 3]}


def lengths_around(W):
    """Pieces up to the window, over its edge, longer than it, and as long as it."""
    return max(W - 1, 1), 1, 1, 2, W + 2, 1, W, 2 * W + 1, 1


def long_text(rng, L, B, H, W, D):
    return rng.standard_normal((L, B, H, sum(lengths_around(W)), D))


@exercise.satisfies(
    "SlidingKVCache",
    points=3,
    kind="R",
    rtol=0.0,
    sizes=WINDOWS,
    k=derived(long_text),
    v=derived(long_text),
)
def returns_the_newest_in_order(student, k, v, W):
    """The newest keys and values in order, with their true positions, whatever the pieces are."""
    cache = new(student, "SlidingKVCache", k, W)
    for start, end in chunks(*lengths_around(W)):
        for layer in range(len(k)):
            *got, positions = cache.append(layer, *part(k, v, layer, start, end))
            first = max(end - W, 0)
            yield got, part(k, v, layer, first, end)
            yield positions, np.arange(first, end)
            yield np.asarray(positions).dtype.kind == "i"


@exercise.satisfies(
    "SlidingKVCache",
    points=1,
    rtol=0.0,
    sizes={"L": [1], "B": [2], "H": [2], "W": [3], "D": [4]},
    k=derived(long_text),
    v=derived(long_text),
)
def pieces_do_not_matter(student, k, v, W):
    """Token by token or in one piece: the same window."""
    T = k.shape[3]
    single, whole = (new(student, "SlidingKVCache", k, W) for _ in range(2))
    for t in range(T):
        got = single.append(0, *part(k, v, 0, t, t + 1))
    yield kv(got), part(k, v, 0, T - W, T)
    yield whole.append(0, *part(k, v, 0, 0, T)), tuple(got)


@exercise.satisfies("SlidingKVCache", points=1, kind="E", sizes=ONE)
def the_memory_does_not_grow(student, k, v, T):
    """nbytes is that of the window, however long the text is; length counts the whole text."""
    full = new(student, "SlidingKVCache", k, 2)
    yield not raises(ValueError, full.append, 0, *part(k, v, 0, 0, 3))
    for dtype, itemsize in ((None, 8), ("float32", 4)):
        cache = new(student, "SlidingKVCache", k, 2, dtype)
        want = 2 * k[:, :, :, :2].size * itemsize
        yield cache.nbytes, want
        kind = dtype or "float64"
        for layer in range(len(k)):
            for start, end in chunks(1, 3, T - 4):
                given = (a.astype(kind) for a in part(k, v, layer, start, end))
                student.keep(cache.append, layer, *given)
        yield cache.nbytes, want
        yield cache.length, T


@exercise.satisfies("SlidingKVCache", points=1, kind="E", dtype="float32", rtol=0.0, sizes=ONE)
def a_float32_window_stays_float32(student, k, v, T):
    """A float32 cache gives back float32."""
    cache = new(student, "SlidingKVCache", k, 3, "float32")
    for start, end in chunks(2, T - 2):
        got = cache.append(1, *part(k, v, 1, start, end))
        yield kv(got), part(k, v, 1, max(end - 3, 0), end)


# Int8KVCache


@exercise.satisfies("Int8KVCache", points=3, kind="R", rtol=SCALE)
def returns_rounded_keys_and_values(student, clear_k, clear_v, T):
    """Every number comes back as a whole multiple of the step of its token and head."""
    (k, want_k), (v, want_v) = clear_k, clear_v
    cache = new(student, "Int8KVCache", k, T + 2)
    for start, end in chunks(1, 3, T - 4):
        for layer in range(len(k)):
            got = cache.append(layer, *part(k, v, layer, start, end))
            yield got, part(want_k, want_v, layer, 0, end)


@exercise.satisfies("Int8KVCache", points=1, sizes=ONE)
def the_error_is_at_most_half_a_step(student, x, T):
    """No number is off by more than half the step of its own token and head."""
    x = x * 10.0 ** np.arange(-3, T - 3)[:, None]  # each token ten times as large as the one before
    cache = new(student, "Int8KVCache", x, T)
    for start, end in chunks(T - 2, 2):
        given = part(x, x[::-1], 1, 0, end)
        returned = cache.append(1, *part(x, x[::-1], 1, start, end))
        for got, want in zip(returned, given, strict=True):
            half = np.abs(want).max(axis=-1, keepdims=True) / 254
            yield bool(np.all(np.abs(got - want) <= half * (1 + SCALE)))


@exercise.satisfies("Int8KVCache", points=1, sizes=ONE, rtol=SCALE)
def signs_and_units_do_not_matter(student, x, T):
    """The opposite numbers give the opposite results, and eight times the numbers eight times."""
    caches = [new(student, "Int8KVCache", x, T) for _ in range(3)]
    plain = caches[0].append(0, x[0], 8 * x[0])
    yield caches[1].append(0, -x[0], -8 * x[0]), tuple(-a for a in plain)
    yield caches[2].append(0, 8 * x[0], 64 * x[0]), tuple(8 * a for a in plain)


@exercise.satisfies("Int8KVCache", points=1, kind="E", sizes=ONE, rtol=0.0)
def a_new_token_does_not_change_the_old(student, x, T):
    """What was returned for a token stays the same, however large the tokens after it are."""
    x = x * 10.0 ** np.arange(T)[:, None]
    cache = new(student, "Int8KVCache", x, T)
    early = cache.append(0, *part(x, -x, 0, 0, 2))
    for start, end in ((2, 3), (3, T)):
        later = cache.append(0, *part(x, -x, 0, start, end))
        yield tuple(a[:, :, :2] for a in later), early


@exercise.satisfies("Int8KVCache", points=1, kind="E", sizes=ONE, rtol=SCALE)
def zeros_come_back_as_zeros(student, k, v, T):
    """Tokens of zeros come back as zeros and disturb nobody."""
    k, v = k.copy(), v.copy()
    k[0, :, 0, 1], v[0, 1, :, 0], v[0, 0, :, 3] = 0.0, 0.0, 0.0
    cache = new(student, "Int8KVCache", k, T)
    for start, end in chunks(1, T - 1):
        yield cache.append(0, *part(k, v, 0, start, end)), part(k, v, 0, 0, end)


@exercise.satisfies("Int8KVCache", points=1, kind="E", sizes=ONE | {"D": [5]})
def one_byte_each_and_the_scales(student, k, v, T):
    """nbytes counts one byte per number and a scale, float32 or wider, per token and head."""
    cache = new(student, "Int8KVCache", k, T)
    scales = k[..., 0].size
    allowed = [2 * (k.size + scales * itemsize) for itemsize in (4, 8)]
    yield cache.nbytes in allowed
    student.keep(cache.append, 0, *part(k, v, 0, 0, 2))
    yield cache.nbytes in allowed


@exercise.satisfies("Int8KVCache", points=1, kind="E", dtype="float32", rtol=SCALE, sizes=ONE)
def results_have_the_dtype_of_the_arguments(student, clear_k, clear_v, T):
    """float32 keys come back as float32."""
    (k, want_k), (v, want_v) = clear_k, clear_v
    cache = new(student, "Int8KVCache", k, T)
    for start, end in chunks(2, T - 2):
        got = cache.append(1, *part(k, v, 1, start, end))
        yield got, part(want_k, want_v, 1, 0, end)


# All three


@for_every_class(points=1, kind="P", sizes=ONE | {"L": [3]})
def length_is_that_of_a_complete_step(student, cls, k, v, T):
    """Layers may be called in any order and be ahead of others; length is what all of them have."""
    cache = new(student, cls, k, T)
    yield cache.length, 0
    for layer, start, end, want in (
        (1, 0, 2, 0),
        (0, 0, 1, 0),
        (2, 0, 3, 1),
        (0, 1, 4, 2),
        (1, 2, 6, 3),
        (2, 3, 5, 4),
    ):
        got = cache.append(layer, *part(k, v, layer, start, end))
        yield kv(got), part(k, v, layer, 0, end)
        yield cache.length, want


@for_every_class(points=1, kind="P")
def what_was_returned_stays(student, cls, k, v, T):
    """Neither another append nor a reset changes what was returned before."""
    cache = new(student, cls, k, T)
    early = student.keep(cache.append, 0, *part(k, v, 0, 0, 3))
    student.keep(cache.append, 0, *part(k, v, 0, 3, T))
    yield kv(student.fetch(early)), part(k, v, 0, 0, 3)
    student.keep(cache.reset)
    student.keep(cache.append, 0, *part(-k, -v, 0, 2, T))
    yield kv(student.fetch(early)), part(k, v, 0, 0, 3)


@for_every_class(points=1)
def reset_forgets_every_layer(student, cls, k, v, T):
    """After reset all layers are empty and there is room for as many tokens as before."""
    cache = new(student, cls, k, T)
    room = cache.nbytes
    for layer in range(len(k)):
        student.keep(cache.append, layer, *part(k, v, layer, 0, T - layer))
    student.keep(cache.reset)
    yield cache.length, 0
    yield cache.nbytes, room
    for layer in range(len(k)):
        for start, end in chunks(1, T - 1):
            *got, last = cache.append(layer, *part(-k, -v, layer, start, end))
            yield kv([*got, last]), part(-k, -v, layer, 0, end)
            if cls == "SlidingKVCache":
                yield last, np.arange(end)


@for_every_class(points=1)
def arguments_are_copied(student, cls, k, v, T):
    """Arguments of any memory layout are taken, left alone, and may be overwritten afterwards."""
    cache = new(student, cls, k, T)
    held = [student.hold(a) for a in part(k, v, 0, 0, 2)]
    student.keep(cache.append, 0, *held)
    yield tuple(student.fetch(h) for h in held), part(k, v, 0, 0, 2)
    for handle in held:
        fill(student, handle, 7.0)
    given = [laid(a, "F", read_only=True) for a in part(k, v, 0, 2, 4)]
    yield kv(cache.append(0, *given)), part(k, v, 0, 0, 4)
    given = [laid(a, "strided", read_only=False) for a in part(k, v, 0, 4, T)]
    yield kv(cache.append(0, *given)), part(k, v, 0, 0, T)


@for_every_class(points=1)
def results_may_be_written_into(student, cls, k, v, T):
    """Whoever writes into what was returned does not change the cache."""
    cache = new(student, cls, k, T)
    for start, end in chunks(T - 2, 1):
        got = student.keep(cache.append, 0, *part(k, v, 0, start, end))
        for i in range(2):
            fill(student, student.keep(student.library("operator.getitem"), got, i), 7.0)
    yield kv(cache.append(0, *part(k, v, 0, T - 1, T))), part(k, v, 0, 0, T)


@for_every_class(points=1)
def two_caches_share_nothing(student, cls, k, v, T):
    """Each cache has tokens of its own."""
    one, other = new(student, cls, k, T), new(student, cls, k, T)
    student.keep(one.append, 0, *part(k, v, 0, 0, 3))
    yield kv(other.append(0, *part(-k, -v, 0, 0, 2))), part(-k, -v, 0, 0, 2)
    yield kv(one.append(0, *part(k, v, 0, 3, 4))), part(k, v, 0, 0, 4)


def too_much(cls):
    @exercise.satisfies(cls, points=1, kind="E", rtol=exactness(cls), sizes=ONE, cls=constant(cls))
    def what_does_not_fit_is_refused(student, cls, k, v, T):
        """max_T tokens fit; one more raises ValueError, and nothing has changed."""
        exact = new(student, cls, k, T)
        yield not raises(ValueError, exact.append, 0, *part(k, v, 0, 0, T))
        cache = new(student, cls, k, T - 1)
        student.keep(cache.append, 1, *part(k, v, 1, 0, 4))
        student.keep(cache.append, 0, *part(k, v, 0, 0, 3))
        yield raises(ValueError, cache.append, 0, *part(-k, -v, 0, 3, T))
        yield raises(ValueError, cache.append, 0, *part(-k, -v, 0, 0, T))
        yield cache.length, 3
        yield cache.append(0, *part(k, v, 0, 3, T - 1)), part(k, v, 0, 0, T - 1)
        yield raises(ValueError, cache.append, 0, *part(-k, -v, 0, T - 1, T))
        yield cache.length, 4
        yield cache.append(1, *part(k, v, 1, 4, T - 1)), part(k, v, 1, 0, T - 1)


too_much("KVCache")
too_much("Int8KVCache")

# kv_cache_bytes


@exercise.satisfies("kv_cache_bytes", points=2, kind="R", sizes={"itemsize": [4, 2, 1]})
def counts_bytes(student, config, rng, itemsize):
    """Two arrays, layers, rows, key heads, tokens, width of a head, bytes of a number."""
    B, T = int(rng.choice([3, 5])), int(rng.integers(20, 90))
    want = 2 * config.n_layers * B * config.n_kv_heads * T * 8 * itemsize  # 96 / 12 = 8
    return student.kv_cache_bytes(config, B, T, itemsize), want


@exercise.satisfies("kv_cache_bytes", points=1, sizes={"draw": [0]})
def a_cache_has_that_many(student, config, rng):
    """A cache that is made for this model has exactly so many bytes."""
    B, T = int(rng.integers(1, 3)), int(rng.integers(3, 9))
    cache = kv_cache.KVCache(config.n_layers, B, config.n_kv_heads, T, 8, np.float32)
    return student.kv_cache_bytes(config, B, T, 4), cache.nbytes


@exercise.satisfies("kv_cache_bytes", points=1, sizes={"draw": [0]}, kind="E")
def heads_that_share_cost_less(student, config):
    """It grows with the key heads alone, is exact for large models, and is an int."""
    sizes = dict(vocab_size=11, d_model=16384, n_layers=126, n_heads=128, d_ff=9, max_T=64)
    for n_kv_heads in (128, 8, 1):
        large = Config(**sizes, n_kv_heads=n_kv_heads)
        count = student.kv_cache_bytes(large, 1024, 1_000_003, 2)
        yield np.asarray(count).dtype.kind == "i"
        yield count == 2 * 126 * 1024 * n_kv_heads * 1_000_003 * 128 * 2


# Mistakes that can be made in each of the classes

COUNT = "self.lengths[layer] = end"
COMPLETE = "return min(self.lengths)"
FORGET = "self.lengths = [0] * len(self.lengths)"

for each in EVERY:
    exercise.slip(
        each,
        "shares_one_counter",
        COUNT,
        "self.lengths[:] = [end] * len(self.lengths)",
        "All layers share one counter, which every call advances: the second layer stores behind "
        "the place where the first one did. Each layer has a length of its own.",
    )
    exercise.slip(
        each,
        "length_of_the_first_layer",
        COMPLETE,
        "return self.lengths[0]",
        "`length` is what layer 0 has. While other layers lag behind, the step is not complete: "
        "take the number that every layer has.",
    )
    exercise.slip(
        each,
        "length_of_the_last_layer",
        COMPLETE,
        "return self.lengths[-1]",
        "`length` is what the last layer has. Layers may come in any order: take the number that "
        "every layer has.",
    )
    exercise.slip(
        each,
        "length_of_the_fastest_layer",
        COMPLETE,
        "return max(self.lengths)",
        "`length` counts a token as soon as one layer has it. It counts when every layer has it.",
    )
    exercise.slip(
        each,
        "never_counts",
        COUNT,
        "pass",
        "The length never grows, so each call overwrites what the one before has stored.",
    )
    exercise.slip(
        each,
        "resets_the_first_layer",
        FORGET,
        "self.lengths[0] = 0",
        "reset empties layer 0 only; the others go on where they were.",
    )
    exercise.slip(
        each,
        "never_resets",
        FORGET,
        "pass",
        "reset does not forget anything: the next text is stored behind the old one.",
    )
    exercise.slip(
        each,
        "lengths_in_the_class",
        "self.lengths = [0] * n_layers",
        f"{each}.lengths = [0] * n_layers",
        "Two caches share their lengths: they belong to the class (or are global), so the cache "
        "made last resets the others. What a cache remembers belongs to `self`.",
    )

# KVCache

STORE = "self.keys[layer, :, :, start:end] = k"
GIVE = "return self.keys[layer, :, :, :end].copy(), self.values[layer, :, :, :end].copy()"
REFUSE = "if end > self.keys.shape[3]:"
BYTES = "return self.keys.nbytes + self.values.nbytes"
exercise.slip(
    "KVCache",
    "gives_back_only_the_new",
    GIVE,
    "return k.copy(), v.copy()",
    "Only the new keys and values come back. Attention needs all of them, the oldest first.",
)
exercise.slip(
    "KVCache",
    "gives_back_the_free_room",
    GIVE,
    "return self.keys[layer].copy(), self.values[layer].copy()",
    "The places that are still free come back, too. They hold zeros, and a key of zeros gets a "
    "share of the attention: return only what has been filled.",
)
exercise.slip(
    "KVCache",
    "gives_back_views",
    GIVE,
    "return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]",
    "What comes back is a view of the cache's own memory, so it changes after a reset, and who "
    "writes into it writes into the cache. Return a copy.",
)
exercise.slip(
    "KVCache",
    "exchanges_keys_and_values",
    GIVE,
    "return self.values[layer, :, :, :end].copy(), self.keys[layer, :, :, :end].copy()",
    "Keys and values are exchanged in what comes back.",
)
exercise.slip(
    "KVCache",
    "stores_the_keys_twice",
    "self.values[layer, :, :, start:end] = v",
    "self.values[layer, :, :, start:end] = k",
    "The keys are stored as values, too.",
)
exercise.slip(
    "KVCache",
    "one_layer_for_all",
    STORE,
    "self.keys[0, :, :, start:end] = k",
    "The keys of all layers go to layer 0. Each layer has keys of its own.",
)
exercise.slip(
    "KVCache",
    "one_row_for_all",
    STORE,
    "self.keys[layer, :, :, start:end] = k[:1]",
    "Every row of the batch gets the keys of row 0.",
)
exercise.slip(
    "KVCache",
    "one_head_for_all",
    STORE,
    "self.keys[layer, :, :, start:end] = k[:, :1]",
    "Every head gets the keys of head 0.",
)
exercise.slip(
    "KVCache",
    "only_the_last_token_of_a_chunk",
    STORE,
    "self.keys[layer, :, :, start:end] = k[:, :, -1:]",
    "A chunk of several tokens is stored as its last one, repeated. A prompt brings many at once.",
)
exercise.slip(
    "KVCache",
    "newest_first",
    GIVE,
    "return self.keys[layer, :, :, :end][:, :, ::-1].copy(), "
    "self.values[layer, :, :, :end][:, :, ::-1].copy()",
    "The newest token comes first. The oldest does: the causal mask counts from there.",
)
exercise.slip(
    "KVCache",
    "refuses_the_last_token",
    REFUSE,
    "if end >= self.keys.shape[3]:",
    "The last place is never used: exactly max_T tokens fit.",
)
exercise.slip(
    "KVCache",
    "leaves_it_to_numpy",
    REFUSE,
    "if False:",
    "Too many tokens are not always refused: assigning one token to an empty slice raises nothing "
    "and stores nothing. Compare with max_T yourself, first of all.",
)
exercise.slip(
    "KVCache",
    "counts_what_it_refuses",
    "        end = start + k.shape[2]\n",
    "        end = start + k.shape[2]\n        self.lengths[layer] = end\n",
    "Tokens are counted before it is clear that they fit. When append raises, nothing may have "
    "changed.",
)
exercise.slip(
    "KVCache",
    "counts_only_the_keys",
    BYTES,
    "return self.keys.nbytes",
    "nbytes counts keys or values only. There are both.",
)
exercise.slip(
    "KVCache",
    "counts_what_is_filled",
    BYTES,
    "return 2 * self.keys[:, :, :, : self.length].nbytes",
    "nbytes grows with the text. It counts the room that was made at the start.",
)
exercise.slip(
    "KVCache",
    "counts_numbers",
    BYTES,
    "return self.keys.size + self.values.size",
    "nbytes is the number of numbers; each has several bytes.",
)
exercise.slip(
    "KVCache",
    "always_float64",
    "self.keys: Floats = np.zeros(shape, dtype)",
    "self.keys: Floats = np.zeros(shape)",
    "The dtype is ignored: a float32 cache takes as much memory as one in float64, and gives back "
    "float64.",
)
exercise.slip(
    "KVCache",
    "always_float32",
    "self.keys: Floats = np.zeros(shape, dtype)",
    "self.keys: Floats = np.zeros(shape, np.float32)",
    "The cache rounds to float32. It has the dtype that was asked for.",
)


@exercise.mistake("KVCache")
class KeepsWhatItWasGiven(kv_cache.KVCache):
    """The cache keeps the caller's arrays themselves, so it changes when they are overwritten.
    Copy the numbers."""

    def __init__(self, n_layers, *sizes):
        super().__init__(n_layers, *sizes)
        self.kept = [[] for _ in range(n_layers)]

    def append(self, layer, k, v):
        super().append(layer, k, v)
        self.kept[layer].append((k, v))
        keys, values = zip(*self.kept[layer], strict=True)
        return np.concatenate(keys, axis=2), np.concatenate(values, axis=2)

    def reset(self):
        super().reset()
        self.kept = [[] for _ in self.kept]


@exercise.mistake("KVCache")
class KeepsRepeatedHeads(kv_cache.KVCache):
    """The keys are kept as often as query heads use them, which takes several times the memory.
    Keep the n_kv_heads that exist, and repeat them after the cache if at all."""

    def __init__(self, n_layers, B, n_kv_heads, *sizes):
        super().__init__(n_layers, B, 2 * n_kv_heads, *sizes)

    def append(self, layer, k, v):
        keys, values = super().append(layer, np.repeat(k, 2, axis=1), np.repeat(v, 2, axis=1))
        return keys[:, ::2], values[:, ::2]


@exercise.mistake("KVCache")
class DropsTheOldest(kv_cache.KVCache):
    """When the cache is full the oldest tokens make room. That is another class: this one raises
    ValueError."""

    def append(self, layer, k, v):
        over = self.lengths[layer] + k.shape[2] - self.keys.shape[3]
        if over > 0:
            k, v = k[:, :, over:], v[:, :, over:]
        return super().append(layer, k, v)


# SlidingKVCache

WRITE = "keys[:, :, new % window] = k[:, :, new - start]"
READ = "return keys[:, :, positions % window], values[:, :, positions % window], positions"
NEWEST = "positions = np.arange(max(end - window, 0), end)"
exercise.slip(
    "SlidingKVCache",
    "in_the_order_of_places",
    READ,
    "at = np.sort(positions % window)\n        return keys[:, :, at], values[:, :, at], positions",
    "Keys and values come in the order of their places in the ring. Their positions tell the order "
    "that is wanted, the oldest first.",
)
exercise.slip(
    "SlidingKVCache",
    "positions_from_zero",
    READ,
    READ + " - positions[0]",
    "Positions start from 0 with the oldest key that is kept. They count from the beginning of the "
    "text; otherwise RoPE and the mask lose track as soon as the window slides.",
)
exercise.slip(
    "SlidingKVCache",
    "places_for_positions",
    READ,
    READ + " % window",
    "The places in the ring are given as positions. These count from the beginning of the text.",
)
exercise.slip(
    "SlidingKVCache",
    "positions_from_one",
    READ,
    READ + " + 1",
    "Positions are one too high: the first token has position 0.",
)
exercise.slip(
    "SlidingKVCache",
    "keeps_the_first_of_a_long_chunk",
    WRITE,
    "keys[:, :, new % window] = k[:, :, : len(new)]",
    "Of a chunk longer than the window the first tokens are stored. The last ones are the newest.",
)
exercise.slip(
    "SlidingKVCache",
    "does_not_go_round",
    WRITE,
    "keys[:, :, np.minimum(new, window - 1)] = k[:, :, new - start]",
    "When the ring is full, every new token goes into its last place. After the last place comes "
    "place 0.",
)
exercise.slip(
    "SlidingKVCache",
    "one_token_less",
    NEWEST,
    "positions = np.arange(max(end - window + 1, 0), end)",
    "One token too few is kept: the new token and the window - 1 before it make `window`.",
)
exercise.slip(
    "SlidingKVCache",
    "gives_back_the_free_room",
    NEWEST,
    "positions = np.arange(end - window, end)",
    "While fewer than `window` tokens have been seen, places come back that are still free, with "
    "negative positions.",
)
exercise.slip(
    "SlidingKVCache",
    "counts_what_is_kept",
    COMPLETE,
    "return min(min(self.lengths), self.keys.shape[3])",
    "`length` stops at the window. It counts all tokens that were seen, also those that are gone.",
)
exercise.slip(
    "SlidingKVCache",
    "refuses_beyond_the_window",
    "        keys, values = self.keys[layer]",
    "        if end > window:\n            raise ValueError('full')\n"
    "        keys, values = self.keys[layer]",
    "It raises when the window is full. From then on the oldest tokens make room.",
)
exercise.slip(
    "SlidingKVCache",
    "only_the_new",
    READ,
    "return k.copy(), v.copy(), np.arange(start, end)",
    "Only the tokens of this call come back, not those that were in the window before.",
)
exercise.slip(
    "SlidingKVCache",
    "one_layer_for_all",
    "keys, values = self.keys[layer], self.values[layer]",
    "keys, values = self.keys[0], self.values[0]",
    "All layers write into the room of layer 0.",
)
exercise.slip(
    "SlidingKVCache",
    "exchanges_keys_and_values",
    READ,
    "return values[:, :, positions % window], keys[:, :, positions % window], positions",
    "Keys and values are exchanged in what comes back.",
)
exercise.slip(
    "SlidingKVCache",
    "counts_only_the_keys",
    BYTES,
    "return self.keys.nbytes",
    "nbytes counts keys or values only. There are both.",
)
exercise.slip(
    "SlidingKVCache",
    "always_float64",
    "self.values: Floats = np.zeros(shape, dtype)",
    "self.values: Floats = np.zeros(shape)",
    "The dtype is ignored for keys or values: in a float32 cache both are float32.",
)


@exercise.mistake("SlidingKVCache")
class KeepsEverything(kv_cache.SlidingKVCache):
    """The results are right, but all tokens are kept and the window is cut out of them: the memory
    grows with the text. A window needs room for `window` tokens."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.given = 0

    def append(self, layer, k, v):
        self.given += k.nbytes + v.nbytes
        return super().append(layer, k, v)

    @property
    def nbytes(self):
        return super().nbytes + self.given


@exercise.mistake("SlidingKVCache")
class EmptiesTheWindow(kv_cache.SlidingKVCache):
    """When the window is full it is emptied and filled anew, so right after that hardly any tokens
    are there. It slides: each new token replaces one."""

    def append(self, layer, k, v):
        window, seen = self.keys.shape[3], self.lengths[layer]
        keys, values, positions = super().append(layer, k, v)
        since = (seen + k.shape[2] - 1) // window * window
        new = positions >= since
        return keys[:, :, new], values[:, :, new], positions[new]


@exercise.mistake("SlidingKVCache")
class GivesBackViews(kv_cache.SlidingKVCache):
    """Before the window is full, views of the cache's own memory come back: they change later, and
    who writes into them writes into the cache. Return copies."""

    def append(self, layer, k, v):
        keys, values, positions = super().append(layer, k, v)
        if len(positions) == self.lengths[layer]:
            end = len(positions)
            return self.keys[layer, :, :, :end], self.values[layer, :, :, :end], positions
        return keys, values, positions


# Int8KVCache

STEP = "(np.abs(x).max(axis=-1, keepdims=True) / 127)"
ROUND = "np.rint(x / scale)"
exercise.slip(
    "Int8KVCache",
    "one_scale_per_chunk",
    STEP,
    "(np.broadcast_to(np.abs(x).max(), (*x.shape[:-1], 1)) / 127)",
    "All tokens of a call share one scale, so one large key makes the error of all of them large. "
    "Each token and head has its own.",
)
exercise.slip(
    "Int8KVCache",
    "one_scale_per_token",
    STEP,
    "(np.repeat(np.abs(x).max(axis=(1, 3), keepdims=True), x.shape[1], axis=1) / 127)",
    "All heads of a token share one scale. Each head has its own.",
)
exercise.slip(
    "Int8KVCache",
    "one_scale_per_head",
    STEP,
    "(np.repeat(np.abs(x).max(axis=(2, 3), keepdims=True), x.shape[2], axis=2) / 127)",
    "All tokens of a head share one scale. Each token has its own.",
)
exercise.slip(
    "Int8KVCache",
    "one_scale_for_the_batch",
    STEP,
    "(np.repeat(np.abs(x).max(axis=(0, 3), keepdims=True), x.shape[0], axis=0) / 127)",
    "The rows of the batch share their scales. Each has its own.",
)
exercise.slip(
    "Int8KVCache",
    "scales_of_the_keys_for_both",
    STEP,
    "(np.abs(k).max(axis=-1, keepdims=True) / 127)",
    "Values are rounded with the scales of the keys. They have scales of their own.",
)
exercise.slip(
    "Int8KVCache",
    "divides_by_128",
    STEP,
    "(np.abs(x).max(axis=-1, keepdims=True) / 128)",
    "The largest number becomes 128, which int8 does not have: it turns into -128. The largest "
    "code is 127.",
)
exercise.slip(
    "Int8KVCache",
    "uses_half_of_the_codes",
    STEP,
    "(np.abs(x).max(axis=-1, keepdims=True) / 63)",
    "The largest number does not become 127, so codes lie idle and the step is larger than it need "
    "be.",
)
exercise.slip(
    "Int8KVCache",
    "forgets_the_sign",
    STEP,
    "(x.max(axis=-1, keepdims=True) / 127)",
    "The scale is made from the largest number instead of the largest absolute value: a larger "
    "negative one does not fit.",
)
exercise.slip(
    "Int8KVCache",
    "drops_the_fraction",
    ROUND,
    "np.trunc(x / scale)",
    "The fraction is cut off (astype does that, too), which errs by up to a whole step. Round to "
    "the nearest.",
)
exercise.slip(
    "Int8KVCache",
    "rounds_down",
    ROUND,
    "np.floor(x / scale)",
    "Numbers are rounded down, which errs by up to a whole step. Round to the nearest.",
)
exercise.slip(
    "Int8KVCache",
    "divides_zero_by_zero",
    "            scale[scale == 0] = 1\n",
    "            scale[scale == 0] = np.nan\n",
    "A token of zeros gives nan: its scale is 0. Give it any other.",
)
exercise.slip(
    "Int8KVCache",
    "adds_an_epsilon",
    "            scale[scale == 0] = 1\n",
    "            scale += 1e-3\n",
    "Something is added to every scale, so the largest number does not become 127. Only a scale of "
    "0 has to be replaced.",
)
exercise.slip(
    "Int8KVCache",
    "scales_in_float16",
    "np.zeros((*shape, 1), np.float32)",
    "np.zeros((*shape, 1), np.float16)",
    "The scales are kept as float16, whose rounding moves every number. Keep them as float32 or "
    "wider.",
)
exercise.slip(
    "Int8KVCache",
    "gives_back_codes",
    "codes[:, :, :, :end] * scales[:, :, :, :end].astype(k.dtype)",
    "codes[:, :, :, :end].astype(k.dtype)",
    "The whole numbers come back without their scale.",
)
exercise.slip(
    "Int8KVCache",
    "always_float64",
    ".astype(k.dtype)",
    ".astype(np.float64)",
    "The result is float64 for float32 keys. It has the dtype of the argument.",
)
exercise.slip(
    "Int8KVCache",
    "exchanges_keys_and_values",
    "return back[0], back[1]",
    "return back[1], back[0]",
    "Keys and values are exchanged in what comes back.",
)
exercise.slip(
    "Int8KVCache",
    "one_layer_for_all",
    "self.codes[:, layer], self.scales[:, layer]",
    "self.codes[:, 0], self.scales[:, layer]",
    "The codes of all layers go to layer 0.",
)
exercise.slip(
    "Int8KVCache",
    "refuses_the_last_token",
    "if end > codes.shape[3]:",
    "if end >= codes.shape[3]:",
    "The last place is never used: exactly max_T tokens fit.",
)
exercise.slip(
    "Int8KVCache",
    "leaves_it_to_numpy",
    "if end > codes.shape[3]:",
    "if False:",
    "Too many tokens are not always refused: assigning one token to an empty slice raises nothing "
    "and stores nothing. Compare with max_T yourself, first of all.",
)
exercise.slip(
    "Int8KVCache",
    "forgets_the_scales",
    "return self.codes.nbytes + self.scales.nbytes",
    "return self.codes.nbytes",
    "nbytes leaves the scales out: one per token and head, for keys and for values.",
)
exercise.slip(
    "Int8KVCache",
    "counts_floats",
    "self.codes = np.zeros((*shape, d_head), np.int8)",
    "self.codes = np.zeros((*shape, d_head), np.float32)",
    "The codes are whole numbers but kept as floats, so nothing is saved. Their array is int8.",
)
exercise.slip(
    "Int8KVCache",
    "unsigned",
    "self.codes = np.zeros((*shape, d_head), np.int8)",
    "self.codes = np.zeros((*shape, d_head), np.uint8)",
    "Negative codes come back as large positive ones: uint8 has no sign.",
)


@exercise.mistake("Int8KVCache")
class OneScaleForAllTokens(kv_cache.Int8KVCache):
    """One scale serves all cached tokens, so everything is rounded again whenever a larger number
    comes, and one large token spoils all others. Each token and head keeps its own scale."""

    def append(self, layer, k, v):
        old, end = self.lengths[layer], self.lengths[layer] + k.shape[2]
        super().append(layer, k, v)
        results = []
        for i, x in enumerate((k, v)):
            codes, scales = self.codes[i, layer], self.scales[i, layer]
            past = codes[:, :, :old] * scales[:, :, :old].astype(x.dtype)
            everything = np.concatenate([past, x], axis=2)
            largest = np.abs(everything).max(axis=(2, 3), keepdims=True)
            scales[:, :, :end] = np.where(largest > 0, largest / 127, 1)
            codes[:, :, :end] = np.rint(everything / scales[:, :, :end])
            results.append(codes[:, :, :end] * scales[:, :, :end].astype(x.dtype))
        return tuple(results)


@exercise.mistake("Int8KVCache")
class ForgetsItsZeroPoint(kv_cache.Int8KVCache):
    """The codes run from the smallest to the largest number of a token, and the code of 0 is not
    subtracted on the way back. With a symmetric scale, 0 is 0 and there is nothing to subtract."""

    def append(self, layer, k, v):
        start, end = self.lengths[layer], self.lengths[layer] + k.shape[2]
        super().append(layer, k, v)
        results = []
        for i, x in enumerate((k, v)):
            low, high = x.min(axis=-1, keepdims=True), x.max(axis=-1, keepdims=True)
            scale = np.where(high > low, (high - low) / 255, 1)
            self.codes[i, layer, :, :, start:end] = np.rint((x - low) / scale) - 128
            self.scales[i, layer, :, :, start:end] = scale
            codes, scales = self.codes[i, layer, :, :, :end], self.scales[i, layer, :, :, :end]
            results.append(codes * scales.astype(x.dtype))
        return tuple(results)


# kv_cache_bytes

FORMULA = "2 * config.n_layers * B * config.n_kv_heads * T * d_head * itemsize"
exercise.slip(
    "kv_cache_bytes",
    "all_query_heads",
    FORMULA,
    FORMULA.replace("n_kv_heads", "n_heads"),
    "It counts a key for every query head, as if keys were repeated before they are cached, or as "
    "if key heads shared d_model among them. Query heads share d_model, and the n_kv_heads keys.",
)
exercise.slip(
    "kv_cache_bytes",
    "keys_alone",
    FORMULA,
    FORMULA.removeprefix("2 * "),
    "It counts keys or values. Both are kept.",
)
exercise.slip(
    "kv_cache_bytes",
    "one_layer",
    FORMULA,
    FORMULA.replace("config.n_layers * ", ""),
    "It counts one layer. Every layer has keys and values.",
)
exercise.slip(
    "kv_cache_bytes",
    "one_row",
    FORMULA,
    FORMULA.replace("B * ", ""),
    "It counts one row of the batch.",
)
exercise.slip(
    "kv_cache_bytes",
    "counts_numbers",
    FORMULA,
    FORMULA.removesuffix(" * itemsize"),
    "It counts numbers; each has `itemsize` bytes.",
)
exercise.slip(
    "kv_cache_bytes",
    "the_longest_text",
    FORMULA,
    FORMULA.replace("T *", "config.max_T *"),
    "It counts the longest text that the model allows, not the T tokens that were asked for.",
)
exercise.slip(
    "kv_cache_bytes",
    "whole_width",
    FORMULA,
    FORMULA.replace("d_head", "config.d_model"),
    "Every head is counted as wide as the whole model. The heads share d_model.",
)
