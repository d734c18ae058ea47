"""A handed-in file reduced to the module that its graded functions reach."""

import ast
import re
import warnings
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from .cells import parse_cells
from .earlier import Imports
from .effects import DEFINITION, Statement, statements
from .errors import SubmissionError
from .identify import DEFINES
from .notebook import MAX_SOURCE, Cell, RawFile, Sheet
from .part import Part, emit, is_future
from .percent import Page, PageCell
from .reach import Reach
from .rules import Rules
from .source import StudentModule
from .syntax import Broken, Code, parse
from .untouched import pristine_stub, same_stub
from .verdicts import judge

MAX_SENTENCES = 20
MAX_STATEMENTS = 3_000
FORMS = re.compile(
    r"^(?:# ?%%[^\n]*|from \.\w+ import (?:\([^)]{0,2000}\)|[^\n]*)|from autograder[^\n]*"
    r"|\w+ = mine\([^\n]*|find_given\(\))$",
    re.MULTILINE,
)
ENDINGS = frozenset(("exit", "quit", "sys.exit", "os._exit", "os.abort"))
ASSIGNS = re.compile(r"^(\w+)[ \t]*(?::[^=\n]*)?=[^=]", re.MULTILINE)


@dataclass(frozen=True)
class Read:
    """A module, whether anything was written, and the modules it imports."""

    module: StudentModule
    attempted: bool
    imports: frozenset[str]


def read(file: RawFile, sheet: Sheet, page: Page, rules: Rules) -> Read:
    draft = _Draft(page, file.origin)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the compiler says of their code is theirs
            draft.collect(sheet)
            draft.choose_definitions()
        return draft.finish(rules)
    except (RecursionError, MemoryError) as error:
        raise SubmissionError(f"{file.origin} is nested too deeply to be read") from error


class _Draft:
    """A module while it is put together: its parts, their statements, what went wrong."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page, self.origin = page, origin
        self.graded = frozenset(page.functions)
        self.checks = frozenset(f"visible_{name}" for name in page.functions)
        self.imports = Imports(page)
        self.parts: list[Part] = []
        self.statements: list[Statement] = []
        self.broken: dict[str, str] = {}
        self.room = MAX_SOURCE  # characters that prose may still add to the code
        handouts = (c.source for c in page.cells if c.kind == "markdown")
        self.handouts = ["".join(re.sub("(?m)^# ?", "", text).split()) for text in handouts]
        self.attempted: set[str] = set()
        self.notices: list[str] = []

    # From cells to statements

    def collect(self, sheet: Sheet) -> None:
        """Parse the cells that count, given code among them as it was handed out."""
        ids = {c.id: c for c in self.page.cells}
        given = {_handed_out(c.source): c for c in self.page.cells if c.kind == "given"}
        defined = {n for c in sheet.cells if c.code for n in DEFINES.findall(c.source)}
        homes: dict[int, PageCell] = {}
        cells: list[Cell] = []
        self.room -= sum(len(c.source) for c in sheet.cells if c.code)
        for position, cell in enumerate(sheet.cells):
            same = given.get(_handed_out(cell.source)) if cell.code else None
            home = next((ids[i] for i in cell.ids if i in ids), same)
            if home:
                homes[position] = home
            if not same and self._counts(cell, home, defined):
                cells.append(replace(_unfenced(cell), position=float(position)))
        parsed, notices = parse_cells(cells, whole=sheet.whole)
        self.notices += notices
        entries = [(cell, found, False) for cell, found in parsed]
        for place, pristine in self._pristine(sheet, homes):
            cell = Cell("given code", pristine.source, pristine.line, position=place)
            entries.append((cell, parse(pristine.source), True))
        for cell, found, ours in sorted(entries, key=lambda entry: entry[0].position):
            if isinstance(found, Broken):
                self._broken_cell(cell, found)
            else:
                home = None if ours else homes.get(int(cell.position))
                copy = home if home and home.kind == "given" else None
                self._add(Part(cell, found, found.source.split("\n"), ours), copy)

    def _counts(self, cell: Cell, home: PageCell | None, defined: Collection[str]) -> bool:
        """Whether a cell may hold something of the student's."""
        if cell.code and not (cell.check or (home is not None and home.kind == "check")):
            return True
        here = self.graded.intersection(DEFINES.findall(cell.source))
        if here and not cell.code:
            here = here.difference(defined) if self._may_be_answer(cell, home) else frozenset()
        if not here:
            return False
        what = "is a cell of checks" if cell.code else "is no code cell"
        names = ", ".join(sorted(here))
        self.notices.append(f"{cell.label} {what} but defines {names}; it was read as an answer")
        self.room -= 0 if cell.code else len(cell.source)
        return True

    def _may_be_answer(self, cell: Cell, home: PageCell | None) -> bool:
        """Whether prose is none of ours, and short enough to be an answer of the wrong type."""
        if len(cell.source) > self.room or len(self.notices) >= MAX_SENTENCES:
            return False
        text = "".join(cell.source.split())
        ours = home is not None and home.kind == "markdown"
        return not ours and not any(text in handout for handout in self.handouts)

    def _pristine(
        self, sheet: Sheet, homes: Mapping[int, PageCell]
    ) -> Iterator[tuple[float, PageCell]]:
        """Each given cell and its position: just before the student's copy, if there is one, and
        else after what precedes it on the page."""
        places: dict[str, int] = {}
        for position, home in homes.items():
            places.setdefault(home.id, position)
        for position, cell in enumerate(sheet.cells):
            for name in self.graded.intersection(DEFINES.findall(cell.source)):
                places.setdefault(f"{self.page.name}-answer-{name}", position)
        at = -1.0
        if re.search(r"(?m)^(?:import|from) ", self.page.header):
            yield at, PageCell("given", "", self.page.header, 1)
        for number, ours in enumerate(self.page.cells, start=1):
            if ours.kind == "given":
                behind = at + number / (2 * len(self.page.cells) + 2)
                yield places[ours.id] - 0.5 if ours.id in places else behind, ours
            at = places.get(ours.id, at)

    def _broken_cell(self, cell: Cell, found: Broken) -> None:
        names = {*DEFINES.findall(cell.source), *ASSIGNS.findall(cell.source)}
        message = f"{cell.at(found.line)}: {found.message}"
        self.broken |= dict.fromkeys(names, message)
        if not names & self.graded:
            self.notices.append(f"{message}; this part was left out")

    def _add(self, part: Part, copy: PageCell | None) -> None:
        """Take over the statements of a part that belong to the exercise."""
        before = len(self.statements)
        if before + len(part.code.tree.body) > MAX_STATEMENTS:
            raise SubmissionError(
                f"{self.origin} has more than {MAX_STATEMENTS:,} statements up to "
                f"{part.cell.at(1)}; move data out of the code"
            )
        part = self.imports.without_nested(part, before)
        found = statements(part.code, len(self.parts))
        self.parts.append(part)
        for number, statement in enumerate(found):
            if ending := _ends(statement.node):
                lost = {n for s in found[number:] for n in s.now.binds}
                why = f"{part.at(statement.node)}: {ending} ends the cell before it is defined"
                self.broken |= dict.fromkeys(lost, why)
                break
            if not self._left_out(part, statement):
                self.statements.append(statement)
        if copy is not None:
            theirs = self.statements[before:]
            self.statements[before:] = self._additions(part, theirs, copy)

    def _additions(
        self, part: Part, theirs: Sequence[Statement], copy: PageCell
    ) -> list[Statement]:
        """What a student added to given code. What they changed there is put back."""
        pristine = parse(copy.source)
        assert isinstance(pristine, Code)
        own = Part(part.cell, pristine, pristine.source.split("\n"))
        before = statements(pristine, 0)
        texts = {own.text(s.node) for s in before}
        names = {n for s in before for n in s.now.binds}
        fresh = [s for s in theirs if part.text(s.node) not in texts]
        if any(s.now.binds & names for s in fresh):
            self.notices.append(
                f"{part.cell.label} holds given code that was changed; the original was used"
            )
        return [s for s in fresh if not s.now.binds & names]

    def _left_out(self, part: Part, statement: Statement) -> bool:
        """Whether a statement is no part of the exercise; takes note of earlier ones."""
        node, now = statement.node, statement.now
        if isinstance(node, ast.If) and _is_main(node.test):
            return True
        if not self.checks.isdisjoint((*now.binds, *now.uses)):
            return True
        return self.imports.left_out(part, statement, len(self.statements))

    # From statements to the module

    def choose_definitions(self) -> None:
        """Drop untouched stubs where there is something else, and what an import replaces."""
        drop: set[int] = set()
        where: dict[str, list[int]] = defaultdict(list)
        for i, statement in enumerate(self.statements):
            for name in statement.now.binds:
                where[name].append(i)
        for name in self.page.functions:
            bound = where.get(name, [])
            pristine = pristine_stub(name, self.page)
            stubs = [i for i in bound if same_stub(self.statements[i].node, pristine)]
            real = [i for i in bound if i not in stubs]
            if real or name in self.broken:
                self.attempted.add(name)
                drop.update(stubs)
            if real:
                self._tell_choice(name, real, stubs)
                self.broken.pop(name, None)
            elif not bound and name not in self.broken:
                self.notices.append(f"{name} is defined nowhere in {self.origin}")
        for local, (_, at) in list(self.imports.taken.items()):
            if any(i >= at for i in where.get(local, ())):
                del self.imports.taken[local]
            else:
                drop.update(where.get(local, ()))
        for name in self.broken.keys() - self.graded:
            self.imports.gone.setdefault(name, self.broken.pop(name))
        self.statements = [s for i, s in enumerate(self.statements) if i not in drop]

    def _tell_choice(self, name: str, real: Sequence[int], stubs: Sequence[int]) -> None:
        places = [self._place(i) for i in real]
        used = places[-1]
        if name in self.broken:
            self.notices.append(f"{self.broken[name]}; {name} of {used} was used")
        if len(real) > 1 and all(isinstance(self.statements[i].node, DEFINITION) for i in real):
            others = " and ".join(places[:-1])
            self.notices.append(f"{name} is defined in {others} and in {used}; the last was used")
        if any(i > real[-1] for i in stubs):
            self.notices.append(f"{name} is untouched in {self._place(stubs[-1])}; {used} was used")

    def _place(self, index: int) -> str:
        statement = self.statements[index]
        part = self.parts[statement.cell]
        here = part.at(statement.node)
        return here if part.cell.label.startswith("cell ") else here.rpartition(", ")[2]

    def finish(self, rules: Rules) -> Read:
        """Keep what the graded functions reach, and judge it by the rules."""
        reach = Reach(self.statements)
        here = {n for s in self.statements for n in s.now.binds}
        ready = [f for f in self.page.functions if f in here and f not in self.broken]
        reached = {f: reach.closure([f]) for f in ready}
        forbidden, review = judge(self.statements, self.parts, reached, rules)
        kept, names = reach.closure([f for f in ready if f not in forbidden])
        kept = sorted({*kept, *(i for i, s in enumerate(self.statements) if is_future(s.node))})
        order = reach.order(kept)
        if order != sorted(order):
            self.notices.append("cells were read in the order in which they need each other")
        cells, digest = emit([self.statements[i] for i in kept], self.parts, order, names)
        for function, (_, used) in reached.items():
            self._tell_missing(function, used - here - set(self.imports.taken))
        imports = {m for s in self.statements for m in s.now.imports.values()}
        module = StudentModule(
            exercise=self.page.slug,
            cells=tuple(cells),
            origin=self.origin,
            sha256=digest,
            earlier=tuple(e for local, (e, _) in self.imports.taken.items() if local in names),
            broken={f: self.broken[f] for f in self.page.functions if f in self.broken},
            notices=shortened(f"{n}." for n in self.notices),
            review=shortened(review),
            forbidden=forbidden,
        )
        return Read(module, bool(self.attempted), frozenset(imports))

    def _tell_missing(self, function: str, missing: Collection[str]) -> None:
        for name in sorted(missing):
            if name in self.imports.gone:
                self.notices.append(
                    f"{function} uses {name}, which is not there when it is graded "
                    f"({self.imports.gone[name]})"
                )
            elif name in self.broken:
                self.notices.append(f"{function} uses {name}, which is broken")


def shortened(sentences: Iterable[str]) -> tuple[str, ...]:
    """Each sentence once, and not more of them than anybody reads."""
    every = list(dict.fromkeys(sentences))
    rest = len(every) - MAX_SENTENCES
    return (*every[:MAX_SENTENCES], *([f"And {rest} more of this kind."] if rest > 0 else []))


def _handed_out(source: str) -> str:
    """Given code without what differs between its module and its notebook."""
    return re.sub(r"\n\n+", "\n", FORMS.sub("", source)).strip()


def _unfenced(cell: Cell) -> Cell:
    """A prose cell as code: the fence around a block becomes a blank line."""
    if cell.code:
        return cell
    return replace(cell, source=re.sub(r"(?m)^```.*$", "", cell.source), code=True)


def _ends(node: ast.stmt) -> str:
    """What ends a cell here for good, or ""."""
    if isinstance(node, ast.Raise):
        return "raise"
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        name = ast.unparse(node.value.func) if _is_dotted(node.value.func) else ""
        return f"{name}()" if name in ENDINGS else ""
    return ""


def _is_dotted(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _is_main(test: ast.expr) -> bool:
    sides = [test.left, *test.comparators] if isinstance(test, ast.Compare) else []
    return any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
