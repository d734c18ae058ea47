"""A table that is served, as student code has it: rows are looked up in it, and nothing else.

`Table` is the other end. The table cannot be copied first and read where nobody sees it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

ADVICE = "this table is only looked up: write table[ids], with whole numbers"


class Lookup:
    """Rows of ours, known by their numbers: `table[ids]`, `np.take(table, ids, axis=0)`.

    Args:
        ask: Calls the other end, with whole numbers or "about".
    """

    def __init__(self, ask: Callable[[Any], Any]) -> None:
        self._ask, self._about = ask, None

    def __getitem__(self, ids: Any) -> Any:
        return self._ask(whole(ids))

    def take(self, ids: Any, axis: Any = None, out: None = None, mode: str = "raise") -> Any:
        """What `np.take` calls."""
        return self[along_rows(ids, axis, out, mode)]

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the whole table."""
        return tuple(self._said()[0])

    @property
    def dtype(self) -> Any:
        """That of the rows."""
        return np.dtype(self._said()[1])

    @property
    def ndim(self) -> int:
        """How many axes the table has."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(ADVICE)

    __iter__ = None

    def _said(self) -> Any:
        if self._about is None:
            self._about = self._ask("about")
        return self._about


def whole(ids: Any) -> NDArray[Any]:
    """The ids of a lookup; `table[ids, :]` means the same as `table[ids]`.

    Raises:
        TypeError: They are anything but whole numbers.
    """
    if isinstance(ids, tuple) and len(ids) == 2 and (ids[1] is ... or ids[1] == slice(None)):
        ids = ids[0]
    if isinstance(ids, (slice, tuple, str, type(None))):
        raise TypeError(ADVICE)
    found = np.asarray(ids)
    if found.dtype.kind not in "iu":
        raise TypeError(ADVICE)
    return found


def along_rows(ids: Any, axis: Any, out: Any, mode: str) -> Any:
    """The ids of a `take` along the rows.

    Raises:
        TypeError: Something else is asked for.
    """
    if axis != 0 or out is not None or mode != "raise":
        raise TypeError(ADVICE)
    return ids
