"""What a student wrote goes back into the notebook that was handed out, whatever happened to it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader")

import nbformat

from autograder.build import notebook
from autograder.course import Course
from autograder.nbgrader_plugin.restore import restore
from autograder.nbgrader_plugin.written import read_notebook
from autograder.tests.nbgrader_course import Book, answer, dumped, filled

SCALE = "def scale(x, factor):\n    return x * factor"
BACKWARD = "def scale_backward(dout, factor):\n    return dout * factor"


@pytest.fixture
def out(toy: Course) -> Book:
    """The notebook `scale` as it was handed out, with a question to be graded by hand."""
    slug = "vol1_toys/scale"
    book: Book = json.loads(notebook(toy.stub(slug), toy.exercise(slug)))
    for cell in book["cells"]:
        cell["source"] = "".join(cell["source"])
    label = {"grade": True, "grade_id": "why", "locked": False, "points": 2, "solution": True}
    label |= {"schema_version": 3, "task": False}
    question = {"cell_type": "markdown", "id": "why", "metadata": {"nbgrader": label}}
    book["cells"].append({**question, "source": "YOUR ANSWER HERE"})
    return book


def restored(out: Book, data: bytes, folder: Path) -> tuple[Any, list[str]]:
    """The restored notebook, valid, and what was repaired."""
    path = folder / "scale.ipynb"
    path.write_bytes(data)
    book = nbformat.from_dict(json.loads(dumped(out)))  # type: ignore[no-untyped-call]
    repaired = restore(book, read_notebook(path))
    nbformat.validate(book)
    return book, repaired


def written(out: Book) -> Book:
    return filled(json.loads(dumped(out)), {"scale": SCALE, "scale_backward": BACKWARD})


def texts(book: Any) -> list[str]:
    return [cell["source"] for cell in book["cells"]]


def test_an_untouched_notebook_comes_back_as_it_was(out: Book, tmp_path: Path) -> None:
    book, repaired = restored(out, dumped(out), tmp_path)
    assert texts(book) == texts(out)
    assert repaired == []


def test_answers_and_own_cells_stay_where_they_were(out: Book, tmp_path: Path) -> None:
    mine = written(out)
    at = mine["cells"].index(answer(mine, "scale")) + 1
    mine["cells"].insert(at, {"cell_type": "code", "source": "scale(1, 2)", "metadata": {}})
    mine["cells"][-1]["source"] = "Because."
    book, repaired = restored(out, dumped(mine), tmp_path)
    assert texts(book) == texts(mine)
    assert repaired == ["The notebook is in an old format, in which cells have no ids."]


def _lose_all(book: Book) -> None:
    for cell in book["cells"]:
        cell["metadata"] = {}
        cell["id"] = f"a{id(cell)}"


def _double(book: Book) -> None:
    book["cells"] = [c for cell in book["cells"] for c in (cell, json.loads(json.dumps(cell)))]


def _retype(book: Book) -> None:
    cell = answer(book, "scale")
    cell["cell_type"] = "markdown"
    del cell["outputs"], cell["execution_count"]


def _only_answers(book: Book) -> None:
    book["cells"] = [answer(book, "scale"), answer(book, "scale_backward"), book["cells"][-1]]


def _split(book: Book) -> None:
    cell = answer(book, "scale")
    head, _, rest = cell["source"].partition("\n")
    at = book["cells"].index(cell)
    book["cells"][at : at + 1] = [{**cell, "source": head}, {**cell, "source": rest, "id": "b"}]


def _edit_points(book: Book) -> None:
    for cell in book["cells"]:
        if "points" in cell["metadata"].get("nbgrader", {}):
            cell["metadata"]["nbgrader"]["points"] = 1000
        if "grade_cell(" in cell["source"]:
            cell["source"] = "1000.0"


@pytest.mark.parametrize(
    ("accident", "said"),
    [
        (_double, "Cells that were there several times are one: scale-01, scale-answer-scale, "),
        (_lose_all, "Cells without their label were recognised: scale-01, scale-answer-scale, "),
        (_retype, "Cells of another type were turned back: scale-answer-scale."),
        (_only_answers, "Missing cells were put back: scale-01, scale-04, scale-scale, "),
        (_split, "Cells that were there several times are one: scale-answer-scale."),
        (_edit_points, "Points that were edited change nothing: scale-scale, scale-scale_backwa"),
    ],
)
def test_an_accident_is_repaired_and_told(
    out: Book, tmp_path: Path, accident: Callable[[Book], None], said: str
) -> None:
    mine = written(out)
    mine["cells"][-1]["source"] = "Because it is linear."
    whole = texts(mine)
    accident(mine)
    book, repaired = restored(out, dumped(mine), tmp_path)
    assert texts(book) == whole
    assert any(sentence.startswith(said) for sentence in repaired), repaired
    labels = [c["metadata"].get("nbgrader") for c in book["cells"] if "nbgrader" in c["metadata"]]
    assert labels == [
        c["metadata"]["nbgrader"] for c in out["cells"] if "nbgrader" in c["metadata"]
    ]


def test_functions_in_one_cell_of_their_own_are_found_by_name(out: Book, tmp_path: Path) -> None:
    own = {"cell_type": "code", "source": f"{SCALE}\n\n\n{BACKWARD}", "metadata": {}, "id": "own"}
    book, _ = restored(out, dumped({**out, "cells": [own]}), tmp_path)
    assert answer(book, "scale")["source"] == own["source"]
    said = "# scale_backward is written in the cell scale-answer-scale."
    assert answer(book, "scale_backward")["source"] == said


def test_a_changed_protected_cell_is_shown_behind_the_original(out: Book, tmp_path: Path) -> None:
    mine = written(out)
    given = next(c for c in mine["cells"] if c["id"] == "scale-01")
    original = given["source"]
    given["source"] = "import numpy as np\nSECRET = 1"
    book, _ = restored(out, dumped(mine), tmp_path)
    at = texts(book).index(original)
    assert texts(book)[at + 1] == "import numpy as np\nSECRET = 1"


def test_a_file_that_is_no_notebook_says_so_in_every_answer(out: Book, tmp_path: Path) -> None:
    for data, said in (
        (b"", "scale.ipynb is empty; save it and hand it in again."),
        (b"%PDF-1.7", "scale.ipynb is not a notebook: it does not begin with {"),
        (b'{"cells": ' + b"[" * 100_000, "its JSON is nested too deeply"),
    ):
        book, repaired = restored(out, data, tmp_path)
        assert said in repaired[0]
        assert said in answer(book, "scale")["source"]
        assert answer(book, "scale")["source"].startswith("# This notebook could not be read. ")


def test_strange_cells_give_a_valid_notebook(out: Book, tmp_path: Path) -> None:
    odd = [1, None, {}, {"cell_type": "raw", "source": "x"}, {"cell_type": 7, "source": ["a", 1]}]
    odd += [{"cell_type": "markdown", "source": "y", "attachments": {"a": 1, "b": {"c": []}}}]
    picture = {"p.png": {"image/png": "iVBORw0KGgo="}}
    odd += [{"cell_type": "markdown", "source": "![p](attachment:p.png)", "attachments": picture}]
    odd += [{"cell_type": "code", "source": "z", "metadata": {"nbgrader": {"grade_id": ["why"]}}}]
    book, _ = restored(out, dumped({**out, "cells": [*odd, *out["cells"]]}), tmp_path)
    assert texts(book)[:7] == ["", "", "", "x", "a", "y", "![p](attachment:p.png)"]
    assert book["cells"][6]["attachments"] == picture


def test_a_written_answer_keeps_its_pictures(out: Book, tmp_path: Path) -> None:
    mine = written(out)
    mine["cells"][-1]["attachments"] = {"p.png": {"image/png": "iVBORw0KGgo="}}
    mine["cells"][-1]["source"] = "See ![p](attachment:p.png)."
    book, _ = restored(out, dumped(mine), tmp_path)
    assert book["cells"][-1]["attachments"] == mine["cells"][-1]["attachments"]
    assert texts(book)[-1] == "See ![p](attachment:p.png)."
