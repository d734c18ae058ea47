"""Every notebook is executed in a real kernel: the reference version, and the one handed out."""

import ast
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.build import notebook
from autograder.course import Course, has_torch

ROOT = Path(__file__).parents[2]
COURSE = Course(ROOT)
LONGEST_CELL = 300  # seconds
CHECKER = "your check_gradient"  # how each line of `ask_my_checker` begins

# What a kernel warns of on its own machine is none of ours; nothing else runs in this process.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a student who has not begun."""
    folder = tmp_path_factory.mktemp("handed_out")
    for tree in ("starter_code", "assignments", "datasets"):
        shutil.copytree(ROOT / tree, folder / tree, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def finished(handed_out: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a student who has written everything: modules and notebooks take turns."""
    folder = tmp_path_factory.mktemp("finished") / "course"
    shutil.copytree(handed_out, folder)
    for number, slug in enumerate(s for s in COURSE.slugs if can_run(s)):
        if number % 2:
            shutil.copy2(ROOT / "solutions" / f"{slug}.py", folder / "starter_code" / f"{slug}.py")
        else:
            text = notebook(COURSE.page(slug), COURSE.exercise(slug))
            (folder / "assignments" / f"{slug}.ipynb").write_text(text, encoding="utf-8")
    return folder


def can_run(slug: str) -> bool:
    """Whether this machine has what an exercise needs."""
    return COURSE.volume(slug)["arrays"] != "torch" or has_torch()


def executed(text: str, folder: Path) -> dict[str, str]:
    """What each code cell prints, by id; no cell may raise or write to stderr."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    book = nbformat.reads(text, as_version=4)
    client = nbclient.NotebookClient(
        book,
        timeout=LONGEST_CELL,
        allow_errors=True,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env={**os.environ, "PYTHONPATH": str(ROOT)})
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    outputs = [(cell.id, output) for cell in cells for output in cell.outputs]
    noise = [
        (ident, output.get("ename") or output.get("text"))
        for ident, output in outputs
        if output.output_type == "error" or output.get("name") == "stderr"
    ]
    assert noise == []
    return {cell.id: "".join(map(text_of, cell.outputs)) for cell in cells}


def text_of(output: Any) -> str:
    """What one output of a cell shows where there are no colours."""
    return str(output.get("text") or output.get("data", {}).get("text/plain", ""))


def said(printed: dict[str, str], slug: str) -> dict[str, str]:
    """What each function's check cell printed, apart from what the student's own checker says."""
    checks = {c.id: c.function for c in COURSE.page(slug).cells if c.kind == "check"}
    return {
        checks[ident]: "\n".join(x for x in text.strip().split("\n") if not x.startswith(CHECKER))
        for ident, text in printed.items()
        if ident in checks
    }


@pytest.mark.parametrize("slug", COURSE.slugs)
def test_the_reference_notebook_passes_every_visible_check(slug: str, finished: Path) -> None:
    if not can_run(slug):
        pytest.skip(f"{slug} needs PyTorch")
    page = COURSE.page(slug)
    home = (finished / "assignments" / slug).parent
    printed = executed(notebook(page, COURSE.exercise(slug)), home)
    assert said(printed, slug) == {f: f"{f}: passes its visible check" for f in page.functions}
    everything = "".join(printed.values())
    assert "Note: " not in everything, "the earlier work is right and was found"
    assert everything.count(CHECKER) == everything.count(f"{CHECKER}: the error of ")


@pytest.mark.parametrize("slug", COURSE.slugs)
def test_the_notebook_as_handed_out_says_politely_what_is_not_attempted(
    slug: str, handed_out: Path
) -> None:
    if not can_run(slug):
        pytest.skip(f"{slug} needs PyTorch")
    page = COURSE.page(slug)
    path = handed_out / "assignments" / f"{slug}.ipynb"
    printed = executed(path.read_text(encoding="utf-8"), path.parent)
    assert said(printed, slug) == {f: f"{f}: not attempted yet" for f in page.functions}
    assert "Traceback" not in "".join(printed.values())


@pytest.mark.parametrize("slug", COURSE.slugs)
def test_no_cell_calls_what_is_to_be_written_outside_of_a_function(slug: str) -> None:
    """Such a call raises before anything can say politely that it is not written yet."""
    page = COURSE.page(slug)
    called = {
        (cell.id, call.func.id)
        for cell in page.cells
        if cell.kind in ("given", "check")
        for call in run_at_once(ast.parse(cell.source))
        if isinstance(call.func, ast.Name) and call.func.id in page.functions
    }
    assert called == set()


def _caught(handler: ast.ExceptHandler) -> str:
    return ast.unparse(handler.type) if handler.type else ""


def run_at_once(node: ast.AST) -> Iterator[ast.Call]:
    """The calls that running a cell makes itself, unless it is ready for NotImplementedError."""
    if isinstance(node, (ast.FunctionDef, ast.Lambda)):
        return
    if isinstance(node, ast.Try) and "NotImplementedError" in map(_caught, node.handlers):
        return
    if isinstance(node, ast.Call):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from run_at_once(child)


@pytest.mark.parametrize("begun", [False, True])
def test_the_index_says_how_far_a_student_is(begun: bool, handed_out: Path, finished: Path) -> None:
    path = (finished if begun else handed_out) / "assignments" / "index.ipynb"
    printed = "".join(executed(path.read_text(encoding="utf-8"), path.parent).values())
    functions = [f for slug in COURSE.slugs for f in COURSE.page(slug).functions]
    skipped = [f for slug in COURSE.slugs if not can_run(slug) for f in COURSE.page(slug).functions]
    passed = len(functions) - len(skipped) if begun else 0
    words = " ".join(re.sub(r"\x1b\[[\d;]*m", "", printed).split())
    assert f"{passed} of {len(functions)} functions pass their visible check" in words
    assert words.count("not attempted") == (0 if begun else len(functions) - len(skipped))
