"""The grades as a table for spreadsheets and learning platforms."""

import csv
import io
from collections.abc import Sequence

from ..result import ExerciseResult, SubmissionResult
from . import figures
from .escape import spreadsheet
from .figures import columns, find, in_order, is_complete, is_known, skipped_points
from .words import exercise_word, points


def grades_csv(results: Sequence[SubmissionResult]) -> str:
    """One line per student. A cell is empty where the points are not known; never a 0.

    A race has two columns more: how many times the reference's speed, and whether it was measured.
    """
    slugs = [e.exercise for e in columns(results)]
    races = [(slug, field.race.name) for slug in slugs for field in figures.races(results, slug)]
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(
        ["student", "total", "max", *map(spreadsheet, slugs), "status"]
        + [spreadsheet(f"{slug} status") for slug in slugs]
        + [spreadsheet(f"{slug} {name}{w}") for slug, name in races for w in (" ratio", " status")]
    )
    for result in in_order(results):
        exercises = [find(result, slug) for slug in slugs]
        complete = is_complete(result)
        rows.writerow(
            [spreadsheet(result.student), _number(result.points) if complete else ""]
            + [_number(result.max_points)]
            + ["" if e is None or not is_known(e) else _number(e.points) for e in exercises]
            + ["complete" if complete else "not fully graded"]
            + ["" if e is None else _status(e) for e in exercises]
            + [cell for slug, name in races for cell in _race(find(result, slug), name)]
        )
    return out.getvalue()


def _race(exercise: ExerciseResult | None, name: str) -> tuple[str, str]:
    """The ratio, empty if there is none, and whether it was measured."""
    race = figures.race_of(exercise, name) if exercise else None
    if race is None:
        return "", ""
    if race.ratio is None:
        return "", spreadsheet(f"not measured: {race.reason}")
    return _number(race.ratio), "measured"


def _number(value: float) -> str:
    return repr(int(value)) if value == int(value) else repr(value)


def _status(exercise: ExerciseResult) -> str:
    if exercise.status == "graded" and not is_known(exercise):
        return "not fully graded"
    skipped = skipped_points(exercise)
    if skipped:
        return f"{exercise_word(exercise)}, {points(skipped)} points skipped (need a device)"
    return exercise_word(exercise)
