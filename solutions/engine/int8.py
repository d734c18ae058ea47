"""Weights in int8 for the NumPy engine: a quarter of the bytes to read.

The rounding is the one of `quantize`: one scale per output. What differs is who multiplies.
"""

import numpy as np

from ..vol3_inference.kv_cache_generation import Floats
from ..vol3_inference.quantize import quantize_int8
from .numpy_engine import Product
from .shelf import Shelf

# Numbers that are made floats at a time: 256 kB of them, so that they stay in the cache.
TILE = 1 << 16
# A row is written with two digits to the base 256, the larger from -127 to 127.
BASE, LARGEST = 256, 127 * 256


def by_tiles(w: Floats, shelf: Shelf) -> Product:
    """Multiplies rows with w, (in, out), rounded to int8, in NumPy.

    NumPy has no fast product of integers, so a tile of them at a time becomes floats. That saves
    three quarters of the reading and adds work for every weight.
    """
    q, scale, _ = quantize_int8(np.ascontiguousarray(w.T))  # (out, in), (out, 1)
    q, rows = shelf.place(q), max(1, TILE // q.shape[1])
    tile = np.empty((rows, q.shape[1]), w.dtype)
    scales = np.ascontiguousarray(scale[:, 0])

    def product(x: Floats, out: Floats) -> None:
        for start in range(0, len(q), rows):
            part = q[start : start + rows]
            some = tile[: len(part)]
            np.copyto(some, part)
            np.matmul(x, some.T, out=out[:, start : start + rows])
        np.multiply(out, scales, out=out)

    return product


def by_digits(w: Floats, shelf: Shelf) -> Product:
    """The same by a product of integers, which PyTorch has: int8 times int8, summed in int32.

    A row x is rounded, too, but to 16 bits: s (256 hi + lo), with int8 digits hi and lo and a scale
    s of its own. Each digit is one product; the second finds the weights in the cache. It is fast
    where the processor multiplies bytes (VNNI).
    """
    import torch

    q, scale, _ = quantize_int8(np.ascontiguousarray(w.T))
    weights = torch.from_numpy(shelf.place(q)).t()  # (in, out), the longer way round in memory
    scales = np.ascontiguousarray(scale[:, 0])
    kept: list[_Digits] = []  # room for the last number of rows

    def product(x: Floats, out: Floats) -> None:
        if not kept or kept[0].scaled.shape != x.shape:
            kept[:] = [_Digits(x, len(q))]
        digits = kept[0]
        digits.write(x)
        torch._int_mm(digits.low, weights, out=digits.sums_of_low)
        torch._int_mm(digits.high, weights, out=digits.sums_of_high)
        np.copyto(digits.floats, digits.both_sums)
        np.matmul(digits.worth, digits.by_row, out=out[:, np.newaxis])
        np.multiply(out, scales, out=out)

    return product


class _Digits:
    """Room for rows like `x` as digits, lo and hi, and for the sums that come of them."""

    def __init__(self, x: Floats, n_out: int) -> None:
        import torch

        N, n_in = x.shape
        self.scaled, self.scale = np.empty_like(x), np.empty((N, 1), x.dtype)
        # In memory the low byte comes first, on every processor that this runs on.
        in_bytes = self.scaled.view(np.int8).reshape(N, n_in, x.itemsize)
        self.bytes = in_bytes[..., :2].transpose(2, 0, 1)  # (2, N, n_in)
        # Where floats are this large, neighbours differ by 1: the low bits of a sum with it are the
        # other number, rounded. lo is to be from -128 to 127, hence half a digit more.
        self.large = 1.5 / np.finfo(x.dtype).eps + BASE // 2
        self.half = np.array([-128, 0], np.int8)[:, np.newaxis, np.newaxis]
        self.tiny = np.finfo(x.dtype).tiny
        self.digits = np.empty((2, N, n_in), np.int8)
        self.both_sums = np.empty((2, N, n_out), np.int32)
        # The same memory, as PyTorch sees it.
        self.low, self.high = torch.from_numpy(self.digits)
        self.sums_of_low, self.sums_of_high = torch.from_numpy(self.both_sums)
        self.floats = np.empty((2, N, n_out), x.dtype)
        self.by_row = self.floats.swapaxes(0, 1)
        self.worth = np.empty((N, 1, 2), x.dtype)  # of either digit of a row
        self.base = np.array([1, BASE], x.dtype)

    def write(self, x: Floats) -> None:
        """Digits of these rows, and what they are worth."""
        np.abs(x, out=self.scaled)
        np.maximum.reduce(self.scaled, axis=1, keepdims=True, out=self.scale, initial=self.tiny)
        np.divide(self.scale, LARGEST, out=self.scale)
        np.multiply(self.scale, self.base, out=self.worth[:, 0])
        np.divide(x, self.scale, out=self.scaled)
        np.add(self.scaled, self.large, out=self.scaled)
        np.bitwise_xor(self.bytes, self.half, out=self.digits)  # takes the half off again
