"""What a top-level statement does: which names it binds and uses, calls, and may change in place.

Everything is read from the syntax tree, in time that grows with its size and no faster.
"""

import ast
import re
import symtable
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from .syntax import COMPREHENSION, Code

FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITION = (*FUNCTION, ast.ClassDef)
# A call like `np.seterr(...)` changes how a library works; `np.save(...)` does not.
SETTING = re.compile(
    r"set_|seterr|setflags|seed$|manual_seed|use_|enable_|disable_|filterwarnings|simplefilter|reset_"
)
# What shows, tests or stores a value does not change it.
QUIET = re.compile(
    r"p?print|display|len$|repr|str$|type$|help|dir$|id$|show|plot|imshow|hist|scatter|heatmap|"
    r"save|dump|log$|info|debug|warn|assert|test|check|timeit|head|tail|describe"
)


@dataclass(frozen=True, slots=True)
class Act:
    """Something that may change what `root` stands for: a store, a method, an argument.

    `name` is what is called, `owner` where that is rooted, `place` the argument's position or
    keyword.
    """

    root: str
    how: Literal["store", "method", "argument"]
    owner: str = ""
    name: str = ""
    place: int | str = 0


@dataclass(slots=True)
class Effects:
    """What running some statements binds, uses, calls and may change."""

    binds: set[str] = field(default_factory=set)
    data: set[str] = field(default_factory=set)
    uses: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    acts: list[Act] = field(default_factory=list)
    aliases: list[tuple[str, str]] = field(default_factory=list)
    imports: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Statement:
    """One top-level statement of cell number `cell`.

    `now` is what it does when it is loaded; `later` the globals that functions in it use.
    """

    cell: int
    node: ast.stmt
    now: Effects
    later: frozenset[str]
    tables: tuple[symtable.SymbolTable, ...]


def statements(code: Code, cell: int) -> list[Statement]:
    """The top-level statements of a cell."""
    # Statements that share a line share its scopes: one name too many does no harm.
    lines = sorted({first_line(node) for node in code.tree.body})
    scopes: dict[int, list[symtable.SymbolTable]] = {line: [] for line in lines}
    for table in code.table.get_children():
        scopes[lines[bisect_right(lines, table.get_lineno()) - 1]].append(table)
    later = {line: global_names(tables) for line, tables in scopes.items()}
    tables = {line: tuple(tables) for line, tables in scopes.items()}
    return [
        Statement(cell, node, effects([node]), later[line], tables[line])
        for node in code.tree.body
        for line in (first_line(node),)
    ]


def first_line(node: ast.stmt) -> int:
    """The line where a statement begins, decorators included."""
    if isinstance(node, DEFINITION) and node.decorator_list:
        return min(node.lineno, node.decorator_list[0].lineno)
    return node.lineno


def global_names(tables: Iterable[symtable.SymbolTable]) -> frozenset[str]:
    """The module's names that these scopes, and those within them, use."""
    found: set[str] = set()
    todo = list(tables)
    while todo:
        table = todo.pop()
        todo += table.get_children()
        if isinstance(table, symtable.Function):
            found.update(table.get_globals())
        else:
            found.update(s.get_name() for s in table.get_symbols() if s.is_global())
    return frozenset(found)


def root_name(node: ast.AST) -> str:
    """`a` of `a.b[0].c`, or "" if it is rooted in no name."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def effects(nodes: Sequence[ast.AST], *, inside: bool = False) -> Effects:
    """What running `nodes` does; bodies of functions in them are run only with `inside`."""
    out = Effects()
    # The flag says that a name here belongs to a scope of its own: its symbols are known.
    stack: list[tuple[ast.AST, bool]] = [(node, False) for node in reversed(nodes)]
    while stack:
        node, scoped = stack.pop()
        if isinstance(node, ast.Name):
            _name(node, out, scoped)
        elif isinstance(node, DEFINITION):
            out.binds.add(node.name)
            stack += [(part, False) for part in _at_definition(node)]
            out.calls.update(filter(None, map(_decorator, node.decorator_list)))
            if inside:
                stack += [(part, True) for part in node.body]
        elif isinstance(node, ast.Lambda):
            stack += [(d, scoped) for d in [*node.args.defaults, *node.args.kw_defaults] if d]
        elif isinstance(node, COMPREHENSION):
            first = node.generators[0].iter
            stack.append((first, scoped))
            stack += [(c, True) for c in ast.iter_child_nodes(node)]
        else:
            _note(node, out)
            stack += [(c, scoped) for c in ast.iter_child_nodes(node)]
    return out


def _decorator(node: ast.expr) -> str:
    return root_name(node.func if isinstance(node, ast.Call) else node)


def _name(node: ast.Name, out: Effects, scoped: bool) -> None:
    if not isinstance(node.ctx, ast.Load):
        if not scoped:
            out.binds.add(node.id)
            out.data.add(node.id)
    elif not scoped:
        out.uses.add(node.id)


def _at_definition(node: ast.AST) -> Iterator[ast.AST]:
    """What is evaluated where a function or class is defined."""
    assert isinstance(node, DEFINITION)
    yield from node.decorator_list
    if isinstance(node, ast.ClassDef):
        yield from (*node.bases, *node.keywords)
        return
    given = node.args
    yield from (d for d in (*given.defaults, *given.kw_defaults) if d)
    each = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
    yield from (a.annotation for a in each if a and a.annotation)
    if node.returns:
        yield node.returns


def _note(node: ast.AST, out: Effects) -> None:
    """Record what one node, its children aside, does."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        _import(node, out)
    elif isinstance(node, (ast.Attribute, ast.Subscript)):
        if not isinstance(node.ctx, ast.Load) and (root := root_name(node)):
            out.acts.append(Act(root, "store"))
    elif isinstance(node, ast.Call):
        _call(node, out)
    elif isinstance(node, ast.Expr):
        _expression(node.value, out)
    elif isinstance(node, ast.Assign):
        source = root_name(node.value)
        out.aliases += [(t.id, source) for t in node.targets if isinstance(t, ast.Name) and source]
    elif isinstance(node, (ast.For, ast.AsyncFor)):
        # Each target may be any of the names: by way of one that no student can write.
        between = f"loop {id(node)}"
        out.aliases += [(target, between) for target in _names(node.target)]
        out.aliases += [(between, name) for name in _names(node.iter)]
    elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        out.uses.add(node.target.id)
    elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
        out.binds.add(node.name)
    elif isinstance(node, ast.MatchMapping) and node.rest:
        out.binds.add(node.rest)
    elif isinstance(node, ast.NamedExpr):
        out.binds.add(node.target.id)
        out.data.add(node.target.id)


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _import(node: ast.Import | ast.ImportFrom, out: Effects) -> None:
    for alias in node.names:
        local = bound_by(alias, node)
        out.binds.add(local)
        module = alias.name if isinstance(node, ast.Import) else node.module or ""
        out.imports[local] = module.partition(".")[0]


def bound_by(alias: ast.alias, node: ast.Import | ast.ImportFrom) -> str:
    """The name that one part of an import binds."""
    if alias.asname or isinstance(node, ast.ImportFrom):
        return alias.asname or alias.name
    return alias.name.partition(".")[0]


def _call(node: ast.Call, out: Effects) -> None:
    if isinstance(node.func, ast.Name):
        out.calls.add(node.func.id)
    elif isinstance(node.func, ast.Attribute) and SETTING.match(node.func.attr):
        root = root_name(node.func)
        out.acts.append(Act(root, "method", root, node.func.attr))


def _expression(node: ast.expr, out: Effects) -> None:
    """A call whose value is thrown away is there for what it changes."""
    if isinstance(node, (ast.ListComp, ast.SetComp)):
        node = node.elt
    if not isinstance(node, ast.Call):
        return
    name = node.func.attr if isinstance(node.func, ast.Attribute) else root_name(node.func)
    if QUIET.match(name):
        return
    owner = root_name(node.func)
    if isinstance(node.func, ast.Attribute) and owner:
        out.acts.append(Act(owner, "method", owner, name))
    given: list[tuple[int | str, ast.expr]] = list(enumerate(node.args))
    given += [(k.arg or "**", k.value) for k in node.keywords]
    for place, value in given:
        if root := root_name(value):
            out.acts.append(Act(root, "argument", owner, name, place))
