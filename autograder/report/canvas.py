"""The table that Canvas imports into its gradebook.

What Canvas does with it was read in its importer: it finds a student by the number in `ID` before
it looks at names, takes the number in parentheses at the end of a heading for the assignment, sets
an assignment's maximum to what the row "Points Possible" says, deletes a score whose cell is empty,
and ignores headings that sound like its own totals.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import AutograderError
from ..result import SubmissionResult
from .escape import one_line, spreadsheet
from .figures import in_order
from .lms import FORMULA, NUMBER, Column, number, point_columns, roster_of, still_open, table
from .roster import Roster, Row, listed, match, own_name, without_suffix

if TYPE_CHECKING:
    from ..export import Exported, Request

BY = {"login": "SIS Login ID", "sis": "SIS User ID", "id": "ID", "name": "Student"}
# "leeann_4711_98765_scale" and "leeann_LATE_4711_...": how Canvas packs what was handed in.
PACKED = r"[^_]*(?:_LATE)?_(\d+)_\d+_"
WITH_ID = re.compile(r"(.*)\s\((\d+)\)", re.DOTALL)
TOTALS = re.compile("(Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)")
TEST_STUDENT = "Student, Test"
POSSIBLE = "Points Possible"


@dataclass(frozen=True)
class _Heading:
    """A column of points: its heading and maximum, and where the roster has it."""

    column: Column
    text: str
    maximum: str
    place: int | None


def export(results: Sequence[SubmissionResult], request: "Request") -> "Exported":
    """One row per submission whose student is in the roster, for Canvas: Grades, Import.

    Raises:
        AutograderError: The roster is no gradebook of Canvas, or nobody of it handed in.
    """
    from ..export import Exported

    roster = roster_of(request, "Canvas: Grades, Export, Export Entire Gradebook")
    what = "which Canvas writes into an exported gradebook"
    ident = roster.need("ID", what=what)
    info = roster.need("Section", what=what) + 1
    by = BY.get(request.by or "login", request.by)
    key = roster.need(by, what="by which submissions were to be found")
    matched = match(
        in_order(results),
        roster,
        [r for r in roster.rows if r[ident].isdecimal() and r[0] != TEST_STUDENT],
        by=by,
        key=lambda row: row[key],
        names=without_suffix(PACKED) if by == "ID" else own_name,
    )
    possible = next((r for r in roster.rows if r[0].startswith(POSSIBLE) and not r[ident]), None)
    headings = _headings(roster, info, possible, point_columns(results, request.total))
    rows: list[Sequence[str]] = [
        [*roster.header[:info], *(h.text for h in headings)],
        [f"    {POSSIBLE}", *[""] * (info - 1), *(h.maximum for h in headings)],
    ]
    for result, row in matched.pairs:
        # Canvas goes by the number, so the other cells may be made safe to open.
        about = [cell if i == ident else spreadsheet(cell) for i, cell in enumerate(row[:info])]
        if POSSIBLE in about[0]:  # somebody who calls themself that would set every maximum
            about[0] = ""
        rows.append([*about, *(_cell(h, result, row) for h in headings)])
    open_ = still_open(matched, [h.column for h in headings])
    return Exported(table(rows), (*matched.notices, *_surprises(headings), *open_))


def _headings(
    roster: Roster, info: int, possible: Row | None, wanted: Sequence[Column]
) -> list[_Heading]:
    headings: list[_Heading] = []
    for column in wanted:
        place = _place(roster, info, column)
        if place is None:
            text = _new(column, [*roster.header, *(h.text for h in headings)])
            headings.append(_Heading(column, text, number(column.maximum), None))
        else:
            # What the roster says, as it says it: another maximum would change the assignment.
            maximum = possible[place] if possible else ""
            headings.append(_Heading(column, roster.header[place], maximum, place))
    return headings


def _place(roster: Roster, info: int, column: Column) -> int | None:
    """Which column of the roster this is: by its heading, with or without the number."""
    places = []
    for index, heading in enumerate(roster.header[info:], start=info):
        bare = WITH_ID.fullmatch(heading)
        if column.called(heading) or (bare and column.called(bare[1])):
            places.append(index)
    if len(places) > 1:
        both = " and ".join(one_line(roster.header[p]) for p in places[:2])
        raise AutograderError(
            f"{roster.name} has several columns for {column.title}: {both}; delete from it the "
            "ones that do not count"
        )
    return places[0] if places else None


def _new(column: Column, taken: Sequence[str]) -> str:
    """A heading for an assignment that Canvas does not have, which it cannot misread."""
    for text in (column.title, column.slug):
        misread = WITH_ID.fullmatch(text) or TOTALS.search(text) or text.startswith(FORMULA)
        if text and text not in taken and not misread:
            return text
    raise AutograderError(
        f"Canvas would misread the heading {column.title!r} (a number in parentheses names an "
        "assignment, and its own totals are ignored); choose another name"
    )


def _cell(heading: _Heading, result: SubmissionResult, row: Row) -> str:
    """Points; where they are not known, what the gradebook has, since an empty cell deletes it."""
    value = heading.column.value(result)
    if value is not None:
        return number(value)
    return "" if heading.place is None else row[heading.place]


def _surprises(headings: Sequence[_Heading]) -> Iterator[str]:
    new = [h.text for h in headings if h.place is None]
    if new:
        yield f"Canvas has no assignment {listed(new)} yet and will ask whether to make it"
    for heading in headings:
        shown, here = one_line(heading.text), heading.column.maximum
        if heading.place is None:
            continue
        if TOTALS.search(heading.text):
            yield f"Canvas ignores the column {shown}; rename the assignment there"
        there = heading.maximum
        if NUMBER.fullmatch(there) and float(there.replace(",", ".")) != round(here, 5):
            yield (
                f"{shown} has {there} points in Canvas and {number(here)} here; points are written "
                "as they are, so change the maximum in Canvas"
            )
