"""Declared mistakes written out as a student's file would hold them, in a course of two toys."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from autograder.course import Course
from autograder.tests.conftest import own_imports

SAMPLE = Path(__file__).resolve().parents[1] / "sample_class"

FIRST = '''"""First."""

# %%
import numpy as np

# %%
### BEGIN SOLUTION
HALF, OTHER = 0.5, np.sqrt(4.0)


### END SOLUTION


def halve(x):
    """Halve."""
    ### BEGIN SOLUTION
    return HALF * x
    ### END SOLUTION


# %%
def visible_halve(student, check):
    """One."""
'''
SECOND = '''"""Second."""

# %%
import numpy as np

from .first import halve

FACTOR = 4.0


# %%
### BEGIN SOLUTION
def _plus(x, y):
    return x + y


### END SOLUTION


def total(x):
    """Half the sum of a row, and 4."""
    ### BEGIN SOLUTION
    return _plus(halve(x).sum(axis=-1), FACTOR)
    ### END SOLUTION


# %%
def visible_total(student, check):
    """One."""


# %%
def twice(x):
    """Twice the total."""
    ### BEGIN SOLUTION
    return _plus(total(x), total(x))
    ### END SOLUTION


# %%
def visible_twice(student, check):
    """One."""
'''
CHECKS = '''"""Checks."""

import math

import numpy as np

from autograder import Exercise, array
from autograder.compare import difference
from solutions.vol1_toys import first, second
from solutions.vol1_toys.first import halve as reference_halve

exercise = Exercise(
    "vol1_toys/second", solution=second, inputs={"x": array("B T")},
    sizes={"B": [2], "T": [3]}, difficulty=1, minutes=1,
)
exercise.matches_reference("total", points=1)
exercise.matches_reference("twice", points=1)
exercise.slip("total", "minus", "x + y", "x - y", "A sign.", within="_plus")
exercise.slip("twice", "thrice", "total(x), total(x)", "total(x), 2 * total(x)", "One too many.")
FEW: float = 3.0


@exercise.mistake("total")
def other_exercise(x):
    """Uses what another exercise has, constants and all."""
    return first.halve(x).sum(axis=-1) + first.OTHER + reference_halve(first.HALF)


@exercise.mistake("total")
def own_constant(x):
    """Uses a constant and an import of the checks, and a name of the exercise."""
    return second.total(x) + FEW * math.pi * second.FACTOR


def helper(x):
    return 7.0 * x


def declare(function, factor, do):
    @exercise.mistake(function)
    def in_a_loop(x):
        """Made within another function."""
        return do(getattr(second, function)(x) * factor)


for function, factor in (("total", 5.0), ("twice", 6.0)):
    declare(function, factor, helper)


@exercise.mistake("total")
def asks_the_engine(x):
    """No student has this."""
    return difference(x, x, "x")
'''


@pytest.fixture
def course(tmp_path: Path) -> Iterator[Course]:
    """Two exercises, the second of which builds on the first."""
    for name, text in {
        "solutions/__init__.py": "",
        "solutions/vol1_toys/__init__.py": "",
        "solutions/vol1_toys/first.py": FIRST,
        "solutions/vol1_toys/second.py": SECOND,
        "instructor/checks/vol1_toys/second.py": CHECKS,
        "instructor/course.toml": '[[volumes]]\nfolder = "vol1_toys"\ntitle = "Toys"\n'
        'exercises = ["first", "second"]\n',
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with own_imports():
        sys.path.insert(0, str(SAMPLE))
        yield Course(tmp_path)


def made(course: Course) -> tuple[dict[tuple[str, str], Any], list[str]]:
    """What each written mistake returns as the student's module, and which cannot be written."""
    slips: Any = importlib.import_module("slips")
    handin: Any = importlib.import_module("handin")
    exercise = course.exercise("vol1_toys/second")
    checks = course.root / "instructor" / "checks" / "vol1_toys" / "second.py"
    renderer = slips.Renderer(exercise, checks, course.root / "solutions")
    sources = handin.Sources(course.root)
    found, not_written = {}, []
    for mistake in exercise.mistakes:
        try:
            text = renderer.rendered(mistake)
        except slips.Unrenderable as reason:
            not_written.append(f"{mistake.name}: {reason}")
            continue
        assert "exercise." not in text and "second." not in text
        answers = {**sources.right("vol1_toys/second"), mistake.function: text}
        module = ModuleType("student")
        module.__package__ = "solutions.vol1_toys"
        exec(sources.module("vol1_toys/second", answers).decode(), module.__dict__)
        found[mistake.function, mistake.name] = vars(module)[mistake.function]
    return found, not_written


def test_a_mistake_is_written_out_with_all_that_it_uses(course: Course) -> None:
    import numpy as np

    found, not_written = made(course)
    x = np.array([2.0, 4.0])  # half the sum is 3, the total 7
    assert {name: float(wrong(x)) for name, wrong in found.items()} == {
        ("total", "minus"): -1.0,
        ("twice", "thrice"): 21.0,
        ("total", "other_exercise"): 3.0 + 2.0 + 0.25,
        ("total", "own_constant"): 7.0 + 12.0 * np.pi,
        ("total", "in_a_loop"): 7.0 * 35.0,
        ("twice", "in_a_loop"): 7.0 * 84.0,
    }
    assert not_written == ["asks_the_engine: difference is only there when checks run"]


def test_those_graded_together_take_turns() -> None:
    sys.path.insert(0, str(SAMPLE))
    try:
        together: Any = importlib.import_module("together")
    finally:
        sys.path.remove(str(SAMPLE))
    used = {"forward": set(), "backward": {"forward"}, "alone": set()}
    assert together.starts({"forward": 3, "backward": 5, "alone": 9}, used) == {
        "forward": 0,
        "backward": 3,
        "alone": 0,
    }
