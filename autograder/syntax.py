"""The text of a cell as Python syntax, or why Python would not take it; nothing is executed.

The compiler can be kept busy for hours by a small text, so what it cannot do in a moment is
refused before it is asked. Every cap counts; none measures time.
"""

import ast
import re
import symtable
import unicodedata
from dataclasses import dataclass
from typing import Any

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
