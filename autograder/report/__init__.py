"""Everything that tells results: feedback, class report, grades, the terminal.

Nothing heavy is imported until a report is written.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..result import CheckResult, SubmissionResult

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

__all__ = [
    "class_table",
    "result_lines",
    "sentence",
    "write_class_report",
    "write_feedback",
    "write_grades_csv",
    "write_text",
]


def write_feedback(result: SubmissionResult, folder: Path) -> None:
    """Write what the student may read: `feedback.html` and `feedback.md` in `folder`.

    Never holds `review`, the reason why something was not graded, or a hidden value.

    Raises:
        AutograderError: The folder cannot be written.
    """
    from .feedback import feedback_html, feedback_markdown

    write_text(folder / "feedback.html", feedback_html(result))
    write_text(folder / "feedback.md", feedback_markdown(result))


def write_class_report(
    results: Sequence[SubmissionResult],
    problems: Sequence[tuple[str, str]],
    path: Path,
    *,
    title: str,
    feedback_paths: Mapping[str, str] | None = None,
    when: str = "",
) -> None:
    """Write the class report for instructors, one HTML file that needs nothing else.

    Args:
        results: One per student, in any order.
        problems: (submission, reason) of what gave no result at all.
        title: Heading.
        feedback_paths: Where each student's feedback lies, relative to the folder of `path`.
        when: When the class was graded, as it is to be shown.

    Raises:
        AutograderError: The file cannot be written.
    """
    from .class_report import class_html

    html = class_html(
        results, problems, title=title, feedback_paths=feedback_paths or {}, when=when
    )
    write_text(path, html)


def write_grades_csv(results: Sequence[SubmissionResult], path: Path) -> None:
    """Write one line per student: total, maximum, points and status per exercise.

    What is not graded is an empty cell, and so is a total that it belongs to; never a 0.

    Raises:
        AutograderError: The file cannot be written.
    """
    from .grades import grades_csv

    write_text(path, grades_csv(results))


def class_table(results: Sequence[SubmissionResult]) -> "Table":
    """The class in the terminal: one row per student, points per exercise, what is open."""
    from .terminal import class_table as table

    return table(results)


def result_lines(result: SubmissionResult) -> "RenderableType":
    """One student's result in the terminal: a table, then what does not pass yet and why."""
    from .terminal import result_lines as lines

    return lines(result)


def sentence(check: CheckResult) -> str:
    """What a student reads about a hidden check, on one line; escape it for where it goes."""
    from .words import sentence as words

    return words(check)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all.

    Raises:
        AutograderError: It cannot be written; the sentence names the path and what to do.
    """
    from .write import write_text as write

    write(path, text)
