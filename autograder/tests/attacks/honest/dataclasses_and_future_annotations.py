"""Right, with dataclasses whose annotations are texts, which Python looks up in the module.

expect: scale=full scale_backward=full
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class Op:
    factor: float
    names: list[str] = field(default_factory=list)
    count: ClassVar[int] = 0

    def __post_init__(self) -> None:
        assert isinstance(self.factor, float)

    def apply(self, x: Floats) -> Floats:
        return x * self.factor


class Pair(NamedTuple):
    value: Floats
    slope: float


def scale(x: Floats, factor: float) -> Floats:
    return Op(factor=factor).apply(x)


def scale_backward(dout: Floats, factor: float) -> Floats:
    pair = Pair(value=dout, slope=factor)
    return pair.value * pair.slope
