"""What code may not use, and what a person should look at, read from its syntax tree.

`forbidden` takes a function's points; `review` never changes a score. Names are resolved
through imports and aliases, so `n.gradient` counts after `import numpy as n`, while a string, a
variable or an attribute that only looks like a module does not.
"""

import ast
import re
import unicodedata
from collections import ChainMap
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from .effects import FUNCTION, bound_by
from .rules import ATTRIBUTES, BUILTINS, METHODS, MODULES, NAMES, Finding, Rules
from .scope import IMPORTERS, OWN, Scope, called, candidates, scope_of, target_of
from .syntax import COMPREHENSION

LOOK_ALIKES: Scope = {"np": ("numpy",), "numpy": ("numpy",)}
CATCHES = frozenset(("ImportError", "ModuleNotFoundError", "Exception", "BaseException"))


class Suspicion:
    """Tells which statements are worth a walk: most mention nothing of interest."""

    def __init__(self, rules: Rules, scope: Scope) -> None:
        forbidden = (*rules.forbidden_calls, *rules.forbidden_modules)
        last = {n.rpartition(".")[2] for n in (*forbidden, *NAMES, *rules.looked_at_names)}
        above = {name.rpartition(".")[0] for name in rules.forbidden_calls} - {""}
        bare = {local for local, targets in scope.items() if above.intersection(targets)} | above
        names = "|".join(map(re.escape, sorted(bare))) or r"\Z."
        self.bare = re.compile(rf"\b(?:{names})\b(?!\s*\.)")
        self.words = {*BUILTINS, *MODULES, *ATTRIBUTES, *METHODS, "getattr", *last}
        self.words |= rules.looked_at_attributes
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
        whole = alias.name if isinstance(node, ast.Import) else target_of(alias, node)
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
        inner: Scope
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
                inner = ChainMap(dict.fromkeys(names, OWN), step.scope)
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
        inner: Scope = ChainMap({a.arg: OWN for a in each if a}, step.scope)
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
            if root.attr in ATTRIBUTES or root.attr in self.rules.looked_at_attributes:
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
            # A parameter, or an unknown name, that is called like NumPy may well be NumPy.
            if not known and isinstance(root, ast.Name) and root.id in LOOK_ALIKES:
                (name,) = candidates(node, LOOK_ALIKES)
                if self.rules.verdict(name) in self.rules.forbidden_calls:
                    self.found.append(Finding("review", node.lineno, f"{name} is used"))
        return isinstance(root, ast.Name)

    def _review(self, line: int, name: str) -> None:
        top = name.partition(".")[0]
        if top in BUILTINS and top not in self.rules.allowed_modules:
            self.found.append(Finding("review", line, f"{top} is used"))
        elif seen := self.rules.looked_at(name):
            self.found.append(Finding("review", line, f"{seen} is used"))

    def _call(self, node: ast.Call, step: _Step) -> None:
        what = called(node, step.scope)
        names = candidates(node.func, step.scope)
        if IMPORTERS.intersection(names) and not step.guarded:
            if name := self.rules.verdict(what):
                self.found.append(Finding("forbidden", node.lineno, name))
        elif "getattr" in names:
            word = node.args[1] if len(node.args) > 1 else None
            plain = isinstance(word, ast.Constant) and not str(word.value).startswith("__")
            if name := self.rules.verdict(what):
                self.found.append(Finding("forbidden", node.lineno, name))
            elif seen := self.rules.looked_at(what):
                self.found.append(Finding("review", node.lineno, f"{seen} is used"))
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
