"""The text of a cell as Python syntax, or why Python would not take it; nothing is executed.

The compiler can be kept busy for hours by a small text, so what it cannot do in a moment is
refused before it is asked. Every cap counts; none measures time.
"""

import ast
import re
import symtable
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

SHORT = 5_000
MAX_LINE = 20_000
MAX_BRACKETS = 100
MAX_DEPTH = 200
MAX_NODES = 150_000
# The compiler compares every class and function of a scope with all others: 20,000 took 25 s.
MAX_SCOPES = 1_000
# It copies the names around a function into every function within it: 20 million took 3 s.
MAX_COPIED = 5_000_000
# It repeats the body of a `finally` for every way out of its `try`.
MAX_REPEATED = 50_000
# Integers beyond 2**61 can be chosen to share a hash: 11,000 of them took 4 s.
MAX_LONG = 1_000
# Normal form sorts the marks on a letter one by one: 20,000 of them took 1 s.
MAX_MARKS = 50

FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSION = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
SCOPES = (*FUNCTION, *COMPREHENSION, ast.ClassDef)
LONG = re.compile(r"(?<![\w.])\d\w{15,}")
# A string that is not closed is taken whole too, so that no character is looked at twice.
BRACKETS = re.compile(
    r'"""[\s\S]*?(?:"""|\Z)|"(?:\\.|[^"\\\n])*"?'
    r"|'''[\s\S]*?(?:'''|\Z)|'(?:\\.|[^'\\\n])*'?|#[^\n]*"
    r"|([(\[{])|([)\]}])"
)


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
    """The tree of `source`, or why Python would not take it. Nobody changes a tree.

    Given cells and check cells are the same in every submission, so what is short is remembered.
    """
    return _remembered(source) if len(source) <= SHORT else _parsed(source)


@lru_cache(maxsize=256)
def _remembered(source: str) -> Code | Broken:
    return _parsed(source)


def _parsed(source: str) -> Code | Broken:
    if early := _refused_text(source):
        return early
    try:
        tree = ast.parse(source)
        if late := _refused_tree(tree, source):
            return late
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


def _refused_text(source: str) -> Broken | None:
    """What can be seen to be too much before it is parsed."""
    if len(source) > MAX_LINE:
        for number, text in enumerate(source.split("\n"), start=1):
            if len(text) > MAX_LINE:
                return Broken(f"the line has more than {MAX_LINE:,} characters", number)
    if not source.isascii():
        marks = "".join(c for c in set(source) if unicodedata.combining(c))
        found = re.search(f"[{re.escape(marks)}]{{{MAX_MARKS},}}", source) if marks else None
        if found:
            line = source.count("\n", 0, found.start()) + 1
            return Broken(f"a letter has more than {MAX_MARKS} marks", line)
    if len(source) > 16 * MAX_LONG and len(LONG.findall(source)) > MAX_LONG:
        return Broken(f"more than {MAX_LONG:,} integers of 16 digits or more")
    return _deep_brackets(source)


def _deep_brackets(source: str) -> Broken | None:
    if source.count("(") + source.count("[") + source.count("{") <= MAX_BRACKETS:
        return None
    depth = 0
    for match in BRACKETS.finditer(source):
        if match.lastindex:
            depth = depth + 1 if match.lastindex == 1 else max(depth - 1, 0)
        if depth > MAX_BRACKETS:
            line = source.count("\n", 0, match.start()) + 1
            return Broken(f"brackets are nested more than {MAX_BRACKETS} deep", line)
    return None


def _refused_tree(tree: ast.Module, source: str) -> Broken | None:
    """What can be parsed, but not compiled in a moment."""
    if refused := _large(tree):
        return refused
    if "finally" in source and _repeated(tree)[2] > MAX_REPEATED:
        return Broken("try ... finally is nested, or left, in more ways than we compile")
    if sum(map(source.count, ("lambda", "def ", "for ", "class "))) < MAX_SCOPES // 10:
        return None
    scopes, _, copied = _scopes(tree)
    if scopes > MAX_SCOPES:
        return Broken(f"more than {MAX_SCOPES:,} classes, functions and comprehensions")
    if copied > MAX_COPIED:
        return Broken("a function is too long for all the functions that are defined in it")
    return None


def _large(tree: ast.AST) -> Broken | None:
    """Whether the tree is larger or deeper than we walk; level by level: it cannot overflow."""
    level: list[ast.AST] = [tree]
    count = 0
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for node in level:
            for value in node.__dict__.values():
                kind = type(value)
                if kind is list:
                    below += value
                elif kind is not int and kind is not str and isinstance(value, ast.AST):
                    below.append(value)
        level = [n for n in below if isinstance(n, ast.AST) and n._fields]
        count += len(level)
        if count > MAX_NODES:
            return Broken(f"more than {MAX_NODES:,} names, numbers and operators")
        if not level:
            return None
    return Broken(f"nested more than {MAX_DEPTH} levels deep")


def _repeated(node: ast.AST) -> tuple[int, int, int]:
    """The nodes of a tree as it is compiled, the ways out of it, and the nodes that are repeated.

    The compiler writes a `finally` once where the `try` ends well, once where it raises, and
    once more for each `return`, `break` and `continue` in it.
    """
    size, exits, repeated = 1, int(isinstance(node, (ast.Return, ast.Break, ast.Continue))), 0
    last = getattr(node, "finalbody", ())
    once = set(map(id, last))
    for child in ast.iter_child_nodes(node):
        if id(child) not in once:
            counts = _repeated(child)
            size, exits, repeated = size + counts[0], exits + counts[1], repeated + counts[2]
    copies = exits + 2
    for child in last:
        counts = _repeated(child)
        size += copies * counts[0]
        exits += copies * counts[1]
        repeated += counts[2] + (copies - 1) * counts[0]
    return size, 0 if isinstance(node, FUNCTION) else exits, repeated


def _scopes(node: ast.AST) -> tuple[int, int, int]:
    """The scopes within a node, its nodes, and how many names are copied from scope to scope."""
    scopes, nodes, copied = 0, 1, 0
    for child in ast.iter_child_nodes(node):
        counts = _scopes(child)
        scopes, nodes, copied = scopes + counts[0], nodes + counts[1], copied + counts[2]
    if isinstance(node, FUNCTION):
        copied += scopes * nodes
    return scopes + isinstance(node, SCOPES), nodes, copied
