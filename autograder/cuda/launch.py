"""What a launch is, and what came of it: data, before and after the run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .problem import Problem

Array = NDArray[Any]
Size = int | tuple[int, ...]
MOST_THREADS = 1024
POISON = 0xFF
# What outputs hold before a launch, by bytes of an element: as floats, NaNs that nothing computes.
UNWRITTEN = {1: 0xBF, 2: 0xFFBF, 4: 0xFFBFFFBF, 8: 0xFFF7FFBFFFBFFFBF}


@dataclass(frozen=True)
class Out:
    """An array that a kernel is to write: nothing is in it before the launch.

    Args:
        shape: Its shape.
        dtype: Its dtype; bfloat16 is passed as uint16 (`bfloat16_bits`).
    """

    shape: Size
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.float32))

    def __init__(self, shape: Size, dtype: DTypeLike = np.float32) -> None:
        object.__setattr__(self, "shape", shape if isinstance(shape, tuple) else (shape,))
        object.__setattr__(self, "dtype", np.dtype(dtype))

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


Argument = Array | Out | int | float | np.integer[Any] | np.floating[Any]


def three(size: Size) -> tuple[int, int, int]:
    """A size of a grid or block as (x, y, z)."""
    values = size if isinstance(size, tuple) else (size,)
    if not 1 <= len(values) <= 3 or any(int(v) < 1 for v in values):
        raise ValueError(f"a grid or a block has one to three sizes of at least 1, not {size}")
    x, y, z = (*(int(v) for v in values), 1, 1)[:3]
    return x, y, z


@dataclass(frozen=True)
class Launch:
    """One launch of one kernel.

    Attributes:
        kernel: Its name; of a template, an instance ("scale<4>").
        grid, block: Number of blocks and of threads per block, in up to three directions.
        args: What the kernel takes, in order: arrays (which a pointer without const may change),
            `Out` for what it is to write, numbers.
        shared: Bytes of dynamic shared memory.
        schedule: 0 runs threads in order, 1 in reverse, any other seed draws an order.
        blocks: The blocks to run; all of them if None.
        constants: Values of `__constant__` arrays.
        poison: The byte that shared memory is filled with before every block.
        trace: Record when every thread runs and waits.
    """

    kernel: str
    grid: Size
    block: Size
    args: Sequence[Argument]
    shared: int = 0
    schedule: int = 0
    blocks: Iterable[Size] | None = None
    constants: Mapping[str, Array] = field(default_factory=dict)
    poison: int = POISON
    trace: bool = False

    def __post_init__(self) -> None:
        three(self.grid)
        threads = int(np.prod(three(self.block)))
        if threads > MOST_THREADS:
            raise ValueError(f"a block has at most {MOST_THREADS} threads, not {threads}")
        for position, value in enumerate(self.args):
            if isinstance(value, np.ndarray) and value.dtype.kind not in "fiub":
                raise ValueError(f"argument {position + 1} has dtype {value.dtype}")
        if self.blocks is not None:
            object.__setattr__(self, "blocks", tuple(self.blocks))

    def blocks_to_run(self) -> list[tuple[int, int, int]]:
        gx, gy, gz = three(self.grid)
        if self.blocks is None:
            return [(x, y, z) for z in range(gz) for y in range(gy) for x in range(gx)]
        chosen = []
        for block in self.blocks:
            values = block if isinstance(block, tuple) else (block,)
            x, y, z = (*(int(v) for v in values), 0, 0)[:3]
            if not (0 <= x < gx and 0 <= y < gy and 0 <= z < gz):
                raise ValueError(f"block {block} is not in the grid {self.grid}")
            chosen.append((x, y, z))
        return chosen

    def but(self, **changes: Any) -> "Launch":
        """The same launch with some of its fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Report:
    """What came of a launch.

    Attributes:
        outputs: Every array that the kernel may change, by the name of its parameter.
        problems: What was seen to be wrong, worst first.
        printed: What the kernel printed.
        trace: The recorded schedule, if asked for (see `picture.py`).
        work: Loads and stores per thread in global memory, (threads, 2) by block; checked builds.
        log: What the sanitizers wrote, for who wants to see more.
    """

    outputs: Mapping[str, Array]
    problems: tuple[Problem, ...] = ()
    printed: str = ""
    trace: tuple[tuple[int, tuple[int, int, int], int, str, int], ...] = ()
    work: Mapping[tuple[int, int, int], NDArray[np.uint32]] = field(default_factory=dict)
    log: str = ""

    @property
    def clean(self) -> bool:
        return not self.problems

    def unwritten(self, name: str) -> NDArray[np.bool_]:
        """Where an output still holds what it was filled with before the launch."""
        array = np.ascontiguousarray(self.outputs[name])
        size = array.dtype.itemsize
        untouched: NDArray[np.bool_] = array.view(f"u{size}") == UNWRITTEN[size]
        return untouched


def bfloat16_bits(values: Array) -> NDArray[np.uint16]:
    """Values rounded to bfloat16 (to nearest even), as the uint16 that a launch takes."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    nan = np.isnan(values)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    result: NDArray[np.uint16] = np.where(nan, np.uint32(0x7FFF), rounded).astype(np.uint16)
    return result


def from_bfloat16(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The float32 values of bfloat16 bits."""
    wide = np.asarray(bits, dtype=np.uint32) << np.uint32(16)
    return wide.view(np.float32)
