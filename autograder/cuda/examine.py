"""Judge a kernel: every tier that this machine has, each with an outcome of its own.

The order is that of what a student can use: does it compile, are the values right, do they stay
right in other orders of the threads, and is every access to memory what it should be.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .build import Program, as_source, build
from .command import Execute, execute_here
from .device_compiler import compile_for_device
from .gpu import run_on_gpu
from .launch import Array, Launch, Report, three
from .precision import precision
from .problem import Problem, Refused, Unavailable
from .running import SECONDS, launch_all
from .source import Source
from .toolchain import Tier

SCHEDULES = (1, 2, 3, 4)


class Status(Enum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Outcome:
    """What one tier says: it passed, it failed for these problems, or it was skipped and why."""

    tier: str
    status: Status
    problems: tuple[Problem, ...] = ()
    reason: str = ""

    def __str__(self) -> str:
        if self.status is Status.SKIPPED:
            return f"{self.tier}: skipped: {self.reason}"
        if self.status is Status.PASSED:
            return f"{self.tier}: passed"
        return "\n".join([f"{self.tier}: failed", *(f"  {p}" for p in self.problems)])


@dataclass(frozen=True)
class Case:
    """One launch and what must come of it.

    Attributes:
        launch: The launch.
        exact: The right outputs in float64, by parameter name (integers where they are integers).
        honest: What a plain computation in the same dtype gives; without it, outputs are
            compared exactly.
        c: How many times the honest error is allowed.
        dtype: The dtype in which the kernel computes.
        read: Turns an output into numbers, where it is not (bfloat16).
        owner: For an output, the linear number of the block that must write each element.
        busiest: The share of a block's loads and stores that one thread may have; 1 to not ask.
    """

    launch: Launch
    exact: Mapping[str, Array]
    honest: Mapping[str, Array] = field(default_factory=dict)
    c: float = 2.0
    dtype: str = "float32"
    read: Mapping[str, Callable[[Array], Array]] = field(default_factory=dict)
    owner: Mapping[str, NDArray[np.integer]] = field(default_factory=dict)
    busiest: float = 0.5


Tiers = Mapping[str, Callable[[], tuple[Problem, ...]]]


def examine(
    source: Source | Path | str,
    cases: Sequence[Case],
    *,
    kernels: tuple[str, ...] = (),
    seconds: float = SECONDS,
    execute: Execute = execute_here,
) -> list[Outcome]:
    """Every tier, in order; what cannot be done here is skipped with its reason.

    After a file that does not compile, the tiers that run it are skipped too.

    Raises:
        ValueError: There is no case, so that nothing would be looked at.
    """
    if not cases:
        raise ValueError("there is nothing to examine: give at least one case")
    source = as_source(source)

    def program(tier: Tier) -> Program:
        return build(source, tier, kernels=kernels, execute=execute)

    def values() -> tuple[Problem, ...]:
        return _values(program(Tier.PLAIN), cases, seconds)

    def schedules() -> tuple[Problem, ...]:
        moved = [
            Case(c.launch.but(schedule=seed), c.exact, c.honest, c.c, c.dtype, c.read)
            for c in cases
            for seed in SCHEDULES
        ]
        return _values(program(Tier.PLAIN), moved, seconds)

    def shares() -> tuple[Problem, ...]:
        return _shares(program(Tier.CHECKED), cases, seconds)

    def memory(tier: Tier) -> Callable[[], tuple[Problem, ...]]:
        def run() -> tuple[Problem, ...]:
            reports = launch_all(program(tier), [c.launch for c in cases], seconds=seconds)
            return _first(p for report in reports for p in report.problems)

        return run

    tiers: Tiers = {
        "values": values,
        "schedules": schedules,
        "races and memory": memory(Tier.CHECKED),
        "division of work": shares,
        "addresses": memory(Tier.ADDRESS),
        "device compiler": lambda: compile_for_device(source, kernels=kernels, execute=execute),
        "gpu": run_on_gpu,
    }
    outcomes: list[Outcome] = []
    refused: Refused | None = None
    for name, look in tiers.items():
        if refused is not None and name not in ("device compiler", "gpu"):
            outcomes.append(Outcome(name, Status.SKIPPED, reason="the file cannot be built"))
            continue
        try:
            problems = look()
        except Refused as error:
            refused, problems = error, error.problems
        except Unavailable as error:
            outcomes.append(Outcome(name, Status.SKIPPED, reason=str(error)))
            continue
        status = Status.FAILED if problems else Status.PASSED
        outcomes.append(Outcome(name, status, problems))
    return outcomes


def _first(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Problems without repetition, at most six."""
    unique: dict[tuple[object, ...], Problem] = {}
    for p in problems:
        unique.setdefault((p.kind, p.line, p.variable, p.line == 0 and p.message), p)
    return tuple(unique.values())[:6]


def _values(program: Program, cases: Sequence[Case], seconds: float) -> tuple[Problem, ...]:
    reports = launch_all(program, [case.launch for case in cases], seconds=seconds)
    found: list[Problem] = []
    for case, report in zip(cases, reports, strict=True):
        found += report.problems or wrong_values(case, report)
    return _first(found)


def wrong_values(case: Case, report: Report) -> tuple[Problem, ...]:
    """Outputs that are unwritten or wrong."""
    found = []
    for name, exact in case.exact.items():
        if name not in report.outputs:
            found.append(Problem("values", f"{name} is no output of this kernel", 0, name))
            continue
        got = report.outputs[name].reshape(np.shape(exact))
        empty = report.unwritten(name)
        if empty.all() and empty.size:
            found.append(Problem("values", f"{name} was not written at all", 0, name))
            continue
        if name in case.honest:
            numbers = case.read[name](got) if name in case.read else got
            result = precision(numbers, exact, case.honest[name], dtype=case.dtype, c=case.c)
            message = result.message(name)
        else:
            wrong = int((got != exact).sum())
            message = f"{name} is wrong in {wrong} of {got.size} elements" if wrong else ""
        if message and empty.any():
            share = f"{int(empty.sum())} of {empty.size}"
            message = f"{share} elements of {name} were never written"
        if message:
            found.append(Problem("values", message, 0, name))
    return tuple(found)


def _shares(program: Program, cases: Sequence[Case], seconds: float) -> tuple[Problem, ...]:
    """Does every block do its own share, and do its threads share it?"""
    found: list[Problem] = []
    for case in cases:
        blocks = case.launch.blocks_to_run()
        if case.owner and len(blocks) > 1:
            alone = [case.launch.but(blocks=[b]) for b in (blocks[0], blocks[-1])]
            reports = launch_all(program, alone, seconds=seconds)
            for one, report in zip(alone, reports, strict=True):
                found += outside_its_share(case, one, report)
        if case.busiest < 1:
            report = launch_all(program, [case.launch], seconds=seconds)[0]
            found += idle_threads(report, case.busiest)
    return _first(found)


def outside_its_share(case: Case, one: Launch, report: Report) -> list[Problem]:
    """Launched alone, a block writes its elements, all of them and no others."""
    (block,) = one.blocks_to_run()
    gx, gy, _ = three(one.grid)
    linear = block[0] + gx * (block[1] + gy * block[2])
    name_of_block = f"block {block[0] if gy == 1 else block}"
    found = []
    for name, owner in case.owner.items():
        if name not in report.outputs:
            message = f"launched alone, {name_of_block} does not come to its end"
            return [Problem("shares", message, 0, name, block)]
        written = ~report.unwritten(name).reshape(owner.shape)
        mine = owner == linear
        more, less = int((written & ~mine).sum()), int((mine & ~written).sum())
        if more:
            message = (
                f"launched alone, {name_of_block} writes {more} elements of {name} that belong to "
                "other blocks"
            )
            found.append(Problem("shares", message, 0, name, block))
        if less:
            message = (
                f"launched alone, {name_of_block} leaves {less} of its {int(mine.sum())} elements "
                f"of {name} unwritten"
            )
            found.append(Problem("shares", message, 0, name, block))
    return found


def idle_threads(report: Report, busiest: float) -> list[Problem]:
    """One thread does (nearly) everything while the others of its block look on."""
    if not report.work:
        return [Problem("shares", "the launch does not come to its end")]
    for block, counts in report.work.items():
        per_thread = counts.sum(axis=1)
        total = int(per_thread.sum())
        if len(per_thread) < 8 or total < 4 * len(per_thread):
            continue
        most = int(per_thread.max())
        if most > busiest * total:
            thread = int(per_thread.argmax())
            message = (
                f"thread {thread} of block {block[0]} does {most} of the {total} loads and stores "
                "of its block: divide the work between the threads"
            )
            return [Problem("shares", message, 0, "", block, (thread,))]
    return []
