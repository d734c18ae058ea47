"""Every notebook is executed in a real kernel: the reference version, and the one handed out."""

from pathlib import Path
from typing import Any

import pytest

from autograder.build import notebook
from autograder.course import Course
from autograder.percent import Page

ROOT = Path(__file__).parents[2]
COURSE = Course(ROOT)


def _executed(text: str, folder: Path) -> list[Any]:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    book = nbformat.reads(text, as_version=4)
    client = nbclient.NotebookClient(
        book, timeout=120, allow_errors=False, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return list(book.cells)


def _printed(cells: list[Any]) -> str:
    outputs = [o for c in cells if c.cell_type == "code" for o in c.outputs]
    return "".join(o.get("text", "") for o in outputs)


def _page(slug: str) -> Page:
    return COURSE.page(slug)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("slug", COURSE.slugs)
def test_the_reference_notebook_passes_every_visible_check(slug: str) -> None:
    if COURSE.volume(slug)["arrays"] == "torch":
        pytest.importorskip("torch")
    page = _page(slug)
    # Earlier exercises come from the student's own files; here, from the references themselves.
    text = notebook(page, COURSE.exercise(slug))
    for earlier in page.earlier:
        source = f"from solutions.{earlier.exercise.replace('/', '.')} import {earlier.name}"
        call = f'{earlier.local} = mine(\\"{earlier.exercise}\\").{earlier.name}'
        assert call in text
        text = text.replace(call, source)
    printed = _printed(_executed(text, ROOT))
    for function in page.functions:
        assert f"{function}: passes its visible check" in printed


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("slug", COURSE.slugs)
def test_the_notebook_as_handed_out_says_politely_what_is_not_attempted(slug: str) -> None:
    if COURSE.volume(slug)["arrays"] == "torch":
        pytest.importorskip("torch")
    path = ROOT / "assignments" / f"{slug}.ipynb"
    printed = _printed(_executed(path.read_text(encoding="utf-8"), path.parent))
    for function in _page(slug).functions:
        assert f"{function}: not attempted yet" in printed
    assert "Traceback" not in printed
