"""Names of threads, blocks, elements and lines, as a student reads them.

An event is a dict of texts that a program sent; its numbers come from our runtime, but out of a
process that a student's code has run in, so nothing in it is trusted to be a number or a name.
"""

import re
from collections.abc import Mapping

from .build import Program
from .launch import Launch, three

Event = Mapping[str, str]


def number(event: Event, key: str) -> int:
    text = event.get(key, "")
    return int(text) if re.fullmatch(r"-?\d{1,18}", text) else 0


def name(event: Event, key: str = "variable") -> str:
    return re.sub(r"[^\w ]", "", event.get(key, ""))[:60]


class Words:
    """Names of threads, blocks and elements in one launch."""

    def __init__(self, program: Program, launch: Launch, lines: Mapping[int, int]) -> None:
        self.grid, self.block, self.lines = three(launch.grid), three(launch.block), lines
        self.barriers = program.source.barriers()

    def has_barrier_between(self, first: int, second: int) -> bool:
        low, high = sorted((first, second))
        return any(low < line < high for line in self.barriers)

    def line(self, event: Event, key: str = "pc") -> int:
        return self.lines.get(number(event, key), 0)

    def thread(self, linear: int) -> str:
        x, y, z = self.block
        if y == z == 1:
            return f"thread {linear}"
        place = (linear % x, linear // x % y, linear // x // y)
        return f"thread ({', '.join(map(str, place[: 2 if z == 1 else 3]))})"

    def of_block(self, block: tuple[int, int, int]) -> str:
        return "" if self.grid == (1, 1, 1) else f" of {self.block_name(block)}"

    def block_name(self, block: tuple[int, int, int]) -> str:
        _, y, z = self.grid
        if y == z == 1:
            return f"block {block[0]}"
        return f"block ({', '.join(map(str, block[: 2 if z == 1 else 3]))})"

    def who(self, event: Event, prefix: str = "") -> str:
        linear = number(event, f"{prefix}thread")
        return self.thread(linear) + self.of_block(place(event, prefix))


def place(event: Event, prefix: str = "") -> tuple[int, int, int]:
    keys = (f"{prefix}block", f"{prefix}block_y", f"{prefix}block_z")
    x, y, z = (number(event, key) for key in keys)
    return x, y, z


def element(event: Event) -> str:
    """`tile[3][5]`, `out[35]`, or the bare name of a single value."""
    variable, index = name(event), number(event, "index")
    width, height, count = (number(event, key) for key in ("width", "height", "count"))
    if not variable:
        return "memory that belongs to no array"
    if count == 1 and index == 0:
        return variable
    if not width or not 0 <= index < count:
        return f"{variable}[{index}]"
    row, column = divmod(index, width)
    if not height:
        return f"{variable}[{row}][{column}]"
    return f"{variable}[{row // height}][{row % height}][{column}]"


def between(first: int, second: int) -> str:
    low, high = sorted((first, second))
    if not low:
        return ""
    return f" in line {low}" if low == high else f" between lines {low} and {high}"


def in_line(line: int) -> str:
    return f" in line {line}" if line else ""
