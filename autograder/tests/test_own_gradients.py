"""Where gradients are to be written, PyTorch does not differentiate for the student.

The corpus in `attacks/gradients` is graded at every level of the machine. What a docstring may say
is what those of `test_attacks.py` say; the target is one function in PyTorch, 1 point for its
values and 3 for its gradient.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.build import build
from autograder.course import Course
from autograder.pool import Grader, Job
from autograder.result import ExerciseResult
from autograder.submission import find_students
from autograder.tests import toy_course
from autograder.tests.conftest import own_imports

pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="isolation needs Linux")

CORPUS = Path(__file__).parent / "attacks" / "gradients"
SLUG = "vol2_toys/squash"
TOML = """
[[volumes]]
folder = "vol2_toys"
title = "Volume 2: toys"
arrays = "torch"
exercises = ["squash"]
own_gradients = ["squash"]
"""
SOURCE = '''\
"""Squashing: the hyperbolic tangent, and its gradient."""

# %% [markdown]
# # Squash

# %%
import torch


# %%
class Squash(torch.autograd.Function):
    """One node."""

    @staticmethod
    def forward(ctx, x):
        ### BEGIN SOLUTION
        out = torch.tanh(x)
        ctx.save_for_backward(out)
        return out
        ### END SOLUTION

    @staticmethod
    def backward(ctx, dout):
        ### BEGIN SOLUTION
        (out,) = ctx.saved_tensors
        return dout * (1 - out * out)
        ### END SOLUTION


def squash(x: torch.Tensor) -> torch.Tensor:
    """Take the hyperbolic tangent of `x`.

    Args:
        x: (N, M). What is squashed.

    Returns:
        out: (N, M).

    Source:
        Any book.
    """
    ### BEGIN SOLUTION
    return Squash.apply(x)
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_squash(student: Student, check: Check) -> None:
    """Zero."""
    check.close(student.squash(torch.zeros(1).numpy()), [0.0], "squash(0)")
'''
CHECKS = '''\
"""Hidden checks for vol2_toys/squash."""

import numpy as np

from autograder import Exercise, array, recorded
from solutions.vol2_toys import squash

exercise = Exercise(
    "vol2_toys/squash",
    solution=squash,
    arrays="torch",
    difficulty=1,
    minutes=5,
    inputs={"x": array("N M"), "dout": array("N M")},
    sizes={"N": [2, 3], "M": [4, 3]},
)


@exercise.satisfies("squash", kind="R", points=1)
def has_its_values(student, x):
    """The values."""
    return student.squash(x), np.tanh(x)


@exercise.satisfies("squash", kind="R", points=3, rtol=1e-12)
def has_its_gradient(student, x, dout):
    """The gradient."""
    held = student.keep(student.library("torch.Tensor.requires_grad_"), student.hold(x))
    out = student.keep(student.squash, held)
    grad = student.library("torch.autograd.grad")
    return grad(out, [held], dout), (dout * (1 - np.tanh(x) ** 2),)


@exercise.satisfies("squash", gate=True)
def is_a_function_of_yours(student, x):
    """Autograd records nothing."""
    held = student.keep(student.library("torch.Tensor.requires_grad_"), student.hold(x))
    return not recorded(student, student.keep(student.squash, held))
'''
ATTACKS = sorted(CORPUS.glob("*.py"))


@pytest.fixture(scope="module", params=["A", "B", "C"])
def grader(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Grader]:
    from autograder.sandbox.probe import try_level

    problem = try_level(request.param)
    if problem is not None:
        pytest.skip(f"level {request.param} is not to be had here: {problem}")
    root = tmp_path_factory.mktemp(f"gradients_{request.param}") / "toys"
    toy_course.write(root)
    toy_course.append(root, "instructor/course.toml", TOML)
    for name, text in (
        ("solutions/vol2_toys/__init__.py", '"""Toys."""\n'),
        (f"solutions/{SLUG}.py", SOURCE),
        (f"instructor/checks/{SLUG}.py", CHECKS),
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for folder in (root, *root.parents):
        if folder == Path("/tmp"):
            break
        folder.chmod(0o755)
    with own_imports():
        build(Course(root))
        out = root / "graded"
        (out / "students").mkdir(parents=True)
        grader = Grader(Job(root, (SLUG,), out, request.param))
        try:
            yield grader
        finally:
            grader.close()


def graded(grader: Grader, name: str, text: str) -> ExerciseResult:
    """Hand in a module as a student of this name."""
    folder = grader.job.root / "handed_in" / name
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "squash.py").write_text(text, encoding="utf-8")
    (found,) = find_students(folder, exercises=(SLUG,))
    result, _ = grader.grade(found)
    (exercise,) = result.exercises
    return exercise


def test_each_attack_gets_what_is_fair(grader: Grader) -> None:
    wrong = []
    for path in ATTACKS:
        text = path.read_text(encoding="utf-8")
        says = dict(re.findall(r"^(expect|review): (.+)$", text.split('"""')[1], re.M))
        result = graded(grader, path.stem, text)
        expected = float(says["expect"].removeprefix("squash="))
        told = [c.message for f in result.functions for c in f.checks if c.status != "passed"]
        if result.points != expected or result.status != "graded":
            wrong.append((path.stem, result.points, expected, told, result.reason))
        if ("review" in says) is not bool(result.review):
            wrong.append((path.stem, "review", result.review))
    assert wrong == [], "\n".join(map(str, wrong))


def test_a_student_is_told_why(grader: Grader) -> None:
    text = (CORPUS / "backward_method.py").read_text(encoding="utf-8")
    result = graded(grader, "told", text)
    (function,) = result.functions
    said = {c.name: (c.status, c.message) for c in function.checks}
    want = "It has the library differentiate; here the gradient is yours to write."
    assert said["has_its_gradient"] == ("failed", want)
    result = graded(grader, "named", (CORPUS / "asks_the_engine.py").read_text(encoding="utf-8"))
    (function,) = result.functions
    assert "torch.autograd.grad is not allowed in this exercise: write the gradient yourself" in (
        function.checks[0].message
    )


def test_the_reference_is_right(grader: Grader) -> None:
    assert graded(grader, "reference", SOURCE).points == 4.0


def test_the_corpus_has_every_way_to_a_gradient() -> None:
    assert len(ATTACKS) >= 25
    assert sum(path.stem.startswith("honest") for path in ATTACKS) >= 3
