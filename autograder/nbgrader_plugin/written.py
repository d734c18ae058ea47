"""The cells that a student handed in, read by the grader's reader, for showing them again."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import SubmissionError
from ..identify import DEFINES
from ..notebook import RawFile, read_sheet
from ..submission import Found, open_student


@dataclass(frozen=True)
class Written:
    """One cell of a student's, without outputs.

    Attributes:
        source: Its text.
        code: Whether it is a code cell.
        ids: What nbgrader called it, and its own id, as far as it still has them.
        points: What its metadata claim that it is worth.
        attachments: Pictures in a cell of prose.
    """

    source: str
    code: bool
    ids: tuple[str, ...] = ()
    points: Any = None
    attachments: dict[str, Any] = field(default_factory=dict)

    @property
    def defines(self) -> frozenset[str]:
        """The functions and classes that it defines."""
        return frozenset(DEFINES.findall(self.source))


@dataclass(frozen=True)
class Handed:
    """A student's notebook: its cells, or why it cannot be read; the kernel it was saved for."""

    cells: tuple[Written, ...] = ()
    problem: str = ""
    kernel: str = ""
    has_ids: bool = True


def read_notebook(path: Path) -> Handed:
    """Read the notebook at `path` within the reader's caps; what goes wrong is its `problem`."""
    opened = open_student(Found("", (path,)))
    try:
        if not opened.files:
            said = [*(sentence for _, sentence in opened.left_out), *opened.problems]
            return Handed(problem=" ".join(said) or f"{path.name} is not there.")
        return _cells(opened.files[0])
    except SubmissionError as error:
        return Handed(problem=f"{error}.")


def _cells(file: RawFile) -> Handed:
    sheet = read_sheet(file)
    record = json.loads(file.data.decode("utf-8-sig"))
    sheets = record.get("worksheets")
    lists = [record] if isinstance(record.get("cells"), list) else sheets
    raw = [_dict(cell) for one in lists for cell in one["cells"]]
    kernel = _dict(_dict(record.get("metadata")).get("kernelspec")).get("language", "python")
    cells = []
    for cell, own in zip(sheet.cells, raw, strict=True):
        source = cell.source or _text(own)  # long prose is not read for answers, but shown
        nbgrader = _dict(_dict(own.get("metadata")).get("nbgrader"))
        pictures = {} if cell.code else _attachments(own)
        cells.append(Written(source, cell.code, cell.ids, nbgrader.get("points"), pictures))
    has_ids = all(isinstance(own.get("id"), str) for own in raw)
    return Handed(tuple(cells), kernel=str(kernel), has_ids=has_ids)


def _text(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        return "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""


def _attachments(cell: dict[str, Any]) -> dict[str, Any]:
    """Pictures by name, as far as they are what the format says."""
    return {
        name: {kind: data for kind, data in _dict(kinds).items() if isinstance(data, str)}
        for name, kinds in _dict(cell.get("attachments")).items()
    }


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
