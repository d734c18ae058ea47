"""What was handed in: per student, per exercise, one module; read, never executed.

`find_students` looks through a folder of submissions, `read_submission` finds the exercises in
one of them, `read_module` reduces a file to what its graded functions reach.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from .draft import Read, read, shortened
from .errors import SubmissionError
from .files import COPY, stem_of
from .handed_in import Found, HandedIn, find_students, open_student, safe_name
from .identify import identify, identify_sheet
from .notebook import MB, RawFile, Sheet, read_sheet
from .percent import Page
from .rules import Rules
from .source import StudentModule

__all__ = [
    "Found",
    "HandedIn",
    "RawFile",
    "Reading",
    "Rules",
    "find_students",
    "identify",
    "open_student",
    "read_handed_in",
    "read_module",
    "read_submission",
    "safe_name",
]

# Code of one student, all files together; a file is read in proportion to it.
MAX_CODE = 3 * MB
TOO_MUCH = f"goes beyond the {MAX_CODE // MB} MB of code that are read per student"
# Whether something is written, when it was changed, no copy, a notebook.
_Rank = tuple[bool, int, bool, bool]
REASONS = (
    "the only one with something written",
    "the one changed last",
    "no copy",
    "the notebook",
)


@dataclass(frozen=True)
class Reading:
    """The exercises of one submission; `unreadable` by slug, or by file where none is known.

    `attached` has the file of numbers beside an exercise, by slug.

    `problems` says why nothing of it may be graded, and is our affair, not the student's.
    """

    modules: dict[str, StudentModule]
    unreadable: dict[str, str]
    notices: tuple[str, ...]
    problems: tuple[str, ...] = ()
    attached: Mapping[str, RawFile] = field(default_factory=dict)


@dataclass(frozen=True)
class _Candidate:
    """A file that may be an exercise, opened; `error` says why it could not be, `size` counts
    the characters of its code."""

    file: RawFile
    sheet: Sheet | None
    error: str
    slug: str | None
    sure: bool
    size: int


def read_submission(
    found: Found,
    pages: Mapping[str, Page],
    rules: Mapping[str, Rules],
    others: Collection[str] = (),
) -> Reading:
    """Read the files of one student, from disk, once.

    An error of ours is a problem of this submission: the rest of the class is graded.

    Args:
        found: Who, and where their files are.
        pages: The stub page of each exercise, by slug.
        rules: What each exercise may use; one that is missing may use everything.
        others: The names of the exercises that are not asked for.
    """
    try:
        handed_in = open_student(found, exercises=pages.keys())
        return read_handed_in(handed_in, pages, rules, others)
    except Exception as error:
        problem = (
            f"The files of {found.student} could not be read ({type(error).__name__}); grade the "
            "others and report this as a bug."
        )
        return Reading({}, {}, (problem,), (problem,))


def read_handed_in(
    handed_in: HandedIn,
    pages: Mapping[str, Page],
    rules: Mapping[str, Rules],
    others: Collection[str] = (),
) -> Reading:
    """The exercises among files that were read; see `read_submission`."""
    unreadable = dict(handed_in.left_out)
    candidates: dict[str, list[_Candidate]] = defaultdict(list)
    unknown: list[RawFile] = []
    size = 0
    for file in handed_in.files:
        one = _open(file, pages, others)
        size += one.size
        if size > MAX_CODE:
            one = replace(one, sheet=None, error=f"{file.origin} {TOO_MUCH}.")
        if one.slug:
            candidates[one.slug].append(one)
        elif one.error:
            unreadable[file.origin] = one.error
        else:
            unknown.append(file)
    modules: dict[str, StudentModule] = {}
    notices = [*handed_in.problems, *unreadable.values()]
    for slug, files in candidates.items():
        result, said = _choose(files, pages[slug], rules.get(slug, Rules()))
        notices += said
        if isinstance(result, str):
            unreadable[slug] = result
        else:
            modules[slug] = result.module
            notices += _missed_imports(result, unknown)
    attached = {s: a for s, p in pages.items() if (a := _attached(handed_in, p.name, notices))}
    if not modules and unreadable:
        why = next(iter(unreadable.values()))
        unreadable = {**{slug: why for slug in pages}, **unreadable}
    elif not modules and unknown:
        names = ", ".join(f.origin for f in unknown[:3])
        notices.append(f"No exercise was recognised in {names}.")
    return Reading(modules, unreadable, shortened(notices), handed_in.problems, attached)


def _attached(handed_in: HandedIn, name: str, notices: list[str]) -> RawFile | None:
    """What is attached to the exercise `name`: of several files the one changed last."""
    files = [f for f in handed_in.attached if stem_of(f.name).lower() == name.lower()]
    files.sort(key=lambda f: f.modified or 0)
    if len({f.data for f in files}) > 1:
        others = ", ".join(f.origin for f in files[:-1])
        notices.append(f"{files[-1].origin} was graded, the one changed last; not {others}.")
    return files[-1] if files else None


def _open(file: RawFile, pages: Mapping[str, Page], others: Collection[str]) -> _Candidate:
    sheet, error = None, ""
    try:
        sheet = read_sheet(file)
    except SubmissionError as problem:
        error = f"{problem}."
    slug, sure = identify_sheet(file, sheet, pages, others)
    size = sum(len(c.source) for c in sheet.cells if c.code) if sheet and slug else 0
    return _Candidate(file, sheet if slug else None, error, slug, sure, size)


def _missed_imports(done: Read, others: Iterable[RawFile]) -> Iterator[str]:
    """A file of the student's own that a module imports, but that does not come with it."""
    for file in others:
        if stem_of(file.name) in done.imports:
            yield (
                f"{done.module.origin} imports {stem_of(file.name)}, and {file.origin} is not "
                "read: what an exercise needs belongs into its own file."
            )


def _choose(files: Sequence[_Candidate], page: Page, rules: Rules) -> tuple[Read | str, list[str]]:
    """Read the one of several files of an exercise that counts.

    A file that can be read comes before one that cannot, one with something in it before an
    untouched one; then the one changed last, the one that is no copy, the notebook.
    """
    files = [c for c in files if c.sure] or list(files)
    done: list[tuple[_Rank, Read]] = []
    errors: list[str] = []
    for one in files:
        try:
            if one.sheet is None:
                errors.append(one.error)
            else:
                found = read(one.file, one.sheet, page, rules)
                done.append((_rank(one.file, found), found))
        except SubmissionError as error:
            errors.append(f"{error}.")
    if not done:
        return errors[0], errors
    done.sort(key=lambda pair: pair[0], reverse=True)
    (rank, best), others = done[0], done[1:]
    if all(o.module.sha256 == best.module.sha256 for _, o in others):
        return best, errors
    step = next((n for n, (a, b) in enumerate(zip(rank, others[0][0], strict=True)) if a != b), 3)
    names = ", ".join(o.module.origin for _, o in others)
    said = f"{page.name}: {best.module.origin} was graded, {REASONS[step]}; not {names}."
    return best, [*errors, said]


def _rank(file: RawFile, found: Read) -> _Rank:
    name = file.name.lower()
    copied = COPY.search(PurePosixPath(name).stem) is not None
    # Archives know times to two seconds.
    changed = int(file.modified or 0) // 2
    return found.attempted, changed, not copied, name.endswith(".ipynb")


def read_module(file: RawFile, page: Page, rules: Rules) -> StudentModule:
    """Reduce a file to the module that its graded functions reach.

    Args:
        file: A notebook or a Python module.
        page: The stub page of the exercise; given code is taken from it.
        rules: What the exercise may use.

    Raises:
        SubmissionError: It is too large, empty, not UTF-8, or not a notebook.
    """
    return read(file, read_sheet(file), page, rules).module
