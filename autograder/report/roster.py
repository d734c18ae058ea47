"""The class as a learning platform exported it, and who of it handed in which submission."""

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import AutograderError
from ..result import SubmissionResult
from .escape import one_line

MAX_BYTES = 32_000_000
DELIMITERS = ",;\t"
Row = tuple[str, ...]
Names = Callable[[str], Iterable[str]]


@dataclass(frozen=True)
class Roster:
    """A table with a header; every row is as long as the header."""

    name: str
    header: Row
    rows: tuple[Row, ...]

    def column(self, name: str) -> int | None:
        """The index of the first column of this name, whatever its case."""
        wanted = plain(name)
        return next((i for i, cell in enumerate(self.header) if plain(cell) == wanted), None)

    def need(self, name: str, *, what: str) -> int:
        """The index of a column that must be there.

        Raises:
            AutograderError: It is not; the sentence lists the columns that are.
        """
        index = self.column(name)
        if index is None:
            columns = ", ".join(one_line(cell) for cell in self.header[:12])
            more = ", ..." if len(self.header) > 12 else ""
            raise AutograderError(
                f"{self.name} has no column {name!r}, {what}; it has: {columns}{more}"
            )
        return index


@dataclass(frozen=True)
class Matched:
    """Submissions with the row of their student, and one sentence for each kind of leftover."""

    pairs: tuple[tuple[SubmissionResult, Row], ...]
    notices: tuple[str, ...]


def plain(text: str) -> str:
    """`text` without what people and platforms vary: case, spacing, form of accents."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def read_roster(path: Path) -> Roster:
    """Read a CSV export, separated by commas, semicolons or tabs.

    Raises:
        AutograderError: It cannot be read, is not UTF-8, or is not a table.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise AutograderError(f"{path}: the roster cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise AutograderError(f"{path} has more than {MAX_BYTES // 1_000_000} MB; is it a roster?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AutograderError(
            f"{path} is not UTF-8 text; export it again as CSV (UTF-8), without a spreadsheet "
            "in between"
        ) from error
    try:
        rows = _rows(text)
    except csv.Error as error:
        raise AutograderError(f"{path} is not a CSV table: {error}; export it again") from error
    if not rows:
        raise AutograderError(f"{path} is empty; export the class again")
    width = len(rows[0])
    padded = tuple((*row, *[""] * width)[:width] for row in rows[1:])
    return Roster(path.name, rows[0], padded)


def _rows(text: str) -> list[Row]:
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(DELIMITERS, key=lambda d: len(next(csv.reader([first], delimiter=d), [])))
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    rows = [tuple(cell.strip() for cell in row) for row in reader]
    return [row for row in rows if any(row)]


def own_name(student: str) -> Iterable[str]:
    """A submission is called what its file or folder is called."""
    return (student,)


def without_suffix(pattern: str) -> Names:
    """Its own name, or the group of `pattern`, with which a platform packs submissions."""
    packed = re.compile(pattern)

    def names(student: str) -> Iterable[str]:
        found = packed.match(student)
        return (student, found[1]) if found else (student,)

    return names


def match(
    results: Sequence[SubmissionResult],
    roster: Roster,
    rows: Iterable[Row],
    *,
    by: str,
    key: Callable[[Row], str],
    names: Names = own_name,
) -> Matched:
    """Find the row of every submission.

    Args:
        results: The class.
        roster: Where `rows` are from; named in sentences.
        rows: The rows of students.
        by: How the column that is compared is called; named in sentences.
        key: What that column, or several, hold in a row; nothing is matched by an empty text.
        names: What a submission may be called there, beside the name of its file or folder.

    Raises:
        AutograderError: Not a single one was found, so the column is the wrong one.
    """
    found: dict[str, list[Row]] = defaultdict(list)
    everybody = tuple(rows)
    for row in everybody:
        if plain(key(row)):
            found[plain(key(row))].append(row)
    takers: dict[Row, list[SubmissionResult]] = defaultdict(list)
    lost, unclear = [], []
    for result in results:
        several = [found[n] for n in map(plain, names(result.student)) if n in found]
        if not several:
            lost.append(result.student)
        elif len(several[0]) > 1:
            unclear.append(result.student)
        else:
            takers[several[0][0]].append(result)
    if results and not takers:
        raise AutograderError(
            f"no submission is named after its {by} in {roster.name} (the first is "
            f"{one_line(results[0].student)!r}); name another column with --by"
        )
    pairs = [(t[0], row) for row, t in takers.items() if len(t) == 1]
    twice = [[t.student for t in several] for several in takers.values() if len(several) > 1]
    absent = [key(row) or row[0] for row in everybody if row not in takers]
    return Matched(tuple(pairs), tuple(_left_over(roster.name, by, lost, unclear, twice, absent)))


def _left_over(
    roster: str,
    by: str,
    lost: Sequence[str],
    unclear: Sequence[str],
    twice: Sequence[Sequence[str]],
    absent: Sequence[str],
) -> Iterable[str]:
    if lost:
        yield (
            f"not in {roster} by {by}, so these grades are in no row: {listed(lost)}; enter them "
            "by hand or rename the submissions"
        )
    if unclear:
        yield f"{by} is not unique in {roster}, so these grades are in no row: {listed(unclear)}"
    for students in twice:
        yield (
            f"several submissions are of one person of {roster}: {listed(students)}; none has a "
            "row, so take out all but the one that counts"
        )
    if absent:
        yield f"in {roster} but without a submission, and therefore without a row: {listed(absent)}"


def listed(names: Iterable[str]) -> str:
    """Every name, none left out, safe for the terminal."""
    return ", ".join(one_line(name) or "(no name)" for name in names)
