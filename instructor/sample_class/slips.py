"""Declared mistakes as students would write them: source that stands on its own.

A mistake is an edit of the reference or a wrong version in the checks file. Either way the wrong
function is written out with private copies of all that it uses, so that one student can make a
mistake in every function without one disturbing another.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autograder.exercise import Exercise, defined_in
from autograder.mistake import Mistake

Definition = ast.FunctionDef | ast.ClassDef


class Unrenderable(Exception):
    """The mistake uses something that a student's file cannot hold; the message says what."""


@dataclass
class Names:
    """What a module defines, binds and imports at its top level."""

    definitions: dict[str, Definition] = field(default_factory=dict)
    values: dict[str, ast.Assign] = field(default_factory=dict)
    imports: dict[str, ast.Import | ast.ImportFrom] = field(default_factory=dict)

    @staticmethod
    def of(source: str) -> "Names":
        """The names of the module with this text."""
        names = Names()
        for node in ast.parse(source).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                names.definitions[node.name] = node
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                names.imports |= {a.asname or a.name: node for a in node.names}
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                names.values[node.targets[0].id] = node
        return names


def rendered(exercise: Exercise, mistake: Mistake, checks: Path) -> str:
    """The text of an answer cell in which `mistake`, declared in the file `checks`, is made.

    Raises:
        Unrenderable: It needs something that only the course has.
    """
    source = Path(str(exercise.solution.__file__)).read_text(encoding="utf-8")
    if mistake.edit is not None:
        where, old, new = mistake.edit
        first, last = defined_in(source, where)
        lines = source.split("\n")
        lines[first - 1 : last] = "\n".join(lines[first - 1 : last]).replace(old, new).split("\n")
        reference = Names.of("\n".join(lines))
        return _Writer(mistake.function, reference, Names()).text(
            reference.definitions[mistake.function], from_checks=False
        )
    declared = Names.of(checks.read_text(encoding="utf-8"))
    if mistake.name not in declared.definitions:
        raise Unrenderable(f"{mistake.name} is not written out in the checks file")
    node = copy.deepcopy(declared.definitions[mistake.name])
    node.decorator_list, node.name = [], mistake.function
    if ast.get_docstring(node) is not None:  # the hint
        node.body = node.body[1:] or [ast.Pass()]
    return _Writer(mistake.function, Names.of(source), declared).text(node, from_checks=True)


class _Writer:
    """Writes out one definition after private copies of what it uses."""

    def __init__(self, function: str, reference: Names, checks: Names) -> None:
        self.function, self.reference, self.checks = function, reference, checks
        self.imports: dict[str, ast.stmt] = {}
        self.copies: dict[tuple[bool, str], ast.stmt | None] = {}

    def text(self, node: Definition, *, from_checks: bool) -> str:
        """The imports, the private copies and then `node`, as source."""
        if not from_checks:
            self.copies[False, self.function] = None  # itself, under its own name
        root = self._renamed(node, from_checks)
        body = [*self.imports.values(), *filter(None, self.copies.values()), root]
        return "\n\n\n".join(ast.unparse(ast.fix_missing_locations(n)) for n in body)

    def private(self, name: str, from_checks: bool) -> str:
        """The new name of a definition or value, which is copied if it was not yet."""
        key = (from_checks, name)
        if self.copies.get(key, ...) is None:
            return name
        new = f"_{'mine' if from_checks else 'own'}_{name.strip('_')}_in_{self.function}"
        if key not in self.copies:
            names = self.checks if from_checks else self.reference
            self.copies[key] = ast.Pass()  # a function may use itself
            node: ast.stmt = names.definitions.get(name) or names.values[name]
            done = self._renamed(node, from_checks)
            if isinstance(done, (ast.FunctionDef, ast.ClassDef)):
                done.name, done.decorator_list = new, []
            elif isinstance(done, ast.Assign):
                done.targets = [ast.Name(new, ast.Store())]
            del self.copies[key]
            self.copies[key] = done  # after what it uses
        return new

    def _renamed(self, node: ast.stmt, from_checks: bool) -> ast.stmt:
        own = set(_bound_within(node))
        done: ast.stmt = _Rename(self, from_checks, own).visit(copy.deepcopy(node))
        return done

    def solution(self, alias: str) -> str:
        """The exercise whose solution a name of the checks file stands for, or ""."""
        node = self.checks.imports.get(alias)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("solutions"):
            return next(a.name for a in node.names if (a.asname or a.name) == alias)
        return ""

    def bring(self, name: str) -> None:
        """Import what the checks file imports under `name`, unless students have it anyway."""
        node = self.checks.imports[name]
        text = ast.unparse(node)
        if "autograder" in text or "solutions" in text:
            raise Unrenderable(f"{name} is only there when checks run")
        if name not in self.reference.imports:
            self.imports[text] = node


class _Rename(ast.NodeTransformer):
    def __init__(self, writer: _Writer, from_checks: bool, own: set[str]) -> None:
        self.writer, self.from_checks, self.own = writer, from_checks, own

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        writer = self.writer
        if self.from_checks and isinstance(node.value, ast.Name) and node.value.id not in self.own:
            module = writer.solution(node.value.id)
            if module and node.attr in writer.reference.definitions:
                return ast.Name(writer.private(node.attr, False), node.ctx)
            if module and node.attr in {*writer.reference.values, *writer.reference.imports}:
                return ast.Name(node.attr, node.ctx)
            if module:
                raise Unrenderable(f"{module}.{node.attr} is another exercise's")
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        writer = self.writer
        names = writer.checks if self.from_checks else writer.reference
        if node.id in self.own or not isinstance(node.ctx, ast.Load):
            return node
        if node.id in names.definitions or (self.from_checks and node.id in names.values):
            return ast.Name(writer.private(node.id, self.from_checks), node.ctx)
        if self.from_checks and node.id in names.imports:
            writer.bring(node.id)
        return node


def _bound_within(node: ast.AST) -> Iterator[str]:
    """Names that functions inside `node` bind for themselves."""
    for part in ast.walk(node):
        if isinstance(part, ast.arg):
            yield part.arg
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id
