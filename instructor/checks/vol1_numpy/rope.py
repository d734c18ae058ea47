"""Hidden checks for vol1_numpy/rope."""

import numpy as np

from autograder import Exercise, array, derived, integers
from solutions.vol1_numpy import rope


def not_the_default(rng):
    """A theta that shows at small positions, too."""
    return float(rng.uniform(20.0, 60.0))


def far(rng, T):
    """Positions where an angle in float32 is wrong in the third digit."""
    return rng.integers(60_000, 130_000, size=T)


def rotated_halves(x, positions):
    """What code for half-split heads does, at the default theta."""
    half = x.shape[-1] // 2
    angles = positions[:, None, None] * 1e4 ** (-np.arange(half) / half)
    a, b, cos, sin = x[..., :half], x[..., half:], np.cos(angles), np.sin(angles)
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)


exercise = Exercise(
    "vol1_numpy/rope",
    solution=rope,
    difficulty=3,
    minutes=75,
    inputs={
        "x": array("B T n_heads d_head"),
        "dout": array("B T n_heads d_head"),
        "positions": integers("T", 40, low=1),
        "theta": derived(not_the_default),
        "w": array("d_in width"),
    },
    # First B, T, n_heads and the number of pairs are equal: there angles along a wrong axis do
    # not raise. Then every size distinct, then one token with one pair per head.
    sizes={
        "B": [3, 2, 1],
        "T": [3, 5, 1],
        "n_heads": [3, 4, 2],
        "d_head": [6, 12, 2],
        "width": [18, 48, 4],
        "d_in": [18, 7, 3],
    },
)
ONE = {"B": [2], "T": [4], "n_heads": [3], "d_head": [10]}
FEW = {"B": [2], "T": [2], "n_heads": [1], "d_head": [6]}
PER_ROW = {"positions": integers("B T", 40, low=1)}
LONG = {"B": [1], "T": [4], "n_heads": [2], "d_head": [6]}
PROJECTED = {"d_in": [7], "n_heads": [3], "width": [24], "T": [4]}

# rope

exercise.matches_reference("rope", points=3)
exercise.matches_reference(
    "rope",
    points=2,
    name="positions_per_row",
    title="Every row of the batch may have its own positions, (B, T).",
    **PER_ROW,
)


@exercise.satisfies("rope", points=1, sizes=ONE)
def default_theta(student, x, positions):
    """Without an argument theta is 10000."""
    return student.rope(x, positions), rope.rope(x, positions)


@exercise.satisfies("rope", points=1, sizes=ONE)
def lengths_are_kept(student, x, positions, theta):
    """Every pair is as long as before, and at position 0 nothing is turned."""
    out = student.rope(x, positions, theta=theta)
    pairs, before = (a.reshape(*a.shape[:-1], -1, 2) for a in (out, x))
    yield (pairs * pairs).sum(axis=-1), (before * before).sum(axis=-1)
    yield student.rope(x, 0 * positions, theta=theta), x


@exercise.satisfies("rope", points=1, sizes=ONE)
def scores_see_distances_only(student, x, dout, positions, theta):
    """The product of a query at m and a key at n depends on m - n, and not on m or n."""

    def scores(shift):
        q = student.rope(x, positions + shift, theta=theta)
        k = student.rope(dout, positions[::-1] + 2 + shift, theta=theta)
        return np.einsum("bihd,bjhd->bhij", q, k)

    return scores(17), scores(0)


exercise.matches_reference(
    "rope",
    points=1,
    name="far_positions",
    title="At positions near 100,000 a float32 result is as accurate as float32 allows.",
    kind="E",
    dtype="float32",
    sizes=LONG,
    positions=derived(far),
)
exercise.keeps_dtype("rope", points=1)
exercise.leaves_inputs_alone("rope", points=1)

exercise.slip(
    "rope",
    "turns_the_other_way",
    "np.sin(angles)",
    "np.sin(-angles)",
    "Every pair is turned by the negative angle: look at the signs of the two sine terms.",
)
exercise.slip(
    "rope",
    "counts_the_positions_itself",
    "    angles =",
    "    positions = np.arange(x.shape[1])\n    angles =",
    "The argument `positions` is ignored: tokens are counted from 0. With a cache they do not "
    "start there.",
)
exercise.slip(
    "rope",
    "positions_from_one",
    "    angles = positions",
    "    positions = positions + 1\n    angles = positions",
    "Every position is off by one: a token at position 0 is not turned at all.",
)
exercise.slip(
    "rope",
    "exponent_without_the_two",
    "np.arange(0, d_head, 2) / d_head",
    "np.arange(d_head // 2) / d_head",
    "The exponent is i / d_head. It is 2 i / d_head, where i counts pairs.",
)
exercise.slip(
    "rope",
    "exponent_with_two_twos",
    "np.arange(0, d_head, 2) / d_head",
    "2 * np.arange(0, d_head, 2) / d_head",
    "The exponent is twice as large as it should be: 2 i is divided by d_head, not by half of it.",
)
exercise.slip(
    "rope",
    "exponent_without_minus",
    "theta ** (-np.arange",
    "theta ** (np.arange",
    "The exponent has lost its minus: later pairs turn more slowly, not faster.",
)
exercise.slip(
    "rope",
    "slow_pairs_first",
    " / d_head)  #",
    " / d_head)[::-1]  #",
    "The angles are in the opposite order: pair 0 turns fastest.",
)
exercise.slip(
    "rope",
    "one_angle_for_all",
    "(-np.arange(0, d_head, 2) / d_head)",
    "(-np.zeros(d_head // 2))",
    "All pairs turn by the same angle. Pair i turns by the position times theta^(-2i / d_head).",
)
exercise.slip(
    "rope",
    "theta_is_fixed",
    "theta **",
    "10000.0 **",
    "theta is always 10000. That is its default only: use the argument.",
)
exercise.slip(
    "rope",
    "degrees",
    "    cos, sin =",
    "    angles = np.deg2rad(angles)\n    cos, sin =",
    "The angles are taken for degrees. They are radians.",
)
exercise.slip(
    "rope",
    "angles_along_the_heads",
    "positions[..., np.newaxis, np.newaxis]",
    "positions[..., np.newaxis]",
    "The angles meet the wrong axis: positions line up with the heads. x is (B, T, n_heads, "
    "d_head), and all heads of a token turn alike: insert an axis for the heads.",
)
exercise.slip(
    "rope",
    "both_signs_plus",
    "a * cos - b * sin",
    "a * cos + b * sin",
    "Both sine terms have a plus. In a rotation one of them has a minus.",
)
exercise.slip(
    "rope",
    "sine_and_cosine_exchanged",
    "cos, sin = np",
    "sin, cos = np",
    "Sine and cosine are exchanged: at position 0 x should come out as it is.",
)
exercise.slip(
    "rope",
    "members_exchanged",
    "a, b = x[..., ::2], x[..., 1::2]",
    "b, a = x[..., ::2], x[..., 1::2]",
    "The two members of each pair are exchanged when they are read, but not when they are written.",
)
exercise.slip(
    "rope",
    "angles_in_float32",
    "* per_position  # (...",
    "* per_position.astype(np.float32)  # (...",
    "The angles are computed in float32, which is too coarse for far positions. Compute them in "
    "float64 and convert cosine and sine.",
)


@exercise.mistake("rope")
def pairs_of_halves(x, positions, theta=10000.0):
    """Feature i is paired with feature i + d_head / 2, the half-split order of Hugging Face
    checkpoints. Here neighbours make a pair, 2i and 2i + 1."""
    cos, sin = _cos_sin(x, positions, theta)
    a, b = np.split(x, 2, axis=-1)
    return np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)


@exercise.mistake("rope")
def result_in_halves(x, positions, theta=10000.0):
    """The right pairs are turned, but all first members come out before all second ones. Each goes
    back to where it came from."""
    cos, sin = _cos_sin(x, positions, theta)
    a, b = x[..., 0::2], x[..., 1::2]
    return np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)


@exercise.mistake("rope")
def second_result_from_the_first(x, positions, theta=10000.0):
    """The first member of each pair is overwritten before the second is computed from it. Compute
    both from the old pair."""
    cos, sin = _cos_sin(x, positions, theta)
    out = x.copy()
    out[..., 0::2] = out[..., 0::2] * cos - out[..., 1::2] * sin
    out[..., 1::2] = out[..., 0::2] * sin + out[..., 1::2] * cos
    return out


@exercise.mistake("rope")
def sines_and_cosines_added(x, positions, theta=10000.0):
    """Sines and cosines are added to x, as position embeddings are. Here they turn x."""
    cos, sin = _cos_sin(x, positions, theta)
    return x + np.stack([sin, cos], axis=-1).reshape(-1, x.shape[1], 1, x.shape[3])


@exercise.mistake("rope")
def positions_of_the_first_row(x, positions, theta=10000.0):
    """With positions (B, T) every row of the batch is turned by those of the first row."""
    return rope.rope(x, positions.reshape(-1, x.shape[1])[0], theta)


@exercise.mistake("rope")
def default_is_another(x, positions, theta=500000.0):
    """Without an argument theta should be 10000; the signature has another default."""
    return rope.rope(x, positions, theta)


@exercise.mistake("rope")
def turns_x_itself(x, positions, theta=10000.0):
    """The result is written into `x` itself. Work on a new array: the caller still needs x."""
    x[...] = rope.rope(x, positions, theta)
    return x


@exercise.mistake("rope")
def computes_in_float64(x, positions, theta=10000.0):
    """float32 goes in and float64 comes out. Cosine and sine are float64: convert them to the
    dtype of x before they meet it."""
    return rope.rope(np.asarray(x, dtype=np.float64), positions, theta)


def _cos_sin(x, positions, theta):
    """Cosines and sines that meet x[..., 0::2], in its dtype."""
    d_head = x.shape[-1]
    angles = positions[..., None, None] * theta ** (-np.arange(0, d_head, 2) / d_head)
    return np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)


# rope_backward

exercise.matches_reference("rope_backward", points=3)
exercise.matches_finite_differences(
    "rope_backward", of="rope", wrt=["x"], points=2, sizes=FEW, **PER_ROW
)
exercise.matches_reference(
    "rope_backward",
    points=1,
    name="positions_per_row",
    title="Every row of the batch may have its own positions, (B, T).",
    **PER_ROW,
)


@exercise.satisfies("rope_backward", points=1, sizes=ONE)
def backward_is_the_inverse(student, x, positions):
    """What was turned is turned back (theta is 10000 unless given); lengths are kept."""
    back = student.rope_backward(rope.rope(x, positions), positions)
    yield back, x
    yield (student.rope_backward(x, positions) ** 2).sum(axis=-1), (x * x).sum(axis=-1)


exercise.matches_reference(
    "rope_backward",
    points=1,
    name="far_positions",
    title="At positions near 100,000 a float32 result is as accurate as float32 allows.",
    kind="E",
    dtype="float32",
    sizes=LONG,
    positions=derived(far),
)
exercise.keeps_dtype("rope_backward", points=1)
exercise.leaves_inputs_alone("rope_backward", points=1)

exercise.slip(
    "rope_backward",
    "turns_forward_again",
    "rope(dout, -positions, theta)",
    "rope(dout, positions, theta)",
    "dout is turned the same way as x was. Compare the four derivatives with the forward: which "
    "sine has the minus now?",
)
exercise.slip(
    "rope_backward",
    "hands_dout_back",
    "rope(dout, -positions, theta)",
    "dout.copy()",
    "dout is handed back as it is. A rotation is linear, but it is not the identity.",
)
exercise.slip(
    "rope_backward",
    "theta_not_passed_on",
    "-positions, theta)",
    "-positions)",
    "theta is not passed on: the backward turns with the default, the forward did not.",
)
exercise.slip(
    "rope_backward",
    "one_over_theta",
    "-positions, theta)",
    "positions, 1 / theta)",
    "1 / theta makes other angles, not the opposite ones. Turn by the negative angle.",
)
exercise.slip(
    "rope_backward",
    "positions_reversed",
    "-positions",
    "positions[..., ::-1]",
    "The positions are taken in the opposite order. Their signs should be opposite.",
)
exercise.slip(
    "rope_backward",
    "opposite_sign",
    "rope(dout, -positions, theta)",
    "-rope(dout, positions, theta)",
    "The rotated dout is negated, which is a half turn. The inverse turns by the negative angle.",
)
exercise.slip(
    "rope_backward",
    "off_by_one",
    "-positions",
    "-positions - 1",
    "Every position is off by one.",
)
exercise.slip(
    "rope_backward",
    "turned_twice",
    "-positions",
    "-2 * positions",
    "dout is turned by twice the angle.",
)


@exercise.mistake("rope_backward")
def own_path_only(dout, positions, theta=10000.0):
    """Each entry gets the gradient of its own output only, times the cosine. It is part of the
    other output of its pair, too: two paths add."""
    cos, _ = _cos_sin(dout, positions, theta)
    return dout * np.repeat(cos, 2, axis=-1)


@exercise.mistake("rope_backward")
def cross_paths_only(dout, positions, theta=10000.0):
    """Only the paths through the other member of each pair are there, the sine terms. The cosine
    terms are missing."""
    _, sin = _cos_sin(dout, positions, theta)
    a, b = dout[..., 0::2], dout[..., 1::2]
    return np.stack([b * sin, -a * sin], axis=-1).reshape(dout.shape)


@exercise.mistake("rope_backward")
def both_signs_are_plus(dout, positions, theta=10000.0):
    """Both sine terms have a plus. The derivative of the first output by b has a minus."""
    cos, sin = _cos_sin(dout, positions, theta)
    a, b = dout[..., 0::2], dout[..., 1::2]
    return np.stack([a * cos + b * sin, a * sin + b * cos], axis=-1).reshape(dout.shape)


@exercise.mistake("rope_backward")
def halves_turned_back(dout, positions, theta=10000.0):
    """Feature i is paired with feature i + d_head / 2. Here neighbours make a pair, 2i and
    2i + 1."""
    cos, sin = _cos_sin(dout, positions, theta)
    a, b = np.split(dout, 2, axis=-1)
    return np.concatenate([a * cos + b * sin, b * cos - a * sin], axis=-1)


@exercise.mistake("rope_backward")
def second_gradient_from_the_first(dout, positions, theta=10000.0):
    """The first member of each pair is overwritten before the second is computed from it. Compute
    both from the old pair."""
    cos, sin = _cos_sin(dout, positions, theta)
    dx = dout.copy()
    dx[..., 0::2] = dx[..., 0::2] * cos + dx[..., 1::2] * sin
    dx[..., 1::2] = dx[..., 1::2] * cos - dx[..., 0::2] * sin
    return dx


@exercise.mistake("rope_backward")
def divides_by_the_cosine(dout, positions, theta=10000.0):
    """dout is divided by what x was multiplied with. A gradient multiplies by derivatives."""
    cos, sin = _cos_sin(dout, positions, theta)
    a, b = dout[..., 0::2], dout[..., 1::2]
    return np.stack([a / cos + b / sin, b / cos - a / sin], axis=-1).reshape(dout.shape)


@exercise.mistake("rope_backward")
def angles_of_the_first_row(dout, positions, theta=10000.0):
    """With positions (B, T) every row of the batch is turned back by those of the first row."""
    return rope.rope_backward(dout, positions.reshape(-1, dout.shape[1])[0], theta)


@exercise.mistake("rope_backward")
def coarse_angles(dout, positions, theta=10000.0):
    """The angles are computed in float32, which is too coarse for far positions. Compute them in
    float64 and convert cosine and sine."""
    d_head = dout.shape[-1]
    per_position = theta ** (-np.arange(0, d_head, 2) / d_head).astype(np.float32)
    angles = positions[..., None, None].astype(np.float32) * per_position.astype(np.float32)
    a, b, cos, sin = dout[..., 0::2], dout[..., 1::2], np.cos(angles), np.sin(angles)
    return np.stack([a * cos + b * sin, b * cos - a * sin], axis=-1).reshape(dout.shape)


@exercise.mistake("rope_backward")
def another_default(dout, positions, theta=500000.0):
    """Without an argument theta should be 10000; the signature has another default."""
    return rope.rope_backward(dout, positions, theta)


@exercise.mistake("rope_backward")
def turns_dout_itself(dout, positions, theta=10000.0):
    """The result is written into `dout` itself. Work on a new array: others may need dout."""
    dout[...] = rope.rope_backward(dout, positions, theta)
    return dout


@exercise.mistake("rope_backward")
def promotes_to_float64(dout, positions, theta=10000.0):
    """float32 goes in and float64 comes out. Cosine and sine are float64: convert them to the
    dtype of dout before they meet it."""
    return rope.rope_backward(np.asarray(dout, dtype=np.float64), positions, theta)


# to_half_split

exercise.matches_reference("to_half_split", points=2)


@exercise.satisfies("to_half_split", points=1, sizes=PROJECTED, x=array("T d_in"))
def both_conventions_give_the_same_scores(student, x, w, positions, n_heads):
    """Queries from the reordered weights, turned as halves, meet keys with the same scores."""
    got = student.to_half_split(w, n_heads)
    yield got.shape, w.shape
    interleaved = rope.rope((x @ w).reshape(1, len(x), n_heads, -1), positions)
    halves = rotated_halves((x @ got).reshape(1, len(x), n_heads, -1), positions)
    want, scores = (np.einsum("bihd,bjhd->bhij", r, r) for r in (interleaved, halves))
    yield scores, want


@exercise.satisfies("to_half_split", points=1, kind="E", sizes=PROJECTED)
def new_even_if_nothing_moves(student, w):
    """With d_head 2 no column moves, and the result is still a new array."""
    narrow = w[:, :6]
    first, _, later = student.trial(student.to_half_split, narrow, 3)
    yield first, narrow
    yield later, narrow


exercise.keeps_dtype("to_half_split", points=1)
exercise.leaves_inputs_alone("to_half_split", points=1)

exercise.slip(
    "to_half_split",
    "nothing_moves",
    "w[:, columns.swapaxes(1, 2).ravel()]",
    "w.copy()",
    "The columns stay where they are. In each head those with even numbers come first.",
)
exercise.slip(
    "to_half_split",
    "heads_ignored",
    "reshape(n_heads, -1, 2)",
    "reshape(1, -1, 2)",
    "The whole width is treated as one head: the even columns of all heads come first. No column "
    "leaves its head.",
)
exercise.slip(
    "to_half_split",
    "the_way_back",
    "reshape(n_heads, -1, 2)",
    "reshape(n_heads, 2, -1)",
    "This is the inverse: from halves to neighbours. Which column does a new one take, and which "
    "one does it go to?",
)
exercise.slip(
    "to_half_split",
    "odd_columns_first",
    "columns.swapaxes(1, 2)",
    "columns.swapaxes(1, 2)[:, ::-1]",
    "In each head the odd columns come first. The even ones do: 0, 2, 4, ..., 1, 3, 5, ...",
)
exercise.slip(
    "to_half_split",
    "halves_exchanged",
    "columns.swapaxes(1, 2)",
    "columns.reshape(n_heads, 2, -1)[:, ::-1]",
    "The two halves of each head are exchanged, without reordering what is in them.",
)
exercise.slip(
    "to_half_split",
    "members_exchanged",
    "columns.swapaxes(1, 2)",
    "columns[:, :, ::-1]",
    "The two members of each pair are exchanged; they are still neighbours.",
)
exercise.slip(
    "to_half_split",
    "heads_inside",
    "reshape(n_heads, -1, 2)",
    "reshape(-1, n_heads, 2)",
    "The axes of the heads and of the pairs are exchanged: a head's columns are neighbours.",
)
exercise.slip(
    "to_half_split",
    "heads_reversed",
    "columns.swapaxes(1, 2)",
    "columns[::-1].swapaxes(1, 2)",
    "The heads are in the opposite order.",
)
exercise.slip(
    "to_half_split",
    "rows_for_columns",
    "w[:, columns.swapaxes(1, 2).ravel()]",
    "w[columns.swapaxes(1, 2).ravel()]",
    "The rows are reordered. Weights are (in, out) here: features of a head are columns.",
)


@exercise.mistake("to_half_split")
def a_view_of_w(w, n_heads):
    """Where d_head is 2, reshape gives a view of `w`, and whoever writes into the result changes
    the weights. Return a copy."""
    pairs = w.reshape(w.shape[0], n_heads, -1, 2)
    return pairs.swapaxes(2, 3).reshape(w.shape)


@exercise.mistake("to_half_split")
def reorders_w_itself(w, n_heads):
    """The columns of `w` itself are reordered. Return a new array: the model still needs w."""
    w[...] = rope.to_half_split(w, n_heads)
    return w


@exercise.mistake("to_half_split")
def result_in_float64(w, n_heads):
    """float32 goes in and float64 comes out: np.zeros and np.empty make float64 unless told
    otherwise."""
    return rope.to_half_split(w, n_heads).astype(np.float64)
