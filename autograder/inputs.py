"""What a checked function is called with: declared once by name, drawn afresh per student."""

import hashlib
import hmac
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.random import Generator

from .errors import CourseError

Sizes = Mapping[str, int]


@dataclass(frozen=True)
class Array:
    """Floats from N(mean, scale**2); `shape` names sizes: "B T V"."""

    shape: str
    mean: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class Integers:
    """int64 from [low, high); `high` may be the name of a size."""

    shape: str
    high: int | str
    low: int = 0


@dataclass(frozen=True)
class Constant:
    """The same value for every student."""

    value: Any


@dataclass(frozen=True)
class Derived:
    """Computed from other inputs, sizes and `rng`, which it takes as parameters by name."""

    function: Callable[..., Any]


Input = Array | Integers | Constant | Derived


def array(shape: str, *, mean: float = 0.0, scale: float = 1.0) -> Input:
    """Normally distributed floats with named sizes: `array("B T V")`."""
    return Array(shape, mean, scale)


def integers(shape: str, high: int | str, *, low: int = 0) -> Input:
    """Uniform int64 in [low, high): `integers("B T", "V")`."""
    return Integers(shape, high, low)


def constant(value: Any) -> Input:
    """A fixed value: `constant(1e-2)`."""
    return Constant(value)


def derived(function: Callable[..., Any]) -> Input:
    """A function of other inputs, sizes and `rng`, named as its parameters are."""
    return Derived(function)


@dataclass(frozen=True)
class Seed:
    """Where a submission's inputs come from: HMAC of the course secret over who and what.

    Different per student and per version of the source, and reproducible on appeal.
    """

    secret: bytes
    student: str = ""
    source_sha256: str = ""

    def generator(self, *names: str) -> Generator:
        """The random generator for the case that `names` (exercise, function, ...) identify."""
        message = "\0".join((*names, self.student, self.source_sha256)).encode()
        digest = hmac.digest(self.secret, message, "sha256")
        return np.random.default_rng(int.from_bytes(digest, "little"))

    @property
    def secret_id(self) -> str:
        """Names the secret without revealing it."""
        return hashlib.sha256(b"secret id\0" + self.secret).hexdigest()[:12]


@cache
def parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a function's parameters, without `self`."""
    return tuple(n for n in inspect.signature(function).parameters if n != "self")


def draw(
    names: tuple[str, ...], inputs: Mapping[str, Input], sizes: Sizes, rng: Generator, dtype: str
) -> dict[str, Any]:
    """Draw the inputs `names` and everything they are derived from.

    Floats are drawn in float64 and rounded to `dtype`, so that a float32 case and its float64
    reference see the same numbers.

    Raises:
        CourseError: A name that is neither an input nor a size.
    """
    values: dict[str, Any] = {}
    asked: list[str] = []

    def need(name: str) -> Any:
        if name == "rng":
            return rng
        if name not in values:
            if name in inputs:
                if name in asked:
                    raise CourseError(f"the input {name!r} is derived from itself")
                asked.append(name)
                values[name] = _draw_one(inputs[name], sizes, rng, dtype, need)
            elif name in sizes:
                return sizes[name]
            else:
                raise CourseError(
                    f"{name!r} is neither an input nor a size; add it to inputs= of the exercise"
                )
        return values[name]

    return {name: need(name) for name in names}


def _draw_one(
    spec: Input, sizes: Sizes, rng: Generator, dtype: str, need: Callable[[str], Any]
) -> Any:
    if isinstance(spec, Constant):
        return spec.value
    if isinstance(spec, Derived):
        return _round(spec.function(*(need(n) for n in parameters(spec.function))), dtype)
    shape = _shape(spec.shape, sizes)
    if isinstance(spec, Integers):
        high = need(spec.high) if isinstance(spec.high, str) else spec.high
        return rng.integers(spec.low, high, size=shape)
    return (spec.mean + spec.scale * rng.standard_normal(shape)).astype(dtype)


def _shape(text: str, sizes: Sizes) -> tuple[int, ...]:
    try:
        return tuple(int(part) if part.isdigit() else sizes[part] for part in text.split())
    except KeyError as error:
        raise CourseError(f"the shape {text!r} uses {error}, which is not in sizes=") from error


def _round(value: Any, dtype: str) -> Any:
    """Float arrays inside `value` in `dtype`; everything else as it is."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return value.astype(dtype)
    if isinstance(value, (tuple, list)):
        return type(value)(_round(v, dtype) for v in value)
    if isinstance(value, dict):
        return {k: _round(v, dtype) for k, v in value.items()}
    return value
