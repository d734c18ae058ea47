"""A handed-in file as cells, and a cell as syntax: nothing of it is executed.

`read_sheet` reads a notebook (any version that has cells) or a module, with or without percent
cells. `parse_cells` gives each code cell its syntax tree, or says why it has none.
"""

import ast
import json
import re
import symtable
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from .errors import SubmissionError

MB = 1_000_000
MAX_FILE = 32 * MB
MAX_SOURCE = 300_000
MAX_CELLS = 2_000
MAX_LINE = 20_000
MAX_BRACKETS = 100
MAX_DEPTH = 200
MAX_JOINS = 20
# The compiler compares every function of a scope with all others: 20,000 took 25 s (measured).
MAX_SCOPES = 1_000
# IPython tokenises a cell again for every command in it: 600 lines `%a` took 3.8 s (measured).
MAX_MAGIC_WORK = 200_000

PERCENT = re.compile(r"^# ?%%(.*)$", re.MULTILINE)
MAGIC = re.compile(r"^[ \t]*(?:[%!?]|>>>|In \[)|\?[ \t]*$|=[ \t]*[%!]", re.MULTILINE)
HEAD = re.compile(r"(?:async def|def|class)\b")
CELL_MAGIC = re.compile(r"\s*^%%(\w+|!)[^\n]*$", re.MULTILINE)
KEEPS_BODY = frozenset(("time", "timeit", "capture", "prun", "memit", "mprun", "python", "python3"))
TIME_LINE = re.compile(r"^([ \t]*)%time[ \t]+(?=\S)", re.MULTILINE)
FROM_MAGIC = re.compile(r"^([ \t]*)get_ipython\(\)\.[^\n]*$", re.MULTILINE)
# A string that is not closed is taken whole too, so that no character is looked at twice.
BRACKETS = re.compile(
    r'"""[\s\S]*?(?:"""|\Z)|"(?:\\.|[^"\\\n])*"?'
    r"|'''[\s\S]*?(?:'''|\Z)|'(?:\\.|[^'\\\n])*'?|#[^\n]*"
    r"|([(\[{])|([)\]}])"
)


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


@dataclass(frozen=True)
class Code:
    """The text of a cell as Python, line for line, with its tree and its symbols."""

    source: str
    tree: ast.Module
    table: symtable.SymbolTable


@dataclass(frozen=True)
class Broken:
    """Why a cell cannot be loaded, and the line of its text (1-based) where that shows."""

    message: str
    line: int = 1


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
    sheet = _notebook(text, where) if file.name.lower().endswith(".ipynb") else _module(text, file)
    if len(sheet.cells) > MAX_CELLS:
        raise SubmissionError(
            f"{where} has {len(sheet.cells):,} cells, at most {MAX_CELLS:,} are read; "
            "hand in the notebook of the exercise only"
        )
    size = 0
    for cell in sheet.cells:
        size += len(cell.source) if cell.code else 0
        if size > MAX_SOURCE:
            at = "" if sheet.whole else f" up to {_place(cell)}"
            raise SubmissionError(
                f"{where} has more than {MAX_SOURCE // 1000} kB of code{at}, no more is read; "
                "move data out of the code"
            )
    return sheet


def _place(cell: Cell) -> str:
    return cell.label if cell.label.startswith("cell ") else f"line {cell.line}"


def _decoded(file: RawFile) -> str:
    try:
        text = file.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = file.data.count(b"\n", 0, error.start) + 1
        raise SubmissionError(
            f"{file.origin} is not UTF-8 text (byte 0x{file.data[error.start]:02x} in line "
            f"{line}); save it as UTF-8 and hand it in again"
        ) from error
    return _newlines(text)


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _notebook(text: str, where: str) -> Sheet:
    if text.lstrip()[:1] != "{":
        raise SubmissionError(
            f"{where} is not a notebook: it does not begin with {{; hand in the .ipynb file itself"
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
    course = _dict(_dict(record.get("metadata")).get("course"))
    exercise = course.get("exercise")
    return Sheet(
        tuple(_notebook_cell(c, f"cell {n}") for n, c in enumerate(raw, start=1)),
        exercise if isinstance(exercise, str) else "",
    )


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
    starts = [0, *(m.start() for m in marks)]
    stops = [*starts[1:], len(text)]
    cells, line = [], 1
    for number, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        source = text[start:stop]
        kind = marks[number - 1].group(1) if number else ""
        prose = "[markdown]" in kind or "[md]" in kind or "[raw]" in kind
        cells.append(Cell(file.name, source, line, code=not prose))
        line += source.count("\n")
    return Sheet(tuple(cells))


def parse_cells(
    cells: list[Cell], *, whole: bool = False
) -> tuple[list[tuple[Cell, Code | Broken]], list[str]]:
    """Parse code cells one by one, so that a broken one costs only itself.

    Args:
        cells: Code cells in order.
        whole: They are one module: cut it at its functions if it does not parse.

    Returns:
        Each cell with its code or what is wrong with it, and notices of what was repaired.
    """
    out: list[tuple[Cell, Code | Broken]] = []
    notices: list[str] = []
    budget = MAX_MAGIC_WORK
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for cell in cells:
            joined = _joined(out[-1], cell) if out and len(notices) < MAX_JOINS else None
            if joined:
                notices.append(
                    f"{out[-1][0].label} and {cell.label} were read as one: "
                    "a function was split between them"
                )
                out[-1] = joined
                continue
            found = parse(cell.source)
            if isinstance(found, Broken) and MAGIC.search(cell.source):
                budget -= len(cell.source) * len(MAGIC.findall(cell.source))
                found = _python(cell.source, found) if budget > 0 else found
            if isinstance(found, Broken) and cell.source.lstrip("\n")[:1] in (" ", "\t"):
                found = _dedented(cell.source, found)
            if isinstance(found, Broken) and whole:
                out += [(replace(cell, source=s, line=n), parse(s)) for n, s in _cut(cell.source)]
            else:
                out.append((cell, found))
    return out, notices


def parse(source: str) -> Code | Broken:
    """The tree of `source`, or why Python would not take it."""
    if early := _refused_early(source):
        return early
    try:
        tree = ast.parse(source)
        if _deep(tree):
            return Broken(f"nested more than {MAX_DEPTH} levels deep")
        if sum(map(source.count, ("lambda", "def ", "for "))) > MAX_SCOPES and _scopes(tree):
            return Broken(f"more than {MAX_SCOPES:,} functions and comprehensions")
        # The compiler finds what the parser lets pass: `return` outside a function, say.
        compile(source, "<cell>", "exec", dont_inherit=True)
        return Code(source, tree, symtable.symtable(source, "<cell>", "exec"))
    except SyntaxError as error:
        return Broken(error.msg, error.lineno or 1)
    except (RecursionError, MemoryError):
        return Broken("nested too deeply for Python")
    except UnicodeEncodeError as error:
        return Broken(
            "a character that is no valid Unicode", source.count("\n", 0, error.start) + 1
        )
    except (ValueError, OverflowError) as other:
        return Broken(str(other))


def _refused_early(source: str) -> Broken | None:
    if len(source) > MAX_LINE:
        for number, text in enumerate(source.split("\n"), start=1):
            if len(text) > MAX_LINE:
                return Broken(f"the line has more than {MAX_LINE:,} characters", number)
    opened = source.count("(") + source.count("[") + source.count("{")
    if opened > MAX_BRACKETS:
        depth = 0
        for match in BRACKETS.finditer(source):
            if match.lastindex:
                depth = depth + 1 if match.lastindex == 1 else max(depth - 1, 0)
            if depth > MAX_BRACKETS:
                line = source.count("\n", 0, match.start()) + 1
                return Broken(f"brackets are nested more than {MAX_BRACKETS} deep", line)
    return None


def _deep(tree: ast.AST) -> bool:
    """Whether the tree is deeper than we walk; level by level, so that it cannot overflow."""
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for node in level:
            for value in node.__dict__.values():
                kind = type(value)
                if kind is list:
                    below += value
                elif kind is not int and kind is not str and isinstance(value, ast.AST):
                    below.append(value)
        level = [n for n in below if isinstance(n, ast.AST)]
        if not level:
            return False
    return True


def _scopes(tree: ast.AST) -> bool:
    """Whether there are more functions and comprehensions than we compile."""
    scopes = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.comprehension)
    return sum(isinstance(node, scopes) for node in ast.walk(tree)) > MAX_SCOPES


def _joined(before: tuple[Cell, Code | Broken], cell: Cell) -> tuple[Cell, Code] | None:
    """Both cells as one if the second only makes sense as the rest of the first."""
    earlier, found = before
    source = cell.source
    if isinstance(found, Code):
        last = found.tree.body[-1] if found.tree.body else None
        open_end = isinstance(last, (ast.FunctionDef, ast.ClassDef))
        if not open_end or source.lstrip("\n")[:1] not in (" ", "\t"):
            return None
    elif not isinstance(parse(source), Broken):
        return None
    both = earlier.source.rstrip("\n") + "\n" + source
    code = parse(both)
    return (replace(earlier, source=both), code) if isinstance(code, Code) else None


def _dedented(source: str, broken: Broken) -> Code | Broken:
    """The code of a cell that is indented as a whole, which Jupyter runs."""
    first = source.lstrip("\n")
    indent = first[: len(first) - len(first.lstrip(" \t"))]
    found = parse(re.sub(f"^{indent}", "", source, flags=re.MULTILINE))
    return found if isinstance(found, Code) else broken


def _python(source: str, broken: Broken) -> Code | Broken:
    """The code of a cell with IPython commands; what other languages say is left out."""
    while match := CELL_MAGIC.match(source):
        if match.group(1) not in KEEPS_BODY:
            return parse("")
        source = "\n" * match.group().count("\n") + source[match.end() :]
    found = parse(source)
    if isinstance(found, Code) or not MAGIC.search(source):
        return found
    from IPython.core.inputtransformer2 import TransformerManager

    source = TIME_LINE.sub(r"\1", source)
    blank = len(source) - len(source.lstrip("\n"))
    transform: Callable[[str], str] = TransformerManager().transform_cell  # type: ignore[no-untyped-call]
    try:
        text = transform(source)
    except Exception:  # its token transforms raise what they happen to meet
        return broken
    return parse("\n" * blank + FROM_MAGIC.sub(r"\1pass", text))


def _cut(source: str) -> Iterator[tuple[int, str]]:
    """Pieces of a module that does not parse, with the number of their first line.

    It is cut before each function and class, and after one where that saves what follows.
    """
    lines = source.split("\n")
    starts, decorated = [0], False
    for i, line in enumerate(lines):
        head = HEAD.match(line)
        if (head or line.startswith("@")) and not decorated and i:
            starts.append(i)
        decorated = line.startswith("@") or (decorated and not head)
    for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True):
        whole = "\n".join(lines[start:stop])
        after = _after_function(lines, start, stop)
        if after == stop or isinstance(parse(whole), Code):
            yield start + 1, whole
        else:
            yield start + 1, "\n".join(lines[start:after])
            yield after + 1, "\n".join(lines[after:stop])


def _after_function(lines: list[str], start: int, stop: int) -> int:
    """The first line that begins a statement after the function in these lines, or `stop`."""
    header = next((i for i in range(start, stop) if HEAD.match(lines[i])), stop)
    return next((i for i in range(header + 1, stop) if re.match(r"[^\s#)\]}]", lines[i])), stop)
