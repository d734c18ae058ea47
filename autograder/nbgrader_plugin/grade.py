"""Scores and feedback in each cell with points, from the isolated grader; no kernel is started."""

from collections.abc import Sequence
from typing import Any

from nbgrader.preprocessors import NbGraderPreprocessor

from ..errors import AutograderError, CourseError
from ..result import ExerciseResult, FunctionResult, SubmissionResult
from .feedback import outputs
from .handout import exercise_of, foreign, grade_id, graded, is_tested
from .restore import REPAIRED

EPSILON = 1e-9


class GradeInIsolation(NbGraderPreprocessor):
    """Stands where nbgrader runs the notebook in a kernel."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Write a score and feedback into each cell with points for the hidden checks.

        Raises:
            AutograderError: Something of this submission is not graded. nbgrader then reports it,
                saves no score of it and goes on; the next run tries again.
        """
        names = resources["nbgrader"]
        slug, cells = exercise_of(nb), [cell for cell in nb.cells if is_tested(cell)]
        ours = graded(nb)
        for cell in cells:
            if grade_id(cell) not in ours:
                raise CourseError(foreign(names["notebook"], grade_id(cell)))
        if not cells:
            return nb, resources
        result: SubmissionResult = self.parent.result(names["assignment"], names["student"])
        _insist_that_all_is_graded(result)
        exercise = next(e for e in result.exercises if e.exercise == slug)
        told = [*exercise.notices, *nb.metadata.get("autograder", {}).get(REPAIRED, ())]
        told = [text for text in dict.fromkeys(told) if text != exercise.reason]
        for cell in cells:
            _write(cell, exercise, ours[grade_id(cell)], told, names["assignment"])
            told = []
        self.log.info(
            "%s, %s: %g of %g points",
            *(names["student"], slug, exercise.points, exercise.max_points),
        )
        return nb, resources


def _insist_that_all_is_graded(result: SubmissionResult) -> None:
    """A part of a submission in the gradebook would look like the whole.

    Raises:
        AutograderError: An exercise or a check is not graded.
    """
    for exercise in result.exercises:
        if exercise.status == "not_graded":
            raise AutograderError(
                f"{exercise.exercise} of {result.student} is not graded: {exercise.reason}"
            )
        for function in exercise.functions:
            open_checks = [c.name for c in function.checks if c.status == "not_graded"]
            if open_checks:
                raise AutograderError(
                    f"{exercise.exercise} of {result.student} is not graded: the check "
                    f"{open_checks[0]} of {function.name} fails itself; results.json has more"
                )


def _write(
    cell: Any, exercise: ExerciseResult, name: str, told: Sequence[str], assignment: str
) -> None:
    """Score and feedback of function `name` as the outputs of its cell."""
    function = next((f for f in exercise.functions if f.name == name), None)
    worth = float(cell.metadata.nbgrader["points"])
    _insist_on_points(grade_id(cell), worth, function, assignment)
    score = min(max(float(function.points if function else 0.0), 0.0), worth)
    cell.execution_count = 1
    cell.outputs = outputs(score, worth, function, exercise, told)


def _insist_on_points(
    ident: str, worth: float, function: FunctionResult | None, assignment: str
) -> None:
    if function is not None and abs(function.max_points - worth) > EPSILON:
        raise CourseError(
            f"the cell {ident} was handed out with {worth:g} points, and its checks now give "
            f"{function.max_points:g}; run `autograder nbgrader init` for this course again and "
            f"then `nbgrader generate_assignment {assignment} --force`"
        )
