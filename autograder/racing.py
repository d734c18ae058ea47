"""Running races: how fast right work is, beside the reference in the same run. Never a point.

Both run in workers of the same kind, in turns, on inputs that are new in every lap, so that nothing
can be remembered. What counts is processor time, read from outside, also that of this process:
whatever a worker has the supervisor compute for it is its own.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median
from typing import Any

from numpy.random import Generator

from .case import Case
from .compare import difference
from .errors import StudentError
from .inputs import Seed, parameters
from .judge import SLACK, UNFIT, Bench, said_of, status_of
from .quiet import quiet
from .race import Lap, Race
from .result import FunctionResult, RaceResult

NOT_RUN = "It is run once every check of the exercise passes."
OTHER_ANSWERS = "The answers in it are not the reference's."
TOO_SHORT = "A lap is too short to be measured."
OURS = "The fault is ours and not in your work."
# One lap before those that count: caches, allocators and what is made at the first call.
WARM_UP = 1


class NotMeasured(Exception):
    """A race gives no figure; the text is a sentence that students may read."""


def all_right(functions: tuple[FunctionResult, ...]) -> bool:
    """Whether every check that could be run passes, so that speed means something."""
    checks = [c for f in functions for c in f.checks]
    return bool(checks) and all(c.status in ("passed", "skipped") for c in checks)


def not_run(race: Race) -> RaceResult:
    """The result where the work is not right yet."""
    return RaceResult(race.name, race.title, race.unit, reason=NOT_RUN)


def run_race(race: Race, slug: str, own: Bench, reference: Bench, seed: Seed) -> RaceResult:
    """Let a student's worker and one with the reference work in turns.

    Args:
        slug: The exercise, for the inputs.
        own: Opens the student's worker.
        reference: Opens a worker that has loaded the reference.

    Returns:
        The median over the laps of how many times faster the student's worker is, and its median
        speed; or why there is no figure. Nothing is raised.
    """
    blank = RaceResult(race.name, race.title, race.unit)
    try:
        laps = _run(race, slug, own, reference, seed)
    except NotMeasured as why:
        return replace(blank, reason=str(why))
    except Exception as error:  # ours: no student code runs in this process
        return replace(blank, reason=f"{OURS[:-1]} ({type(error).__name__}).")
    ratio = median(theirs / mine for _, mine, theirs in laps)
    speed = median(amount / mine for amount, mine, _ in laps)
    return replace(blank, ratio=_rounded(ratio), speed=_rounded(speed))


def _run(
    race: Race, slug: str, own: Bench, reference: Bench, seed: Seed
) -> list[tuple[float, float, float]]:
    """Of each lap the amount of work and both times."""
    case = Case(race.inputs, race.sizes, "float64", seed, (slug, race.name, "race"))
    names = tuple(n for n in parameters(race.author) if n != "student")
    sides = (_Side(race, own, theirs=False), _Side(race, reference, theirs=True))
    for side in sides:
        side.make_ready(lambda student: race.author(student, **case.values(names)))
    found = []
    for number in range(WARM_UP + race.laps):
        order = sides if number % 2 else sides[::-1]
        for side in order:
            side.run(seed.generator(slug, race.name, "lap", str(number)))
        mine, theirs = sides
        if difference(mine.answer, theirs.answer, rtol=race.rtol):
            raise NotMeasured(OTHER_ANSWERS)
        if min(mine.seconds, theirs.seconds) <= 0.0:
            raise NotMeasured(f"{TOO_SHORT} {OURS}")
        if number >= WARM_UP:
            found.append((theirs.amount, mine.seconds, theirs.seconds))
    return found


class _Side:
    """One of the two, and its last lap."""

    def __init__(self, race: Race, bench: Bench, *, theirs: bool) -> None:
        self.race, self.theirs = race, theirs
        self.amount, self.answer, self.seconds = 0.0, None, 0.0
        with self.blamed():
            self.student = bench.seat(SLACK * race.seconds)

    def make_ready(self, author: Callable[[Any], Lap]) -> None:
        with self.blamed():
            self.lap = author(self.student)

    def run(self, rng: Generator) -> None:
        with self.blamed():
            start = self.clock()
            self.amount, self.answer = self.lap(rng)
            self.seconds = self.clock() - start

    def clock(self) -> float:
        """Processor seconds of the worker, and of ours, which serves it and does nothing else."""
        return self.student.cpu_seconds() + time.process_time()

    @contextlib.contextmanager
    def blamed(self) -> Iterator[None]:
        """Turn what goes wrong into the sentence that says whose fault it is."""
        try:
            with quiet():
                yield
        except StudentError as error:
            if self.theirs:
                raise NotMeasured(f"The reference did not come to its end. {OURS}") from None
            raise NotMeasured(said_of(error, status_of(error), self.race.seconds)) from None
        except UNFIT:
            if self.theirs:
                raise
            raise NotMeasured("An answer in it is not of the kind that is asked for.") from None


def _rounded(value: float) -> float:
    """To four digits: there is nothing behind them."""
    return float(f"{value:.4g}")
