"""`nbgrader export` that leaves open what is open: not graded is never a zero."""

import csv
from collections.abc import Iterator
from typing import Any

from nbgrader.api import MissingEntry
from nbgrader.plugins import ExportPlugin

from ..report.escape import spreadsheet

COLUMNS = (
    *("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email"),
    *("raw_score", "late_submission_penalty", "score", "max_score"),
)


class CsvExport(ExportPlugin):
    """The columns of nbgrader's own CSV; a total that something is missing from stays empty.

    Nothing handed in is a 0, as in nbgrader's. A name that a spreadsheet would compute is text.
    """

    def export(self, gradebook: Any) -> None:
        """Write the file that `--to` names, or grades.csv."""
        path = self.to or "grades.csv"
        self.log.info("Exporting grades to %s", path)
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows(gradebook))

    def _rows(self, gradebook: Any) -> Iterator[dict[str, Any]]:
        wanted, students = list(map(str, self.assignment)), list(map(str, self.student))
        for assignment in gradebook.assignments:
            for student in gradebook.students:
                if wanted and assignment.name not in wanted:
                    continue
                if not students or student.id in students:
                    yield self._row(gradebook, assignment, student)

    def _row(self, gradebook: Any, assignment: Any, student: Any) -> dict[str, Any]:
        row: dict[str, Any] = dict.fromkeys(COLUMNS, "")
        row |= {"assignment": assignment.name, "student_id": student.id}
        row |= {"duedate": assignment.duedate or "", "max_score": assignment.max_score}
        for name in ("last_name", "first_name", "email"):
            row[name] = getattr(student, name) or ""
        try:
            submission = gradebook.find_submission(assignment.name, student.id)
        except MissingEntry:
            row |= dict.fromkeys(("raw_score", "late_submission_penalty", "score"), 0.0)
        else:
            row["timestamp"] = submission.timestamp or ""
            if not _is_open(submission):
                penalty = submission.late_submission_penalty or 0.0
                row |= {"raw_score": submission.score, "late_submission_penalty": penalty}
                row["score"] = max(0.0, submission.score - penalty)
        return {k: spreadsheet(str(v)) if v and isinstance(v, str) else v for k, v in row.items()}


def _is_open(submission: Any) -> bool:
    """Whether a cell of it has neither a score of ours nor one by hand."""
    return any(
        grade.auto_score is None and grade.manual_score is None
        for notebook in submission.notebooks
        for grade in notebook.grades
    )
