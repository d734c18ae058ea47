"""One piece of memory for all weights of a model."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

ALIGNED = 64  # bytes: a line of the cache


class Shelf:
    """Memory in which arrays lie one behind the other, in the order in which they are used.

    NumPy asks the system for large pages where an array has several megabytes. Weights of one layer
    of a small model are smaller than that; in pages of 4 kB a decoding step spends a tenth of its
    time looking up where they are.

    Args:
        nbytes: How much there is room for.
        pieces: How many arrays will be placed.
    """

    def __init__(self, nbytes: int, pieces: int) -> None:
        self._memory = np.empty(nbytes + (pieces + 1) * ALIGNED, np.uint8)
        self._used = -self._memory.ctypes.data % ALIGNED

    def place(self, array: NDArray[Any]) -> NDArray[Any]:
        """A copy on the shelf, in C order."""
        start = self._used
        self._used += -(-array.nbytes // ALIGNED) * ALIGNED
        kept = self._memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
        kept[...] = array
        return kept
