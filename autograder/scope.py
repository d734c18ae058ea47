"""Which libraries and builtins a name may stand for, as far as imports and plain aliases tell."""

import ast
import builtins
from collections import ChainMap
from collections.abc import Iterable, MutableMapping

from .effects import DEFINITION, bound_by
from .rules import MANY, MAX_DOTTED
from .syntax import COMPREHENSION

# Name in scope -> the dotted names it may stand for; "" among them: something of the student's.
Scope = MutableMapping[str, tuple[str, ...]]
OWN = ("",)
MAX_TARGETS = 20  # things that one name may stand for
MAX_CALLS = 3  # calls within calls that are followed
MAX_PARTS = 10  # parts of a dotted name
IMPORTING = ("import_module", "__import__")
IMPORTERS = frozenset(("__import__", "importlib.import_module", "builtins.__import__"))


def scope_of(body: Iterable[ast.stmt], around: Scope) -> Scope:
    """`around` with the names that `body` binds, as far as imports and plain aliases tell.

    Under "*" are the modules from which everything was imported.
    """
    scope: dict[str, tuple[str, ...]] = {}
    inner = ChainMap(scope, around)
    own: dict[str, dict[str, None]] = {}
    shared: set[str] = set()
    stack: list[ast.AST] = [*body]
    stack.reverse()
    while stack:
        node = stack.pop()
        bound: list[tuple[str, tuple[str, ...]]] = []
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            bound = [(bound_by(a, node), (target_of(a, node),)) for a in node.names]
        elif isinstance(node, DEFINITION):
            bound = [(node.name, OWN)]
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            shared.update(node.names)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound = [(node.id, OWN)]
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            nothing = isinstance(node.value, ast.Constant) and node.value.value is None
            if isinstance(target, ast.Name):
                stands_for = () if nothing else candidates(node.value, inner) or OWN
                bound = [(target.id, stands_for)]
                stack.append(node.value)
            else:
                stack += [node.value, target]
        elif not isinstance(node, (ast.Lambda, *COMPREHENSION)):
            stack += list(ast.iter_child_nodes(node))[::-1]
        for name, targets in bound:
            every = own.setdefault(name, {})
            if len(every) < MAX_TARGETS:
                every.update(dict.fromkeys(targets))
                scope[name] = tuple(every)
            elif MANY not in every and not every.keys() >= set(targets):
                every[MANY] = None
                scope[name] = tuple(every)
    scope.update({name: around[name] for name in shared if name in around})
    return inner


def target_of(alias: ast.alias, node: ast.Import | ast.ImportFrom) -> str:
    """The dotted name that one part of an import brings in."""
    if isinstance(node, ast.Import):
        return alias.name if alias.asname else alias.name.partition(".")[0]
    module = "." * node.level + (node.module or "")
    return module if alias.name == "*" else f"{module}.{alias.name}"


def candidates(node: ast.AST, scope: Scope, *, depth: int = 0) -> tuple[str, ...]:
    """The dotted names of libraries and builtins that an expression may stand for."""
    trail: list[str] = []
    while isinstance(node, ast.Attribute):
        trail.append(node.attr)
        node = node.value
    roots: tuple[str, ...] = ()
    if isinstance(node, ast.Name):
        starred = tuple(f"{m}.{node.id}" for m in scope.get("*", ()))
        known = (node.id,) if hasattr(builtins, node.id) else ()
        roots = scope.get(node.id, known + starred)
    elif isinstance(node, ast.Call) and depth == MAX_CALLS:
        roots = (MANY,)
    elif isinstance(node, ast.Call) and (inner := called(node, scope, depth=depth + 1)):
        roots = (inner,)
    end = "".join(f".{name}" for name in trail[: -MAX_PARTS - 1 : -1])
    return tuple(f"{root}{end}"[:MAX_DOTTED] if root else "" for root in roots)


def called(node: ast.Call, scope: Scope, *, depth: int = 0) -> str:
    """What `__import__("torch")` or `getattr(np, "gradient")` stands for, or ""."""
    if isinstance(node.func, ast.Attribute) and node.func.attr not in IMPORTING:
        return ""
    names = candidates(node.func, scope, depth=depth)
    words = [a.value if isinstance(a, ast.Constant) else None for a in node.args]
    if words and isinstance(words[0], str) and IMPORTERS.intersection(names):
        return words[0] if names[0] != "__import__" else words[0].partition(".")[0]
    if "getattr" in names and len(words) > 1 and isinstance(words[1], str):
        owner = candidates(node.args[0], scope, depth=depth)
        return f"{owner[0]}.{words[1]}" if owner and owner[0] else ""
    return ""
