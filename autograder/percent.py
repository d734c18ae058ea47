"""The source form of an exercise: a Python module in percent cells, and its stub.

A module is a docstring followed by cells that begin with `# %%` (code) or `# %% [markdown]`.
What a code cell is for follows from what it holds:

    answer   a region between the lines `### BEGIN SOLUTION` and `### END SOLUTION`
    check    a function `visible_<function>`
    given    anything else
"""

import ast
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from .errors import CourseError

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
NEAR_MISS = re.compile(r"#\s*#*\s*(BEGIN|END)[\s_-]*SOLUTIONS?\b", re.IGNORECASE)
# What a solution region becomes; a stub page is parsed like its source.
YOURS = re.compile(r'raise NotImplementedError\("[\w.]+ is yours to write"\)')
CellKind = Literal["markdown", "given", "answer", "check"]


@dataclass(frozen=True)
class PageCell:
    """One cell: its kind, its text without the `# %%` line, and the function it is about."""

    kind: CellKind
    id: str
    source: str
    line: int
    function: str = ""


@dataclass(frozen=True)
class Earlier:
    """A name that an exercise takes from an earlier one.

    `from .first import scale` within its volume, `from ..vol1.first import scale` from another.
    """

    local: str
    exercise: str
    name: str


@dataclass(frozen=True)
class Page:
    """A parsed exercise module.

    `title` is its first heading, `summary` the first line of its docstring, `functions` the
    names to write in order, `header` everything before the first cell.
    """

    slug: str
    title: str
    summary: str
    header: str
    cells: tuple[PageCell, ...]
    earlier: tuple[Earlier, ...]

    @property
    def name(self) -> str:
        """The last part of the slug."""
        return self.slug.rpartition("/")[2]

    @property
    def functions(self) -> tuple[str, ...]:
        return tuple(c.function for c in self.cells if c.kind == "answer")

    def text(self) -> str:
        """The page as a module again."""
        parts = [self.header]
        for cell in self.cells:
            mark = "# %% [markdown]" if cell.kind == "markdown" else "# %%"
            parts.append(f"{mark}\n{cell.source}\n")
        return "\n".join(parts)


def read_page(path: Path, slug: str) -> Page:
    """Parse the module at `path`.

    Raises:
        CourseError: A marker without its partner, a cell with no or two functions to write, a
            syntax error; the message has file and line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CourseError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CourseError(f"{path}: byte {error.start} is not UTF-8; save it as UTF-8") from error
    return parse_page(text, slug, str(path))


def parse_page(text: str, slug: str, where: str) -> Page:
    """Parse the text of an exercise module; `where` names it in messages."""
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise CourseError(f"{where}:{error.lineno}: {error.msg}") from error
    lines = text.split("\n")
    _check_markers(lines, where)
    starts = [i for i, line in enumerate(lines) if line.startswith("# %%")]
    if not starts:
        raise CourseError(f"{where}: there is no `# %%` cell; see CONTRIBUTING, add an exercise")
    header = "\n".join(lines[: starts[0]]).rstrip() + "\n"
    name = slug.rpartition("/")[2]
    cells: list[PageCell] = []
    for number, (start, stop) in enumerate(zip(starts, [*starts[1:], len(lines)], strict=True)):
        source = "\n".join(lines[start + 1 : stop]).strip("\n")
        first = start + 2
        if lines[start].strip() == "# %% [markdown]":
            cells.append(PageCell("markdown", f"{name}-{number:02d}", source, first))
            continue
        kind, function = _code_kind(source, f"{where}:{first}")
        ident = f"{name}-answer-{function}" if kind == "answer" else f"{name}-{number:02d}"
        cells.append(PageCell(kind, ident, source, first, function))
    _check_pairs(cells, where)
    title = next(
        (
            line.removeprefix("# # ").strip()
            for c in cells
            if c.kind == "markdown"
            for line in c.source.split("\n")
            if line.startswith("# # ")
        ),
        name,
    )
    docstring = ast.get_docstring(tree) or ""
    return Page(slug, title, docstring.split("\n")[0], header, tuple(cells), _earlier(tree, slug))


def stub(page: Page) -> Page:
    """The page as students get it: every solution region becomes one `raise`."""
    cells = [
        replace(c, source=_without_solution(c.source)) if c.kind == "answer" else c
        for c in page.cells
    ]
    return replace(page, cells=tuple(cells))


def markdown_text(cell: PageCell) -> str:
    """The Markdown of a markdown cell, its comment signs removed."""
    return "\n".join(re.sub(r"^# ?", "", line) for line in cell.source.split("\n"))


def solution_lines(page: Page) -> list[str]:
    """Every line between solution markers, for proving that none of them leaks."""
    found: list[str] = []
    for cell in page.cells:
        inside = False
        for line in cell.source.split("\n"):
            if line.strip() == END:
                inside = False
            elif inside and line.strip():
                found.append(line)
            elif line.strip() == BEGIN:
                inside = True
    return found


def _check_markers(lines: list[str], where: str) -> None:
    opened = 0
    for number, line in enumerate(lines, start=1):
        marker = line.strip()
        if marker not in (BEGIN, END):
            if NEAR_MISS.search(line):
                raise CourseError(
                    f"{where}:{number}: {marker!r} is almost a solution marker; "
                    f"write exactly {BEGIN!r} or {END!r}"
                )
            if line.startswith("# %%") and opened:
                raise CourseError(f"{where}:{opened}: BEGIN SOLUTION without END SOLUTION")
        elif marker == BEGIN:
            if opened:
                raise CourseError(f"{where}:{opened}: BEGIN SOLUTION without END SOLUTION")
            opened = number
        elif not opened:
            raise CourseError(f"{where}:{number}: END SOLUTION without BEGIN SOLUTION")
        else:
            opened = 0
    if opened:
        raise CourseError(f"{where}:{opened}: BEGIN SOLUTION without END SOLUTION")


def _code_kind(source: str, where: str) -> tuple[CellKind, str]:
    public = [
        node
        for node in ast.parse(source).body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
    ]
    names = [node.name for node in public]
    if BEGIN in source or YOURS.search(source):
        functions = [node.name for node in public if isinstance(node, ast.FunctionDef)]
        names = functions or names  # classes beside a function are what it is made of
        if len(names) != 1:
            raise CourseError(
                f"{where}: an answer cell defines one function or class to write; "
                f"this one defines {', '.join(names) or 'none'}"
            )
        return "answer", names[0]
    visible = [n for n in names if n.startswith("visible_")]
    if visible:
        if len(visible) != 1:
            raise CourseError(f"{where}: a check cell defines one visible_ function")
        return "check", visible[0].removeprefix("visible_")
    return "given", ""


def _check_pairs(cells: list[PageCell], where: str) -> None:
    answers = [c.function for c in cells if c.kind == "answer"]
    checks = [c.function for c in cells if c.kind == "check"]
    if not answers:
        raise CourseError(f"{where}: there is nothing to write; mark a solution with {BEGIN!r}")
    for name in answers:
        if checks.count(name) != 1:
            raise CourseError(f"{where}: {name} needs exactly one check cell, visible_{name}")
    for name in checks:
        if answers.count(name) != 1:
            raise CourseError(f"{where}: visible_{name} checks a function nobody is asked to write")


def _earlier(tree: ast.Module, slug: str) -> tuple[Earlier, ...]:
    return tuple(
        Earlier(alias.asname or alias.name, exercise, alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for exercise in [imported_exercise(slug, node.level, node.module or "")]
        if exercise
        for alias in node.names
    )


def imported_exercise(slug: str, level: int, module: str) -> str:
    """The exercise that a relative import in `slug` takes from, "" if it is none."""
    if level == 1 and module:
        return f"{slug.rpartition('/')[0]}/{module}"
    return module.replace(".", "/") if level == 2 and module.count(".") == 1 else ""


def _without_solution(source: str) -> str:
    lines = source.split("\n")
    tree = ast.parse(source)
    out: list[str] = []
    begin = 0
    inside = False
    for number, line in enumerate(lines, start=1):
        if line.strip() == BEGIN:
            inside, begin = True, number
        elif line.strip() == END:
            inside = False
            indent = line[: len(line) - len(line.lstrip())]
            owner = _enclosing(tree, begin)
            if owner:
                out.append(f'{indent}raise NotImplementedError("{owner} is yours to write")')
        elif not inside:
            out.append(line)
    text = "\n".join(out).strip("\n")
    return re.sub(r"\n{4,}", "\n\n\n", text)


def _enclosing(tree: ast.Module, line: int) -> str:
    """The dotted name of the function that spans `line`, or ""."""
    owner: list[str] = []
    body: list[ast.stmt] = tree.body
    while True:
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.lineno <= line <= (
                node.end_lineno or 0
            ):
                owner.append(node.name)
                body = node.body
                break
        else:
            return ".".join(owner)
