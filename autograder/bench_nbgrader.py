"""Stock nbgrader on the same functions: one notebook, one kernel, tests in its cells."""

import contextlib
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .build import notebook
from .exercise import Exercise
from .percent import Page

CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "bench"
c.CourseDirectory.root = {root!r}
"""


def autograde_seconds(
    pairs: list[tuple[Exercise, Page]], work: Path, count: int, *, joined: bool
) -> tuple[float, float]:
    """Wall and CPU seconds of `nbgrader autograde` on `count` submissions of right answers.

    Args:
        joined: All functions in one notebook, or a notebook for each exercise, as in the course.
    """
    import nbformat

    root = work / f"nbgrader{count}_{joined}"
    books = {"all": _assignment(pairs)} if joined else {}
    for number, (_, page) in enumerate(pairs if not joined else []):
        # Later notebooks repeat what they build on, as a kernel of their own needs it.
        books[page.name] = _assignment(pairs[: number + 1] if page.earlier else [pairs[number]])
    for folder in ["source/six", *(f"submitted/student{n:03d}/six" for n in range(count))]:
        (root / folder).mkdir(parents=True)
        for name, book in books.items():
            nbformat.write(book, root / folder / f"{name}.ipynb")
    (root / "nbgrader_config.py").write_text(CONFIG.format(root=str(root)), encoding="utf-8")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    env = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(root / "none"),
        "PYTHONWARNINGS": "ignore",
        "PATH": path,  # nbgrader runs a command of its database library by name
    }
    _run(root, env, "generate_assignment", "six", "--force")
    start, cpu = time.perf_counter(), _children()
    _run(root, env, "autograde", "six", "--force")
    taken = time.perf_counter() - start, _children() - cpu
    graded = list(root.glob(f"autograded/*/six/{list(books)[-1]}.ipynb"))
    assert len(graded) == count, f"nbgrader graded {len(graded)} of {count}"
    return taken


def _run(root: Path, env: dict[str, str], *words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *words],
        cwd=root,
        env=env,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"nbgrader {words[0]} fails: {done.stderr[-400:]}")


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _assignment(pairs: list[tuple[Exercise, Page]]) -> Any:
    """The references' cells of all exercises in one notebook; each grade cell is a plain test."""
    import nbformat

    cells, names = [], set()
    for exercise, page in pairs:
        book = nbformat.reads(notebook(page, exercise), as_version=4)
        for cell in book.cells:
            source = cell.source
            if cell.cell_type != "code" or "mine(" in source or "check_cell" in source:
                continue
            if "grade_cell" in source:
                function = cell.metadata.nbgrader.grade_id.partition("-")[2]
                cell.source = f"assert callable({function})"
            if cell.id in names:
                continue
            names.add(cell.id)
            cells.append(cell)
    joined: Any = nbformat.v4.new_notebook(cells=cells)
    joined.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    with contextlib.suppress(AttributeError):
        joined.nbformat_minor = 5
    return joined
