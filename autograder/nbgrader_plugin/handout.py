"""Before a release: stubs stay as they are, and every tested cell is one that we can grade."""

from typing import Any

from nbgrader import utils
from nbgrader.preprocessors import ClearSolutions, NbGraderPreprocessor

from ..errors import CourseError


def exercise_of(book: Any) -> str:
    """The slug of the exercise that a notebook is, or ""."""
    slug = book.metadata.get("course", {}).get("exercise", "")
    return slug if isinstance(slug, str) else ""


def grade_id(cell: Any) -> str:
    """What nbgrader calls a cell, or ""."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def answers(book: Any) -> dict[str, str]:
    """The function that each answer cell of an exercise's notebook is for, by grade id."""
    start = f"{exercise_of(book).rpartition('/')[2]}-answer-"
    ids = [grade_id(c) for c in book.cells if utils.is_solution(c)]
    return {i: i.removeprefix(start) for i in ids if exercise_of(book) and i.startswith(start)}


def graded(book: Any) -> dict[str, str]:
    """The function that each cell with points for the hidden checks stands for, by grade id."""
    name = exercise_of(book).rpartition("/")[2]
    return {f"{name}-{function}": function for function in answers(book).values()}


def is_tested(cell: Any) -> bool:
    """Whether stock nbgrader gives the points of this cell for running it."""
    return bool(utils.is_grade(cell) and not utils.is_solution(cell) and cell.cell_type == "code")


class KeepStubs(ClearSolutions):
    """Clears solutions, but not the answer cells of an exercise: those are stubs already.

    Stock nbgrader replaces a whole answer cell without a solution region, docstring included.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        self.stubs = answers(nb)
        done: tuple[Any, Any] = super().preprocess(nb, resources)
        return done

    def preprocess_cell(self, cell: Any, resources: Any, cell_index: int) -> tuple[Any, Any]:
        whole = self.begin_solution_delimeter not in cell.source
        if grade_id(cell) in self.stubs and whole:
            return cell, resources
        done: tuple[Any, Any] = super().preprocess_cell(cell, resources, cell_index)
        return done


class OnlyOurTests(NbGraderPreprocessor):
    """Refuses cells whose points nobody would give: no kernel runs when we grade."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Look through a notebook.

        Raises:
            CourseError: A cell of tests is not of an exercise.
        """
        ours = graded(nb)
        for cell in nb.cells:
            if is_tested(cell) and grade_id(cell) not in ours:
                raise CourseError(foreign(resources["nbgrader"]["notebook"], grade_id(cell)))
        return nb, resources


def foreign(notebook: str, ident: str) -> str:
    """The sentence about a cell of tests that is not ours."""
    return (
        f"{notebook}.ipynb: the cell {ident} gives points for running it, and this course runs no "
        "notebook; make it a manually graded cell, or move its tests into the hidden checks"
    )
