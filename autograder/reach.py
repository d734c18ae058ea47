class Reach:
    """The statements of one module, indexed by the names that they bind or change."""

    def __init__(self, module: Sequence[Statement]) -> None:
        self.module = module
        self.data: set[str] = set()
        self.imports: dict[str, str] = {}
        self.functions: dict[str, Statement] = {}
        self.aliases: dict[str, set[str]] = defaultdict(set)
        for statement in module:
            self.data |= statement.now.data
            self.imports |= statement.now.imports
            for alias, source in statement.now.aliases:
                self.aliases[alias].add(source)
            if isinstance(statement.node, DEFINITION):
                self.functions[statement.node.name] = statement
        self._bodies: dict[str, Body] = {}
        self.by_name: dict[str, list[int]] = defaultdict(list)
        for i, statement in enumerate(module):
            for name in statement.now.binds | self._changed(statement.now):
                self.by_name[name].append(i)

    def closure(self, roots: Iterable[str]) -> tuple[list[int], set[str]]:
        """The statements that `roots` reach, in order, and all names that are reached."""
        kept: set[int] = set()
        names: set[str] = set()
        todo = ["*", *roots]
        for _ in range(MAX_ROUNDS):
            while todo:
                name = todo.pop()
                if name not in names:
                    names.add(name)
                    for i in self.by_name.get(name, ()):
                        if i not in kept:
                            kept.add(i)
                            todo += self.module[i].now.uses | self.module[i].later
            harmless: set[str] = set()
            for i, statement in enumerate(self.module):
                calls = statement.now.calls
                if i not in kept and calls and self._changes_by_call(calls, names, harmless):
                    kept.add(i)
                    todo += statement.now.uses | statement.later
            if not todo:
                break
        return sorted(kept), names

    def _changed(self, done: Effects) -> set[str]:
        """The names whose objects these effects may change, aliases followed."""
        todo = [act.root for act in done.acts if self._counts(act)]
        roots: set[str] = set()
        while todo:
            name = todo.pop()
            if name not in roots:
                roots.add(name)
                todo += self.aliases.get(name, ())
        return roots

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

    def _changes_by_call(self, calls: Iterable[str], names: set[str], harmless: set[str]) -> bool:
        """Whether calling these functions changes or binds one of `names`.

        What a reached function does when it is called, it will do again when it is graded: a
        training run that fills the function's own cache is no reason to keep the run.
        `harmless` collects functions that are known to change none of `names`.
        """
        seen: set[str] = set()
        todo = [name for name in calls if name in self.functions]
        while todo:
            name = todo.pop()
            if name in seen or name in names or name in harmless:
                continue
            seen.add(name)
            body = self._body(name)
            if body.changes & names:
                return True
            todo += [n for n in body.calls if n in self.functions]
        harmless |= seen
        return False

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
        for i in kept:
            statement = self.module[i]
            for name in self._needs(statement):
                if bound.get(name, -1) > statement.cell:
                    needs[statement.cell].add(bound[name])
        if not needs:
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

    def _needs(self, statement: Statement) -> set[str]:
        """The names that must be there when a statement is loaded."""
        names = set(statement.now.uses)
        if isinstance(statement.node, ast.ClassDef):
            names |= effects(statement.node.body).uses
        todo = [n for n in statement.now.calls if n in self.functions]
        seen: set[str] = set()
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                names |= self.functions[name].later
                todo += [n for n in self.functions[name].later if n in self.functions]
        return names
