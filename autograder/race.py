"""Declaring a race: a workload on which right solutions are compared with the reference's speed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.random import Generator

from .inputs import Input

# A lap: from random numbers to the amount of work done and the answer.
Lap = Callable[[Generator], tuple[float, Any]]


@dataclass(frozen=True)
class Race:
    """A workload that right solutions are compared on.

    Attributes:
        name: Unique within the exercise.
        title: What is done, one sentence that students read.
        unit: What is counted, in the plural: "tokens".
        laps: How many count.
        seconds: What one call may take; it is ended at 2.5 times that.
        rtol: How far answers may be from the reference's; by dtype if None.
        inputs: How what the author asks for is drawn.
        sizes: The named sizes.
        author: Takes `student` and inputs by name, makes ready, and returns a `Lap`.
    """

    name: str
    title: str
    unit: str
    laps: int
    seconds: float
    rtol: float | None
    inputs: Mapping[str, Input]
    sizes: Mapping[str, int]
    author: Callable[..., Lap]
