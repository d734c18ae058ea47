"""The table that Moodle imports into its gradebook: points and feedback.

What Moodle does with it was read in its importer: it gives up on the whole file at one person it
does not know, gives a row without an identifier to the person of the row before, refuses an empty
grade in a new column (no grade is a dash), and shows feedback as HTML.
"""

import html
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..result import SubmissionResult
from .escape import spreadsheet
from .feedback import hints_once
from .figures import in_order
from .lms import FORMULA, NUMBER, Column, number, point_columns, roster_of, still_open, table
from .roster import Matched, Roster, Row, listed, match, own_name, without_suffix

if TYPE_CHECKING:
    from ..export import Exported, Request

BY = {"email": "Email address", "idnumber": "ID number", "username": "Username"}
# "Ann Lee_4711_assignsubmission_file_": how Moodle packs what was handed in.
PACKED = r"(.+)_\d+_assignsubmission_"
NO_GRADE = "-"
# Moodle's language takes "0" for no identifier at all.
NOBODY = ("", "0")
# Unless the site allows unlimited grades.
MAXIMUM = 100


def export(results: Sequence[SubmissionResult], request: "Request") -> "Exported":
    """One row per submission whose student is in the roster, for Moodle: Grades, Import, CSV file.

    Raises:
        AutograderError: The roster has no column that Moodle can find people by, or nobody of it
            handed in.
    """
    from ..export import Exported

    roster = roster_of(request, "Moodle: Grades, Export, Plain text file")
    ident, matched = _match(roster, [hints_once(r) for r in in_order(results)], request.by)
    wanted = point_columns(results, request.total)
    places = [_place(roster, column) for column in wanted]
    headings = [h for c in wanted for h in (c.title, f"{c.title} (feedback)")]
    rows: list[Sequence[str]] = [[roster.header[ident], "Submission", *map(spreadsheet, headings)]]
    refused: list[str] = []
    for result, row in matched.pairs:
        if row[ident] in NOBODY or row[ident].startswith(FORMULA):
            refused.append(result.student)
            continue
        pairs = (_cells(result, c, row, p) for c, p in zip(wanted, places, strict=True))
        rows.append([row[ident], spreadsheet(result.student), *(c for two in pairs for c in two)])
    notices = [*matched.notices, *_refused(refused, roster.header[ident]), *_too_many(wanted)]
    return Exported(table(rows), (*notices, *still_open(matched, wanted)))


def _match(roster: Roster, results: Sequence[SubmissionResult], asked: str) -> tuple[int, Matched]:
    """The column that Moodle finds people by, and who handed in."""
    by = BY.get(asked or "email", asked)
    if by == "name":
        parts = [roster.need(n, what="a part of a name") for n in ("First name", "Last name")]
        known = [i for i in map(roster.column, BY.values()) if i is not None]
        ident = known[0] if known else roster.need(BY["email"], what="to find people by")
    else:
        ident = roster.need(by, what="by which submissions were to be found")
        parts = [ident]
    matched = match(
        results,
        roster,
        roster.rows,
        by=by,
        key=lambda row: " ".join(row[i] for i in parts),
        names=without_suffix(PACKED) if by == "name" else own_name,
    )
    return ident, matched


def _refused(students: Sequence[str], column: str) -> Iterable[str]:
    if students:
        yield (
            f"{column} is empty or would be a formula in a spreadsheet, so these grades are in no "
            f"row: {listed(students)}; enter them by hand"
        )


def _too_many(wanted: Sequence[Column]) -> Iterable[str]:
    for column in wanted:
        if column.maximum > MAXIMUM:
            yield (
                f"{column.title} has {number(column.maximum)} points, and Moodle refuses a file "
                f"with a grade over {MAXIMUM} unless the site allows unlimited grades; leave out "
                "--total or ask for that setting"
            )


def _place(roster: Roster, column: Column) -> int | None:
    """The column "Assignment: Scale (Real)" of an export, in whatever language."""
    for index, heading in enumerate(roster.header):
        bare = re.sub(r"\s*\([^()]*\)$", "", heading)
        if column.called(bare) or column.called(bare.partition(": ")[2]):
            return index
    return None


def _cells(
    result: SubmissionResult, column: Column, row: Row, place: int | None
) -> tuple[str, str]:
    """Grade and feedback; where the points are not known, the grade that Moodle has."""
    value = column.value(result)
    if value is None:
        had = "" if place is None else row[place]
        grade = had if NUMBER.fullmatch(had) else NO_GRADE
    else:
        grade = number(value)
    return grade, html.escape(column.note(result))
