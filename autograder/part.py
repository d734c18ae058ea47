"""A cell that could be parsed, and the statements that are kept as text at their own lines."""

import ast
import hashlib
import sys
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .effects import Statement, bound_by, first_line
from .notebook import Cell
from .source import SourceCell
from .syntax import Code


@dataclass(frozen=True)
class Part:
    """A cell that could be parsed. `given` marks code of ours."""

    cell: Cell
    code: Code
    lines: list[str]
    given: bool = False

    def at(self, node: ast.AST) -> str:
        return self.cell.at(getattr(node, "lineno", 1))

    def text(self, node: ast.stmt) -> str:
        """The source of a statement."""
        lines = self.lines[first_line(node) - 1 : node.end_lineno]
        # Columns count bytes. Whole lines are the rule, so most need no look.
        if node.end_col_offset != len(lines[-1]) or not lines[-1].isascii():
            lines[-1] = _bytes(lines[-1])[: node.end_col_offset].decode(errors="replace")
        if node.col_offset and first_line(node) == node.lineno:
            lines[0] = _bytes(lines[0])[node.col_offset :].decode(errors="replace")
        return "\n".join(lines)


def _bytes(line: str) -> bytes:
    return line.encode("utf-8", "replace")


def is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def emit(
    kept: Sequence[Statement], parts: Sequence[Part], order: Sequence[int], names: Collection[str]
) -> tuple[list[SourceCell], str]:
    """The kept statements as cells in `order`, line for line, and the hash of their text.

    `names` are those that are reached; an import brings no others.
    """
    groups: dict[int, list[list[ast.stmt]]] = defaultdict(lambda: [[]])
    for statement in kept:
        # An import that may fail is loaded on its own: it costs only what needs it.
        alone = any(
            m not in sys.stdlib_module_names and m not in ("numpy", "torch")
            for m in statement.now.imports.values()
        )
        group = groups[statement.cell]
        group += [[statement.node], []] if alone else []
        group[-1] += [] if alone else [statement.node]
    cells: list[SourceCell] = []
    texts: list[str] = []
    for number in order:
        part = parts[number]
        for nodes in filter(None, groups[number]):
            pieces = [(first_line(n), _import_of(n, names) or part.text(n)) for n in nodes]
            texts += [text for _, text in pieces]
            line = part.cell.line + pieces[0][0] - 1
            cells.append(SourceCell(part.cell.label, _laid_out(pieces), line))
    digest = hashlib.sha256("\n".join(texts).encode("utf-8", "surrogatepass"))
    return cells, digest.hexdigest()


def _import_of(node: ast.stmt, names: Collection[str]) -> str:
    """An import statement reduced to the names that are reached, or "" for any other."""
    if not isinstance(node, (ast.Import, ast.ImportFrom)) or is_future(node):
        return ""
    wanted = [a for a in node.names if a.name == "*" or bound_by(a, node) in names]
    if len(wanted) == len(node.names):
        return ""
    if isinstance(node, ast.Import):
        return ast.unparse(ast.Import(names=wanted))
    return ast.unparse(ast.ImportFrom(module=node.module, names=wanted, level=node.level))


def _laid_out(pieces: Sequence[tuple[int, str]]) -> str:
    """Statements at their own lines, the first at the top."""
    out: list[str] = []
    line = pieces[0][0]
    for start, text in pieces:
        out.append("\n" * (start - line) if start > line else "; " if out else "")
        out.append(text)
        line = max(line, start) + text.count("\n")
    return "".join(out) + "\n"
