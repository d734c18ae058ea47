"""`nbgrader autograde` as a whole command: stock, and ours on the same notebooks in the same run.

Run as `python -m autograder.bench_nbgrader`; prints Markdown tables. The assignment is the list
`bench.exercises` of instructor/course.toml, answered by the references. Stock's cells with points
only look whether a function is there: what it takes is kernels, conversion and its database.
"""

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .build import notebook
from .course import Course
from .exercise import Exercise
from .percent import BEGIN, END, Page

FEW, MANY = 2, 12
NAME = "bench"

CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "bench"
c.CourseDirectory.root = {root!r}
"""


def main() -> None:
    """Measure and print."""
    course = Course.find()
    slugs = course.known(course.settings["bench"]["exercises"])
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        ours = {n: _room(course, slugs, work / f"ours{n}", n, stock=False) for n in (FEW, MANY)}
        stock = {n: _room(course, slugs, work / f"stock{n}", n, stock=True) for n in (FEW, MANY)}
        took = {n: (_autograde(ours[n]), _autograde(stock[n])) for n in (FEW, MANY)}
        again = _autograde(ours[MANY])
        start = _seconds(lambda: _run(ours[FEW], _environment(ours[FEW]), "--version"))
    print(f"Assignment: {', '.join(slugs)}; one notebook each, answered by the references.\n")
    print("| `nbgrader autograde`, whole command | ours, s | stock, s | times |")
    print("| --- | ---: | ---: | ---: |")
    for count, pair in took.items():
        _print_row(f"{count} submissions", *pair)
    per = [(b - a) / (MANY - FEW) for a, b in zip(took[FEW], took[MANY], strict=True)]
    _print_row("each further submission", *per)
    print(f"\n| where {MANY} submissions go, ours | s |\n| --- | ---: |")
    print(f"| starting nbgrader, which imports all of it | {start:.1f} |")
    print(f"| the checks, in isolation | {took[MANY][0] - again:.1f} |")
    print(f"| restoring, converting, nbgrader's database | {again - start:.1f} |")


def _print_row(name: str, ours: float, stock: float) -> None:
    print(f"| {name} | {ours:.2f} | {stock:.2f} | {stock / ours:.1f} |")


def _room(course: Course, slugs: tuple[str, ...], root: Path, count: int, *, stock: bool) -> Path:
    """An nbgrader course with one released assignment that `count` students have handed in."""
    from .nbgrader_plugin.init import CONFIG as OURS
    from .nbgrader_plugin.init import Assignment, source

    config = "" if stock else OURS.format(path=str(course.root / "instructor"))
    (root / "submitted").mkdir(parents=True)
    (root / "nbgrader_config.py").write_text(config, encoding="utf-8")
    for path, data in source(course, Assignment(NAME, slugs)).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(_tested(data) if stock and path.suffix == ".ipynb" else data)
    _run(root, _environment(root), "generate_assignment", NAME)
    pages = {course.page(slug).name: course.page(slug) for slug in slugs}
    for released in sorted((root / "release" / NAME).iterdir()):
        for number in range(count):
            path = root / "submitted" / f"student{number:03d}" / NAME / released.name
            path.parent.mkdir(parents=True, exist_ok=True)
            if released.suffix == ".ipynb":
                path.write_bytes(_answered(released.read_bytes(), pages[released.stem], number))
            elif released.suffix == ".json":
                path.write_bytes(released.read_bytes())
    return root


def _tested(data: bytes) -> bytes:
    """The notebook with a plain test in each cell with points, as stock nbgrader has it."""
    book = json.loads(data)
    for cell in book["cells"]:
        mark = cell["metadata"].get("nbgrader", {})
        if mark.get("grade"):
            cell["source"] = f"assert callable({mark['grade_id'].partition('-')[2]})"
    return json.dumps(book).encode()


def _answered(data: bytes, page: Page, number: int) -> bytes:
    """The notebook with the reference's answers; no two students write the same."""
    book = json.loads(data)
    answers = {c.id: c.source for c in page.cells if c.kind == "answer"}
    for cell in book["cells"]:
        ident = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
        if ident in answers:
            lines = answers[ident].split("\n")
            kept = [line for line in lines if line.strip() not in (BEGIN, END)]
            cell["source"] = "\n".join([*kept, f"# by {number}"])
    return json.dumps(book).encode()


def _autograde(root: Path) -> float:
    """Seconds of the whole command; every submission is graded."""
    seconds = _seconds(lambda: _run(root, _environment(root), "autograde", NAME, "--force"))
    graded = len(list(root.glob(f"autograded/*/{NAME}")))
    assert graded == len(list((root / "submitted").iterdir())), f"nbgrader graded {graded}"
    return seconds


def _seconds(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


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
    env = _environment(root)
    _run(root, env, "generate_assignment", "six", "--force")
    start, cpu = time.perf_counter(), _children()
    _run(root, env, "autograde", "six", "--force")
    taken = time.perf_counter() - start, _children() - cpu
    graded = list(root.glob(f"autograded/*/six/{list(books)[-1]}.ipynb"))
    assert len(graded) == count, f"nbgrader graded {len(graded)} of {count}"
    return taken


def _environment(root: Path) -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(root / "none"),
        "PYTHONWARNINGS": "ignore",
        "PATH": path,  # nbgrader runs a command of its database library by name
    }


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


if __name__ == "__main__":
    main()
