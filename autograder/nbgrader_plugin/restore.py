"""What a student wrote, put back into the notebook that was handed out.

Cells that were duplicated, split, deleted, retyped or lost their labels, edited points, old
formats: the notebook that nbgrader goes on with is whole again, and every repair is reported.
Points come from the file as it was handed in; this is what people see.
"""

import copy
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor

from ..report.escape import one_line
from .handout import answers, grade_id
from .written import Handed, Written, read_notebook

REPAIRED = "repaired"


class Restore(NbGraderPreprocessor):
    """The first step of `nbgrader autograde`: from a file of any kind to a notebook of ours."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Replace `nb`, which is empty, by the restored notebook.

        Raises:
            CourseError: The notebook that was handed out is gone.
        """
        names = resources["nbgrader"]
        path: Path = self.parent.handed_in(names["assignment"], names["student"], names["notebook"])
        book = self.parent.handed_out(names["assignment"], names["notebook"])
        repaired = restore(book, read_notebook(path))
        for sentence in repaired:
            self.log.warning("%s, %s: %s", names["student"], names["notebook"], sentence)
        book.metadata["autograder"] = {REPAIRED: repaired}
        return book, resources


def restore(book: Any, handed: Handed) -> list[str]:
    """Fill `book`, as it was handed out, with what a student wrote; what was repaired."""
    if handed.problem:
        _mark_unreadable(book, handed.problem)
        return [one_line(handed.problem)]
    places = _Places(book, handed.cells)
    places.settle()
    repaired = [*places.repairs(), *_of_format(book, handed)]
    book.cells = list(places.cells())
    return repaired


def _mark_unreadable(book: Any, problem: str) -> None:
    """Say in each place for an answer why there is none: it was not left empty."""
    for cell in book.cells:
        if utils.is_solution(cell):
            mark = "# " if cell.cell_type == "code" else ""
            cell.source = f"{mark}This notebook could not be read. {one_line(problem)}"


def _of_format(book: Any, handed: Handed) -> Iterator[str]:
    language = book.metadata.get("kernelspec", {}).get("language", "python")
    if handed.kernel != language:
        yield f"The notebook was saved for a kernel that is not {language}."
    if not handed.has_ids:
        yield "The notebook is in an old format, in which cells have no ids."


@dataclass
class _Places:
    """Where each cell of a student's belongs in the notebook that was handed out."""

    book: Any
    written: Sequence[Written]
    homes: list[int | None] = field(default_factory=list)
    labelled: set[int] = field(default_factory=set)
    texts: dict[int, str] = field(default_factory=dict)

    def settle(self) -> None:
        """Find the home of each cell: by its ids, then by its text, then by what it defines."""
        by_id: dict[str, int] = {}
        by_text: dict[str, int] = {}
        for place, cell in enumerate(self.book.cells):
            by_id |= {i: place for i in (grade_id(cell), cell.get("id", "")) if i}
            by_text.setdefault(cell.source.strip(), place)
        for cell in self.written:
            home = next((by_id[i] for i in cell.ids if i in by_id), None)
            if home is not None:
                self.labelled.add(home)
            self.homes.append(by_text.get(cell.source.strip()) if home is None else home)
        functions = answers(self.book)
        for place, cell in enumerate(self.book.cells):
            if utils.is_solution(cell) and not self._here(place):
                self._bring(place, functions.get(grade_id(cell), ""))

    def _here(self, place: int) -> list[str]:
        """What stands in the cells of this place, each text once, without what was handed out."""
        given = self.book.cells[place].source.strip()
        texts = [w.source for w, h in zip(self.written, self.homes, strict=True) if h == place]
        return list(dict.fromkeys(t for t in texts if t.strip() and t.strip() != given))

    def _bring(self, place: int, function: str) -> None:
        """Move the last cell that defines `function` here, or say in whose cell it is."""
        if not function:
            self._bring_by_position(place)
            return
        every = [n for n, w in enumerate(self.written) if function in w.defines]
        every = [n for n in every if self.homes[n] != place]  # that is the stub
        free = [n for n in every if self.homes[n] is None]
        code = [n for n in free if self.written[n].code] or free
        if code:
            self.homes[code[-1]] = place
        elif every and (home := self.homes[every[-1]]) is not None:
            other = self.book.cells[home]
            if utils.is_solution(other):
                self.texts[place] = f"# {function} is written in the cell {grade_id(other)}."

    def _bring_by_position(self, place: int) -> None:
        """Move here what stands just behind the cell before: an answer in prose has no name."""
        if place in self.homes:
            return
        code, at = self.book.cells[place].cell_type == "code", -1
        for number, home in enumerate(self.homes):
            at = at if home is None else home
            if home is None and at == place - 1 and self.written[number].code == code:
                self.homes[number] = place

    def cells(self) -> Iterator[Any]:
        """The restored cells, and between them the student's own ones where they stood."""
        own: dict[int, list[Any]] = defaultdict(list)
        at = -1
        for number, (cell, home) in enumerate(zip(self.written, self.homes, strict=True)):
            at = at if home is None else home
            if home is None or self._is_own_version(cell, home):
                own[at].append(_own_cell(cell, number))
        yield from own[-1]
        for place, cell in enumerate(self.book.cells):
            yield self._filled(place, cell)
            yield from own[place]

    def _is_own_version(self, cell: Written, home: int) -> bool:
        """Whether it is a protected cell that was changed: both are shown, the original first."""
        original = self.book.cells[home]
        changed = cell.source.strip() not in ("", original.source.strip())
        return changed and utils.is_locked(original) and not utils.is_grade(original)

    def _filled(self, place: int, cell: Any) -> Any:
        cell = copy.deepcopy(cell)
        if utils.is_locked(cell) or (utils.is_grade(cell) and not utils.is_solution(cell)):
            return cell
        texts = self._here(place)
        if texts:
            cell.source = _joined(texts)
        elif place in self.texts:
            cell.source = self.texts[place]
        if cell.cell_type != "code":
            here = [w for w, h in zip(self.written, self.homes, strict=True) if h == place]
            _attach(cell, {name: data for w in here for name, data in w.attachments.items()})
        return cell

    def repairs(self) -> Iterator[str]:
        """One sentence for each kind of thing that was put right; names are ours, not theirs."""
        count = [self.homes.count(place) for place in range(len(self.book.cells))]
        ours = [n for n, c in enumerate(self.book.cells) if grade_id(c)]
        named = [(n, grade_id(self.book.cells[n])) for n in ours]
        if missing := [ident for n, ident in named if not count[n]]:
            yield f"Missing cells were put back: {', '.join(missing)}."
        if unlabelled := [i for n, i in named if count[n] and n not in self.labelled]:
            yield f"Cells without their label were recognised: {', '.join(unlabelled)}."
        if several := [ident for n, ident in named if count[n] > 1]:
            yield f"Cells that were there several times are one: {', '.join(several)}."
        if retyped := [ident for n, ident in named if self._is_retyped(n)]:
            yield f"Cells of another type were turned back: {', '.join(retyped)}."
        if edited := [ident for n, ident in named if self._has_other_points(n)]:
            yield f"Points that were edited change nothing: {', '.join(edited)}."

    def _is_retyped(self, place: int) -> bool:
        code = self.book.cells[place].cell_type == "code"
        pairs = zip(self.written, self.homes, strict=True)
        return any(home == place and cell.code != code for cell, home in pairs)

    def _has_other_points(self, place: int) -> bool:
        points = self.book.cells[place].metadata.nbgrader.get("points")
        pairs = zip(self.written, self.homes, strict=True)
        return any(
            home == place and cell.points is not None and cell.points != points
            for cell, home in pairs
        )


def _joined(texts: Sequence[str]) -> str:
    """Texts of one place: the rest of a function goes on in the next line."""
    whole = texts[0]
    for text in texts[1:]:
        text = text.strip("\n")
        whole = whole.rstrip("\n") + ("\n" if text[:1].isspace() else "\n\n\n") + text
    return whole


def _own_cell(cell: Written, number: int) -> Any:
    """A cell that a student added, without outputs, labels and metadata."""
    import nbformat.v4

    ident = f"own-{number + 1}"
    if cell.code:
        return nbformat.v4.new_code_cell(cell.source, id=ident)
    own = nbformat.v4.new_markdown_cell(cell.source, id=ident)
    _attach(own, cell.attachments)
    return own


def _attach(cell: Any, pictures: dict[str, Any]) -> None:
    if pictures:
        cell["attachments"] = pictures
