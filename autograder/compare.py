"""Do two values agree, and if not, what is it that a person should look at?"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .exact import SYMBOLS, are_symbols, shown, where_keys_part, where_lists_part, where_texts_part

Array = NDArray[Any]

# Tolerances relative to the largest expected entry. Right code errs by about 1e-15 in float64
# and 1e-6 in float32; the weakest known mistake by 1e-4 or more.
RTOL = {"float64": 1e-9, "float32": 2e-5, "float16": 2e-2}
# Below this the expected array counts as zero and errors are judged as if it had this size.
FLOOR = 1e-3
# What is compared as it is, not as numbers.
EXACT = (str, bytes, type(None))


@dataclass(frozen=True)
class Difference:
    """How a result misses what was expected.

    Attributes:
        category: One sentence without any input or value; safe for hidden checks.
        detail: What, where, and the likely factor; for visible checks only.
    """

    category: str
    detail: str


def difference(
    got: Any, want: Any, name: str = "result", *, rtol: float | None = None, dtype: str = ""
) -> Difference | None:
    """Compare a result with the expected one; None when they agree.

    Args:
        got: Array, scalar, text or bytes, or a tuple, list or dict of these.
        want: The expected array, scalar, text or bytes, or tuple or dict of these; a list of
            integers, texts, bytes or tuples of these is one result, and compared exactly.
        name: What to call the result; for a tuple, its parts' names joined by ", ".
        rtol: Largest error relative to the largest entry of `want`; by `dtype` if None.
        dtype: The dtype a result must have; "" accepts any float type.
    """
    if are_symbols(want):
        return _lists(got, want, name)
    if isinstance(want, dict):
        return _dicts(got, want, name, rtol, dtype)
    if isinstance(want, (tuple, list)):
        names = [n.strip() for n in name.split(",")]
        if len(names) != len(want):
            names = [f"{name}[{i}]" for i in range(len(want))]
        if not isinstance(got, (tuple, list)) or len(got) != len(want):
            have = _results(len(got)) if isinstance(got, (tuple, list)) else _kind(got)
            message = f"expected {len(want)} results ({', '.join(names)}), got {have}"
            return Difference(f"It should return {len(want)} results.", message)
        parts = zip(got, want, names, strict=True)
        return next(
            (d for g, w, n in parts if (d := difference(g, w, n, rtol=rtol, dtype=dtype))), None
        )
    if isinstance(want, EXACT) or isinstance(got, EXACT):
        if type(got) is type(want) and got == want:
            return None
        detail = f"{name} is {_kind(got)}, expected {_kind(want)}"
        if isinstance(want, (str, bytes)) and type(got) is type(want):
            detail = where_texts_part(got, want, name)
        return Difference(f"{name} is wrong.", detail)
    return _arrays(got, want, name, rtol, dtype)


def _lists(got: Any, want: list[Any], name: str) -> Difference | None:
    if not isinstance(got, (tuple, list)):
        detail = f"{name} is {_kind(got)}, expected a list of {len(want)}"
        return Difference(f"{name} is not a list.", detail)
    part = where_lists_part(got, want, name)
    if not part:
        return None
    what = "is wrong" if len(got) == len(want) else "has the wrong length"
    return Difference(f"{name} {what}.", part)


def _dicts(
    got: Any, want: dict[Any, Any], name: str, rtol: float | None, dtype: str
) -> Difference | None:
    if not isinstance(got, dict):
        detail = f"{name} is {_kind(got)}, expected a dict of {len(want)}"
        return Difference(f"{name} is not a dict.", detail)
    part = where_keys_part(got, want, name)
    if part:
        return Difference(f"{name} has other entries than it should.", part)
    for key, value in want.items():
        if type(value) in SYMBOLS and type(got[key]) is type(value) and got[key] == value:
            continue
        found = difference(got[key], value, f"{name}[{shown(key)}]", rtol=rtol, dtype=dtype)
        if found:
            return Difference(f"{name} has a wrong entry.", found.detail)
    return None


def _arrays(got: Any, want: Any, name: str, rtol: float | None, dtype: str) -> Difference | None:
    expected = np.asarray(want)
    try:
        actual = np.asarray(got)
    except (ValueError, TypeError):
        actual = np.asarray(None)
    if actual.dtype.kind not in "fiub":
        message = f"{name} is {_kind(got)}, expected an array of shape {expected.shape}"
        return Difference(f"{name} is not an array of numbers.", message)
    if actual.shape != expected.shape:
        detail = f"{name} has shape {actual.shape}, expected {expected.shape}"
        if actual.ndim >= 2 and actual.swapaxes(-1, -2).shape == expected.shape:
            detail += " (the last two axes are swapped)"
        return Difference(f"{name} has the wrong shape.", detail)
    floats = expected.dtype.kind == "f"
    if dtype and floats and isinstance(got, np.ndarray) and actual.dtype.name != dtype:
        detail = f"{name} has dtype {actual.dtype}, expected {dtype}"
        return Difference(f"{name} has the wrong dtype.", detail)
    tolerance = RTOL.get(dtype or _coarser(actual, expected), 1e-9) if rtol is None else rtol
    return _values(_double(actual), _double(expected), name, tolerance)


def _double(array: Array) -> Array:
    return array if array.dtype == np.float64 else array.astype(np.float64)


def _coarser(actual: Array, expected: Array) -> str:
    floats = [a.dtype for a in (actual, expected) if a.dtype.kind == "f"]
    return min(floats, key=lambda d: d.itemsize).name if floats else "float64"


def _values(actual: Array, expected: Array, name: str, rtol: float) -> Difference | None:
    if _agree(actual, expected, rtol):
        return None
    finite = np.isfinite(expected)
    strange = finite & ~np.isfinite(actual)
    if bool(strange.any()):
        bad = np.argwhere(strange)
        index = tuple(int(i) for i in bad[0])
        detail = (
            f"{name} is {_number(actual[index])} at {_at(name, index)}, "
            f"expected {_number(expected[index])}; {_share(len(bad), actual.size)} like this"
        )
        return Difference(f"{name} is not finite where it should be.", detail)
    special = _unlike(actual, expected) & ~finite
    scale = float(np.max(np.abs(expected[finite]), initial=FLOOR))
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.where(finite, np.abs(actual - expected), np.where(special, np.inf, 0.0))
    wrong = error > rtol * scale
    if not bool(wrong.any()):
        return None
    worst = tuple(int(i) for i in np.unravel_index(int(np.argmax(error)), error.shape))
    count = int(wrong.sum())
    detail = (
        f"{name} differs in {_share(count, actual.size)}; worst at {_at(name, worst)}: "
        f"yours {_number(actual[worst])}, expected {_number(expected[worst])}"
    )
    pattern = likely(actual, expected, rtol)
    return Difference(f"{name} has wrong values.", f"{detail} ({pattern})" if pattern else detail)


def _agree(actual: Array, expected: Array, rtol: float) -> bool:
    """The usual case, quickly: everything is finite and close."""
    if not expected.size:
        return True
    with np.errstate(all="ignore"):
        error = np.abs(actual - expected).max()
        return bool(error <= rtol * max(float(np.abs(expected).max()), FLOOR) < np.inf)


def _unlike(actual: Array, expected: Array) -> NDArray[np.bool_]:
    """Where the two are neither equal nor both nan."""
    unlike: NDArray[np.bool_] = (actual != expected) & ~(np.isnan(actual) & np.isnan(expected))
    return unlike


def likely(actual: Array, expected: Array, rtol: float = 1e-9) -> str:
    """A simple relation that explains the whole difference, in words, or ""."""
    with np.errstate(all="ignore"):
        return _relation(actual, expected, rtol)


def _relation(actual: Array, expected: Array, rtol: float) -> str:
    scale = float(np.max(np.abs(expected), initial=0.0))
    if scale == 0.0 or not bool(np.isfinite(actual).all() and np.isfinite(expected).all()):
        return ""
    close = rtol * max(scale, float(np.max(np.abs(actual), initial=0.0))) * 10
    if np.allclose(actual, expected, rtol=0, atol=1e-5 * scale):
        return ""  # next to right: no simple relation explains a trifle
    if not actual.any():
        return "yours is 0 everywhere"
    big = np.abs(expected) > 1e-3 * scale
    factor = float(np.median(actual[big] / expected[big]))
    distinct = actual.size > 1 and abs(factor - 1.0) > 1e-3
    if distinct and np.allclose(actual, factor * expected, rtol=0, atol=close):
        if np.isclose(factor, -1.0, rtol=1e-6):
            return "yours has the opposite sign everywhere"
        return f"yours is {_number(factor)} times the expected value everywhere"
    offset = float(np.median(actual - expected))
    if actual.size > 1 and np.allclose(actual - expected, offset, rtol=0, atol=close):
        return f"yours is the expected value plus {_number(offset)} everywhere"
    if actual.ndim >= 2:
        swapped = np.swapaxes(actual, -1, -2)
        if swapped.shape == expected.shape and np.allclose(swapped, expected, rtol=0, atol=close):
            return "yours is the transpose of the expected array"
        for axis in range(actual.ndim):
            ratio = _ratio_along(actual, expected, axis, close)
            if ratio:
                return ratio
    return ""


def _ratio_along(actual: Array, expected: Array, axis: int, close: float) -> str:
    """Is the factor constant within each slice along `axis`, but not overall?"""
    if expected.shape[axis] == 1 or expected.size == expected.shape[axis]:
        return ""
    others = tuple(i for i in range(expected.ndim) if i != axis)
    norm = (expected * expected).sum(axis=others, keepdims=True)
    if not bool(np.all(norm > 0)):
        return ""
    ratio = (actual * expected).sum(axis=others, keepdims=True) / norm
    if np.allclose(actual, ratio * expected, rtol=0, atol=close):
        return f"the factor depends on axis {axis} alone: look at a sum or mean there"
    return ""


def _results(count: int) -> str:
    return f"{count} result{'' if count == 1 else 's'}"


def _share(count: int, size: int) -> str:
    return f"{count} of {size} element{'' if size == 1 else 's'}"


def _at(name: str, index: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def _number(value: Any) -> str:
    return f"{float(value):.6g}"


def _kind(value: Any) -> str:
    if value is None:
        return "None (is a return missing?)"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, np.ndarray):
        return "one array"
    if isinstance(value, (str, bytes)):
        return f"the {'text' if isinstance(value, str) else 'bytes'} {shown(value)}"
    return f"one {type(value).__name__}"
