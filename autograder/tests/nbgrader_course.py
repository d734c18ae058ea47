"""nbgrader run for real, for its tests: the command, the notebooks, and what the gradebook says."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Book = dict[str, Any]
# One interpreter imports nbgrader, and each command is a process forked from it.
DRIVER = """
import json, os, sys
from nbgrader.apps.nbgraderapp import main
for number, words in enumerate(json.loads(sys.argv[1])):
    pid = os.fork()
    if not pid:
        log = os.open(f"{sys.argv[2]}.{number}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1), os.dup2(log, 2)
        sys.argv = ["nbgrader", *words]
        try:
            main()
        except SystemExit as end:
            os._exit(end.code or 0 if isinstance(end.code, int | None) else 1)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
GRADES = """
select student.id, assignment.name, notebook.name, base_cell.name, grade.auto_score,
       grade.manual_score, grade.needs_manual_grade
from grade
join submitted_notebook on grade.notebook_id = submitted_notebook.id
join submitted_assignment on submitted_notebook.assignment_id = submitted_assignment.id
join notebook on submitted_notebook.notebook_id = notebook.id
join assignment on submitted_assignment.assignment_id = assignment.id
join student on submitted_assignment.student_id = student.id
join base_cell on grade.cell_id = base_cell.id
"""


@dataclass(frozen=True)
class Done:
    """A command that has run: its exit code and everything it printed."""

    code: int
    text: str


@dataclass(frozen=True)
class Classroom:
    """A folder in which nbgrader works, made by `autograder nbgrader init`.

    Attributes:
        folder: The folder.
        course: The course that it is made from.
        secret: A file with the course secret.
    """

    folder: Path
    course: Path
    secret: Path

    def environment(self) -> dict[str, str]:
        bin_folder = str(Path(sys.executable).parent)
        package = str(Path(__file__).parents[2])
        return {
            **os.environ,
            "AUTOGRADER_SECRET_FILE": str(self.secret),
            "JUPYTER_CONFIG_DIR": str(self.folder / "none"),
            "PATH": os.pathsep.join([bin_folder, os.environ.get("PATH", "")]),
            "PYTHONPATH": os.pathsep.join([package, os.environ.get("PYTHONPATH", "")]),
            "PYTHONWARNINGS": "ignore",
        }

    def init(self, *assignments: str) -> str:
        """`autograder nbgrader init`."""
        command = [sys.executable, "-m", "autograder.cli", "nbgrader", "init", str(self.folder)]
        done = subprocess.run(
            [*command, *assignments],
            cwd=self.course,
            env=self.environment(),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(self, *commands: str, cwd: Path | None = None) -> list[Done]:
        """`nbgrader` with each of these lines of words, one after the other."""
        log = self.folder / "log"
        words = json.dumps([line.split() for line in commands])
        done = subprocess.run(
            [sys.executable, "-c", DRIVER, words, str(log)],
            cwd=cwd or self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        codes = [int(line) for line in done.stdout.split()]
        logs = [Path(f"{log}.{n}") for n in range(len(codes))]
        return [Done(c, p.read_text(errors="replace")) for c, p in zip(codes, logs, strict=True)]

    def settle(self, *commands: str) -> list[Done]:
        """The same, and all of them succeed."""
        done = self.run(*commands)
        for one in done:
            assert one.code == 0, one.text
        return done

    def configure(self, text: str) -> None:
        """Add lines to the configuration."""
        with (self.folder / "nbgrader_config.py").open("a", encoding="utf-8") as file:
            file.write(text + "\n")

    def hand_in(self, student: str, assignment: str, notebook: str, data: bytes) -> Path:
        path = self.folder / "submitted" / student / assignment / f"{notebook}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def handed_out(self, assignment: str, notebook: str) -> Book:
        """The released notebook, its sources as one text each."""
        path = self.folder / "release" / assignment / f"{notebook}.ipynb"
        book: Book = json.loads(path.read_text(encoding="utf-8"))
        for cell in book["cells"]:
            cell["source"] = "".join(cell["source"])
        return book

    def autograded(self, student: str, assignment: str, notebook: str) -> Book:
        path = self.folder / "autograded" / student / assignment / f"{notebook}.ipynb"
        return json.loads(path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]

    def feedback(self, student: str, assignment: str, notebook: str) -> str:
        path = self.folder / "feedback" / student / assignment / f"{notebook}.html"
        return path.read_text(encoding="utf-8")

    def grades(self) -> dict[tuple[str, str, str], dict[str, float | None]]:
        """What the gradebook has: automatic score by cell, by student, assignment, notebook."""
        found: dict[tuple[str, str, str], dict[str, float | None]] = {}
        for student, assignment, notebook, cell, score, *_ in self.rows():
            found.setdefault((student, assignment, notebook), {})[cell] = score
        return found

    def rows(self) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.folder / "gradebook.db") as gradebook:
            found = gradebook.execute(GRADES).fetchall()
        gradebook.close()
        return found

    def total(self, student: str, assignment: str, notebook: str) -> float:
        return sum(score or 0.0 for score in self.grades()[student, assignment, notebook].values())


def filled(book: Book, answers: dict[str, str]) -> Book:
    """The notebook with its answer cells written."""
    for name, source in answers.items():
        answer(book, name)["source"] = source
    return book


def answer(book: Book, function: str) -> dict[str, Any]:
    """The cell for `function`."""
    found: dict[str, Any] = next(
        c
        for c in book["cells"]
        if c["metadata"].get("nbgrader", {}).get("grade_id", "").endswith(f"-answer-{function}")
    )
    return found


def dumped(book: Book) -> bytes:
    return json.dumps(book).encode()


def outputs(book: Book, ident: str) -> list[dict[str, Any]]:
    """The outputs of a cell of an autograded notebook."""
    found: list[dict[str, Any]] = next(
        c["outputs"]
        for c in book["cells"]
        if c["metadata"].get("nbgrader", {}).get("grade_id") == ident
    )
    return found


def changed(book: Book, change: Callable[[Book], object]) -> bytes:
    change(book)
    return dumped(book)
