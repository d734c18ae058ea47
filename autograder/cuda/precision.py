"""How far from the truth may a kernel be? As far as an honest one of the same dtype, and not more.

A fixed tolerance is too loose for one shape and too tight for another. So the error of a kernel is
compared with the error that a plain computation in the same dtype makes on the same inputs (the
rule of FlashAttention's tests, Dao 2022).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .launch import bfloat16_bits, from_bfloat16

Array = NDArray[Any]


@dataclass(frozen=True)
class Precision:
    """The errors of a result and what is allowed.

    Attributes:
        error, allowed: Largest absolute error, and its limit.
        mean_error, mean_allowed: Mean absolute error, and its limit.
        worst: Index of the largest error.
        strange: Number of entries that are not finite though they should be, or the reverse.
    """

    error: float
    allowed: float
    mean_error: float
    mean_allowed: float
    worst: tuple[int, ...]
    strange: int = 0

    @property
    def passed(self) -> bool:
        within = self.error <= self.allowed and self.mean_error <= self.mean_allowed
        return self.strange == 0 and within

    def message(self, name: str) -> str:
        """What is wrong, without a value; "" if nothing is."""
        if self.passed:
            return ""
        if self.strange:
            entries = "1 entry" if self.strange == 1 else f"{self.strange} entries"
            return f"{name} is not finite in {entries} where it should be"
        if self.error > self.allowed:
            at = f"[{', '.join(map(str, self.worst))}]" if self.worst else ""
            times = self.error / self.allowed if self.allowed else np.inf
            much = f"{times:.3g} times" if times < 1e4 else "far more than"
            return f"{name} is wrong; worst at {name}{at}: the error is {much} what is allowed"
        return f"{name} is off on average: rounding alone does not explain it"


def precision(
    got: Array, exact: Array, honest: Array, *, dtype: str = "float32", c: float = 2.0
) -> Precision:
    """max|got - exact| <= c max|honest - exact| + a, and the same for the mean.

    Args:
        got: What a kernel computed.
        exact: The reference in float64.
        honest: What a plain computation in `dtype` gives on the same inputs.
        dtype: "float32", "float16", "bfloat16" or "float64".
        c: How many times the honest error; 2 forward, 3 backward.

    Raises:
        ValueError: The three differ in shape.
    """
    truth = np.asarray(exact, dtype=np.float64)
    with np.errstate(invalid="ignore"):  # what was never written is a signalling NaN
        ours, plain = np.asarray(got, dtype=np.float64), np.asarray(honest, dtype=np.float64)
    if not ours.shape == truth.shape == plain.shape:
        raise ValueError(f"shapes differ: {ours.shape}, {truth.shape}, {plain.shape}")
    finite = np.isfinite(truth)
    alike = np.where(finite, np.isfinite(ours), _same(ours, truth))
    strange = int((~alike).sum())
    judged = finite & np.isfinite(ours)
    if not judged.any():
        return Precision(0.0, 0.0, 0.0, 0.0, (), strange)
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.where(judged, np.abs(ours - truth), 0.0)
        honestly = np.where(judged & np.isfinite(plain), np.abs(plain - truth), 0.0)
    rounding = np.where(judged, _rounding(np.where(finite, truth, 0.0), dtype), 0.0)
    worst = tuple(int(i) for i in np.unravel_index(int(error.argmax()), error.shape))
    count = int(judged.sum())
    return Precision(
        float(error.max()),
        c * float(honestly.max()) + 2 * float(rounding.max()),
        float(error.sum()) / count,
        c * float(honestly.sum()) / count + 2 * float(rounding.sum()) / count,
        worst,
        strange,
    )


def _same(a: Array, b: Array) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = (a == b) | (np.isnan(a) & np.isnan(b))
    return same


def _rounding(exact: Array, dtype: str) -> Array:
    """|((r + 0.3) - 0.3) - r| in the dtype: what two roundings at this size cost."""
    rounded = _ROUND[dtype]
    r = rounded(exact)
    step = rounded(np.asarray(0.3))
    there = rounded(rounded(r + step) - step)
    result: Array = np.abs(there.astype(np.float64) - r.astype(np.float64))
    return result


def _to(dtype: Any) -> Callable[[Array], Array]:
    def rounded(x: Array) -> Array:
        with np.errstate(over="ignore"):
            return np.asarray(x).astype(dtype)

    return rounded


def _bfloat16(x: Array) -> Array:
    return from_bfloat16(bfloat16_bits(np.asarray(x, dtype=np.float32)))


_ROUND: dict[str, Callable[[Array], Array]] = {
    "float64": _to(np.float64),
    "float32": _to(np.float32),
    "float16": _to(np.float16),
    "bfloat16": _bfloat16,
}
