"""What is wrong with a kernel, in words, and where."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        kind: What sort of thing: "race", "bounds", "barrier", "unwritten", "compile", ...
        message: One sentence: what, where, what now. Carries no value of any array.
        line: Line of the student's file, 0 when unknown.
        variable: The array it is about, or "".
        block: The block, as (x, y, z), or None.
        threads: Linear numbers of the threads that are involved.
    """

    kind: str
    message: str
    line: int = 0
    variable: str = ""
    block: tuple[int, int, int] | None = None
    threads: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}" if self.line else self.message


class CudaError(Exception):
    """Base of what this package raises on purpose."""


class Unavailable(CudaError):
    """This machine cannot do it; the text is the reason, fit for "skipped: ..."."""


class Refused(CudaError):
    """The source cannot be built; `problems` says why, with lines."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems
