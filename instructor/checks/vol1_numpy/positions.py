"""Hidden checks for vol1_numpy/positions."""

import numpy as np

from autograder import Exercise, array
from solutions.vol1_numpy import positions

exercise = Exercise(
    "vol1_numpy/positions",
    solution=positions,
    difficulty=2,
    minutes=45,
    inputs={
        "x": array("B T d_model"),
        "table": array("max_T d_model"),
        "dout": array("B T d_model"),
    },
    # There are always more rows than sequences: who takes one for the other gets wrong values.
    sizes={"B": [2, 3, 1], "T": [4, 2, 1], "max_T": [7, 5, 3], "d_model": [6, 4, 2]},
)
TABLES = {"T": [5, 4, 1, 9], "d_model": [6, 4, 2, 10]}
TABLE = {"T": [7], "d_model": [8]}
FAR = {"T": [1000], "d_model": [4]}
FULL = {"B": [4, 2], "T": [4, 3], "max_T": [4, 3], "d_model": [4, 6]}
ONE = {"B": [3], "T": [4], "max_T": [6], "d_model": [5]}
FEW = {"B": [2], "T": [3], "max_T": [4], "d_model": [2]}

# sinusoidal_positions

exercise.matches_reference("sinusoidal_positions", points=3, sizes=TABLES)


@exercise.satisfies("sinusoidal_positions", points=1, sizes=TABLE)
def offsets_are_rotations(student, T, d_model, rng):
    """The step from place t to t + k rotates each pair by an angle that depends on k alone."""
    table = student.sinusoidal_positions(T, d_model)
    sines, cosines = table[:, 0::2], table[:, 1::2]
    k = int(rng.integers(1, T - 1))
    yield sines[k:], sines[:-k] * cosines[k] + cosines[:-k] * sines[k]
    yield cosines[k:], cosines[:-k] * cosines[k] - sines[:-k] * sines[k]
    dots = table @ table.T
    yield dots[k:, k:], dots[:-k, :-k]


@exercise.satisfies("sinusoidal_positions", points=1, sizes=TABLE)
def a_longer_table_begins_alike(student, T, d_model):
    """A place has the same vector however long the table is; pair 0 turns by 1 per place."""
    table = student.sinusoidal_positions(T, d_model)
    yield student.sinusoidal_positions(T + 30, d_model)[:T], table
    yield table[:, :2], np.stack([np.sin(np.arange(T)), np.cos(np.arange(T))], axis=1)


exercise.matches_reference(
    "sinusoidal_positions",
    points=1,
    name="far_places",
    title="Places far from the start are as exact as near ones.",
    kind="E",
    rtol=1e-10,
    sizes=FAR,
)

exercise.slip(
    "sinusoidal_positions",
    "cosines_first",
    "np.sin(angles)\n    table[:, 1::2] = np.cos(angles)",
    "np.cos(angles)\n    table[:, 1::2] = np.sin(angles)",
    "Sines and cosines are exchanged. Each pair begins with its sine.",
)
exercise.slip(
    "sinusoidal_positions",
    "halves_for_pairs",
    "return table",
    "return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)",
    "All sines come first, then all cosines. A sine and its cosine are neighbours here.",
)
exercise.slip(
    "sinusoidal_positions",
    "sines_only",
    "np.cos(angles)",
    "np.sin(angles)",
    "The second member of each pair is a sine as well. It is the cosine: with sines alone a hand "
    "does not know on which side of the clock it is.",
)
exercise.slip(
    "sinusoidal_positions",
    "counts_pairs_once",
    "np.arange(0, d_model, 2)",
    "np.arange(d_model // 2)",
    "The exponent is i / d_model, with i for the pair. It is 2i / d_model, so the speeds come down "
    "to about 1 / 10000, not 1 / 100.",
)
exercise.slip(
    "sinusoidal_positions",
    "a_speed_for_each_column",
    "table[:, 1::2] = np.cos(angles)",
    "table[:, 1::2] = np.cos(angles * 10000.0 ** (-1 / d_model))",
    "The cosine has another speed than its sine. The exponent is 2i / d_model in both columns of a "
    "pair.",
)
exercise.slip(
    "sinusoidal_positions",
    "speeds_grow",
    "(-np.arange(0",
    "(np.arange(0",
    "The speeds grow from pair to pair. The exponent is negative: later pairs turn more slowly.",
)
exercise.slip(
    "sinusoidal_positions",
    "last_speed_is_exact",
    "/ d_model)",
    "/ max(d_model - 2, 1))",
    "The speeds end at exactly 1 / 10000, as in some code. By the formula, with exponent "
    "2i / d_model, they end a little above it.",
)
exercise.slip(
    "sinusoidal_positions",
    "divides_outside_the_exponent",
    "(-np.arange(0, d_model, 2) / d_model)",
    "(-np.arange(0.0, d_model, 2)) / d_model",
    "The division by d_model happens after the power. It belongs to the exponent: mind the "
    "parentheses.",
)
exercise.slip(
    "sinusoidal_positions",
    "floor_division",
    "(-np.arange(0, d_model, 2) / d_model)",
    "(-(np.arange(0, d_model, 2) // d_model))",
    "All pairs turn at the same speed: // rounds every exponent to 0. Divide with /.",
)
exercise.slip(
    "sinusoidal_positions",
    "base_of_a_thousand",
    "10000.0",
    "1000.0",
    "The base of the speeds is 1000 instead of 10000.",
)
exercise.slip(
    "sinusoidal_positions",
    "base_e",
    "10000.0 ** (-np.arange(0, d_model, 2) / d_model)",
    "np.exp(-np.arange(0, d_model, 2) / d_model)",
    "The base of the speeds is e. With exp, the exponent needs the factor ln 10000.",
)
exercise.slip(
    "sinusoidal_positions",
    "full_turns",
    "    table = np.empty",
    "    angles = 2 * np.pi * angles\n    table = np.empty",
    "The angles have a factor of 2 pi. Pair 0 turns by one radian per place, not by a full turn.",
)
exercise.slip(
    "sinusoidal_positions",
    "counts_from_one",
    "np.arange(T)",
    "np.arange(1, T + 1)",
    "The table begins at place 1. Places count from 0, so the first row is 0, 1, 0, 1, ...",
)
exercise.slip(
    "sinusoidal_positions",
    "transposed",
    "return table",
    "return table.T",
    "The table is transposed. It has one row for each place.",
)
FLOAT32 = (
    "The table, or the angles it is made from, are float32: 7 digits near the start and fewer far "
    "from it. Stay in float64; whoever needs less converts the table."
)
exercise.slip(
    "sinusoidal_positions",
    "angles_in_float32",
    "    table = np.empty",
    "    angles = angles.astype(np.float32)\n    table = np.empty",
    FLOAT32,
)
exercise.slip(
    "sinusoidal_positions",
    "float32_table",
    "np.empty((T, d_model))",
    "np.empty((T, d_model), dtype=np.float32)",
    FLOAT32,
)

# add_positions

exercise.matches_reference("add_positions", points=2)
exercise.matches_reference(
    "add_positions",
    points=1,
    name="full_table",
    title="Sequences may be as long as the table.",
    sizes=FULL,
)


@exercise.satisfies("add_positions", points=1, sizes=ONE)
def every_sequence_gets_the_first_rows(student, x, table, T, rng):
    """What is added is the same in every sequence, and rows beyond the last token do not matter."""
    out = student.add_positions(x, table)
    yield out - x, np.broadcast_to(table[:T], x.shape)
    other = np.concatenate([table[:T], rng.standard_normal(table[T:].shape)])
    yield student.add_positions(x, other), out


exercise.keeps_dtype("add_positions", points=1)
exercise.leaves_inputs_alone("add_positions", points=1)

ADDED = "x + table[: x.shape[1]]"
exercise.slip(
    "add_positions",
    "takes_the_last_rows",
    ADDED,
    "x + table[-x.shape[1] :]",
    "The last rows of the table are added. The first token stands at place 0: take the first ones.",
)
exercise.slip(
    "add_positions",
    "counts_from_one",
    ADDED,
    "x + table[(np.arange(x.shape[1]) + 1) % len(table)]",
    "Every token gets the row after its own. Places count from 0.",
)
exercise.slip(
    "add_positions",
    "one_row_per_sequence",
    ADDED,
    "x + table[: len(x), np.newaxis]",
    "Every sequence gets one row of the table. Rows belong to places, the second axis of x.",
)
exercise.slip(
    "add_positions",
    "row_zero_for_all",
    ADDED,
    "x + table[0]",
    "All tokens get the row of place 0.",
)
exercise.slip(
    "add_positions",
    "backwards",
    ADDED,
    "x + table[: x.shape[1]][::-1]",
    "The rows are added in reverse order.",
)
exercise.slip(
    "add_positions",
    "transposed_table",
    ADDED,
    "x + np.resize(table.T, table.shape)[: x.shape[1]]",
    "The table is transposed or reordered. It has one row for each place, in order.",
)
exercise.slip(
    "add_positions",
    "first_sequence_only",
    ADDED,
    "x + np.where(np.arange(len(x))[:, None, None] == 0, table[: x.shape[1]], 0)",
    "Only the first sequence gets positions. All of them do.",
)
exercise.slip(
    "add_positions",
    "multiplies",
    ADDED,
    "x * table[: x.shape[1]]",
    "Tokens are multiplied by the vectors of their places. Add them.",
)
exercise.slip(
    "add_positions",
    "subtracts",
    ADDED,
    "x - table[: x.shape[1]]",
    "The vectors are subtracted instead of added.",
)
exercise.slip(
    "add_positions",
    "scales_the_tokens",
    ADDED,
    "x * x.shape[-1] ** 0.5 + table[: x.shape[1]]",
    "The tokens are multiplied by the root of d_model first, as in the first transformer. Here "
    "they are taken as they are.",
)
exercise.slip(
    "add_positions",
    "one_number_per_place",
    ADDED,
    "x + table[: x.shape[1]].sum(axis=-1, keepdims=True)",
    "All features of a token get the same number. Feature c of a token meets feature c of its row.",
)
exercise.slip(
    "add_positions",
    "makes_its_own_table",
    ADDED,
    "x + sinusoidal_positions(x.shape[1], x.shape[2])",
    "Sines and cosines are added whatever `table` holds. Use the table that is given.",
)


@exercise.mistake("add_positions")
def writes_into_x(x, table):
    """The vectors are added into `x` itself. Work on a new array: the caller still needs x."""
    x += table[: x.shape[1]]
    return x


@exercise.mistake("add_positions")
def computes_in_float64(x, table):
    """float32 arguments give a float64 result. Look for an array that is made without a dtype: it
    is float64 and promotes every float32 array it meets."""
    return positions.add_positions(x.astype(np.float64), table)


# add_positions_backward

exercise.matches_reference("add_positions_backward", points=2)
exercise.matches_finite_differences(
    "add_positions_backward", of="add_positions", wrt=["x", "table"], points=1, sizes=FEW
)
exercise.matches_reference(
    "add_positions_backward",
    points=1,
    name="full_table",
    title="Sequences may be as long as the table.",
    sizes=FULL,
)


@exercise.satisfies("add_positions_backward", points=1, sizes=ONE)
def sequences_meet_in_the_table_only(student, dout, T, max_T):
    """A sequence's dx is its own; gradients of the table add up over sequences and end at T."""
    dx, dtable = student.add_positions_backward(dout, max_T)
    first, dtable_first = student.add_positions_backward(dout[:1], max_T)
    rest, dtable_rest = student.add_positions_backward(dout[1:], max_T)
    yield (first, rest), (dx[:1], dx[1:])
    yield dtable_first + dtable_rest, dtable
    yield not dtable[T:].any()


exercise.keeps_dtype("add_positions_backward", points=1)
exercise.leaves_inputs_alone("add_positions_backward", points=1)

DX, ROWS, ZEROS = "dout.copy()", "dtable[:T] = dout.sum(axis=0)", "np.zeros((max_T, d_model)"
exercise.slip(
    "add_positions_backward",
    "hands_dout_back",
    DX,
    "dout",
    "dx is `dout` itself. The numbers are right, but it has to be a new array: whoever adds to dx "
    "later would change dout.",
)
exercise.slip(
    "add_positions_backward",
    "splits_the_gradient",
    DX,
    "dout / 2",
    "The gradient is split between the two terms of the sum. Each gets the whole of it.",
)
exercise.slip(
    "add_positions_backward",
    "dx_sums_over_sequences",
    DX,
    "np.zeros_like(dout) + dout.sum(axis=0)",
    "dx is summed over the sequences. An entry of x reaches one output only; it is the table that "
    "all sequences share.",
)
exercise.slip(
    "add_positions_backward",
    "dtable_of_the_last_sequence",
    ROWS,
    "dtable[:T] = dout[-1]",
    "dtable contains the last sequence only. All sequences use the same rows: add them up.",
)
exercise.slip(
    "add_positions_backward",
    "dtable_of_the_first_sequence",
    ROWS,
    "dtable[:T] = dout[0]",
    "dtable contains the first sequence only. All sequences use the same rows: add them up.",
)
exercise.slip(
    "add_positions_backward",
    "averages_over_sequences",
    ROWS,
    "dtable[:T] = dout.mean(axis=0)",
    "dtable is a mean over the sequences. The total derivative adds all paths up.",
)
exercise.slip(
    "add_positions_backward",
    "sums_over_places",
    ROWS,
    "dtable[: len(dout)] = dout.sum(axis=1)",
    "dtable is summed over the places of a sequence. Each place has its own row; the sum runs over "
    "the sequences.",
)
exercise.slip(
    "add_positions_backward",
    "sums_over_sequences_and_places",
    ROWS,
    "dtable[:T] = dout.sum(axis=(0, 1))",
    "All places get the same gradient. The sum runs over the sequences only.",
)
exercise.slip(
    "add_positions_backward",
    "sums_over_features",
    ROWS,
    "dtable[:T] = dout.sum(axis=(0, 2))[:, np.newaxis]",
    "All features of a row get the same gradient. The sum runs over the sequences only.",
)
exercise.slip(
    "add_positions_backward",
    "dtable_of_the_last_rows",
    ROWS,
    "dtable[max_T - T :] = dout.sum(axis=0)",
    "The gradients stand in the last rows of dtable. Tokens used the first ones.",
)
exercise.slip(
    "add_positions_backward",
    "counts_from_one",
    ROWS,
    "dtable[(np.arange(T) + 1) % max_T] = dout.sum(axis=0)",
    "Every gradient stands one row too far down. Places count from 0.",
)
exercise.slip(
    "add_positions_backward",
    "dtable_repeats",
    ROWS,
    "dtable[:] = np.resize(dout.sum(axis=0), dtable.shape)",
    "Rows that no token used are not zero. The loss does not depend on them.",
)
exercise.slip(
    "add_positions_backward",
    "dtable_as_long_as_the_sequences",
    "return dx, dtable",
    "return dx, dtable[:T]",
    "dtable has a row for each token. It is like the table: max_T rows, with zeros where no token "
    "used one.",
)
exercise.slip(
    "add_positions_backward",
    "dtable_for_each_sequence",
    "return dx, dtable",
    "return dx, dx",
    "dtable has an axis for the sequences. There is one table for all of them.",
)
exercise.slip(
    "add_positions_backward",
    "opposite_sign",
    ROWS,
    "dtable[:T] = -dout.sum(axis=0)",
    "dtable has the opposite sign.",
)
exercise.slip(
    "add_positions_backward",
    "other_order",
    "return dx, dtable",
    "return dtable, dx",
    "The gradients come in another order than the arguments: dx, then dtable.",
)
exercise.slip(
    "add_positions_backward",
    "float64_table",
    ", dtype=dout.dtype",
    "",
    "A float32 dout gives a float64 dtable: np.zeros makes float64 unless it is given a dtype.",
)
