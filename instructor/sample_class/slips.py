"""Declared mistakes as students would write them: source that stands on its own.

A mistake is an edit of the reference or a wrong version in the checks file. Either way the wrong
function is written out with private copies of all that it uses, so that one student can make a
mistake in every function without one disturbing another. Nothing here knows an exercise: a new
one's mistakes are written out by the same rules.
"""

import ast
import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import FunctionType
from typing import Any

from autograder.exercise import Exercise
from autograder.mistake import Mistake

Definition = ast.FunctionDef | ast.ClassDef
LITERALS = (type(None), bool, int, float, str)


class Unrenderable(Exception):
    """The mistake uses something that a student's file cannot hold; the message says what."""


@dataclass
class Names:
    """What a module defines, binds and imports at its top level.

    Attributes:
        tree: The module.
        volume: The folder of the exercise, for relative imports.
    """

    tree: ast.Module
    volume: str
    definitions: dict[str, Definition] = field(default_factory=dict)
    values: dict[str, ast.Assign] = field(default_factory=dict)
    imports: dict[str, ast.Import | ast.ImportFrom] = field(default_factory=dict)

    @staticmethod
    def of(source: str, volume: str = "") -> "Names":
        """The names of the module with this text."""
        names = Names(ast.parse(source), volume)
        for node in names.tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                names.definitions[node.name] = node
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                names.imports |= {a.asname or a.name: node for a in node.names}
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                names._bind(node.target, node.value)
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    names._bind(target, node.value)
        return names

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        """Take note of `target = value`, each part of a tuple by itself."""
        if isinstance(target, ast.Name):
            self.values[target.id] = ast.Assign([target], value)
        elif isinstance(target, ast.Tuple):
            whole = isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts)
            for i, part in enumerate(target.elts):
                item = ast.Subscript(value, ast.Constant(i), ast.Load())
                self._bind(part, value.elts[i] if whole else item)  # type: ignore[attr-defined]

    @cached_property
    def functions(self) -> dict[int, Definition]:
        """Every definition, nested ones too, by the line of its first decorator or its own."""
        found: dict[int, Definition] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found[_first_line(node)] = node
        return found


class Renderer:
    """Writes out the mistakes of one exercise.

    Args:
        exercise: The exercise with its declared mistakes.
        checks: The file that declares them.
        solutions: The folder of the exercises' sources, a folder per volume.
    """

    def __init__(self, exercise: Exercise, checks: Path, solutions: Path) -> None:
        self.exercise, self.path, self.solutions = exercise, checks, solutions
        self.volume = exercise.slug.partition("/")[0]
        self.source = Path(str(exercise.solution.__file__)).read_text(encoding="utf-8")
        self.reference = Names.of(self.source, self.volume)
        self.checks = Names.of(checks.read_text(encoding="utf-8"), self.volume)
        self._others: dict[str, Names] = {}

    def rendered(self, mistake: Mistake) -> str:
        """The text of an answer cell in which `mistake` is made.

        Raises:
            Unrenderable: It needs something that only the course has.
        """
        if mistake.edit is not None:
            reference = self._edited(*mistake.edit)
            writer = _Writer(self, mistake.function, reference)
            root = reference.definitions[mistake.function]
            return writer.text(root, reference, itself=True)
        node, values = self._declared(mistake)
        writer = _Writer(self, mistake.function, self.reference)
        return writer.text(node, self.checks, values=values)

    def right(self, function: str) -> str:
        """The text of an answer cell that is right, whatever the other functions are."""
        writer = _Writer(self, function, self.reference)
        return writer.text(self.reference.definitions[function], self.reference, itself=True)

    def other(self, slug: str) -> Names:
        """The names of another exercise's source."""
        if slug not in self._others:
            text = (self.solutions / f"{slug}.py").read_text(encoding="utf-8")
            self._others[slug] = Names.of(text, slug.partition("/")[0])
        return self._others[slug]

    def _edited(self, where: str, old: str, new: str) -> Names:
        """The names of the reference with an edit made in the definition `where`."""
        node = self.reference.definitions[where]
        lines = self.source.split("\n")[_first_line(node) - 1 : node.end_lineno]
        (wrong,) = ast.parse("\n".join(lines).replace(old, new)).body
        assert isinstance(wrong, (ast.FunctionDef, ast.ClassDef))
        return replace(self.reference, definitions=self.reference.definitions | {where: wrong})

    def _declared(self, mistake: Mistake) -> tuple[Definition, Mapping[str, Any]]:
        """The wrong version's definition, and the values it was made with."""
        made = mistake.replaced
        if isinstance(made, FunctionType):
            return self.written(made), _values(made)
        for node in self.checks.functions.values():
            if node.name == mistake.name and _declares(node, mistake.function):
                return node, {}
        raise Unrenderable(f"{mistake.name} is not written out in the checks file")

    def written(self, function: FunctionType) -> Definition:
        """Where the checks file defines a function, perhaps within another one."""
        code = function.__code__
        node = self.checks.functions.get(code.co_firstlineno)
        if node is None or node.name != code.co_name or Path(code.co_filename) != self.path:
            raise Unrenderable(f"{function.__name__} is not written out in the checks file")
        return node


def _values(function: FunctionType) -> dict[str, Any]:
    """What a function made within another one takes from there."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {name: cell.cell_contents for name, cell in cells}


def _first_line(node: Definition) -> int:
    """The line (from 1) of the first decorator, or of the definition itself."""
    return min([node.lineno, *(d.lineno for d in node.decorator_list)])


def _declares(node: Definition, function: str) -> bool:
    """Whether a class is decorated with `@exercise.mistake("function")`."""
    texts = [ast.unparse(d) for d in node.decorator_list]
    return any(text == f"exercise.mistake({function!r})" for text in texts)


class _Writer:
    """Writes out one definition after private copies of what it uses."""

    def __init__(self, course: Renderer, function: str, reference: Names) -> None:
        self.course, self.function, self.reference = course, function, reference
        self.imports: dict[str, ast.stmt] = {}
        self.copies: dict[tuple[int, str], ast.stmt | None] = {}
        self.names: dict[tuple[int, str], str] = {}

    def text(
        self,
        node: Definition,
        home: Names,
        *,
        itself: bool = False,
        values: Mapping[str, Any] | None = None,
    ) -> str:
        """The imports, the private copies and then `node`, as source."""
        if itself:
            self.copies[id(home), self.function] = None  # under its own name
        root = self._renamed(node, home, values or {})
        assert isinstance(root, (ast.FunctionDef, ast.ClassDef))
        root.name = self.function
        body = [*self.imports.values(), *filter(None, self.copies.values()), root]
        return "\n\n\n".join(ast.unparse(ast.fix_missing_locations(n)) for n in body)

    def private(self, name: str, home: Names) -> str:
        """The new name of a definition or value of `home`, which is copied if it was not yet."""
        node = home.definitions.get(name) or home.values[name]
        return self._copied((id(home), name), name, node, home, {})

    def made(self, function: FunctionType) -> str:
        """The new name of a function of the checks file that was made within another one."""
        node = self.course.written(function)
        key = (id(function), node.name)
        return self._copied(key, node.name, node, self.course.checks, _values(function))

    def _copied(
        self,
        key: tuple[int, str],
        name: str,
        node: ast.stmt,
        home: Names,
        values: Mapping[str, Any],
    ) -> str:
        if self.copies.get(key, ...) is None:
            return name
        new = self.names.get(key) or self._new(key, name, home)
        if key not in self.copies:
            self.copies[key] = ast.Pass()  # a function may use itself
            done = self._renamed(node, home, values)
            if isinstance(done, (ast.FunctionDef, ast.ClassDef)):
                done.name = new
            elif isinstance(done, ast.Assign):
                done.targets = [ast.Name(new, ast.Store())]
            del self.copies[key]
            self.copies[key] = done  # after what it uses
        return new

    def _new(self, key: tuple[int, str], name: str, home: Names) -> str:
        whose = "mine" if home is self.course.checks else "own"
        new = plain = f"_{whose}_{name.strip('_')}_in_{self.function}"
        while new in self.names.values():
            new = f"{plain}_{len(self.names)}"
        self.names[key] = new
        return new

    def _renamed(self, node: ast.stmt, home: Names, values: Mapping[str, Any]) -> ast.stmt:
        own = set(_bound_within(node))
        done = copy.deepcopy(node)
        if isinstance(done, (ast.FunctionDef, ast.ClassDef)):
            done.decorator_list = [d for d in done.decorator_list if not _of_checks(d)]
            if ast.get_docstring(done) is not None:  # a hint, or what everybody knows
                done.body = done.body[1:] or [ast.Pass()]
        renamed: ast.stmt = _Rename(self, home, own, values).visit(done)
        return renamed

    def name_of(self, name: str, home: Names) -> str:
        """What a student's file calls what `home` calls `name`."""
        if home is self.reference:
            return self.private(name, home) if name in home.definitions else name
        if name in home.definitions or name in home.values:
            return self.private(name, home)
        node = home.imports.get(name)
        if node is None:
            return name  # a builtin
        if (slug := _exercise_of(node, home.volume)) is not None:
            alias = next(a for a in node.names if (a.asname or a.name) == name)
            return self.of_exercise(slug, alias.name)
        self._bring(name, node)
        return name

    def of_exercise(self, slug: str, name: str) -> str:
        """What a student's file calls the solution's `name` of the exercise `slug`."""
        if slug != self.course.exercise.slug:
            return self.name_of(name, self.course.other(slug))
        reference = self.reference
        if name in reference.definitions or name in reference.values or name in reference.imports:
            return self.name_of(name, reference)
        raise Unrenderable(f"{slug} has no {name}")

    def module(self, name: str, home: Names) -> str:
        """The exercise whose solution module `home` imports under `name`, or ""."""
        node = home.imports.get(name)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("solutions."):
            volume = (node.module or "").removeprefix("solutions.")
            module = next(a.name for a in node.names if (a.asname or a.name) == name)
            if "." not in volume and (self.course.solutions / volume / f"{module}.py").is_file():
                return f"{volume}/{module}"
        return ""

    def _bring(self, name: str, node: ast.Import | ast.ImportFrom) -> None:
        """Import what another file imports under `name`, unless students have it anyway."""
        text = ast.unparse(node)
        if "autograder" in text or "solutions" in text:
            raise Unrenderable(f"{name} is only there when checks run")
        if name not in self.reference.imports:
            self.imports[text] = node


class _Rename(ast.NodeTransformer):
    """Calls everything by the names that a student's file has for it."""

    def __init__(
        self, writer: _Writer, home: Names, own: set[str], values: Mapping[str, Any]
    ) -> None:
        self.writer, self.home, self.own, self.values = writer, home, own, values

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """`getattr(module, "name")`, the name known, is `module.name`."""
        match node:
            case ast.Call(func=ast.Name(id="getattr"), args=[ast.Name() as of, name]):
                known = self.visit(copy.deepcopy(name))
                if isinstance(known, ast.Constant) and isinstance(known.value, str):
                    return self.visit(ast.Attribute(of, known.value, ast.Load()))  # type: ignore[no-any-return]
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id not in self.own:
            slug = self.writer.module(node.value.id, self.home)
            if slug:
                return ast.Name(self.writer.of_exercise(slug, node.attr), node.ctx)
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if not isinstance(node.ctx, ast.Load):
            return node
        if node.id in self.values:
            return self._value(self.values[node.id])
        if node.id in self.own:
            return node
        if self.writer.module(node.id, self.home):
            raise Unrenderable(f"{node.id} stands for a whole exercise")
        return ast.Name(self.writer.name_of(node.id, self.home), node.ctx)

    def _value(self, value: Any) -> ast.AST:
        if isinstance(value, LITERALS):
            return ast.Constant(value)
        if isinstance(value, FunctionType):
            return ast.Name(self.writer.made(value), ast.Load())
        raise Unrenderable(f"it is made with a {type(value).__name__}")


def _exercise_of(node: ast.Import | ast.ImportFrom, volume: str) -> str | None:
    """The exercise that `from ... import name` takes a name of its solution from, if any."""
    if not isinstance(node, ast.ImportFrom):
        return None
    parts = (node.module or "").split(".")
    if node.level == 1 and len(parts) == 1:
        return f"{volume}/{parts[0]}"
    if node.level == 2 and len(parts) == 2:
        return "/".join(parts)
    if not node.level and parts[0] == "solutions" and len(parts) == 3:
        return "/".join(parts[1:])
    return None


def _of_checks(decorator: ast.expr) -> bool:
    """Whether a decorator declares something to the grader."""
    return ast.unparse(decorator).startswith("exercise.")


def _bound_within(node: ast.AST) -> Iterator[str]:
    """Names that functions inside `node` bind for themselves."""
    for part in ast.walk(node):
        if isinstance(part, ast.arg):
            yield part.arg
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id
        elif isinstance(part, (ast.FunctionDef, ast.ClassDef)) and part is not node:
            yield part.name
