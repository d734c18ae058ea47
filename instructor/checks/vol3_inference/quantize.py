"""Hidden checks for vol3_inference/quantize.

What a number is rounded to must not hang on the last bit: numbers lie well away from the middle
between two codes, unless all of them are exact in binary.
"""

import numpy as np

from autograder import Exercise, derived, raises
from solutions.vol3_inference import quantize


def clear_of_halves(rng, shape, top):
    """Rows (the last axis) of numbers whose codes, at most `top`, are not in doubt."""
    codes = rng.integers(1 - top, top, shape).astype(np.float64)
    rest = rng.uniform(0.2, 0.4, shape) * rng.choice([-1.0, 1.0], shape)
    largest = rng.integers(shape[-1], size=(*shape[:-1], 1))
    np.put_along_axis(codes, largest, rng.choice([-1.0, 1.0], largest.shape) * top, axis=-1)
    np.put_along_axis(rest, largest, 0.0, axis=-1)
    return (codes + rest) * np.exp(rng.uniform(-3.0, 1.0, (*shape[:-1], 1)))


def whole_and_halves(rng, shape, top):
    """Rows of halves of a step that is a power of two: every second one is a tie."""
    codes = rng.integers(2 - 2 * top, 2 * top - 1, shape) / 2
    largest = rng.integers(shape[-1], size=(*shape[:-1], 1))
    np.put_along_axis(codes, largest, rng.choice([-1.0, 1.0], largest.shape) * top, axis=-1)
    return codes, 2.0 ** rng.integers(-5, 5, (*shape[:-1], 1))


def in_groups(rng, out, n_groups, group_size):
    return clear_of_halves(rng, (out, n_groups, group_size), 7).reshape(out, -1)


def codes_of(rng, out, width):
    """Codes of a weight, with 127 among them."""
    q = rng.integers(-127, 128, (out, width)).astype(np.int8)
    q[np.arange(out), rng.integers(width, size=out)] = 127
    return q


exercise = Exercise(
    "vol3_inference/quantize",
    solution=quantize,
    difficulty=3,
    minutes=120,
    inputs={
        "w": derived(lambda rng, out, width: clear_of_halves(rng, (out, width), 127)),
        "x": derived(lambda rng, B, T, width: clear_of_halves(rng, (B, T, width), 127)),
        "q": derived(codes_of),
        "scale": derived(lambda rng, out: np.exp(rng.uniform(-3.0, 1.0, (out, 1)))),
    },
    sizes={"out": [5, 4, 1], "width": [6, 4, 8], "B": [2, 3, 1], "T": [3, 1, 4]},
)
NIBBLES = {
    "sizes": {"out": [3, 4, 1], "width": [6, 4, 2]},
    "q": derived(lambda rng, out, width: rng.integers(-8, 8, (out, width)).astype(np.int8)),
    "packed": derived(
        lambda rng, out, width: rng.integers(0, 256, (out, width // 2)).astype(np.uint8)
    ),
}
GROUPED = {
    "w": derived(in_groups),
    "packed": derived(
        lambda rng, out, n_groups, group_size: rng.integers(
            0, 256, (out, n_groups * group_size // 2)
        ).astype(np.uint8)
    ),
    "scale": derived(lambda rng, out, n_groups: np.exp(rng.uniform(-3.0, 1.0, (out, n_groups)))),
    "group_size": derived(lambda rng, width: width),
}
GROUPS = {"out": [3, 4, 1], "n_groups": [2, 3, 1], "width": [4, 2, 6]}
ONE = {"out": [4], "width": [6]}
WIDE = {"out": [3], "width": [3000]}

# quantize_int8

exercise.matches_reference("quantize_int8", points=3)


@exercise.satisfies("quantize_int8", points=1, sizes={"out": [6], "width": [40]})
def off_by_at_most_half_a_step(student, rng, out, width):
    """No weight is off by more than half the step of its row, and a row reaches 127."""
    w = rng.standard_normal((out, width)) * 10.0 ** np.arange(-3, out - 3)[:, None]
    q, scale, dequantised = student.quantize_int8(w)
    yield scale, np.abs(w).max(axis=1, keepdims=True) / 127
    yield bool(np.all(np.abs(w - dequantised) <= scale / 2 * (1 + 1e-9)))
    yield np.abs(q.astype(np.float64)).max(axis=1), np.full(out, 127.0)
    yield dequantised, q.astype(np.float64) * scale


@exercise.satisfies("quantize_int8", points=1, sizes=ONE)
def rows_do_not_meet(student, w, rng):
    """Each row is rounded as if it were alone, and the opposite row to the opposite codes."""
    q, scale, dequantised = student.quantize_int8(w)
    order = rng.permutation(len(w))
    yield student.quantize_int8(-w[order]), (-q[order], scale[order], -dequantised[order])
    for i in range(len(w)):
        alone = student.quantize_int8(w[i : i + 1])
        yield alone, (q[i : i + 1], scale[i : i + 1], dequantised[i : i + 1])


@exercise.satisfies("quantize_int8", points=1, kind="E", sizes={"out": [5], "width": [30]})
def halves_go_to_the_even_code(student, rng, out, width):
    """What lies exactly between two codes goes to the even one; whole steps come back exactly."""
    halves, step = whole_and_halves(rng, (out, width), 127)
    codes = np.rint(halves)
    q, scale, dequantised = student.quantize_int8(halves * step)
    yield q.astype(np.float64), codes
    yield scale, step
    yield bool(np.all(dequantised == codes * step))


@exercise.satisfies("quantize_int8", points=1, kind="E", sizes=ONE)
def a_row_of_zeros(student, w):
    """A row of zeros has codes 0 and scale 1, and disturbs no other."""
    rest = student.quantize_int8(w)
    mixed = np.insert(w, [1, 3], 0.0, axis=0)
    want = [np.insert(a, [1, 3], value, axis=0) for a, value in zip(rest, (0, 1, 0), strict=True)]
    yield student.quantize_int8(mixed), tuple(want)
    zeros = np.zeros((2, 3))
    yield student.quantize_int8(zeros), (zeros.astype(int), np.ones((2, 1)), zeros)


@exercise.satisfies("quantize_int8", points=1, kind="E", sizes=ONE)
def codes_are_int8(student, w):
    """The codes are int8: one byte each."""
    return student.quantize_int8(w)[0].dtype == np.int8


exercise.keeps_dtype("quantize_int8", points=1)
exercise.leaves_inputs_alone("quantize_int8", points=1)

# pack_int4, unpack_int4

exercise.matches_reference("pack_int4", points=2, **NIBBLES)


@exercise.satisfies("pack_int4", points=1, sizes={"draw": [0]})
def every_pair_has_its_own_byte(student):
    """The 256 pairs of numbers from -8 to 7 give the 256 bytes."""
    pairs = np.array([(low, high) for high in range(-8, 8) for low in range(-8, 8)], np.int8)
    packed = student.pack_int4(pairs)
    yield packed.dtype == np.uint8
    patterns = pairs.astype(int) % 16
    yield packed[:, 0], patterns[:, 0] + 16 * patterns[:, 1]


@exercise.satisfies("pack_int4", points=1, kind="E", sizes={"draw": [0]})
def an_odd_width_is_refused(student):
    """An odd number of columns raises ValueError, an even one does not."""
    yield raises(ValueError, student.pack_int4, np.zeros((2, 3), np.int8))
    yield raises(ValueError, student.pack_int4, np.ones((4, 1), np.int8))
    yield not raises(ValueError, student.pack_int4, np.ones((3, 2), np.int8))


exercise.leaves_inputs_alone("pack_int4", points=1, q=NIBBLES["q"])
exercise.matches_reference("unpack_int4", points=2, **NIBBLES)


@exercise.satisfies("unpack_int4", points=1, sizes={"draw": [0]})
def every_byte_has_its_own_pair(student):
    """The 256 bytes give the 256 pairs of numbers from -8 to 7, as int8."""
    bytes_ = np.arange(256, dtype=np.uint8).reshape(2, 128)
    q = student.unpack_int4(bytes_)
    patterns = np.stack([bytes_ % 16, bytes_ // 16], axis=-1).reshape(2, 256).astype(int)
    yield q.dtype == np.int8
    yield q, patterns - 16 * (patterns > 7)


exercise.leaves_inputs_alone("unpack_int4", points=1, packed=NIBBLES["packed"])

# dequantize_int4

exercise.matches_reference("dequantize_int4", points=2, sizes=GROUPS, **GROUPED)


@exercise.satisfies("dequantize_int4", points=1, kind="E", dtype="float32", sizes=GROUPS, **GROUPED)
def dequantised_has_the_dtype_of_the_scale(student, packed, scale, group_size):
    """float32 scales give float32 numbers."""
    want = quantize.dequantize_int4(packed, scale.astype(np.float64), group_size)
    return student.dequantize_int4(packed, scale, group_size), want


@exercise.satisfies("dequantize_int4", points=1, sizes=GROUPS, **GROUPED)
def scales_are_factors(student, packed, scale, group_size, rng):
    """Each scale multiplies its own group, and nothing else."""
    factor = rng.uniform(2.0, 3.0, scale.shape)
    plain = student.dequantize_int4(packed, scale, group_size)
    got = student.dequantize_int4(packed, scale * factor, group_size)
    return got, plain * np.kron(factor, np.ones(group_size))


# quantize_int4

exercise.matches_reference("quantize_int4", points=3, sizes=GROUPS, **GROUPED)


@exercise.satisfies(
    "quantize_int4", points=1, sizes={"out": [4], "n_groups": [5], "width": [8]}, **GROUPED
)
def off_by_at_most_half_a_step_of_the_group(student, rng, out, n_groups, group_size):
    """No weight is off by more than half the step of its group."""
    size = 10.0 ** rng.integers(-3, 3, (out, n_groups, 1))
    w = (rng.standard_normal((out, n_groups, group_size)) * size).reshape(out, -1)
    packed, scale, dequantised = student.quantize_int4(w, group_size)
    step = np.kron(scale, np.ones(group_size))
    yield scale, np.abs(w.reshape(out, n_groups, -1)).max(axis=2) / 7
    yield bool(np.all(np.abs(w - dequantised) <= step / 2 * (1 + 1e-9)))
    yield packed.dtype == np.uint8
    yield dequantised, quantize.unpack_int4(packed) * step


@exercise.satisfies(
    "quantize_int4", points=1, kind="E", sizes={"out": [8], "n_groups": [2], "width": [6]}
)
def exact_codes_halves_and_zeros(student, rng, out, n_groups, width):
    """Halves go to the even code, whole steps come back exactly, groups of zeros have scale 1."""
    halves, step = whole_and_halves(rng, (out, n_groups, width), 7)
    halves[1, 0], step[1, 0] = 0.0, 1.0
    codes = np.rint(halves)
    got = student.quantize_int4((halves * step).reshape(out, -1), width)
    packed = quantize.pack_int4(codes.reshape(out, -1).astype(np.int8))
    yield got, (packed, step[:, :, 0], (codes * step).reshape(out, -1))


@exercise.satisfies("quantize_int4", points=1, kind="E", dtype="float32", sizes=GROUPS, **GROUPED)
def float32_weights_give_float32(student, w, group_size):
    """float32 weights have float32 scales and dequantised weights."""
    packed, *floats = student.quantize_int4(w, group_size)
    want_packed, *want = quantize.quantize_int4(w.astype(np.float64), group_size)
    yield packed, want_packed
    yield floats, want


exercise.leaves_inputs_alone(
    "quantize_int4",
    points=1,
    w=derived(lambda rng: in_groups(rng, 3, 2, 4)),
    group_size=derived(lambda: 4),
)

# linear_w8a8

exercise.matches_reference("linear_w8a8", points=3)


@exercise.satisfies("linear_w8a8", points=1, kind="E", sizes=WIDE | {"B": [2]})
def sums_of_products_are_exact(student, rng, out, width, B):
    """Sums of products are exact where they exceed int8, int16 and the 24 bits of float32."""
    q = rng.integers(100, 128, (out, width)).astype(np.int8)
    codes = rng.integers(101, 128, (B, width)).astype(np.float64)
    codes[:, 0] = 127.0
    got = student.linear_w8a8(codes, q, np.ones((out, 1)))
    want = codes.astype(np.int64) @ q.T.astype(np.int64)
    yield got, want.astype(np.float64)
    yield bool(np.all(got == want))
    yield bool(np.all(student.linear_w8a8(-codes, q, np.ones((out, 1))) == -want))


@exercise.satisfies("linear_w8a8", points=1)
def tokens_do_not_meet(student, x, q, scale):
    """Each token is rounded with a step of its own, whatever its size and its neighbours."""
    out = student.linear_w8a8(x, q, scale)
    size = 2.0 ** (np.arange(x.shape[0] * x.shape[1]) - 12).reshape(*x.shape[:2], 1)
    yield student.linear_w8a8(x * size, q, scale), out * size
    yield student.linear_w8a8(x[0, 0], q, scale), out[0, 0]
    yield student.linear_w8a8(-x[:, :1], q, scale), -out[:, :1]


@exercise.satisfies("linear_w8a8", points=1, sizes={"out": [5], "width": [40], "B": [4]})
def the_error_is_within_the_bound(student, rng, out, width, B):
    """The outputs are off by no more than rounding the activations can explain."""
    w, x = rng.standard_normal((out, width)), rng.standard_normal((B, width))
    q, scale, near = quantize.quantize_int8(w)
    half = np.abs(x).max(axis=1, keepdims=True) / 254
    error = np.abs(student.linear_w8a8(x, q, scale) - x @ near.T)
    return bool(np.all(error <= half * np.abs(near).sum(axis=1) * (1 + 1e-9)))


@exercise.satisfies("linear_w8a8", points=1, kind="E", sizes={"out": [4], "width": [40], "B": [3]})
def halves_and_zeros_of_activations(student, rng, q, scale, width, B):
    """Halves of a step go to the even code, and a token of zeros gives zeros."""
    halves, step = whole_and_halves(rng, (B, width), 127)
    x = halves * step
    x[1] = 0.0
    want = (np.rint(halves) @ q.T.astype(np.float64)) * step * scale.T
    want[1] = 0.0
    yield student.linear_w8a8(x, q, scale), want
    yield student.linear_w8a8(np.zeros((2, width)), q, scale), np.zeros((2, len(q)))


exercise.keeps_dtype("linear_w8a8", points=1)
exercise.leaves_inputs_alone("linear_w8a8", points=1)

# Mistakes of quantize_int8

LARGEST = "np.abs(w).max(axis=1, keepdims=True)"
SCALE = "np.where(largest > 0, largest / 127, 1)"
ROUND = "np.rint(w / scale).astype(np.int8)"
exercise.slip(
    "quantize_int8",
    "one_scale_for_all",
    LARGEST,
    "np.full((len(w), 1), np.abs(w).max(), w.dtype)",
    "The whole matrix shares one scale, so rows of small weights get the error of the largest. "
    "Each row has its own.",
)
exercise.slip(
    "quantize_int8",
    "largest_without_sign",
    LARGEST,
    "w.max(axis=1, keepdims=True)",
    "The scale is made from the largest weight instead of the largest absolute value: larger "
    "negative weights do not fit.",
)
exercise.slip(
    "quantize_int8",
    "from_the_mean",
    LARGEST,
    "np.abs(w).mean(axis=1, keepdims=True)",
    "The scale is made from the mean absolute value, so large weights do not fit into int8.",
)
exercise.slip(
    "quantize_int8",
    "divides_by_128",
    SCALE,
    "np.where(largest > 0, largest / 128, 1)",
    "The largest weight becomes 128, which int8 does not have: it turns into -128.",
)
exercise.slip(
    "quantize_int8",
    "divides_by_255",
    SCALE,
    "np.where(largest > 0, largest / 255, 1)",
    "Codes up to 255 do not fit into int8. 255 is the number of codes; on each side of 0 there are "
    "127.",
)
exercise.slip(
    "quantize_int8",
    "scale_upside_down",
    SCALE,
    "np.where(largest > 0, 127 / largest, 1)",
    "The scale is the number of steps per unit. It is the size of a step.",
)
exercise.slip(
    "quantize_int8",
    "drops_the_fraction",
    ROUND,
    "(w / scale).astype(np.int8)",
    "The fraction is cut off, which errs by up to a whole step. Round first, then convert.",
)
exercise.slip(
    "quantize_int8",
    "rounds_down",
    ROUND,
    "np.floor(w / scale).astype(np.int8)",
    "Numbers are rounded down, which errs by up to a whole step. Round to the nearest.",
)
exercise.slip(
    "quantize_int8",
    "halves_upwards",
    ROUND,
    "np.floor(w / scale + 0.5).astype(np.int8)",
    "Halves are rounded up. They go to the even number, as np.rint has it.",
)
exercise.slip(
    "quantize_int8",
    "unsigned",
    ROUND,
    "np.rint(w / scale).astype(np.int8).astype(np.uint8)",
    "Negative codes come out as large positive ones: uint8 has no sign.",
)
exercise.slip(
    "quantize_int8",
    "codes_as_floats",
    ROUND,
    "np.rint(w / scale)",
    "The codes are whole numbers but not int8, so nothing has become smaller.",
)
exercise.slip(
    "quantize_int8",
    "zeros_by_zero",
    SCALE,
    "np.where(largest > 0, largest / 127, np.nan)",
    "A row of zeros gives nan: zero divided by zero. Its scale is 1.",
)
exercise.slip(
    "quantize_int8",
    "scale_of_zeros_is_zero",
    SCALE,
    "np.where(largest > 0, largest / 127, 0)",
    "The scale of a row of zeros is 0. It is 1, so that whoever divides by it gets zeros.",
)
exercise.slip(
    "quantize_int8",
    "flat_scales",
    "return q, scale, q * scale",
    "return q, scale[:, 0], q * scale",
    "The scales have shape (out,). Keep the axis: (out, 1) multiplies (out, in) row by row.",
)
exercise.slip(
    "quantize_int8",
    "gives_back_the_weights",
    "return q, scale, q * scale",
    "return q, scale, w + 0",
    "The weights come back as they were. The third result is what is left of them: code times "
    "scale.",
)
exercise.slip(
    "quantize_int8",
    "divides_to_come_back",
    "return q, scale, q * scale",
    "return q, scale, q / scale",
    "Codes are divided by the scale. They were made by a division, so the way back multiplies.",
)
exercise.slip(
    "quantize_int8",
    "always_float64",
    SCALE,
    SCALE + ".astype(np.float64)",
    "The results are float64 for float32 weights. Keep the dtype of w.",
)


@exercise.mistake("quantize_int8")
def one_scale_per_column(w):
    """Each column has a scale. A scale has to stay out of the sum over inputs, so it belongs to a
    row."""
    q, _, back = quantize.quantize_int8(w.T)
    scale = np.resize(quantize.quantize_int8(w.T)[1], (len(w), 1))
    return q.T, scale, back.T


@exercise.mistake("quantize_int8")
def forgets_its_zero_point(w):
    """The codes run from the smallest to the largest weight of a row, and the code of 0 is not
    subtracted on the way back. With a symmetric scale, 0 is 0 and there is nothing to subtract."""
    low, high = w.min(axis=1, keepdims=True), w.max(axis=1, keepdims=True)
    scale = np.where(high > low, (high - low) / 255, 1).astype(w.dtype)
    q = (np.rint((w - low) / scale) - 128).astype(np.int8)
    return q, scale, q * scale


@exercise.mistake("quantize_int8")
def divides_the_weights_themselves(w):
    """The values are right, but the division is done in the caller's array. Work on a new one."""
    results = quantize.quantize_int8(w)
    w /= results[1]
    return results


# Mistakes of packing

exercise.slip(
    "pack_int4",
    "high_first",
    "bits[:, ::2] | bits[:, 1::2] << 4",
    "bits[:, ::2] << 4 | bits[:, 1::2]",
    "The even column is in the high four bits. It belongs into the low ones.",
)
exercise.slip(
    "pack_int4",
    "pairs_the_two_halves",
    "bits[:, ::2] | bits[:, 1::2] << 4",
    "bits[:, : bits.shape[1] // 2] | bits[:, bits.shape[1] // 2 :] << 4",
    "The first half of a row is paired with its second half. Neighbours share a byte.",
)
exercise.slip(
    "pack_int4",
    "spoils_the_neighbour",
    "q.astype(np.uint8) & 15",
    "q.astype(np.uint8)",
    "The upper four bits of a negative number are ones, and spoil the neighbour. Clear them first.",
)
exercise.slip(
    "pack_int4",
    "adds_eight",
    "q.astype(np.uint8) & 15",
    "(q + 8).astype(np.uint8) & 15",
    "8 is added to make the numbers positive. That is another code; two's complement adds 16 to "
    "negative numbers alone.",
)
exercise.slip(
    "pack_int4",
    "forgets_the_sign",
    "q.astype(np.uint8) & 15",
    "np.abs(q).astype(np.uint8) & 15",
    "The sign is lost: only absolute values are packed.",
)
exercise.slip(
    "pack_int4",
    "shifts_by_eight",
    "bits[:, 1::2] << 4",
    "bits[:, 1::2] << 3",
    "The second number is not moved by four bits, so the two overlap.",
)
exercise.slip(
    "pack_int4",
    "drops_an_odd_column",
    'raise ValueError(f"{q.shape[1]} columns are not pairs")',
    "q = q[:, :-1]",
    "The last of an odd number of columns is dropped. Raise ValueError.",
)
exercise.slip(
    "pack_int4",
    "fills_an_odd_column",
    'raise ValueError(f"{q.shape[1]} columns are not pairs")',
    "q = np.pad(q, ((0, 0), (0, 1)))",
    "An odd number of columns is filled up with a zero. Raise ValueError.",
)
exercise.slip(
    "pack_int4",
    "signed_bytes",
    "bits[:, ::2] | bits[:, 1::2] << 4",
    "(bits[:, ::2] | bits[:, 1::2] << 4).astype(np.int8)",
    "The bytes are int8. They are uint8, from 0 to 255.",
)
PAIRS = "np.stack([packed & 15, packed >> 4], axis=-1)"
exercise.slip(
    "unpack_int4",
    "high_first",
    PAIRS,
    "np.stack([packed >> 4, packed & 15], axis=-1)",
    "The high four bits come first. They are the odd column.",
)
exercise.slip(
    "unpack_int4",
    "one_half_after_the_other",
    PAIRS,
    "np.stack([packed & 15, packed >> 4], axis=1)",
    "All low halves come first and all high ones after them. Neighbours share a byte.",
)
exercise.slip(
    "unpack_int4",
    "never_negative",
    "np.where(bits < 8, bits, bits - 16)",
    "bits",
    "Negative numbers come out as 8 to 15. Subtract 16 from these.",
)
exercise.slip(
    "unpack_int4",
    "eight_is_positive",
    "np.where(bits < 8, bits, bits - 16)",
    "np.where(bits <= 8, bits, bits - 16)",
    "The pattern 1000 comes out as 8. Four bits go from -8 to 7.",
)
exercise.slip(
    "unpack_int4",
    "subtracts_eight",
    "np.where(bits < 8, bits, bits - 16)",
    "bits - 8",
    "8 is subtracted from every number. Two's complement subtracts 16, from 8 to 15 alone.",
)
exercise.slip(
    "unpack_int4",
    "sign_and_size",
    "np.where(bits < 8, bits, bits - 16)",
    "np.where(bits < 8, bits, 8 - bits)",
    "The highest bit is taken for a minus sign before the other three. Two's complement subtracts "
    "16.",
)
exercise.slip(
    "unpack_int4",
    "subtracts_fifteen",
    "bits - 16)",
    "bits - 15)",
    "Negative numbers are one too high: subtract 16.",
)
exercise.slip(
    "unpack_int4",
    "not_int8",
    ".astype(np.int8)",
    ".astype(np.int64)",
    "The numbers are int64, eight times as large as they need be. They are int8.",
)
REPEAT = "np.repeat(scale, group_size, axis=1)"
exercise.slip(
    "dequantize_int4",
    "tiles_the_scales",
    REPEAT,
    "np.tile(scale, (1, group_size))",
    "The scales are repeated as a whole row. A group is made of neighbours: each scale comes "
    "group_size times in a row.",
)
exercise.slip(
    "dequantize_int4",
    "first_scale_for_the_row",
    REPEAT,
    "scale[:, :1]",
    "The scale of the first group serves the whole row. Each group has its own.",
)
exercise.slip(
    "dequantize_int4",
    "divides",
    "unpack_int4(packed) * ",
    "unpack_int4(packed) / ",
    "Codes are divided by the scale. They were made by a division, so the way back multiplies.",
)
exercise.slip(
    "dequantize_int4",
    "forgets_the_scale",
    "unpack_int4(packed) * steps",
    "unpack_int4(packed).astype(scale.dtype)",
    "The codes come back without their scale.",
)
exercise.slip(
    "dequantize_int4",
    "never_negative",
    "unpack_int4(packed) * ",
    "(unpack_int4(packed) & 15) * ",
    "Negative codes count as 8 to 15. Unpack with the sign.",
)
exercise.slip(
    "dequantize_int4",
    "always_float64",
    REPEAT,
    "np.repeat(scale, group_size, axis=1).astype(np.float64)",
    "The result is float64 for float32 scales. Keep their dtype.",
)

# Mistakes of quantize_int4

LARGEST4 = "largest = np.abs(groups).max(axis=2)"
SCALE4 = "np.where(largest > 0, largest / 7, 1)"
ROUND4 = "np.rint(groups / scale[:, :, np.newaxis]).astype(np.int8)"
BACK4 = "return packed, scale, dequantize_int4(packed, scale, group_size)"
exercise.slip(
    "quantize_int4",
    "one_scale_per_row",
    LARGEST4,
    "largest = np.repeat(np.abs(w).max(axis=1, keepdims=True), groups.shape[1], axis=1)",
    "All groups of a row share one scale. Each has its own.",
)
exercise.slip(
    "quantize_int4",
    "one_scale_per_column_of_groups",
    LARGEST4,
    "largest = np.tile(np.abs(groups).max(axis=(0, 2)), (len(w), 1))",
    "All rows share the scales of their groups. Each row has its own.",
)
exercise.slip(
    "quantize_int4",
    "divides_by_8",
    SCALE4,
    "np.where(largest > 0, largest / 8, 1)",
    "The largest weight becomes 8, which four bits do not have: it turns into -8. The codes go to "
    "7.",
)
exercise.slip(
    "quantize_int4",
    "divides_by_15",
    SCALE4,
    "np.where(largest > 0, largest / 15, 1)",
    "Codes up to 15 do not fit beside negative ones. 15 is how many there are; on each side of 0 "
    "there are 7.",
)
exercise.slip(
    "quantize_int4",
    "divides_by_127",
    SCALE4,
    "np.where(largest > 0, largest / 127, 1)",
    "The scale is that of int8. Four bits go to 7.",
)
exercise.slip(
    "quantize_int4",
    "largest_without_sign",
    LARGEST4,
    "largest = groups.max(axis=2)",
    "The scale is made from the largest weight instead of the largest absolute value.",
)
exercise.slip(
    "quantize_int4",
    "drops_the_fraction",
    ROUND4,
    "(groups / scale[:, :, np.newaxis]).astype(np.int8)",
    "The fraction is cut off, which errs by up to a whole step. Round first, then convert.",
)
exercise.slip(
    "quantize_int4",
    "rounds_down",
    ROUND4,
    "np.floor(groups / scale[:, :, np.newaxis]).astype(np.int8)",
    "Numbers are rounded down, which errs by up to a whole step. Round to the nearest.",
)
exercise.slip(
    "quantize_int4",
    "halves_upwards",
    ROUND4,
    "np.floor(groups / scale[:, :, np.newaxis] + 0.5).astype(np.int8)",
    "Halves are rounded up. They go to the even number, as np.rint has it.",
)
exercise.slip(
    "quantize_int4",
    "scale_of_zeros_is_zero",
    SCALE4,
    "np.where(largest > 0, largest / 7, 0)",
    "The scale of a group of zeros is 0, and zero is divided by it. It is 1.",
)
exercise.slip(
    "quantize_int4",
    "high_first",
    BACK4,
    "return packed >> 4 | packed << 4, scale, dequantize_int4(packed, scale, group_size)",
    "The even column is in the high four bits. It belongs into the low ones.",
)
exercise.slip(
    "quantize_int4",
    "gives_back_the_weights",
    BACK4,
    "return packed, scale, w + 0",
    "The weights come back as they were. The third result is what is left of them: code times "
    "scale.",
)
exercise.slip(
    "quantize_int4",
    "not_packed",
    BACK4,
    "return q.reshape(w.shape), scale, dequantize_int4(packed, scale, group_size)",
    "The codes take a byte each. Pack two into one.",
)
exercise.slip(
    "quantize_int4",
    "keeps_an_axis",
    BACK4,
    "return packed, scale[:, :, np.newaxis], dequantize_int4(packed, scale, group_size)",
    "The scales have an axis too many: (out, in / group_size), one number per group.",
)
exercise.slip(
    "quantize_int4",
    "always_float64",
    SCALE4,
    SCALE4 + ".astype(np.float64)",
    "The results are float64 for float32 weights. Keep the dtype of w.",
)


@exercise.mistake("quantize_int4")
def every_nth_column(w, group_size):
    """A group is made of columns that lie far apart. Neighbours in a row make a group."""
    n = w.shape[1] // group_size
    order = np.arange(w.shape[1]).reshape(group_size, n).T.ravel()
    packed, scale, back = quantize.quantize_int4(w[:, order], group_size)
    codes = np.empty(w.shape, np.int8)
    out = np.empty(w.shape, w.dtype)
    codes[:, order], out[:, order] = quantize.unpack_int4(packed), back
    return quantize.pack_int4(codes), scale, out


# Mistakes of linear_w8a8

TOKEN = "np.abs(x).max(axis=-1, keepdims=True)"
STEP = "step = np.where(largest > 0, largest / 127, 1)"
CODES = "codes = np.rint(x / step).astype(np.int32)"
SUMS = "sums = codes @ q.T.astype(np.int32)"
OUT = "return (sums * (step * scale[:, 0])).astype(x.dtype)"
exercise.slip(
    "linear_w8a8",
    "sums_in_int8",
    SUMS,
    "sums = codes.astype(np.int8) @ q.T",
    "Products are summed in int8, which overflows without a word. Convert both to int32 first.",
)
exercise.slip(
    "linear_w8a8",
    "sums_in_int16",
    SUMS,
    "sums = codes.astype(np.int16) @ q.T.astype(np.int16)",
    "Products are summed in int16, which holds two of the largest. Convert to int32 first.",
)
exercise.slip(
    "linear_w8a8",
    "sums_in_float32",
    SUMS,
    "sums = codes.astype(np.float32) @ q.T.astype(np.float32)",
    "Products are summed in float32, which does not have all whole numbers beyond 2**24. Sum them "
    "as int32.",
)
exercise.slip(
    "linear_w8a8",
    "rounds_nothing",
    CODES,
    "codes = x / step",
    "The activations are not rounded, so floats are multiplied. Both sides are whole numbers.",
)
exercise.slip(
    "linear_w8a8",
    "one_step_for_all_tokens",
    TOKEN,
    "np.full((*x.shape[:-1], 1), np.abs(x).max(), x.dtype)",
    "All tokens share one step, so a large one spoils the others. Each token has its own.",
)
exercise.slip(
    "linear_w8a8",
    "largest_without_sign",
    TOKEN,
    "x.max(axis=-1, keepdims=True)",
    "The step is made from the largest number of a token instead of its largest absolute value.",
)
exercise.slip(
    "linear_w8a8",
    "divides_by_128",
    STEP,
    "step = np.where(largest > 0, largest / 128, 1)",
    "The largest number becomes 128, which int8 does not have. The codes go to 127.",
)
exercise.slip(
    "linear_w8a8",
    "drops_the_fraction",
    CODES,
    "codes = (x / step).astype(np.int32)",
    "The fraction is cut off, which errs by up to a whole step. Round first, then convert.",
)
exercise.slip(
    "linear_w8a8",
    "rounds_down",
    CODES,
    "codes = np.floor(x / step).astype(np.int32)",
    "Numbers are rounded down, which errs by up to a whole step. Round to the nearest.",
)
exercise.slip(
    "linear_w8a8",
    "halves_upwards",
    CODES,
    "codes = np.floor(x / step + 0.5).astype(np.int32)",
    "Halves are rounded up. They go to the even number, as np.rint has it.",
)
exercise.slip(
    "linear_w8a8",
    "zeros_by_zero",
    STEP,
    "step = np.where(largest > 0, largest / 127, np.nan)",
    "A token of zeros gives nan: zero divided by zero. Give it any other step.",
)
exercise.slip(
    "linear_w8a8",
    "forgets_the_scale_of_the_weights",
    OUT,
    "return (sums * step).astype(x.dtype)",
    "The scales of the weights are missing in the result.",
)
exercise.slip(
    "linear_w8a8",
    "forgets_the_step_of_the_token",
    OUT,
    "return (sums * scale[:, 0]).astype(x.dtype)",
    "The steps of the tokens are missing in the result.",
)
exercise.slip(
    "linear_w8a8",
    "divides_by_the_scale",
    OUT,
    "return (sums * (step / scale[:, 0])).astype(x.dtype)",
    "The sums are divided by the scales of the weights. Codes times scale are the weights.",
)
exercise.slip(
    "linear_w8a8",
    "always_float64",
    OUT,
    "return (sums * (step * scale[:, 0])).astype(np.float64)",
    "The result is float64 for float32 activations: int32 times float32 is float64 in NumPy. "
    "Convert at the end.",
)
exercise.slip(
    "linear_w8a8",
    "whole_numbers_come_out",
    OUT,
    "return np.rint(sums * (step * scale[:, 0])).astype(x.dtype)",
    "The result is rounded to whole numbers. Only the codes are whole.",
)
