"""Two declared mistakes at once: still caught, and never explained as a third one."""

from itertools import combinations

import numpy as np

from ..errors import CourseError
from ..exercise import Exercise
from ..inputs import Seed
from ..judge import Bench, Memo, grade_function
from ..mistake import Mistake, edited, run_source
from ..result import FunctionResult
from ..student import LocalBackend, Student


def pairs(exercise: Exercise, most: int) -> list[tuple[Mistake, Mistake]]:
    """Pairs of mistakes in one function that are both edits, at most so many per function."""
    found = []
    functions = dict.fromkeys(m.function for m in exercise.mistakes)
    rng = np.random.default_rng(0)
    for function in functions:
        slips = [m for m in exercise.mistakes if m.function == function and m.edit]
        both = list(combinations(slips, 2))
        chosen = rng.permutation(len(both))[:most]
        found += [both[i] for i in sorted(chosen)]
    return found


def combined_problems(exercise: Exercise, most: int, seed: Seed) -> tuple[int, list[str]]:
    """How many pairs could be made and were tried, and what went wrong."""
    with open(str(exercise.solution.__file__), encoding="utf-8") as file:
        source = file.read()
    tried, problems, memo = 0, [], Memo()
    for one, two in pairs(exercise, most):
        try:
            text = edited(edited(source, one), two)
            names = run_source(text, exercise.solution, str(exercise.solution.__file__))
        except (CourseError, SyntaxError):
            continue  # both edit the same words
        tried += 1
        student = Student(LocalBackend(names, arrays=exercise.arrays))
        bench = Bench(lambda s=student: s, attached=exercise.example)  # type: ignore[misc]
        result = grade_function(exercise, one.function, bench, seed, memo)
        where = f"{one.function}: {one.name} and {two.name} together"
        if result.points >= result.max_points:
            problems.append(f"{where} get full points")
        named = _third(result, one, two)
        # Two edits may make exactly what a third one makes; then it is so for everybody.
        again = grade_function(exercise, one.function, bench, Seed(b"again")) if named else result
        if named != _third(again, one, two):
            problems.append(f"{where} are taken for {', '.join(sorted(named))}")
    return tried, problems


def _third(result: FunctionResult, one: Mistake, two: Mistake) -> set[str]:
    """The mistakes that a result is explained by, other than by the hints of the two."""
    hints = {c.hint for c in result.checks if c.hint} - {one.hint, two.hint}
    return {c.mistake for c in result.checks if c.hint in hints}
