"""A handed-in file as cells: a notebook of any version, or a module with or without percent cells.

Nothing is executed, and nothing is built before it is known to be small enough.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from .errors import SubmissionError

MB = 1_000_000
MAX_FILE = 32 * MB
MAX_SOURCE = 300_000
MAX_CELLS = 2_000
MAX_PROSE = 20_000
MAX_VALUES = 500_000
NUMBERS_PER_VALUE = 8  # a number takes little, and a plot may hold a million
PERCENT = re.compile(r"^# ?%%(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class RawFile:
    """A file as it was handed in.

    `origin` is its path below the submissions, archive included; `modified` is seconds since
    1970, or None where nothing is known.
    """

    name: str
    origin: str
    data: bytes
    modified: float | None = None


@dataclass(frozen=True)
class Cell:
    """A cell: how messages call it, the number of its first line there, its text, its ids.

    `check` says that its metadata mark it as a cell of tests; `position` orders cells that come
    from several places.
    """

    label: str
    source: str
    line: int = 1
    code: bool = True
    ids: tuple[str, ...] = ()
    check: bool = False
    position: float = 0.0

    def at(self, line: int) -> str:
        """ "cell 7, line 3" for a line of its text."""
        return f"{self.label}, line {self.line + line - 1}"


@dataclass(frozen=True)
class Sheet:
    """All cells of a file. `whole` marks a module without percent cells."""

    cells: tuple[Cell, ...]
    exercise: str = ""
    whole: bool = False


def read_sheet(file: RawFile) -> Sheet:
    """The cells of `file`.

    Raises:
        SubmissionError: It is empty, too large, not UTF-8, or not a notebook.
    """
    where = file.origin
    if len(file.data) > MAX_FILE:
        raise SubmissionError(
            f"{where} has {len(file.data) / MB:.0f} MB, at most {MAX_FILE // MB} MB are read; "
            "clear the outputs of the notebook and hand it in again"
        )
    if not file.data.strip():
        raise SubmissionError(f"{where} is empty; save it and hand it in again")
    text = _decoded(file)
    is_notebook = file.name.lower().endswith(".ipynb")
    sheet = _notebook(text, file) if is_notebook else _module(text, file)
    _check_source(sheet, where)
    return sheet


def _check_count(cells: int, where: str) -> None:
    if cells > MAX_CELLS:
        raise SubmissionError(
            f"{where} has {cells:,} cells, at most {MAX_CELLS:,} are read; "
            "hand in the notebook of the exercise only"
        )


def _check_source(sheet: Sheet, where: str) -> None:
    size = 0
    for cell in sheet.cells:
        size += len(cell.source) if cell.code else 0
        if size > MAX_SOURCE:
            at = "" if sheet.whole else f" up to {_place(cell)}"
            raise SubmissionError(
                f"{where} has more than {MAX_SOURCE // 1000} kB of code{at}, no more is read; "
                "move data out of the code"
            )


def _place(cell: Cell) -> str:
    return cell.label if cell.label.startswith("cell ") else f"line {cell.line}"


def _decoded(file: RawFile) -> str:
    data = file.data
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SubmissionError(
            f"{file.origin} is not UTF-8 text (byte 0x{data[error.start]:02x} in line "
            f"{line}); save it as UTF-8 and hand it in again"
        ) from error


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _values(data: bytes) -> int:
    """How many strings, lists, dictionaries and numbers JSON text holds at most.

    Parsed, a dictionary `{},` of three bytes takes a hundred: they are counted before that.
    """
    plain = data.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in data else data
    quotes = plain.count(b'"')
    if quotes > 2 * MAX_VALUES:
        return quotes
    outside = b"".join(plain.split(b'"')[::2])
    lists = outside.count(b"[") + outside.count(b"{")
    return quotes // 2 + lists + outside.count(b",") // NUMBERS_PER_VALUE


def _notebook(text: str, file: RawFile) -> Sheet:
    where = file.origin
    if text.lstrip()[:1] != "{":
        raise SubmissionError(
            f"{where} is not a notebook: it does not begin with {{; hand in the .ipynb file itself"
        )
    if _values(file.data) > MAX_VALUES:
        raise SubmissionError(
            f"{where} holds more than {MAX_VALUES:,} values; clear the outputs of the notebook and "
            "hand it in again"
        )
    try:
        record = json.loads(text)
    except RecursionError as error:
        raise SubmissionError(
            f"{where} is not a notebook: its JSON is nested too deeply; save it again in Jupyter"
        ) from error
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise SubmissionError(
            f"{where} is not a complete notebook: its JSON is broken at line {line} "
            f"({getattr(error, 'msg', 'a number is too long')}); save it and hand it in again"
        ) from error
    sheets = record.get("worksheets")
    lists = [record.get("cells")]
    if not isinstance(lists[0], list) and isinstance(sheets, list):
        lists = [s.get("cells") for s in sheets if isinstance(s, dict)]
    if not lists or not all(isinstance(cells, list) for cells in lists):
        raise SubmissionError(
            f"{where} is not a notebook: it has no list of cells; hand in the .ipynb file itself"
        )
    raw = [cell for cells in lists for cell in cells or ()]
    _check_count(len(raw), where)
    course = _dict(_dict(record.get("metadata")).get("course"))
    exercise = course.get("exercise")
    read = [_notebook_cell(c, f"cell {n}") for n, c in enumerate(raw, start=1)]
    return Sheet(tuple(_short_prose(read)), exercise if isinstance(exercise, str) else "")


def _short_prose(cells: Iterable[Cell]) -> Iterator[Cell]:
    """The cells without the prose that is too much to look for answers in."""
    size = 0
    for cell in cells:
        long = not cell.code and (len(cell.source) > MAX_PROSE or size > MAX_SOURCE)
        size += 0 if cell.code or long else len(cell.source)
        yield replace(cell, source="") if long else cell


def _notebook_cell(cell: Any, label: str) -> Cell:
    cell = _dict(cell)
    nbgrader = _dict(_dict(cell.get("metadata")).get("nbgrader"))
    source = cell.get("source", cell.get("input"))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    ids = (nbgrader.get("grade_id"), cell.get("id"))
    locked, graded = nbgrader.get("locked") is True, nbgrader.get("grade") is True
    return Cell(
        label,
        _newlines(source) if isinstance(source, str) else "",
        code=cell.get("cell_type") == "code",
        ids=tuple(i for i in ids if isinstance(i, str)),
        check=locked and graded,
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _module(text: str, file: RawFile) -> Sheet:
    marks = list(PERCENT.finditer(text))
    if not marks:
        return Sheet((Cell(file.name, text),), whole=True)
    _check_count(len(marks), file.origin)
    starts = [0, *(m.start() for m in marks)]
    stops = [*starts[1:], len(text)]
    cells, line = [], 1
    for number, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        source = text[start:stop]
        kind = marks[number - 1].group(1) if number else ""
        prose = "[markdown]" in kind or "[md]" in kind or "[raw]" in kind
        cells.append(Cell(file.name, source, line, code=not prose))
        line += source.count("\n")
    return Sheet(tuple(_short_prose(cells)))
