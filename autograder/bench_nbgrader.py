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
    pairs: list[tuple[Exercise, Page]], work: Path, count: int
) -> tuple[float, float]:
    """Wall and CPU seconds of `nbgrader autograde` on `count` submissions of right answers."""
    import nbformat

    root = work / f"nbgrader{count}"
    book = _assignment(pairs)
    for folder in ["source/six", *(f"submitted/student{n:03d}/six" for n in range(count))]:
        (root / folder).mkdir(parents=True)
        nbformat.write(book, root / folder / "six.ipynb")
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
    graded = list(root.glob("autograded/*/six/six.ipynb"))
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
