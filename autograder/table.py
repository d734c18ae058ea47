"""Serving a table: we know which rows student code has looked up.

In place of an array of weights it shows how much a program reads, wherever that is counted by
nothing that student code could change.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .lookup import Lookup, along_rows, whole
from .student import Callback


class Table(Callback):
    """Rows of ours. Student code gets a `Lookup`; references use this one, and are counted too.

    Attributes:
        looked_up: The ids of every lookup in order, in the shape in which they came.
    """

    def __init__(self, array: NDArray[Any], *, max_calls: int = 100_000) -> None:
        super().__init__(self._answer, max_calls=max_calls)
        self.array, self.looked_up = np.array(array), list[NDArray[Any]]()
        self.shape, self.dtype, self.size = self.array.shape, self.array.dtype, self.array.size
        self.ndim = self.array.ndim

    @property
    def count(self) -> int:
        """How many rows have been looked up in all."""
        return sum(ids.size for ids in self.looked_up)

    def __getitem__(self, ids: Any) -> NDArray[Any]:
        ids = whole(ids)
        rows = np.array(self.array[ids])
        self.looked_up.append(ids)
        return rows

    def __len__(self) -> int:
        return len(self.array)

    def take(self, ids: Any, axis: Any = None, out: None = None, mode: str = "raise") -> Any:
        """What `np.take` calls."""
        return self[along_rows(ids, axis, out, mode)]

    def arrives(self, call: Callable[..., Any]) -> Lookup:
        return Lookup(call)

    def _answer(self, asked: Any) -> Any:
        return (self.shape, self.dtype.name) if isinstance(asked, str) else self[asked]
