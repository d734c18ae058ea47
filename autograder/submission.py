"""What was handed in: per student, per exercise, one module; read, never executed.

`find_students` looks through a folder of submissions, `read_submission` finds the exercises in
one of them, `read_module` reduces a file to what its graded functions reach.
"""

import ast
import hashlib
import io
import os
import re
import stat
import sys
import unicodedata
import warnings
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from .errors import SubmissionError
from .notebook import (
    MAX_FILE,
    MB,
    Broken,
    Cell,
    Code,
    RawFile,
    Sheet,
    parse,
    parse_cells,
    read_sheet,
)
from .percent import Earlier, Page, PageCell
from .policy import Finding, Rules, Suspicion, findings, imported, scope_of
from .reach import DEFINITION, Reach, Statement, bound_by, first_line, statements
from .source import SourceCell, StudentModule

__all__ = [
    "Found",
    "RawFile",
    "Reading",
    "Rules",
    "find_students",
    "identify",
    "read_module",
    "read_submission",
    "safe_name",
]

MAX_TOTAL = 64 * MB
MAX_MEMBERS = 1_000
MAX_FOLDERS = 8
MAX_RATIO = 200
MAX_NAME = 255
MAX_SENTENCES = 20
MAX_PROSE = 20_000
MAX_STATEMENTS = 3_000
IGNORED = frozenset(
    ("__MACOSX", "__pycache__", "node_modules", "site-packages", "venv", "timestamp.txt")
)
READ = (".ipynb", ".py", ".zip")
# What students hand in by mistake; anything else beside the submissions is nobody's.
MISTAKEN = (".pdf", ".html", ".htm", ".doc", ".docx", ".rar", ".7z", ".tar", ".gz", ".tgz")
COPY = re.compile(r"( ?\(\d+\)|[-_ ]copy\d*)+$", re.IGNORECASE)
DEFINES = re.compile(r"^[ \t]*(?:async[ \t]+def|def|class)[ \t]+(\w+)", re.MULTILINE)
FORMS = re.compile(
    r"^(?:# ?%%[^\n]*|from \.\w+ import (?:\([^)]{0,2000}\)|[^\n]*)|from autograder[^\n]*"
    r"|\w+ = mine\([^\n]*)$",
    re.MULTILINE,
)
NESTED = re.compile(r"^[ \t]+from[ \t]+(?:\.|starter_code)", re.MULTILINE)
ENDINGS = frozenset(("exit", "quit", "sys.exit", "os._exit", "os.abort"))
ASSIGNS = re.compile(r"^(\w+)[ \t]*(?::[^=\n]*)?=[^=]", re.MULTILINE)


@dataclass(frozen=True)
class Found:
    """One student's files.

    Attributes:
        student: The name of the folder or file, as it is.
        files: What may hold an exercise.
        problems: Why nothing of it may be graded: two submissions, a file we cannot open.
        left_out: Files that cannot be read, each with the sentence that says why.
    """

    student: str
    files: tuple[RawFile, ...] = ()
    problems: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Reading:
    """The exercises of one submission; `unreadable` by slug, or by file where none is known."""

    modules: dict[str, StudentModule]
    unreadable: dict[str, str]
    notices: tuple[str, ...]


# Finding files


def find_students(folder: Path, *, exercises: Collection[str] = ()) -> list[Found]:
    """Everything handed in below `folder`, sorted by student.

    There is one folder, archive, notebook or module per student; `folder` may also be one file.
    A file that is named after one of `exercises` belongs to the student its folder is named after.

    Raises:
        SubmissionError: There is nothing to read there.
    """
    if not folder.exists():
        raise SubmissionError(f"{folder}: there is no such folder or file; check the path")
    named = {e.rpartition("/")[2].lower() for e in exercises}
    entries: dict[str, list[Path]] = defaultdict(list)
    try:
        paths = sorted(folder.iterdir()) if folder.is_dir() else [folder]
    except OSError as error:
        raise SubmissionError(f"{folder}: cannot be opened: {error.strerror}") from error
    for path in paths:
        is_folder = path.is_dir() and not path.is_symlink()
        known = is_folder or path.is_symlink() or path.name.lower().endswith(READ + MISTAKEN)
        if _ignored(path.name) or not known:
            continue
        name = path.name if is_folder else _stem(path.name)
        loose = not is_folder and name.lower() in named
        student = path.resolve().parent.name if loose else name
        # An archive made on another system may spell the same name in another form.
        entries[unicodedata.normalize("NFC", _printable(student))].append(path)
    if not entries:
        raise SubmissionError(
            f"{folder}: there are no submissions; expected one folder, .zip, .ipynb or .py "
            "per student"
        )
    return [_student(student, entries[student], named) for student in sorted(entries)]


def safe_name(student: str) -> str:
    """A file name for a student: the name itself where that is safe, else with a short hash.

    Two students never share one.
    """
    plain = "".join(c if c.isalnum() or c in "-_." else "_" for c in student).lstrip(".")[:60]
    reserved = re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", plain)
    hashed = re.search(r"-[0-9a-f]{12}$", student)  # could be taken for the name of another
    nfc = unicodedata.normalize("NFC", student)
    if student == plain == nfc and student and not (reserved or hashed or student.endswith(".")):
        return student
    digest = hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{plain or 'student'}-{digest}"


def _printable(name: str) -> str:
    """A file name that is no valid text, with its bytes spelled out."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _ignored(name: str) -> bool:
    return name.startswith(".") or name in IGNORED


def _stem(name: str) -> str:
    stem = PurePosixPath(name).stem
    return COPY.sub("", stem) or stem


def _student(student: str, paths: Sequence[Path], named: Collection[str]) -> Found:
    loose = [p for p in paths if _stem(p.name).lower() in named]
    if len(paths) > 1 and len(loose) < len(paths):
        names = " and ".join(_printable(p.name) for p in paths)
        problem = (
            f"There are several submissions of {student}: {names}. Keep the one that counts and "
            "grade again."
        )
        return Found(student, problems=(problem,))
    box = _Box()
    for path in paths:
        try:
            box.take(path)
        except OSError as error:
            where = _printable(os.path.relpath(error.filename or path, path.parent))
            problem = f"{where} cannot be opened: {error.strerror}. Fix that and grade again."
            return Found(student, problems=(problem,))
    return Found(student, tuple(box.files), (), tuple(box.left_out))


@dataclass
class _Box:
    """Collects the files of one student within the caps."""

    files: list[RawFile] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    size: int = 0

    def take(self, path: Path) -> None:
        """Take in a file, an archive, or a folder with all that is in it; follow no link."""
        top = path.parent
        stack = [(path, 0)]
        while stack:
            path, depth = stack.pop()
            origin = _printable(path.relative_to(top).as_posix())
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                self._leave(origin, "is a symbolic link, which is not followed; hand in the file")
            elif stat.S_ISDIR(mode) and depth < MAX_FOLDERS:
                inside = [p for p in sorted(path.iterdir(), reverse=True) if not _ignored(p.name)]
                stack += [(p, depth + 1) for p in inside]
            elif stat.S_ISDIR(mode):
                self._leave(origin, f"is nested more than {MAX_FOLDERS} folders deep")
            elif path.name.lower().endswith(READ):
                self._file(path, origin)
            elif path.name.lower().endswith(MISTAKEN):
                self._leave(origin, "is neither a notebook nor a module; hand in .ipynb or .py")

    def _leave(self, origin: str, why: str) -> None:
        self.left_out.append((origin, f"{origin} {why}."))

    def _file(self, path: Path, origin: str) -> None:
        if len(self.files) + len(self.left_out) >= MAX_MEMBERS:
            if len(self.left_out) <= MAX_MEMBERS:
                self._leave(origin, f"comes after {MAX_MEMBERS:,} other files; no more are read")
            return
        flags = os.O_RDONLY
        for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
            flags |= getattr(os, name, 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            known = os.fstat(file.fileno())
            if not stat.S_ISREG(known.st_mode):
                self._leave(origin, "is not a regular file; hand in the file itself")
                return
            data = file.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            self._leave(
                origin,
                f"has {known.st_size / MB:.0f} MB, at most {MAX_FILE // MB} MB are read; clear the "
                "outputs of the notebook and hand it in again",
            )
        elif self.size + len(data) > MAX_TOTAL:
            self._leave(origin, f"goes beyond the {MAX_TOTAL // MB} MB that are read per student")
        elif path.name.lower().endswith(".zip"):
            self.size += len(data)
            self._archive(data, origin)
        else:
            self.size += len(data)
            self.files.append(RawFile(_printable(path.name), origin, data, known.st_mtime))

    def _archive(self, data: bytes, origin: str) -> None:
        try:
            # The table of contents is parsed whole, so it is counted before that.
            if data.count(b"PK\x01\x02") > MAX_MEMBERS:
                raise SubmissionError(
                    f"has more than {MAX_MEMBERS:,} members; hand in your work only"
                )
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                self._members(archive, origin)
        except SubmissionError as error:
            self._leave(origin, str(error))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
            self._leave(origin, f"is not a complete archive ({error}); pack it again")

    def _members(self, archive: zipfile.ZipFile, origin: str) -> None:
        members = archive.infolist()
        total = sum(m.file_size for m in members)
        if len(members) > MAX_MEMBERS:
            raise SubmissionError(f"has more than {MAX_MEMBERS:,} members; hand in your work only")
        packed = sum(m.compress_size for m in members)
        if total > MAX_TOTAL or (total > MB and total > MAX_RATIO * packed):
            raise SubmissionError(
                f"would unpack to {total / MB:.0f} MB from {packed / MB:.1f} MB, at most "
                f"{MAX_TOTAL // MB} MB are read; hand in your work only"
            )
        for member in members:
            name = member.filename.replace("\\", "/")
            path = PurePosixPath(name)
            if member.is_dir() or any(_ignored(p) for p in path.parts if p not in (".", "..")):
                continue
            why = _refused_member(member, path)
            if why:
                self._leave(f"{origin}/{name}", why)
            elif name.lower().endswith((".ipynb", ".py")):
                self._member(archive, member, f"{origin}/{name}")

    def _member(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, origin: str) -> None:
        try:
            with archive.open(member) as file:
                data = file.read(MAX_FILE + 1)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError) as error:
            self._leave(origin, f"is damaged ({error}); pack it again")
            return
        if len(data) > MAX_FILE or self.size + len(data) > MAX_TOTAL:
            self._leave(origin, f"is too large, at most {MAX_FILE // MB} MB are read")
            return
        self.size += len(data)
        try:
            changed: float | None = datetime(*member.date_time, tzinfo=UTC).timestamp()
        except ValueError:  # an archive may claim a month 0
            changed = None
        self.files.append(RawFile(PurePosixPath(origin).name, origin, data, changed))


def _refused_member(member: zipfile.ZipInfo, path: PurePosixPath) -> str:
    """Why a member of an archive is not read, or ""."""
    if len(member.filename) > MAX_NAME:
        return f"has a name of more than {MAX_NAME} characters; shorten it"
    if ".." in path.parts or path.is_absolute() or re.match(r"[A-Za-z]:", str(path)):
        return "leads out of the archive; pack it again without such paths"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a symbolic link, which is not followed; pack the file itself"
    if path.suffix.lower() == ".zip":
        return "is an archive within an archive, which is not read; pack the files themselves"
    if path.suffix.lower() in (".ipynb", ".py"):
        if member.flag_bits & 1:
            return "is encrypted; pack it without a password"
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            return "is compressed in a way that is not read; pack it as an ordinary zip"
    return ""


# Which exercise a file is


def identify(file: RawFile, pages: Mapping[str, Page]) -> str | None:
    """The exercise that `file` belongs to: by ids in it, then its name, then its functions."""
    try:
        sheet = read_sheet(file)
    except SubmissionError:
        sheet = None
    return _identify(file, sheet, pages)[0]


def _identify(
    file: RawFile, sheet: Sheet | None, pages: Mapping[str, Page]
) -> tuple[str | None, bool]:
    """The slug, and whether it rests on more than the functions in the file."""
    cells = sheet.cells if sheet else ()
    if sheet and sheet.exercise:
        return (sheet.exercise if sheet.exercise in pages else None), True
    ids = {i for cell in cells for i in cell.ids}
    if slug := _best({s: len(ids & {c.id for c in p.cells}) for s, p in pages.items()}):
        return slug, True
    stem = _stem(file.name).lower()
    same = [s for s, p in pages.items() if p.name.lower() == stem]
    folders = f"/{file.origin.lower()}"
    same = [s for s in same if f"/{s.lower()}." in folders] or same
    if len(same) == 1:
        return same[0], True
    names = {n for cell in cells if cell.code for n in DEFINES.findall(cell.source)}
    common = {s: len(names.intersection(p.functions)) for s, p in pages.items()}
    half = {s: n for s, n in common.items() if 2 * n >= len(pages[s].functions)}
    if slug := _best(half):
        return slug, False
    words = set(re.split(r"[^a-z0-9]+", stem)) | {stem}
    part = [s for s, p in pages.items() if p.name.lower() in words or f"{p.name}_" in f"{stem}_"]
    return (part[0], False) if len(part) == 1 else (None, False)


def _best(counts: Mapping[str, int]) -> str | None:
    most = max(counts.values(), default=0)
    best = [slug for slug, count in counts.items() if count == most]
    return best[0] if most and len(best) == 1 else None


# Whether something is written, when it was changed, no copy, a notebook.
_Rank = tuple[bool, int, bool, bool]
REASONS = (
    "the only one with something written",
    "the one changed last",
    "no copy",
    "the notebook",
)


@dataclass(frozen=True)
class _Candidate:
    """A file that may be an exercise, opened; `error` says why it could not be."""

    file: RawFile
    sheet: Sheet | None
    error: str
    slug: str | None
    sure: bool


def read_submission(found: Found, pages: Mapping[str, Page], rules: Mapping[str, Rules]) -> Reading:
    """Read one submission.

    Args:
        found: What was handed in.
        pages: The stub page of each exercise, by slug.
        rules: What each exercise may use; one that is missing may use everything.
    """
    modules: dict[str, StudentModule] = {}
    unreadable = dict(found.left_out)
    candidates: dict[str, list[_Candidate]] = defaultdict(list)
    others: list[RawFile] = []
    for file in found.files:
        one = _open(file, pages)
        if one.slug:
            candidates[one.slug].append(one)
        elif one.error:
            unreadable[file.origin] = one.error
        else:
            others.append(file)
    notices = [*found.problems, *unreadable.values()]
    for slug, files in candidates.items():
        result, said = _choose(files, pages[slug], rules.get(slug, Rules()))
        notices += said
        if isinstance(result, str):
            unreadable[slug] = result
        else:
            modules[slug] = result.module
            notices += _missed_imports(result, others)
    if not modules and unreadable:
        why = next(iter(unreadable.values()))
        unreadable = {**{slug: why for slug in pages}, **unreadable}
    elif not modules and others:
        names = ", ".join(f.origin for f in others[:3])
        notices.append(f"No exercise was recognised in {names}.")
    return Reading(modules, unreadable, _shortened(notices))


def _open(file: RawFile, pages: Mapping[str, Page]) -> _Candidate:
    sheet, error = None, ""
    try:
        sheet = read_sheet(file)
    except SubmissionError as problem:
        error = f"{problem}."
    slug, sure = _identify(file, sheet, pages)
    return _Candidate(file, sheet, error, slug, sure)


def _missed_imports(read: "_Read", others: Iterable[RawFile]) -> Iterator[str]:
    """A file of the student's own that a module imports, but that does not come with it."""
    for file in others:
        if _stem(file.name) in read.imports:
            yield (
                f"{read.module.origin} imports {_stem(file.name)}, and {file.origin} is not read: "
                "what an exercise needs belongs into its own file."
            )


def _choose(
    files: Sequence[_Candidate], page: Page, rules: Rules
) -> tuple["_Read | str", list[str]]:
    """Read the one of several files of an exercise that counts.

    A file that can be read comes before one that cannot, one with something in it before an
    untouched one; then the one changed last, the one that is no copy, the notebook.
    """
    files = [c for c in files if c.sure] or list(files)
    read: list[tuple[_Rank, _Read]] = []
    errors: list[str] = []
    for one in files:
        try:
            if one.sheet is None:
                errors.append(one.error)
            else:
                found = _read(one.file, one.sheet, page, rules)
                read.append((_rank(one.file, found), found))
        except SubmissionError as error:
            errors.append(f"{error}.")
    if not read:
        return errors[0], errors
    read.sort(key=lambda pair: pair[0], reverse=True)
    (rank, best), others = read[0], read[1:]
    if all(o.module.sha256 == best.module.sha256 for _, o in others):
        return best, errors
    step = next((n for n, (a, b) in enumerate(zip(rank, others[0][0], strict=True)) if a != b), 3)
    names = ", ".join(o.module.origin for _, o in others)
    said = f"{page.name}: {best.module.origin} was graded, {REASONS[step]}; not {names}."
    return best, [*errors, said]


def _rank(file: RawFile, found: "_Read") -> _Rank:
    name = file.name.lower()
    copied = COPY.search(PurePosixPath(name).stem) is not None
    # Archives know times to two seconds.
    changed = int(file.modified or 0) // 2
    return found.attempted, changed, not copied, name.endswith(".ipynb")


# One module


def read_module(file: RawFile, page: Page, rules: Rules) -> StudentModule:
    """Reduce a file to the module that its graded functions reach.

    Args:
        file: A notebook or a Python module.
        page: The stub page of the exercise; given code is taken from it.
        rules: What the exercise may use.

    Raises:
        SubmissionError: It is too large, empty, not UTF-8, or not a notebook.
    """
    return _read(file, read_sheet(file), page, rules).module


@dataclass(frozen=True)
class _Read:
    """A module, whether anything was written, and the modules it imports."""

    module: StudentModule
    attempted: bool
    imports: frozenset[str]


@dataclass(frozen=True)
class _Part:
    """A cell that could be parsed. `given` marks code of ours."""

    cell: Cell
    code: Code
    lines: list[str]
    given: bool = False

    def at(self, node: ast.AST) -> str:
        return self.cell.at(getattr(node, "lineno", 1))

    def text(self, node: ast.stmt) -> str:
        """The source of a statement."""
        lines = self.lines[first_line(node) - 1 : node.end_lineno]
        # Columns count bytes. Whole lines are the rule, so most need no look.
        if node.end_col_offset != len(lines[-1]) or not lines[-1].isascii():
            lines[-1] = _bytes(lines[-1])[: node.end_col_offset].decode(errors="replace")
        if node.col_offset and first_line(node) == node.lineno:
            lines[0] = _bytes(lines[0])[node.col_offset :].decode(errors="replace")
        return "\n".join(lines)


def _bytes(line: str) -> bytes:
    return line.encode("utf-8", "replace")


def _read(file: RawFile, sheet: Sheet, page: Page, rules: Rules) -> _Read:
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
        self.offered = frozenset((e.exercise, e.name) for e in page.earlier)
        self.parts: list[_Part] = []
        self.statements: list[Statement] = []
        self.broken: dict[str, str] = {}
        self.gone: dict[str, str] = {}  # name -> why what would bind it was left out
        self.earlier: dict[str, tuple[Earlier, int]] = {}
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
                self._add(_Part(cell, found, found.source.split("\n"), ours), copy)

    def _counts(self, cell: Cell, home: PageCell | None, defined: Collection[str]) -> bool:
        """Whether a cell may hold something of the student's."""
        if cell.code and not (cell.check or (home is not None and home.kind == "check")):
            return True
        here = self.graded.intersection(DEFINES.findall(cell.source[:MAX_PROSE]))
        if not cell.code:
            here -= set(defined)
            if here and ((home is not None and home.kind == "markdown") or self._in_handout(cell)):
                return False
            if len(cell.source) > MAX_PROSE or len(self.notices) >= MAX_SENTENCES:
                return False
        if here:
            what = "is a cell of checks" if cell.code else "is no code cell"
            names = ", ".join(sorted(here))
            self.notices.append(
                f"{cell.label} {what} but defines {names}; it was read as an answer"
            )
        return bool(here)

    def _in_handout(self, cell: Cell) -> bool:
        text = "".join(cell.source.split())
        prose = (c.source for c in self.page.cells if c.kind == "markdown")
        return any(text in "".join(re.sub("(?m)^# ?", "", p).split()) for p in prose)

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

    def _add(self, part: _Part, copy: PageCell | None) -> None:
        """Take over the statements of a part that belong to the exercise."""
        part = self._without_nested_imports(part)
        found = statements(part.code, len(self.parts))
        before = len(self.statements)
        self.parts.append(part)
        if len(self.statements) + len(found) > MAX_STATEMENTS:
            raise SubmissionError(
                f"{self.origin} has more than {MAX_STATEMENTS:,} statements up to "
                f"{part.cell.at(1)}; move data out of the code"
            )
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
        self, part: _Part, theirs: Sequence[Statement], copy: PageCell
    ) -> list[Statement]:
        """What a student added to given code. What they changed there is put back."""
        pristine = parse(copy.source)
        assert isinstance(pristine, Code)
        own = _Part(part.cell, pristine, pristine.source.split("\n"))
        before = statements(pristine, 0)
        texts = {own.text(s.node) for s in before}
        names = {n for s in before for n in s.now.binds}
        fresh = [s for s in theirs if part.text(s.node) not in texts]
        if any(s.now.binds & names for s in fresh):
            self.notices.append(
                f"{part.cell.label} holds given code that was changed; the original was used"
            )
        return [s for s in fresh if not s.now.binds & names]

    def _left_out(self, part: _Part, statement: Statement) -> bool:
        """Whether a statement is no part of the exercise; takes note of earlier exercises."""
        node, now = statement.node, statement.now
        if isinstance(node, ast.If) and _is_main(node.test):
            return True
        if not self.checks.isdisjoint((*now.binds, *now.uses)):
            return True
        if isinstance(node, ast.ImportFrom):
            return self._left_out_import(part, node)
        if isinstance(node, ast.Import):
            ours = [a for a in node.names if a.name.startswith(("autograder", "starter_code."))]
            return len(ours) == len(node.names)
        if "mine" in now.calls and _asks_mine(node):
            self.gone |= dict.fromkeys(now.binds, f"{part.at(node)}: mine(...)")
            if found := _mine(node):
                self._take_earlier(found, f"{part.at(node)}: mine(...)")
            return True
        return False

    def _take_earlier(self, found: Earlier, where: str) -> None:
        """Take note of an earlier exercise's function if the page takes it too.

        Nothing else is served: not the reference of the exercise itself, above all.
        """
        if (found.exercise, found.name) in self.offered:
            self.earlier[found.local] = found, len(self.statements)
        else:
            self.gone[found.local] = where

    def _left_out_import(self, part: _Part, node: ast.ImportFrom) -> bool:
        slug = self._slug(node)
        if slug is None:
            return False
        for alias in node.names:
            every = [e.name for e in self.page.earlier if e.exercise == slug]
            for name in every if alias.name == "*" else [alias.name]:
                found = Earlier(alias.asname or name, slug, name)
                self._take_earlier(found, f"{part.at(node)}: {node.module or 'an import'}")
        return True

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

    def _without_nested_imports(self, part: _Part) -> _Part:
        """Imports of earlier exercises within functions become `pass`: the names are global."""
        if not NESTED.search(part.code.source):
            return part
        lines = list(part.lines)
        top = set(map(id, part.code.tree.body))
        for node in ast.walk(part.code.tree):
            if isinstance(node, ast.ImportFrom) and id(node) not in top and self._slug(node):
                self._left_out_import(part, node)
                for number in range(node.lineno, node.end_lineno or node.lineno):
                    lines[number] = ""
                lines[node.lineno - 1] = lines[node.lineno - 1][: node.col_offset] + "pass"
        code = parse("\n".join(lines))
        return replace(part, code=code, lines=lines) if isinstance(code, Code) else part

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
            stubs = [i for i in bound if self._is_stub(self.statements[i], name)]
            real = [i for i in bound if i not in stubs]
            if real or name in self.broken:
                self.attempted.add(name)
                drop.update(stubs)
            if real:
                self._tell_choice(name, real, stubs)
                self.broken.pop(name, None)
            elif not bound and name not in self.broken:
                self.notices.append(f"{name} is defined nowhere in {self.origin}")
        for local, (_, at) in list(self.earlier.items()):
            if any(i >= at for i in where.get(local, ())):
                del self.earlier[local]
            else:
                drop.update(where.get(local, ()))
        for name in self.broken.keys() - self.graded:
            self.gone.setdefault(name, self.broken.pop(name))
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

    def _is_stub(self, statement: Statement, name: str) -> bool:
        node = statement.node
        if not isinstance(node, DEFINITION) or node.name != name:
            return False
        text = self.parts[statement.cell].text(node)
        if "NotImplementedError" not in text:
            return False
        source = next(
            c.source for c in self.page.cells if c.function == name and c.kind == "answer"
        )
        pristine = next(
            n for n in ast.parse(source).body if isinstance(n, DEFINITION) and n.name == name
        )
        return _same_stub(node, pristine)

    def finish(self, rules: Rules) -> _Read:
        """Keep what the graded functions reach, and judge it by the rules."""
        reach = Reach(self.statements)
        here = {n for s in self.statements for n in s.now.binds}
        ready = [f for f in self.page.functions if f in here and f not in self.broken]
        reached = {f: reach.closure([f]) for f in ready}
        forbidden, review = self._judge(reached, rules)
        kept, names = reach.closure([f for f in ready if f not in forbidden])
        cells, digest = self._emit(reach, kept, names)
        for function, (_, used) in reached.items():
            self._tell_missing(function, used - here - set(self.earlier))
        imports = {m for s in self.statements for m in s.now.imports.values()}
        module = StudentModule(
            exercise=self.page.slug,
            cells=tuple(cells),
            origin=self.origin,
            sha256=digest,
            earlier=tuple(e for local, (e, _) in self.earlier.items() if local in names),
            broken={f: self.broken[f] for f in self.page.functions if f in self.broken},
            notices=_shortened(f"{n}." for n in self.notices),
            review=_shortened(review),
            forbidden=forbidden,
        )
        return _Read(module, bool(self.attempted), frozenset(imports))

    def _tell_missing(self, function: str, missing: Collection[str]) -> None:
        for name in sorted(missing):
            if name in self.gone:
                self.notices.append(
                    f"{function} uses {name}, which is not there when it is graded "
                    f"({self.gone[name]})"
                )
            elif name in self.broken:
                self.notices.append(f"{function} uses {name}, which is broken")

    def _judge(
        self, reached: Mapping[str, tuple[Sequence[int], set[str]]], rules: Rules
    ) -> tuple[dict[str, str], list[str]]:
        every = sorted({i for indices, _ in reached.values() for i in indices})
        theirs = [i for i in every if not self.parts[self.statements[i].cell].given]
        scope = scope_of((self.statements[i].node for i in every), {})
        suspicious = Suspicion(rules, scope)
        found: dict[int, list[Finding]] = {}
        for i in theirs:
            statement = self.statements[i]
            if suspicious(self.parts[statement.cell].text(statement.node)):
                found[i] = findings(statement.node, scope, rules)
        forbidden: dict[str, str] = {}
        review: list[str] = []
        for function, (indices, names) in reached.items():
            hard: list[tuple[bool, str]] = []
            for i in indices:
                statement = self.statements[i]
                here = found.get(i, [])
                if isinstance(statement.node, (ast.Import, ast.ImportFrom)) and i in theirs:
                    here = imported(statement.node, names, rules)
                for one in here:
                    cell = self.parts[statement.cell].cell
                    at = f"line {cell.line + one.line - 1} of {cell.label}"
                    if one.verdict == "forbidden":
                        other = function not in statement.now.binds
                        hard.append((other, f"{at}: {rules.sentence(one.what)}"))
                    else:
                        review.append(f"{at}: {one.what}; look at what it is for.")
            if hard:
                forbidden[function] = f"{min(hard, key=lambda h: h[0])[1]}."
        return forbidden, review

    def _emit(
        self, reach: Reach, kept: Sequence[int], names: Collection[str]
    ) -> tuple[list[SourceCell], str]:
        """The kept statements as cells, line for line, and their hash."""
        future = [i for i, s in enumerate(self.statements) if _is_future(s.node)]
        kept = sorted({*kept, *future})
        groups: dict[int, list[list[ast.stmt]]] = defaultdict(lambda: [[]])
        for i in kept:
            statement = self.statements[i]
            # An import that may fail is loaded on its own: it costs only what needs it.
            alone = any(
                m not in sys.stdlib_module_names and m not in ("numpy", "torch")
                for m in statement.now.imports.values()
            )
            group = groups[statement.cell]
            group += [[statement.node], []] if alone else []
            group[-1] += [] if alone else [statement.node]
        cells: list[SourceCell] = []
        texts: list[str] = []
        order = reach.order([i for i in kept])
        for number in order:
            part = self.parts[number]
            for nodes in filter(None, groups[number]):
                pieces = [(first_line(n), _import_of(n, names) or part.text(n)) for n in nodes]
                texts += [text for _, text in pieces]
                line = part.cell.line + pieces[0][0] - 1
                cells.append(SourceCell(part.cell.label, _laid_out(pieces), line))
        if order != sorted(order):
            self.notices.append("cells were read in the order in which they need each other")
        digest = hashlib.sha256("\n".join(texts).encode("utf-8", "surrogatepass"))
        return cells, digest.hexdigest()


def _shortened(sentences: Iterable[str]) -> tuple[str, ...]:
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


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


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


def _same_stub(node: ast.AST, pristine: ast.AST) -> bool:
    """Whether a function or class is what was handed out, its docstring aside."""
    if not isinstance(node, DEFINITION) or not isinstance(pristine, DEFINITION):
        return False
    body, original = _body(node), _body(pristine)
    if isinstance(pristine, ast.ClassDef):
        own = {n.name: n for n in body if isinstance(n, DEFINITION)}
        to_write = [n for n in original if isinstance(n, DEFINITION) and _raises(n)]
        return all(n.name not in own or _same_stub(own[n.name], n) for n in to_write)
    only = len(body) == 1 and _is_not_implemented(body[0])
    return only or list(map(ast.dump, body)) == list(map(ast.dump, original))


def _body(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> list[ast.stmt]:
    return node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body


def _raises(node: ast.AST) -> bool:
    return any(_is_not_implemented(n) for n in ast.walk(node))


def _is_not_implemented(node: ast.AST) -> bool:
    if not isinstance(node, ast.Raise):
        return False
    what = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    return isinstance(what, ast.Name) and what.id == "NotImplementedError"


def _import_of(node: ast.stmt, names: Collection[str]) -> str:
    """An import statement reduced to the names that are reached, or "" for any other."""
    if not isinstance(node, (ast.Import, ast.ImportFrom)) or _is_future(node):
        return ""
    wanted = [a for a in node.names if a.name == "*" or bound_by(a, node) in names]
    if len(wanted) == len(node.names):
        return ""
    if isinstance(node, ast.Import):
        return ast.unparse(ast.Import(names=wanted))
    return ast.unparse(ast.ImportFrom(module=node.module, names=wanted, level=node.level))


def _laid_out(pieces: Sequence[tuple[int, str]]) -> str:
    """Statements at their own lines, the first at the top."""
    out: list[str] = []
    line = pieces[0][0]
    for start, text in pieces:
        out.append("\n" * (start - line) if start > line else "; " if out else "")
        out.append(text)
        line = max(line, start) + text.count("\n")
    return "".join(out) + "\n"
