"""nbgrader on the course itself: three assignments, twelve students, accidents and attacks."""

import html
import importlib
import json
import re
import sqlite3
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from autograder.course import Course
from autograder.release import secret_lines
from autograder.tests.nbgrader_course import Book, Classroom, Done, dumped, outputs

pytest.importorskip("nbgrader")
pytestmark = [
    pytest.mark.integrations,
    pytest.mark.skipif(sys.platform != "linux", reason="grading isolates on Linux"),
]
ROOT = Path(__file__).parents[2]
ASSIGNMENTS = {
    "vol1_first": ("softmax", "rmsnorm"),
    "vol1_second": ("attention", "optimizers"),
    "mixed": ("softmax", "attention"),
}
# The third is one that no volume is; the course's own are tested where the folder is made.
SETTINGS = """
c.IsolatedExporter.workers = 2
"""
FULL = 24.0
# What is fair for each row of the table in which other graders are compared: the points for
# softmax, its Jacobian and its backward, which are worth 8, 6 and 10.
FAIR = {
    "right": (8, 6, 10),
    "classes": (8, 6, 10),
    "raises": (8, 0, 10),
    "syntax-error": (8, 0, 10),
    "while-true": (8, 6, 0),
    "ignores-interrupts": (8, 0, 10),
    "slow": (8, 6, 10),
    "exits-in-a-function": (8, 0, 10),
    "exits-at-top-level": (8, 0, 10),
    "os-exit": (8, 6, 0),
    "patches-numpy-testing": (0, 0, 0),
    "rewrites-later-cells": (0, 0, 0),
    "writes-the-gradebook": (0, 0, 0),
    "pickled-result": (8, 0, 10),
    "warns": (8, 6, 10),
    "holds-2-gib": (8, 6, 0),
    "prints-everything": (8, 6, 10),
    "tampers": (0, 0, 0),
    "always-equal": (0, 0, 10),
    "raises-a-verdict": (8, 0, 10),
}
FUNCTIONS = ("softmax", "softmax_jacobian", "softmax_backward")


@cache
def sample_class() -> SimpleNamespace:
    """The modules that make up the sample class; their folder is no package."""
    folder = str(ROOT / "instructor" / "sample_class")
    sys.path.insert(0, folder)
    try:
        names = ("handin", "accidents", "trouble", "hostile", "right")
        modules: dict[str, ModuleType] = {n: importlib.import_module(n) for n in names}
    finally:
        sys.path.remove(folder)
    return SimpleNamespace(**modules, sources=modules["handin"].Sources(ROOT))


def slug(notebook: str) -> str:
    return f"vol1_numpy/{notebook}"


def reference(notebook: str, **answers: str) -> Book:
    sources = sample_class().sources
    made: Book = sources.notebook(slug(notebook), sources.right(slug(notebook)) | answers)
    return made


def classroom(folder: Path) -> Classroom:
    """The course's folder for nbgrader, with one assignment more than the course declares."""
    (folder / "secret").write_text("a secret that only this test uses\n")
    room = Classroom(folder / "room", ROOT, folder / "secret")
    room.init("vol1_first", "vol1_second")
    room.configure(SETTINGS)
    mixed = room.folder / "source" / "mixed"
    mixed.mkdir()
    for one, notebook in (("vol1_first", "softmax"), ("vol1_second", "attention")):
        path = room.folder / "source" / one / f"{notebook}.ipynb"
        (mixed / path.name).write_bytes(path.read_bytes())
    return room


# Twelve students


def _first_function(notebook: str) -> str:
    return next(iter(sample_class().sources.right(slug(notebook))))


def _style(notebook: str) -> Book:
    sources = sample_class().sources
    text = sources.alternatives(slug(notebook))[0]
    answers = sample_class().right.split(text, sources.pages[slug(notebook)].functions)
    made: Book = sources.notebook(slug(notebook), answers)
    return made


def _mess(name: str) -> Any:
    """One of the sample class's accidents, done to a right notebook."""
    change = next(change for own, _, change in sample_class().accidents.MESSES if own == name)

    def made(notebook: str) -> Book:
        book = reference(notebook)
        change(book)
        return book

    return made


def _without_first(notebook: str) -> Book:
    stub = sample_class().sources.notebook(slug(notebook), {})
    book = reference(notebook)
    ident = f"-answer-{_first_function(notebook)}"
    for cell, blank in zip(book["cells"], stub["cells"], strict=True):
        if cell["id"].endswith(ident):
            cell["source"] = blank["source"]
    return book


def _raises_first(notebook: str) -> Book:
    name = _first_function(notebook)
    return reference(notebook, **{name: f"def {name}(*args, **more):\n    raise ValueError"})


def _foreign(notebook: str) -> Book:
    book = reference(notebook)
    for name in ("old-format", "other-kernel"):
        next(m for own, _, m in sample_class().accidents.MESSES if own == name)(book)
    return book


STUDENTS = {
    "ann": reference,
    "bob": _style,
    "cat": _without_first,
    "dan": _raises_first,
    "eve": _mess("duplicated"),
    "fay": _mess("lost-all"),
    "gus": _mess("no-checks"),
    "hal": _mess("edited-points"),
    "ian": _foreign,
    "jan": reference,  # her first notebook is cut off
    "kim": reference,  # her first notebook is missing
    "lea": reference,  # late
}


def hand_in_class(room: Classroom) -> None:
    for assignment, notebooks in ASSIGNMENTS.items():
        for student, make in STUDENTS.items():
            for number, notebook in enumerate(notebooks):
                data = dumped(make(notebook))
                if student == "kim" and number == 0:
                    continue
                if student == "jan" and number == 0:
                    data = data[: len(data) // 2]
                room.hand_in(student, assignment, notebook, data)
        late = room.folder / "submitted" / "lea" / assignment / "timestamp.txt"
        late.write_text("2026-11-09 12:00:00 UTC")


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Classroom, list[Done]]]:
    """A term: released, handed in, graded, told, exported."""
    room = classroom(tmp_path_factory.mktemp("term"))
    room.settle(*(f"generate_assignment {name}" for name in ASSIGNMENTS))
    hand_in_class(room)
    done = room.settle(*(f"autograde {name}" for name in ASSIGNMENTS))
    room.settle(*(f"generate_feedback {name}" for name in ASSIGNMENTS))
    room.settle("export --to grades.csv")
    yield room, done


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_everybody_has_the_points_that_are_fair(
    term: tuple[Classroom, list[Done]], assignment: str
) -> None:
    room, _ = term
    grades = room.grades()
    for number, notebook in enumerate(ASSIGNMENTS[assignment]):
        full = sum(grades["ann", assignment, notebook].values())  # type: ignore[arg-type]
        course = Course(ROOT)
        points = course.exercise(slug(notebook)).points
        assert full == sum(map(points, course.page(slug(notebook)).functions))
        for student in STUDENTS:
            cells = grades[student, assignment, notebook]
            total = sum(score or 0.0 for score in cells.values())
            if student in ("cat", "dan"):
                assert cells[f"{notebook}-{_first_function(notebook)}"] == 0.0
                assert total < full
            elif student in ("jan", "kim") and number == 0:
                assert total == 0.0
            else:
                assert total == full, (student, notebook)


def test_everybody_has_feedback_and_a_line_in_the_export(
    term: tuple[Classroom, list[Done]],
) -> None:
    room, _ = term
    for assignment, notebooks in ASSIGNMENTS.items():
        for student in STUDENTS:
            for number, notebook in enumerate(notebooks):
                if student != "kim" or number:
                    page = room.feedback(student, assignment, notebook)
                    assert page.count("tex2jax_ignore mathjax_ignore") == len(
                        Course(ROOT).page(slug(notebook)).functions
                    )
    lines = (room.folder / "grades.csv").read_text().splitlines()
    assert len(lines) == 1 + len(STUDENTS) * len(ASSIGNMENTS)


def test_no_hidden_text_is_in_any_file_that_nbgrader_writes(
    term: tuple[Classroom, list[Done]],
) -> None:
    room, _ = term
    theirs = "\n".join(_text(p) for p in (room.folder / "submitted").rglob("*.ipynb"))
    course = Course(ROOT)
    # A hint is told to those who make the mistake, and so is what a check is called.
    told = ""
    for exercise in map(course.exercise, course.slugs):
        told += " ".join([c.title for c in exercise.checks] + [m.hint for m in exercise.mistakes])
    secrets = [s for s in secret_lines(course) if s not in theirs and s.strip('" ') not in told]
    assert len(secrets) > 500
    files = [p for p in room.folder.rglob("*") if p.is_file() and _is_nbgrader_s(room, p)]
    assert {p.relative_to(room.folder).parts[0] for p in files} >= {
        *("source", "release", "autograded", "feedback", "gradebook.db", "grades.csv")
    }
    # Most lines are the same for all students; a telling line is never longer than one.
    lines = {line: path for path in files for line in _text(path).splitlines()}
    text = "\n".join(lines)
    leaks = {s: path for s in secrets if s in text for line, path in lines.items() if s in line}
    assert leaks == {}
    # And it would be seen.
    book = room.autograded("ann", "mixed", "softmax")
    book["cells"][0]["source"] = f'x\n{secrets[0]}\n"y"'
    planted = room.folder / "planted.ipynb"
    planted.write_bytes(dumped(book))
    assert secrets[0] in _text(planted)


def _is_nbgrader_s(room: Classroom, path: Path) -> bool:
    top = path.relative_to(room.folder).parts[0]
    return top not in ("submitted", "results", "nbgrader_config.py") and path.suffix != ".svg"


def _text(path: Path) -> str:
    """Everything that a file says, without how it is written down."""
    if path.suffix == ".db":
        with sqlite3.connect(path) as gradebook:
            return "\n".join(gradebook.iterdump())
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".html":
        return html.unescape(re.sub(r"<[^>]*>", "", text))
    try:
        return "\n".join(_strings(json.loads(text)))
    except ValueError:
        return text


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and all(isinstance(v, str) for v in value):
        yield "".join(value)
    elif isinstance(value, (dict, list)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings(one)


# One notebook each


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Classroom, Done]]:
    """Every accident and every row of the table, in one run."""
    folder = tmp_path_factory.mktemp("crowd")
    room = classroom(folder)
    room.settle("generate_assignment vol1_first")
    parts = sample_class()
    for name, _, change in parts.accidents.MESSES:
        book = reference("softmax")
        change(book)
        room.hand_in(name, "vol1_first", "softmax", dumped(book))
    for one in (*parts.trouble.TROUBLES, *parts.hostile.ATTACKS):
        if one.name in FAIR:
            ((_, data),) = parts.trouble.troubled(parts.sources, one).files.items()
            room.hand_in(one.name, "vol1_first", "softmax", data)
    room.hand_in("right", "vol1_first", "softmax", dumped(reference("softmax")))
    classes = parts.right.CLASSES
    room.hand_in("classes", "vol1_first", "softmax", dumped(reference("softmax", **classes)))
    whole = dumped(reference("softmax"))
    for name, data in (("truncated", whole[:5000]), ("empty", b""), ("latin-1", b"{'\xfc'")):
        room.hand_in(name, "vol1_first", "softmax", data)
    (done,) = room.run("autograde vol1_first")
    assert done.code == 0, done.text[-3000:]
    yield room, done


def test_every_row_of_the_table_comes_out_at_fair(crowd: tuple[Classroom, Done]) -> None:
    grades = crowd[0].grades()
    got = {
        name: tuple(grades[name, "vol1_first", "softmax"][f"softmax-{f}"] for f in FUNCTIONS)
        for name in FAIR
    }
    assert got == {name: tuple(map(float, fair)) for name, fair in FAIR.items()}


def test_no_accident_costs_a_point(crowd: tuple[Classroom, Done]) -> None:
    names = [name for name, _, _ in sample_class().accidents.MESSES]
    got = {name: crowd[0].total(name, "vol1_first", "softmax") for name in names}
    assert got == dict.fromkeys(names, FULL)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("duplicated", "Cells that were there several times are one: softmax-01,"),
        ("split", "Cells that were there several times are one: softmax-answer-softmax_backward."),
        ("lost-one", "Cells without their label were recognised: softmax-answer-softmax_jacobian."),
        ("lost-all", "Cells without their label were recognised: softmax-01,"),
        ("no-checks", "Missing cells were put back: softmax-01,"),
        ("as-markdown", "Cells of another type were turned back: softmax-answer-softmax."),
        ("edited-points", "Points that were edited change nothing: softmax-softmax,"),
        ("old-format", "The notebook is in an old format, in which cells have no ids."),
        ("oldest-format", "The notebook is in an old format, in which cells have no ids."),
        ("other-kernel", "The notebook was saved for a kernel that is not python."),
        ("truncated", "softmax.ipynb is not a complete notebook: its JSON is broken at line"),
        ("empty", "softmax.ipynb is empty; save it and hand it in again."),
        ("latin-1", "softmax.ipynb is not UTF-8 text"),
    ],
)
def test_every_repair_is_reported(crowd: tuple[Classroom, Done], name: str, said: str) -> None:
    room, done = crowd
    assert f"{name}, softmax: {said}" in done.text
    _, shown = outputs(room.autograded(name, "vol1_first", "softmax"), "softmax-softmax")
    assert said in "".join(shown["data"]["text/plain"])


def test_a_function_that_is_written_twice_is_told_in_the_feedback(
    crowd: tuple[Classroom, Done],
) -> None:
    book = crowd[0].autograded("redefines", "vol1_first", "softmax")
    _, shown = outputs(book, "softmax-softmax")
    assert "; the last was used" in "".join(shown["data"]["text/plain"])


def test_an_attack_leaves_nothing_behind(crowd: tuple[Classroom, Done]) -> None:
    room, _ = crowd
    marker = sample_class().hostile.MARKER
    assert not [p for p in room.folder.rglob(marker)]
    assert "594" not in "".join(str(row) for row in room.rows())


def test_stock_nbgrader_is_started_without_a_kernel(crowd: tuple[Classroom, Done]) -> None:
    assert "IPKernelApp" not in crowd[1].text
