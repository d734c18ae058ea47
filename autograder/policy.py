"""What code may not use, and what a person should look at, read from its syntax tree.

`forbidden` takes a function's points; `review` never changes a score. Names are resolved
through imports and aliases, so `n.gradient` counts after `import numpy as n`, while a string, a
variable or an attribute that only looks like a module does not.
"""

import ast
import builtins
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from .reach import COMPREHENSION, DEFINITION, FUNCTION, bound_by

# Name in scope -> the dotted names it may stand for; "" among them: something of the student's.
Scope = dict[str, tuple[str, ...]]
OWN = ("",)

# fmt: off
BUILTINS = frozenset((
    "eval", "exec", "compile", "__import__", "globals", "locals", "vars", "setattr", "delattr",
    "open", "input", "breakpoint", "complex",
))
MODULES = frozenset((
    "_ctypes", "_thread", "asyncio", "atexit", "builtins", "code", "concurrent", "ctypes", "dis",
    "fcntl", "gc", "http", "importlib", "inspect", "marshal", "mmap", "multiprocessing", "os",
    "pathlib", "pickle", "pty", "resource", "runpy", "select", "shutil", "signal", "site",
    "socket", "sqlite3", "subprocess", "tempfile", "threading", "tracemalloc", "urllib",
))
NAMES = frozenset((
    "sys._getframe", "sys._current_frames", "sys.modules", "sys.settrace", "sys.setprofile",
    "sys.meta_path", "sys.path", "types.FunctionType", "types.CodeType", "numpy.load",
    "numpy.save", "numpy.memmap", "numpy.ctypeslib", "numpy.f2py", "numpy.lib", "numpy.core",
    "numpy._core", "numpy.testing", "numpy.complex64", "numpy.complex128", "torch.load",
    "torch.save", "torch.library", "operator.attrgetter", "operator.methodcaller",
))
ATTRIBUTES = frozenset((
    "f_back", "f_locals", "f_globals", "f_builtins", "f_code", "gi_frame", "cr_frame", "tb_frame",
    "__globals__", "__subclasses__", "__builtins__", "__code__", "__closure__", "__dict__",
    "__bases__", "__mro__", "__loader__", "__spec__", "__getattribute__", "__array_interface__",
))
METHODS = frozenset((
    "__array_ufunc__", "__array_function__", "__reduce__", "__reduce_ex__",
))
# fmt: on
IMPORTERS = frozenset(("__import__", "importlib.import_module", "builtins.__import__"))
CATCHES = frozenset(("ImportError", "ModuleNotFoundError", "Exception", "BaseException"))


@dataclass(frozen=True)
class Rules:
    """What an exercise may use.

    Attributes:
        forbidden_modules: Modules, or packages with all that is in them: "torch".
        forbidden_calls: Functions, classes or attributes by dotted name: "numpy.gradient".
        allowed_modules: Exceptions from both, and from what is looked at: "torch.nn", "os". The
            longest name that fits decides.
        advice: Forbidden name -> the end of the sentence: "write the gradient yourself".
    """

    forbidden_modules: tuple[str, ...] = ()
    forbidden_calls: tuple[str, ...] = ()
    allowed_modules: tuple[str, ...] = ()
    advice: Mapping[str, str] = field(default_factory=dict, hash=False)

    def verdict(self, dotted: str) -> str:
        """The forbidden name that `dotted` is, or is part of, or ""."""
        name = dotted
        while name and name not in self.allowed_modules:
            if name in self.forbidden_calls or name in self.forbidden_modules:
                return name
            name = name.rpartition(".")[0]
        return ""

    def looked_at(self, dotted: str) -> str:
        """The name on our list that `dotted` is, or is part of, or ""."""
        parts = dotted.split(".")
        names = [".".join(parts[:n]) for n in range(1, len(parts) + 1)]
        if not set(names).isdisjoint(self.allowed_modules):
            return ""
        return next((n for n in names if n in MODULES or n in NAMES), "")

    def sentence(self, name: str) -> str:
        """Why `name` is forbidden and what to do."""
        usual = "do without it" if name in self.forbidden_modules else "write it yourself"
        return f"{name} is not allowed in this exercise: {self.advice.get(name, usual)}"


@dataclass(frozen=True)
class Finding:
    """Something that a statement uses in `line`: the forbidden name, or what to look at."""

    verdict: Literal["forbidden", "review"]
    line: int
    what: str


def scope_of(body: Iterable[ast.stmt], around: Scope) -> Scope:
    """`around` with the names that `body` binds, as far as imports and plain aliases tell.

    Under "*" are the modules from which everything was imported.
    """
    scope = dict(around)
    own: dict[str, dict[str, None]] = {}
    shared: set[str] = set()
    stack: list[ast.AST] = [*body]
    stack.reverse()
    while stack:
        node = stack.pop()
        bound: list[tuple[str, tuple[str, ...]]] = []
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            bound = [(bound_by(a, node), (_target(a, node),)) for a in node.names]
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
                stands_for = () if nothing else candidates(node.value, scope) or OWN
                bound = [(target.id, stands_for)]
                stack.append(node.value)
            else:
                stack += [node.value, target]
        elif not isinstance(node, (ast.Lambda, *COMPREHENSION)):
            stack += list(ast.iter_child_nodes(node))[::-1]
        for name, targets in bound:
            own.setdefault(name, {}).update(dict.fromkeys(targets))
            scope[name] = tuple(own[name])
    return scope | {name: around[name] for name in shared if name in around}


def _target(alias: ast.alias, node: ast.Import | ast.ImportFrom) -> str:
    if isinstance(node, ast.Import):
        return alias.name if alias.asname else alias.name.partition(".")[0]
    module = "." * node.level + (node.module or "")
    return module if alias.name == "*" else f"{module}.{alias.name}"


def candidates(node: ast.AST, scope: Scope) -> tuple[str, ...]:
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
    elif isinstance(node, ast.Call) and (inner := _called(node, scope)):
        roots = (inner,)
    return tuple(".".join([root, *reversed(trail)]) if root else "" for root in roots)


def _called(node: ast.Call, scope: Scope) -> str:
    """What `__import__("torch")` or `getattr(np, "gradient")` stands for, or ""."""
    names = candidates(node.func, scope)
    words = [a.value if isinstance(a, ast.Constant) else None for a in node.args]
    if words and isinstance(words[0], str) and IMPORTERS.intersection(names):
        return words[0] if names[0] != "__import__" else words[0].partition(".")[0]
    if "getattr" in names and len(words) > 1 and isinstance(words[1], str):
        owner = candidates(node.args[0], scope)
        return f"{owner[0]}.{words[1]}" if owner and owner[0] else ""
    return ""


class Suspicion:
    """Tells which statements are worth a walk: most mention nothing of interest."""

    def __init__(self, rules: Rules, scope: Scope) -> None:
        forbidden = (*rules.forbidden_calls, *rules.forbidden_modules)
        last = {name.rpartition(".")[2] for name in (*forbidden, *NAMES)}
        above = {name.rpartition(".")[0] for name in rules.forbidden_calls} - {""}
        bare = {local for local, targets in scope.items() if above.intersection(targets)} | above
        names = "|".join(map(re.escape, sorted(bare))) or r"\Z."
        self.bare = re.compile(rf"\b(?:{names})\b(?!\s*\.)")
        self.words = {*BUILTINS, *MODULES, *ATTRIBUTES, *METHODS, "getattr", *last}
        for local, targets in scope.items():
            if any(rules.verdict(t) or rules.looked_at(t) or t in BUILTINS for t in targets):
                self.words.add(local)
        self.everything = "*" in self.words

    def __call__(self, text: str) -> bool:
        if not text.isascii():  # Python reads identifiers in their NFKC form
            text = unicodedata.normalize("NFKC", text)
        words = re.findall(r"\w+", text)
        return (
            self.everything
            or not self.words.isdisjoint(words)
            or self.bare.search(text) is not None
            or any(w[-1] in "jJ" and w[0].isdigit() for w in words)
        )


def findings(node: ast.stmt, scope: Scope, rules: Rules) -> list[Finding]:
    """What one top-level statement uses that is forbidden or to be looked at.

    What an import at the top brings counts only if its name is reached: see `imported`.
    """
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return []
    walk = _Walk(rules)
    walk.run(node, scope)
    return sorted(set(walk.found), key=lambda f: (f.verdict, f.line, f.what))


def imported(
    node: ast.Import | ast.ImportFrom, names: Collection[str], rules: Rules
) -> list[Finding]:
    """What an import statement brings in under one of `names`."""
    found: list[Finding] = []
    for alias in node.names:
        whole = alias.name if isinstance(node, ast.Import) else _target(alias, node)
        if alias.name == "*" or bound_by(alias, node) not in names:
            continue
        if name := rules.verdict(whole):
            found.append(Finding("forbidden", node.lineno, name))
        elif seen := rules.looked_at(whole):
            found.append(Finding("review", node.lineno, f"{seen} is imported"))
    return found


@dataclass(frozen=True, slots=True)
class _Step:
    """A node to visit.

    `guarded`: where it stands, an ImportError is caught. `tested`: it is only asked about, as in
    `torch is None` or `isinstance(x, torch.Tensor)`, which computes nothing.
    """

    node: ast.AST
    scope: Scope
    guarded: bool = False
    tested: bool = False


class _Walk:
    """Visits every node of a statement in its scope, without recursion."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.above = {n.rpartition(".")[0] for n in rules.forbidden_calls}
        self.found: list[Finding] = []

    def run(self, node: ast.AST, scope: Scope) -> None:
        stack = [_Step(node, scope)]
        while stack:
            step = stack.pop()
            node = step.node
            if isinstance(node, (*FUNCTION, ast.Lambda)):
                stack += self._function(node, step)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                if not step.guarded:
                    names = {bound_by(a, node) for a in node.names}
                    self.found += imported(node, names, self.rules)
            elif isinstance(node, COMPREHENSION):
                targets = [n for g in node.generators for n in ast.walk(g.target)]
                names = {n.id for n in targets if isinstance(n, ast.Name)}
                inner = step.scope | dict.fromkeys(names, OWN)
                stack += [_Step(c, inner, step.guarded) for c in ast.iter_child_nodes(node)]
            elif not (isinstance(node, (ast.Name, ast.Attribute)) and self._mention(node, step)):
                if isinstance(node, ast.Call):
                    self._call(node, step)
                elif isinstance(node, ast.Constant) and isinstance(node.value, complex):
                    self._review(node.lineno, "complex")
                stack += _children(step)

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, step: _Step
    ) -> list[_Step]:
        """What a function evaluates; its annotations compute nothing."""
        given = node.args
        outside: list[ast.AST] = [d for d in (*given.defaults, *given.kw_defaults) if d]
        each = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
        inner = step.scope | {a.arg: OWN for a in each if a}
        body: Sequence[ast.AST]
        if isinstance(node, ast.Lambda):
            body = [node.body]
        else:
            outside += node.decorator_list
            body, inner = node.body, scope_of(node.body, inner)
            if node.name in METHODS:
                self.found.append(Finding("review", node.lineno, f"{node.name} is defined"))
        return [_Step(n, step.scope, step.guarded) for n in outside] + [
            _Step(n, inner, step.guarded) for n in body
        ]

    def _mention(self, node: ast.Name | ast.Attribute, step: _Step) -> bool:
        """Judge a name or a dotted name; whether that settles what is below it."""
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            return True
        root: ast.AST = node
        while isinstance(root, ast.Attribute):
            if root.attr in ATTRIBUTES:
                self.found.append(Finding("review", root.lineno, f"{root.attr} is used"))
            root = root.value
        names = candidates(node, step.scope)
        known = [n for n in names if n]
        verdicts = [v for n in known if (v := self.rules.verdict(n))]
        hard = [v for v in verdicts if v in self.rules.forbidden_calls]
        if not hard and len(verdicts) == len(names):
            hard = [] if step.tested else verdicts
        if hard:
            self.found.append(Finding("forbidden", node.lineno, hard[0]))
        else:
            for name in known:
                self._review(node.lineno, name)
            # As a value, a library can be used under names that we do not know.
            if isinstance(node, ast.Name) and not step.tested and self.above.intersection(known):
                self.found.append(Finding("review", node.lineno, f"{known[0]} is passed on"))
        return isinstance(root, ast.Name)

    def _review(self, line: int, name: str) -> None:
        top = name.partition(".")[0]
        if top in BUILTINS and top not in self.rules.allowed_modules:
            self.found.append(Finding("review", line, f"{top} is used"))
        elif seen := self.rules.looked_at(name):
            self.found.append(Finding("review", line, f"{seen} is used"))

    def _call(self, node: ast.Call, step: _Step) -> None:
        called = _called(node, step.scope)
        names = candidates(node.func, step.scope)
        if IMPORTERS.intersection(names) and not step.guarded:
            if name := self.rules.verdict(called):
                self.found.append(Finding("forbidden", node.lineno, name))
        elif "getattr" in names:
            word = node.args[1] if len(node.args) > 1 else None
            plain = isinstance(word, ast.Constant) and not str(word.value).startswith("__")
            if name := self.rules.verdict(called):
                self.found.append(Finding("forbidden", node.lineno, name))
            elif not plain:
                self.found.append(Finding("review", node.lineno, "getattr is used"))


def _children(step: _Step) -> Iterator[_Step]:
    node = step.node
    tested = _tested(node, step)
    guarded = {id(n) for n in _guarded(node)}
    for child in ast.iter_child_nodes(node):
        if not (isinstance(node, ast.AnnAssign) and child is node.annotation):
            yield _Step(
                child, step.scope, step.guarded or id(child) in guarded, id(child) in tested
            )


def _tested(node: ast.AST, step: _Step) -> set[int]:
    """The ids of the children that are only asked about."""
    if isinstance(node, ast.Compare) and all(isinstance(o, (ast.Is, ast.IsNot)) for o in node.ops):
        return set(map(id, (node.left, *node.comparators)))
    if isinstance(node, (ast.If, ast.IfExp, ast.While)):
        return {id(node.test)}
    if isinstance(node, ast.BoolOp) or (isinstance(node, ast.Tuple) and step.tested):
        return set(map(id, ast.iter_child_nodes(node)))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return {id(node.operand)}
    if isinstance(node, ast.Assign):
        return {id(node.value)}  # an alias: what it is used for counts
    if isinstance(node, ast.Call) and "isinstance" in candidates(node.func, step.scope):
        return set(map(id, node.args[1:]))
    return set()


def _guarded(node: ast.AST) -> Iterable[ast.AST]:
    """The children during which an ImportError is caught, or that never run."""
    if isinstance(node, ast.Try):
        caught = {
            n.id for h in node.handlers for n in ast.walk(h.type or h) if isinstance(n, ast.Name)
        }
        if caught & CATCHES or any(h.type is None for h in node.handlers):
            return node.body
    elif isinstance(node, ast.If):
        words = {getattr(n, "id", getattr(n, "attr", "")) for n in ast.walk(node.test)}
        return node.body if "TYPE_CHECKING" in words else ()
    return ()
