"""Right, with every kind of type hint.

expect: scale=full scale_backward=full
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, Literal, ParamSpec, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import torch

T = TypeVar("T", bound=np.generic)
P = ParamSpec("P")
ONE: Final[int] = 1
mode: Literal["fast", "slow"] = "fast"


class Box(Generic[T]):
    def __init__(self, value: NDArray[T]) -> None:
        self.value: NDArray[T] = value

    def map(self, f: Callable[[NDArray[T]], NDArray[T]]) -> "Box[T]":
        return Box(f(self.value))


@overload
def scale(x: "torch.Tensor", factor: float) -> "torch.Tensor": ...
@overload
def scale(x: NDArray[Any], factor: float) -> NDArray[Any]: ...
def scale(x: Any, factor: Annotated[float, "positive"]) -> Any:
    return Box(x).map(lambda v: v * factor).value


def scale_backward(dout: "NDArray[np.float64] | Sequence[float]", factor: float) -> ArrayLike:
    return dout * factor * ONE
