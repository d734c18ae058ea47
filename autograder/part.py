"""A cell that could be parsed, and its statements as text at their own lines."""

import ast
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .effects import bound_by, first_line
from .notebook import Cell
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


def import_of(node: ast.stmt, names: Collection[str]) -> str:
    """An import statement reduced to the names that are reached, or "" for any other."""
    if not isinstance(node, (ast.Import, ast.ImportFrom)) or is_future(node):
        return ""
    wanted = [a for a in node.names if a.name == "*" or bound_by(a, node) in names]
    if len(wanted) == len(node.names):
        return ""
    if isinstance(node, ast.Import):
        return ast.unparse(ast.Import(names=wanted))
    return ast.unparse(ast.ImportFrom(module=node.module, names=wanted, level=node.level))


def laid_out(pieces: Sequence[tuple[int, str]]) -> str:
    """Statements at their own lines, the first at the top."""
    out: list[str] = []
    line = pieces[0][0]
    for start, text in pieces:
        out.append("\n" * (start - line) if start > line else "; " if out else "")
        out.append(text)
        line = max(line, start) + text.count("\n")
    return "".join(out) + "\n"
