"""Which functions of an exercise are graded together, so that no student is wrong in both."""

from autograder.exercise import Exercise
from autograder.hints import trace
from autograder.inputs import Seed
from autograder.judge import draw_cases
from autograder.student import LocalBackend, Ref, Student

Uses = dict[str, set[str]]
ANY = Seed(b"which functions a check calls", "nobody", "")


class _Noting(LocalBackend):
    """The reference, taking note of which functions are asked for."""

    def __init__(self, exercise: Exercise) -> None:
        super().__init__(vars(exercise.solution), arrays=exercise.arrays)
        self.asked: set[str] = set()

    def function(self, name: str) -> Ref:
        self.asked.add(name)
        return super().function(name)


def uses(exercise: Exercise, functions: tuple[str, ...]) -> Uses:
    """Per function, which other ones its hidden checks call: a backward takes a forward's cache."""
    found: Uses = {name: set() for name in functions}
    for check in exercise.checks if len(functions) > 1 else ():
        if check.seconds == 0:  # one with a budget of its own takes too long to find out
            backend = _Noting(exercise)
            trace(check, draw_cases(exercise, check, ANY)[:1], Student(backend))
            found[check.function] |= backend.asked & set(functions)
    return {name: others - {name} for name, others in found.items()}


def starts(lengths: dict[str, int], used: Uses) -> dict[str, int]:
    """Which student is the first to be wrong in each function: those graded together, in turns."""
    first: dict[str, int] = {}
    for name, length in lengths.items():
        taken = [n for n in first if n in used[name] or name in used[n]]
        ends = {first[n] + lengths[n] for n in taken}
        first[name] = min(
            start
            for start in {0, *ends}
            if all(start >= first[n] + lengths[n] or start + length <= first[n] for n in taken)
        )
    return first
