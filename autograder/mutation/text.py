"""A module's text, addressed by the nodes of its syntax tree."""

import ast
from dataclasses import dataclass
from functools import cached_property

# What can stand as an operand without parentheses.
ATOMS = (ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript, ast.Tuple, ast.List)


@dataclass(frozen=True)
class Edit:
    """Bytes `start` to `end` of a module's text become `new`; `kind` says what sort of edit."""

    kind: str
    start: int
    end: int
    new: str


@dataclass(frozen=True)
class Text:
    """The text of a module."""

    source: str

    @cached_property
    def data(self) -> bytes:
        return self.source.encode()

    @cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        for line in self.data.split(b"\n"):
            starts.append(starts[-1] + len(line) + 1)
        return starts

    def at(self, line: int, column: int) -> int:
        """The offset of a position as the syntax tree gives it."""
        return self._starts[line - 1] + column

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where a node begins and ends."""
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self.at(node.lineno, node.col_offset), self.at(node.end_lineno, node.end_col_offset)

    def of(self, node: ast.expr | ast.stmt) -> str:
        """A node as it is written."""
        start, end = self.span(node)
        return self.data[start:end].decode()

    def operand(self, node: ast.expr) -> str:
        """A node as it is written, in parentheses where it needs them as an operand."""
        return self.of(node) if isinstance(node, ATOMS) else f"({self.of(node)})"

    def edit(self, kind: str, node: ast.expr | ast.stmt, new: str) -> Edit:
        """Replace a node."""
        return Edit(kind, *self.span(node), new)

    def edited(self, edit: Edit, within: ast.stmt | None = None) -> str:
        """The whole text after an edit, or the text of the statement that it is within."""
        start, end = self.span(within) if within else (0, len(self.data))
        return (
            self.data[start : edit.start] + edit.new.encode() + self.data[edit.end : end]
        ).decode()

    def line_of(self, offset: int) -> int:
        """The number, from 1, of the line with an offset."""
        return self.data.count(b"\n", 0, offset) + 1
