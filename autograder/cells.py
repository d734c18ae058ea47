"""Code cells parsed one by one, and repaired where Jupyter would have run them all the same."""

import ast
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace

from .notebook import Cell
from .syntax import Broken, Code, parse

MAX_JOINS = 20
# Each join parses again; what is larger than this was not cut in two by accident.
MAX_JOINED = 50_000
MAX_PIECES = 1_000
# IPython tokenises a cell again for every command in it: 600 lines `%a` took 3.8 s (measured).
MAX_MAGIC_WORK = 200_000
# IPython looks for its commands with expressions that are quadratic in the length of a line.
MAX_MAGIC_LINE = 500
MAGIC = re.compile(r"^[ \t]*(?:[%!?]|>>>|In \[)|\?[ \t]*$|=[ \t]*[%!]", re.MULTILINE)
HEAD = re.compile(r"(?:async def|def|class)\b")
CELL_MAGIC = re.compile(r"\s*^%%(\w+|!)[^\n]*$", re.MULTILINE)
KEEPS_BODY = frozenset(("time", "timeit", "capture", "prun", "memit", "mprun", "python", "python3"))
TIME_LINE = re.compile(r"^([ \t]*)%time[ \t]+(?=\S)", re.MULTILINE)
FROM_MAGIC = re.compile(r"^([ \t]*)get_ipython\(\)\.[^\n]*$", re.MULTILINE)


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
    if len(both) > MAX_JOINED:
        return None
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
    if any(len(line) > MAX_MAGIC_LINE and MAGIC.search(line) for line in source.split("\n")):
        return broken
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
        if (head or line.startswith("@")) and not decorated and i > 0 and len(starts) < MAX_PIECES:
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
