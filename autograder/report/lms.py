"""What the tables for learning platforms have in common: columns of points, cells, sentences."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import AutograderError
from ..result import CheckResult, ExerciseResult, SubmissionResult
from .escape import one_line
from .figures import columns, is_known, skipped_points, unknown_points
from .roster import Matched, Roster, listed, plain, read_roster
from .words import of_points, sentence, some_points

if TYPE_CHECKING:
    from ..export import Request

FORMULA = tuple("=+-@")
NUMBER = re.compile(r"-?\d+([.,]\d+)?")


@dataclass(frozen=True)
class Column:
    """One column of points.

    Attributes:
        title: What it is called if the platform has no such column yet.
        names: What the platform may call it.
        maximum: Points that can be reached.
        slug: The exercise, or empty for the sum of all.
    """

    title: str
    names: tuple[str, ...]
    maximum: float
    slug: str = ""

    def value(self, result: SubmissionResult) -> float | None:
        """The points of a submission, or None while they are not known."""
        exercises = self._of(result)
        if not exercises or not all(map(is_known, exercises)):
            return None
        return sum(e.points for e in exercises)

    def note(self, result: SubmissionResult) -> str:
        """What a student reads about these points, on one line, not escaped for any format."""
        told = [_note(e) for e in self._of(result)]
        if not self.slug:
            told = [
                f"{e.title or e.exercise}: {note}"
                for e, note in zip(self._of(result), told, strict=True)
            ]
        return one_line(" · ".join(told))

    def called(self, name: str) -> bool:
        """Whether the platform's `name` is one of this column's."""
        return bool(name) and plain(name) in map(plain, self.names)

    def _of(self, result: SubmissionResult) -> list[ExerciseResult]:
        return [e for e in result.exercises if self.slug in ("", e.exercise)]


def point_columns(results: Sequence[SubmissionResult], total: str) -> list[Column]:
    """One column per exercise, or one called `total` for their sum."""
    if total:
        return [Column(total, (total,), max((r.max_points for r in results), default=0.0))]
    return [
        Column(
            one_line(e.title) or e.exercise,
            (e.title, e.exercise, e.exercise.rpartition("/")[2]),
            e.max_points,
            e.exercise,
        )
        for e in columns(results)
    ]


def roster_of(request: "Request", where: str) -> Roster:
    """The roster that was asked for.

    Raises:
        AutograderError: There is none; the sentence says where the platform exports it.
    """
    if request.roster is None:
        raise AutograderError(f"name the exported class with --roster ({where})")
    return read_roster(request.roster)


def number(value: float) -> str:
    """Points with a decimal point, at most five decimals and no exponent."""
    return f"{value:.5f}".rstrip("0").rstrip(".")


def table(rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV with commas."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def still_open(matched: Matched, wanted: Sequence[Column]) -> Iterator[str]:
    """One sentence each for points that are not known, and for those that need a device."""
    results = [result for result, _ in matched.pairs]
    unknown = [r.student for r in results if any(c.value(r) is None for c in wanted)]
    if unknown:
        yield (
            f"not fully graded, so cells stay as the roster has them: {listed(unknown)}; an empty "
            "one is not a zero"
        )
    skipped = ((r.student, sum(map(skipped_points, r.exercises))) for r in results)
    told = [f"{student} ({some_points(points)})" for student, points in skipped if points]
    if told:
        yield f"checks that need a device were skipped and give no points yet: {listed(told)}"


def told(check: CheckResult) -> str:
    """`sentence`, without "0 of 2 points" where nothing was judged."""
    judged = check.status not in ("skipped", "not_graded")
    return sentence(check if judged else replace(check, max_points=0.0))


def _note(exercise: ExerciseResult) -> str:
    match exercise.status:
        case "not_graded":
            return "This could not be graded yet. It is not your fault, and it is not a zero."
        case "missing":
            return "Nothing was handed in."
        case "unreadable":
            return f"What was handed in could not be read. {exercise.reason}"
    said = [f"{of_points(exercise.points, exercise.max_points - unknown_points(exercise))}."]
    for function in exercise.functions:
        said += [f"{function.name}: {told(c)}" for c in function.checks if c.status != "passed"]
    return " · ".join(said)
