"""What a module takes from earlier exercises: taken out of its source, and served when graded."""

import ast
import re
from dataclasses import replace

from .effects import Statement
from .part import Part
from .percent import Earlier, Page
from .syntax import Code, parse

NESTED = re.compile(r"^[ \t]+from[ \t]+(?:\.|starter_code)", re.MULTILINE)


class Imports:
    """The imports of a module that are not the student's to make.

    Attributes:
        taken: Name -> the earlier exercise's function, and how many statements came before.
        gone: Name -> why what would bind it was left out.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.offered = frozenset((e.exercise, e.name) for e in page.earlier)
        self.taken: dict[str, tuple[Earlier, int]] = {}
        self.gone: dict[str, str] = {}

    def left_out(self, part: Part, statement: Statement, at: int) -> bool:
        """Whether a statement, number `at`, is such an import; takes note of what it brings."""
        node, now = statement.node, statement.now
        if isinstance(node, ast.ImportFrom):
            return self._import(part, node, at)
        if isinstance(node, ast.Import):
            return all(_is_ours(a.name) for a in node.names)
        if "mine" in now.calls and _asks_mine(node):
            self.gone |= dict.fromkeys(now.binds, f"{part.at(node)}: mine(...)")
            if found := _mine(node):
                self._take(found, f"{part.at(node)}: mine(...)", at)
            return True
        return False

    def without_nested(self, part: Part, at: int) -> Part:
        """Imports of earlier exercises within functions become `pass`: the names are global."""
        if not NESTED.search(part.code.source):
            return part
        lines = list(part.lines)
        top = set(map(id, part.code.tree.body))
        for node in ast.walk(part.code.tree):
            if isinstance(node, ast.ImportFrom) and id(node) not in top and self._slug(node):
                self._import(part, node, at)
                for number in range(node.lineno, node.end_lineno or node.lineno):
                    lines[number] = ""
                lines[node.lineno - 1] = lines[node.lineno - 1][: node.col_offset] + "pass"
        code = parse("\n".join(lines))
        return replace(part, code=code, lines=lines) if isinstance(code, Code) else part

    def _import(self, part: Part, node: ast.ImportFrom, at: int) -> bool:
        slug = self._slug(node)
        if slug is None:
            return False
        for alias in node.names:
            every = [e.name for e in self.page.earlier if e.exercise == slug]
            for name in every if alias.name == "*" else [alias.name]:
                found = Earlier(alias.asname or name, slug, name)
                self._take(found, f"{part.at(node)}: {node.module or 'an import'}", at)
        return True

    def _take(self, found: Earlier, where: str, at: int) -> None:
        """Take note of an earlier exercise's function if the page takes it too.

        Nothing else is served: not the reference of the exercise itself, above all.
        """
        if (found.exercise, found.name) in self.offered:
            self.taken[found.local] = found, at
        else:
            self.gone[found.local] = where

    def _slug(self, node: ast.ImportFrom) -> str | None:
        """The exercise that an import takes from, "" for what we leave out, else None."""
        parts = (node.module or "").split(".")
        if parts[0] == "autograder" and not node.level:
            return ""
        if node.level:
            volume = self.page.slug.rpartition("/")[0]
            return f"{volume}/{'/'.join(parts)}" if node.level == 1 else "/".join(parts)
        if parts[0] == "starter_code" and parts[1:2] != ["given"]:
            return "/".join(parts[1:])
        for one in self.page.earlier:
            if parts in (one.exercise.split("/"), one.exercise.split("/")[-1:]):
                return one.exercise
        return None


def _is_ours(module: str) -> bool:
    """Whether a module is the engine, or a stub; what students are given stays."""
    given = f"{module}.".startswith("starter_code.given.")
    return module.startswith(("autograder", "starter_code.")) and not given


def _asks_mine(node: ast.stmt) -> bool:
    """Whether a statement asks for the student's own earlier work: `mine("volume/exercise")`."""
    for call in ast.walk(node):
        match call:
            case ast.Call(func=ast.Name(id="mine"), args=[ast.Constant(value=str(slug))]):
                if "/" in slug:
                    return True
    return False


def _mine(node: ast.stmt) -> Earlier | None:
    """`name = mine("volume/exercise").name`."""
    match node:
        case ast.Assign(
            targets=[ast.Name(id=local)],
            value=ast.Attribute(
                value=ast.Call(func=ast.Name(id="mine"), args=[ast.Constant(value=str(slug))]),
                attr=name,
            ),
        ):
            return Earlier(local, slug, name)
    return None
