"""What lives as long as one `nbgrader autograde`: settings, handed-out notebooks, results."""

import copy
import sys
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from traitlets import Enum, Integer, Unicode

from ..course import Course
from ..errors import AutograderError, CourseError
from ..result import SubmissionResult
from .batch import Batch, Task, wanted
from .handout import exercise_of


class IsolatedExporter(NotebookExporter):
    """Reads what students handed in as no notebook at all, so that none of it can stop a batch.

    `Restore` reads the file with the grader's own reader afterwards.
    """

    course_root = Unicode("", help="The course's folder; `configure` sets it.").tag(config=True)
    results_directory = Unicode(
        "results", help="Where results are kept, below the nbgrader course or elsewhere."
    ).tag(config=True)
    workers = Integer(
        0, min=0, help="How many submissions are graded at a time; 0: as many as help."
    ).tag(config=True)
    isolation = Enum(
        ("auto", "A", "B", "C"), "auto", help="Isolation level; see `autograder doctor`."
    ).tag(config=True)

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self._books: dict[tuple[str, str], Any] = {}
        self._batches: dict[str, Batch] = {}

    @property
    def converter(self) -> Any:
        """The command that runs: nbgrader's Autograde."""
        return self.parent

    def from_file(
        self, file_stream: Any, resources: dict[str, Any] | None = None, **more: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Convert a notebook; one that was handed in comes as an empty notebook first."""
        import nbformat.v4

        names = (resources or {}).get("nbgrader", {})
        here = Path(getattr(file_stream, "name", ""))
        if names and here == self.handed_in(names["assignment"], names["student"], here.stem):
            return self.from_notebook_node(nbformat.v4.new_notebook(), resources, **more)
        return super().from_file(file_stream, resources=resources, **more)

    def handed_in(self, assignment: str, student: str, notebook: str) -> Path:
        """Where a student's notebook is, or would be."""
        where = self.converter.coursedir
        return Path(where.format_path(where.submitted_directory, student, assignment)) / (
            f"{notebook}.ipynb"
        )

    def handed_out(self, assignment: str, notebook: str) -> Any:
        """A copy of the notebook that students got: the release, or the source where that is gone.

        nbgrader's OverwriteCells has compared it with the gradebook, once for all students.

        Raises:
            CourseError: There is neither.
        """
        import nbformat
        from nbgrader.preprocessors import OverwriteCells

        key = (assignment, notebook)
        if key not in self._books:
            path = next((p for p in self._out(assignment) if p.stem == notebook), None)
            if path is None:
                raise CourseError(
                    f"{assignment}: there is no {notebook}.ipynb in release or source; run "
                    f"`nbgrader generate_assignment {assignment} --force`"
                )
            names = {"assignment": assignment, "notebook": notebook}
            names["db_url"] = self.converter.coursedir.db_url
            book = nbformat.read(path, as_version=4)
            book, _ = OverwriteCells(parent=self).preprocess(book, {"nbgrader": names})
            self._books[key] = book
        return copy.deepcopy(self._books[key])

    def _out(self, assignment: str) -> list[Path]:
        """The notebooks of an assignment, as they were handed out."""
        where = self.converter.coursedir
        for step in (where.release_directory, where.source_directory):
            found = sorted(Path(where.format_path(step, ".", assignment)).glob("*.ipynb"))
            if found:
                return found
        return []

    def result(self, assignment: str, student: str) -> SubmissionResult:
        """What a student's submission is worth; the first call begins with all of this run.

        Raises:
            AutograderError: It could not be graded; the sentence says why.
        """
        if assignment not in self._batches:
            self._batches[assignment] = self._batch(assignment)
            everybody = {*wanted(self.converter, assignment), student}
            self._batches[assignment].begin(sorted(everybody))
        return self._batches[assignment].of(student)

    def _batch(self, assignment: str) -> Batch:
        if sys.platform != "linux":
            raise AutograderError(
                "official grading isolates student code with Linux features; run nbgrader in a "
                "container (docs/isolation.md says how)"
            )
        where = self.converter.coursedir
        books = {p.stem: self.handed_out(assignment, p.stem) for p in self._out(assignment)}
        slugs = {name: exercise_of(book) for name, book in books.items() if exercise_of(book)}
        course = Course.find(Path(self.course_root))
        out = Path(where.root).resolve() / self.results_directory / assignment
        return Batch(
            task=Task(course.root, course.known(slugs.values()), out, self.isolation),
            workers=self.workers,
            paths=lambda student: tuple(
                self.handed_in(assignment, student, name) for name in sorted(slugs)
            ),
            log=self.log,
        )
