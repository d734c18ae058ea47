"""Which top-level statements of a module a function reaches.

A statement is reached if it binds a name that is reached, or changes in place what such a name
stands for. What a reached statement uses is reached in turn. Everything else (plots, prints,
training runs, timing loops) has no say in what the function returns and is left out.

Each step follows an edge once: names to what binds them, names to their aliases, functions to
their callers. A module that is all edges costs no more than its size.
"""

import ast
import symtable
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .effects import DEFINITION, SETTING, Act, Statement, effects

# A page needs one or two rounds; more are the work of somebody who wants to keep us busy.
MAX_ROUNDS = 20
# How many functions are followed for the order of cells; beyond it they stay as they are.
MAX_FOLLOWED = 20_000
SHOWS = frozenset(
    ("matplotlib", "seaborn", "plotly", "pandas", "IPython", "tqdm", "logging", "time", "timeit")
)


@dataclass(frozen=True, slots=True)
class Body:
    """What calling a function changes or binds in the module, what it calls, and which of its
    arguments it changes, by position and by name."""

    changes: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    arguments: frozenset[int | str] = frozenset()


class Reach:
    """The statements of one module, indexed by the names that they bind or change."""

    def __init__(self, module: Sequence[Statement]) -> None:
        self.module = module
        self.data: set[str] = set()
        self.imports: dict[str, str] = {}
        self.functions: dict[str, Statement] = {}
        self.aliases: dict[str, set[str]] = defaultdict(set)  # name -> those that may be it
        for statement in module:
            self.data |= statement.now.data
            self.imports |= statement.now.imports
            for alias, source in statement.now.aliases:
                self.aliases[source].add(alias)
            if isinstance(statement.node, DEFINITION):
                self.functions[statement.node.name] = statement
        self._bodies: dict[str, Body] = {}
        self.binding: dict[str, list[int]] = defaultdict(list)
        self.changing: dict[str, list[int]] = defaultdict(list)
        for i, statement in enumerate(module):
            for name in statement.now.binds:
                self.binding[name].append(i)
            for name in {act.root for act in statement.now.acts if self._counts(act)}:
                self.changing[name].append(i)

    def closure(self, roots: Iterable[str]) -> tuple[list[int], set[str]]:
        """The statements that `roots` reach, in order, and all names that are reached."""
        kept: set[int] = set()
        names: set[str] = set()
        watched: set[str] = set()
        todo = ["*", *roots]
        for _ in range(MAX_ROUNDS):
            while todo:
                name = todo.pop()
                if name not in names:
                    names.add(name)
                    for i in (*self.binding.get(name, ()), *self._changing(name, watched)):
                        if i not in kept:
                            kept.add(i)
                            todo += self.module[i].now.uses | self.module[i].later
            active = self._active(names, kept)
            for i, statement in enumerate(self.module):
                if i not in kept and not active.isdisjoint(statement.now.calls):
                    kept.add(i)
                    todo += statement.now.uses | statement.later
            if not todo:
                break
        return sorted(kept), names

    def _changing(self, name: str, watched: set[str]) -> Iterator[int]:
        """The statements that may change what `name` stands for, under whatever name.

        `watched` are the names that were asked about before, and is added to.
        """
        todo = [name]
        while todo:
            name = todo.pop()
            if name not in watched:
                watched.add(name)
                todo += self.aliases.get(name, ())
                yield from self.changing.get(name, ())

    def _counts(self, act: Act) -> bool:
        if act.how == "store":
            return True
        if act.how == "method":
            return act.root in self.data or SETTING.match(act.name) is not None
        if act.root not in self.data or self.imports.get(act.owner) in SHOWS:
            return False
        if act.owner in self.functions:
            return act.owner == act.name and act.place in self._body(act.owner).arguments
        return act.owner not in self.data

    def _active(self, names: set[str], kept: set[int]) -> set[str]:
        """The functions that change or bind one of `names` when they are called.

        What a reached function does when it is called, it will do again when it is graded: a
        training run that fills the function's own cache is no reason to keep the run.
        """
        callers: dict[str, list[str]] = defaultdict(list)
        active: set[str] = set()
        todo = [c for i, s in enumerate(self.module) if i not in kept for c in s.now.calls]
        seen = set(names)
        found: list[str] = []
        while todo:
            name = todo.pop()
            if name in seen or name not in self.functions:
                continue
            seen.add(name)
            body = self._body(name)
            for called in body.calls:
                callers[called].append(name)
            todo += body.calls
            if not body.changes.isdisjoint(names):
                found.append(name)
        while found:
            name = found.pop()
            if name not in active:
                active.add(name)
                found += callers[name]
        return active

    def _body(self, name: str) -> Body:
        if name in self._bodies:
            return self._bodies[name]
        statement = self.functions[name]
        assert isinstance(statement.node, DEFINITION)
        done = effects(statement.node.body, inside=True)
        roots = {
            act.root
            for act in done.acts
            if act.how != "argument"
            or (act.owner in statement.later and self.imports.get(act.owner) not in SHOWS)
        }
        changes = roots & statement.later & self.data
        places: set[int | str] = set()
        for table in statement.tables:
            changes |= {
                s.get_name()
                for s in table.get_symbols()
                if s.is_declared_global() and s.is_assigned()
            }
            if isinstance(table, symtable.Function):
                for place, parameter in enumerate(table.get_parameters()):
                    if parameter in roots:
                        places |= {place, parameter}
        body = Body(frozenset(changes), frozenset(done.calls), frozenset(places))
        self._bodies[name] = body
        return body

    def order(self, kept: Sequence[int]) -> list[int]:
        """The cells of `kept` in an order in which each finds what it needs while it loads.

        That is the order on the page unless cells were written out of order.
        """
        cells = list(dict.fromkeys(self.module[i].cell for i in kept))
        if len(cells) < 2:
            return cells
        bound: dict[str, int] = {}
        for i in kept:
            for name in self.module[i].now.binds:
                bound.setdefault(name, self.module[i].cell)
        needs: dict[int, set[int]] = defaultdict(set)
        followed: list[str] = []
        for i in kept:
            statement = self.module[i]
            for name in self._needs(statement, followed):
                if bound.get(name, -1) > statement.cell:
                    needs[statement.cell].add(bound[name])
        if not needs or len(followed) > MAX_FOLLOWED:
            return cells
        out: dict[int, None] = {}
        started: set[int] = set()
        stack = cells[::-1]
        while stack:
            cell = stack.pop()
            waits = [c for c in sorted(needs[cell]) if c not in started]
            if cell in out:
                continue
            if cell not in started and waits:
                started.add(cell)
                stack += [cell, *waits[::-1]]
            else:
                started.add(cell)
                out[cell] = None
        return list(out)

    def _needs(self, statement: Statement, followed: list[str]) -> Iterator[str]:
        """The names that must be there when a statement is loaded; notes whom it followed."""
        yield from statement.now.uses
        if isinstance(statement.node, ast.ClassDef):
            yield from effects(statement.node.body).uses
        todo = [n for n in statement.now.calls if n in self.functions]
        seen: set[str] = set()
        while todo and len(followed) <= MAX_FOLLOWED:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                later = self.functions[name].later
                followed += later
                yield from later
                todo += [n for n in later if n in self.functions]
