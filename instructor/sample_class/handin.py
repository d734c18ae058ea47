"""What the made-up students hand in, and the sources of ours that it is made from."""

import copy
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from autograder.build import notebook
from autograder.course import Course
from autograder.percent import BEGIN, END, Page
from autograder.verify import alternatives

Notebook = dict[str, Any]
Answers = Mapping[str, str]
SOFTMAX, RMSNORM = "vol1_numpy/softmax", "vol1_numpy/rmsnorm"
ATTENTION, OPTIMIZERS, LORA = "vol1_numpy/attention", "vol1_numpy/optimizers", "vol2_pytorch/lora"

LONG = 15.0  # seconds


@dataclass(frozen=True)
class Slip:
    """A declared mistake that a student makes: in which function of which exercise."""

    exercise: str
    function: str
    name: str


@dataclass(frozen=True)
class Student:
    """One submission.

    Attributes:
        name: The folder or file name without its suffix, as the grader shows it.
        story: One line: what this student did.
        files: Contents by path below the folder of submissions.
        slips: The declared mistakes in it.
        unwritten: Exercise and function of what was left out of those exercises.
    """

    name: str
    story: str
    files: Mapping[str, bytes]
    slips: tuple[Slip, ...] = ()
    unwritten: frozenset[tuple[str, str]] = frozenset()


class Sources:
    """The course's exercises, as pages to fill in.

    Args:
        root: The course's folder.
    """

    def __init__(self, root: Path) -> None:
        self.course = Course(root)
        self._notebooks: dict[str, Notebook] = {}

    @cached_property
    def slugs(self) -> tuple[str, ...]:
        return self.course.slugs

    @cached_property
    def pages(self) -> dict[str, Page]:
        """Every exercise's source page by slug."""
        return {slug: self.course.page(slug) for slug in self.slugs}

    @cached_property
    def quick(self) -> tuple[str, ...]:
        """The exercises that are graded in seconds; those that train a model few hand in."""
        return tuple(slug for slug in self.slugs if self.seconds(slug) < LONG)

    def seconds(self, slug: str) -> float:
        """What the checks of an exercise that have a budget of their own may take together."""
        budgets = {c.shared or c.name: c.seconds for c in self.course.exercise(slug).checks}
        return sum(budgets.values())

    def right(self, slug: str) -> dict[str, str]:
        """The reference's answer cells by function, without the markers around the solution."""
        return {
            c.function: _unmarked(c.source) for c in self.pages[slug].cells if c.kind == "answer"
        }

    def module(self, slug: str, answers: Answers | None = None) -> bytes:
        """The stub module with answer cells replaced: by `answers`, else by the reference."""
        filled = self.right(slug) if answers is None else answers
        text = self.course.stub(slug).text()
        for cell in self.course.stub(slug).cells:
            if cell.kind == "answer" and cell.function in filled:
                text = text.replace(cell.source, filled[cell.function], 1)
        return text.encode()

    def notebook(self, slug: str, answers: Answers | None = None) -> Notebook:
        """The derived notebook with answer cells replaced, as a record to change at will."""
        if slug not in self._notebooks:
            stub = self.course.stub(slug)
            book = json.loads(notebook(stub, self.course.exercise(slug)))
            for cell in book["cells"]:  # a file holds lists of lines
                cell["source"] = "".join(cell["source"])
            self._notebooks[slug] = book
        book = copy.deepcopy(self._notebooks[slug])
        for name, source in (self.right(slug) if answers is None else answers).items():
            answer_cell(book, name)["source"] = source
        return book

    def alternatives(self, slug: str) -> list[str]:
        """The right solutions in other styles, each a whole module."""
        return [path.read_text(encoding="utf-8") for path in alternatives(self.course, slug)]


def folder(name: str, story: str, files: Mapping[str, bytes], suffix: str = ".py") -> Student:
    """A student with a folder of exercises, each in its volume's folder."""
    return Student(name, story, {f"{name}/{slug}{suffix}": data for slug, data in files.items()})


def alone(name: str, story: str, suffix: str, data: bytes) -> Student:
    """A student with one file, named after them."""
    return Student(name, story, {f"{name}{suffix}": data})


def answer_cell(book: Notebook, function: str) -> dict[str, Any]:
    """The cell of a derived notebook that `function` is to be written in."""
    return next(c for c in book["cells"] if c["id"].endswith(f"-answer-{function}"))


def code_cell(source: str, ident: str) -> dict[str, Any]:
    """A cell that a student added."""
    cell = {"cell_type": "code", "execution_count": 7, "id": ident, "metadata": {}, "outputs": []}
    return {**cell, "source": source}


def dumped(book: Notebook) -> bytes:
    """A notebook as the bytes of its file."""
    return (json.dumps(book, indent=1, ensure_ascii=False) + "\n").encode()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """An archive of `files` with the same bytes every time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 1, 12, 0, 0)), data, 8)
    return buffer.getvalue()


def _unmarked(source: str) -> str:
    lines = [line for line in source.split("\n") if line.strip() not in (BEGIN, END)]
    return "\n".join(lines)


def weights(sources: Sources) -> dict[str, bytes]:
    """What was trained where that is handed in, too: the course's own example."""
    checks = sources.course.root / "instructor" / "checks"
    found = {}
    for slug in sources.slugs:
        volume, _, name = slug.partition("/")
        path = checks / volume / "attachments" / f"{name}.safetensors"
        if path.is_file():
            found[slug] = path.read_bytes()
    return found


def with_weights(sources: Sources, student: Student) -> Student:
    """The same student with weights beside the exercises that take some."""
    beside = {f"{student.name}/{slug}": data for slug, data in weights(sources).items()}
    stems = {path.rpartition(".")[0] for path in student.files}
    found = {f"{stem}.safetensors": data for stem, data in beside.items() if stem in stems}
    return replace(student, files={**student.files, **found})
