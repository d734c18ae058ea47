"""Every mutant of one exercise's reference: small edits of what students are asked to write.

Libraries that mutate Python edit files and run a test command for each, half a second or more a
time, and know neither axes nor arrays nor shapes. A table of edits suffices, and a mutant is a text
that goes through the grader like any submission.
"""

import ast
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..percent import Page
from . import expressions, statements
from .text import Edit, Text

Function = ast.FunctionDef | ast.AsyncFunctionDef
# Per function (name and first line) its variables, those of one kind and shape together.
Alike = Mapping[tuple[str, int], Mapping[str, tuple[str, ...]]]


@dataclass(frozen=True)
class Mutant:
    """A wrong version of a module, or one that is right after all.

    Attributes:
        function: The function to write whose answer cell is edited.
        kind: What sort of edit it is.
        line: Number of the first line that differs.
        old: The lines that differ, before.
        new: The same lines after.
        source: The whole module.
    """

    function: str
    kind: str
    line: int
    old: str
    new: str
    source: str

    @property
    def id(self) -> str:
        """A hash of the edited module."""
        return hashlib.sha256(self.source.encode()).hexdigest()[:16]

    def diff(self) -> str:
        """The edit in the form of a diff."""
        lines = [f"@@ {self.function}, line {self.line}: {self.kind} @@"]
        lines += [f"- {line}" for line in self.old.split("\n")]
        lines += [f"+ {line}" for line in self.new.split("\n")]
        return "\n".join(lines)


def mutants(source: str, page: Page, arrays: str, alike: Alike) -> list[Mutant]:
    """Every mutant of a module, in the order of its text, no two with the same syntax tree.

    Args:
        source: The text of the solution.
        page: The same, parsed.
        arrays: "numpy" or "torch".
        alike: Variables that could be taken for each other.
    """
    text, tree = Text(source), ast.parse(source)
    spans = [
        (c.line, c.line + c.source.count("\n"), c.function)
        for c in page.cells
        if c.kind == "answer"
    ]
    functions = {n.name: len(n.args.args) for n in tree.body if isinstance(n, ast.FunctionDef)}
    seen: set[tuple[int, str]] = set()
    found = []
    for node in tree.body:
        owner = next((f for first, last, f in spans if first <= node.lineno <= last), "")
        if not owner or not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            continue
        seen.add((node.lineno, ast.dump(ast.parse(text.of(node)))))
        for edit in _within(node, text, arrays, alike, functions):
            mutant = _mutant(owner, edit, node, text, seen)
            if mutant:
                found.append(mutant)
    return found


def _mutant(
    owner: str, edit: Edit, node: ast.stmt, text: Text, seen: set[tuple[int, str]]
) -> Mutant | None:
    """The mutant of an edit inside `node`; None if it is no Python or no change."""
    try:  # the rest of the module is as it was
        form = node.lineno, ast.dump(ast.parse(text.edited(edit, within=node)))
    except (SyntaxError, ValueError):
        return None
    if form in seen:
        return None
    seen.add(form)
    source = text.edited(edit)
    before, after = text.source.split("\n"), source.split("\n")
    first = next(i for i, (b, a) in enumerate(zip(before, after, strict=False)) if b != a)
    last = next(i for i in range(1, len(before)) if before[-i] != after[-i])
    old, new = before[first : len(before) - last + 1], after[first : len(after) - last + 1]
    if not old or not new:  # lines were only added or only taken away: show the one before, too
        old, new = [before[first - 1], *old], [after[first - 1], *new]
    shown, now = ("\n".join(line.strip() for line in lines) for lines in (old, new))
    return Mutant(owner, edit.kind, first + 1, shown, now, source)


def _within(
    node: ast.stmt, text: Text, arrays: str, alike: Alike, functions: Mapping[str, int]
) -> Iterator[Edit]:
    """The edits inside a top-level function or class."""
    if isinstance(node, ast.ClassDef):
        for inner in node.body:
            if isinstance(inner, (ast.FunctionDef, ast.ClassDef)):
                yield from _within(inner, text, arrays, alike, functions)
        return
    if not isinstance(node, ast.FunctionDef):
        return
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    parameters = tuple(a.arg for a in arguments if a.arg != "self")
    for default in (*node.args.defaults, *(d for d in node.args.kw_defaults if d)):
        for edit in _expressions(default, text, {}, frozenset(), {}):
            yield Edit("default", edit.start, edit.end, edit.new)
    names = alike.get((node.name, node.lineno), {})
    bound = frozenset(a.arg for a in arguments)
    yield from _body(node.body, text, arrays, names, bound, parameters, alike, functions)


def _body(
    body: list[ast.stmt],
    text: Text,
    arrays: str,
    names: Mapping[str, tuple[str, ...]],
    bound: frozenset[str],
    parameters: tuple[str, ...],
    alike: Alike,
    functions: Mapping[str, int],
) -> Iterator[Edit]:
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            yield from _within(statement, text, arrays, alike, functions)
            bound |= {statement.name}
            continue
        if not isinstance(statement, ast.Raise):  # what a message says is free
            yield from statements.of_node(statement, text, bound, parameters, arrays)
            for part in _parts(statement):
                yield from _expressions(part, text, names, bound, functions)
        inside = bound | _assigned(statement)
        for inner in _bodies(statement):
            yield from _body(inner, text, arrays, names, inside, parameters, alike, functions)
        bound = inside


def _expressions(
    part: ast.expr,
    text: Text,
    names: Mapping[str, tuple[str, ...]],
    bound: frozenset[str],
    functions: Mapping[str, int],
) -> Iterator[Edit]:
    free: set[ast.AST] = set()
    for node in ast.walk(part):  # from the outside in
        if isinstance(node, ast.JoinedStr) or node in free:
            free.update(ast.iter_child_nodes(node))
            continue
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "reshape":
            # Any negative number means "what is left", and so says nothing.
            free.update(a for a in ast.walk(node) if isinstance(a, ast.UnaryOp))
        if isinstance(node, ast.keyword) and node.arg == "strict":
            free.update(ast.walk(node))  # a guard against what no check may pass
        yield from expressions.of_node(node, text)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            for other in names.get(node.id, ()):
                if other in bound:
                    yield text.edit("wrong variable", node, other)
            for other, count in functions.items():
                if node.id in functions and other != node.id and count == functions[node.id]:
                    yield text.edit("sibling function", node, other)


def _parts(statement: ast.stmt) -> Iterator[ast.expr]:
    """The expressions that are a statement's own: no annotations, no docstrings."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return
    for field, value in ast.iter_fields(statement):
        if field == "annotation":
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, ast.expr):
                yield one
            elif isinstance(one, ast.withitem):
                yield one.context_expr


def _bodies(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for field in ("body", "orelse", "finalbody"):
        inner = getattr(statement, field, None)
        if isinstance(inner, list):
            yield inner
    for handler in getattr(statement, "handlers", ()):
        yield handler.body


def _assigned(statement: ast.stmt) -> frozenset[str]:
    """Names that a statement gives a value, its inner statements left out."""
    parts = [p for p in ast.iter_child_nodes(statement) if not isinstance(p, ast.stmt)]
    return frozenset(
        node.id
        for part in parts
        for node in ast.walk(part)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
