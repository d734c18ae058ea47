"""RoPE against numbers worked by hand, its properties, and PyTorch."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol1_numpy.rope import rope, rope_backward, to_half_split

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
SHAPES = [(2, 3, 4, 6), (3, 3, 3, 6), (1, 5, 1, 2), (2, 1, 3, 8)]


def drawn(shape: tuple[int, ...], seed: int = 0) -> tuple[Floats, Floats, Ints]:
    rng = np.random.default_rng(seed)
    x, dout = rng.standard_normal((2, *shape))
    return x, dout, rng.integers(0, 300, size=shape[:2])


def test_worked_numbers() -> None:
    # theta = 81, d_head = 4: pair 0 turns by 1 per position, pair 1 by 1/9.
    x = np.array([1.0, 0.0, 0.0, 1.0]).reshape(1, 1, 1, 4)
    out = rope(x, np.array([9]), theta=81.0)
    want = [math.cos(9.0), math.sin(9.0), -math.sin(1.0), math.cos(1.0)]
    np.testing.assert_allclose(out.reshape(-1), want, rtol=1e-15)
    back = rope_backward(x, np.array([9]), theta=81.0)
    want = [math.cos(9.0), -math.sin(9.0), math.sin(1.0), math.cos(1.0)]
    np.testing.assert_allclose(back.reshape(-1), want, rtol=1e-15)


def test_the_gradient_undoes_the_rotation() -> None:
    x, _, positions = drawn((2, 5, 3, 8))
    for at in (positions, positions[0]):
        np.testing.assert_allclose(rope_backward(rope(x, at), at), x, atol=1e-14)


def test_two_rotations_are_one_by_the_sum_of_the_positions() -> None:
    x, _, positions = drawn((2, 5, 3, 8))
    twice = rope(rope(x, positions), positions + 3)
    np.testing.assert_allclose(twice, rope(x, 2 * positions + 3), atol=1e-12)


def test_scores_depend_on_the_distance_and_on_nothing_else() -> None:
    q, k, _ = drawn((1, 1, 1, 10))
    scores = [
        [(rope(q, np.array([m])) * rope(k, np.array([n]))).sum() for n in range(6)]
        for m in range(6)
    ]
    for distance in range(-5, 6):
        diagonal = np.diag(np.array(scores), distance)
        np.testing.assert_allclose(diagonal, diagonal[0], rtol=0, atol=1e-13)
    assert len({round(s, 6) for s in (scores[0][0], scores[0][1], scores[1][0])}) == 3


def test_positions_of_one_row_serve_all_rows() -> None:
    x, dout, positions = drawn((3, 3, 3, 6))
    everywhere = np.tile(positions[0], (3, 1))
    assert np.array_equal(rope(x, positions[0]), rope(x, everywhere))
    assert np.array_equal(rope_backward(dout, positions[0]), rope_backward(dout, everywhere))


def test_far_positions_are_as_accurate_as_float32_allows() -> None:
    x, _, positions = drawn((2, 4, 2, 6))
    x = x.astype(np.float32)
    got = rope(x, positions + 1_000_000)
    want = rope(x.astype(np.float64), positions + 1_000_000)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-6)


def test_columns_of_two_heads_in_half_split_order() -> None:
    w = np.arange(24.0).reshape(2, 12)
    order = [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]
    assert to_half_split(w, 2).tolist() == w[:, order].tolist()


def test_the_reordered_weights_are_a_new_array_even_if_no_column_moves() -> None:
    w = np.arange(12.0).reshape(2, 6)
    out = to_half_split(w, 3)
    assert np.array_equal(out, w) and not np.shares_memory(out, w)


def test_half_split_code_finds_the_same_scores_with_reordered_weights() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    n_heads, d_head, T = 3, 8, 5
    x, positions = rng.standard_normal((1, T, 7)), rng.integers(0, 99, size=T)
    w_q, w_k = rng.standard_normal((2, 7, n_heads * d_head))

    def heads(w: Floats) -> Floats:
        return (x @ w).reshape(1, T, n_heads, d_head)

    def as_halves(w: Floats) -> Any:
        """Rotation as in the transformers library, in our order of axes."""
        v = torch.tensor(heads(to_half_split(w, n_heads)))
        inverse = 1.0 / 10000.0 ** (torch.arange(0, d_head, 2, dtype=torch.float64) / d_head)
        half = torch.tensor(positions)[:, None] * inverse
        angles = torch.cat([half, half], dim=-1)[:, None]
        a, b = v.chunk(2, dim=-1)
        return v * angles.cos() + torch.cat([-b, a], dim=-1) * angles.sin()

    q, k = rope(heads(w_q), positions), rope(heads(w_k), positions)
    want = np.einsum("bihd,bjhd->bhij", q, k)
    got = torch.einsum("bihd,bjhd->bhij", as_halves(w_q), as_halves(w_k)).numpy()
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("theta", [10000.0, 37.5])
@pytest.mark.parametrize("per_row", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients_are_those_of_pytorch(
    shape: tuple[int, ...], per_row: bool, theta: float
) -> None:
    torch = pytest.importorskip("torch")
    x, dout, positions = drawn(shape, seed=shape[1])
    at = positions if per_row else positions[0]
    leaf = torch.tensor(x, requires_grad=True)
    rates = theta ** (-torch.arange(0, shape[-1], 2, dtype=torch.float64) / shape[-1])
    angles = torch.tensor(at)[..., None, None] * rates
    pairs = torch.view_as_complex(leaf.unflatten(-1, (-1, 2)))
    out = torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).flatten(-2)
    out.backward(torch.tensor(dout))
    np.testing.assert_allclose(rope(x, at, theta), out.detach().numpy(), rtol=0, atol=1e-10)
    want = leaf.grad.numpy()
    np.testing.assert_allclose(rope_backward(dout, at, theta), want, rtol=0, atol=1e-10)
