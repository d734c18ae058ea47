"""What must not slip into a release: markers that are almost right, and stray files.

Stock nbgrader looks for its markers as text in a line and copies every file of a source folder, so
a typo ships hidden tests, and a forgotten backup ships whatever is in it. `lint` only reads.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from .percent import BEGIN, END

# Every marker that removes something from what students get.
MARKERS = (
    BEGIN,
    END,
    "### BEGIN HIDDEN TESTS",
    "### END HIDDEN TESTS",
    "### BEGIN MARK SCHEME",
    "### END MARK SCHEME",
)
MARKED = (".py", ".ipynb", ".md")
TYPOS = 2
MAX_DATA = 5_000_000
STRAY = {
    ".ipynb_checkpoints": "Jupyter's copy of an older state",
    "*-checkpoint.ipynb": "Jupyter's copy of an older state",
    "__pycache__": "compiled Python",
    "*.py[co]": "compiled Python",
    ".DS_Store": "a file of macOS",
    "._*": "a file of macOS",
    "__MACOSX": "a folder of macOS",
    "Thumbs.db": "a file of Windows",
    "desktop.ini": "a file of Windows",
    "*~": "an editor's backup",
    "#*#": "an editor's backup",
    ".*.sw[a-p]": "an editor's backup",
    "*.bak": "a backup",
    "*.orig": "a backup",
    "*.rej": "what a patch left",
    "*.tmp": "a temporary file",
    "gradebook.db*": "nbgrader's gradebook",
    ".env": "a file of secrets",
}
# What may stand around the words of a marker: comment signs, list signs, quotes.
EDGES = " \t#-*=_<>!/\\'\"`:.;"
COMMENT = re.compile(r"\s*#")
# Without a comment sign, `end_solution` and `end = solution` are code.
CODE = re.compile(r"[^\w\s-]|^[a-z_]+$")
# A marker in small letters is meant if it stands where only markers stand.
MEANT = re.compile(r"\s*###\s*[A-Za-z]|[^a-z]*[A-Z]{2,}[^a-z]*$")


@dataclass(frozen=True)
class _Marker:
    exact: str
    first: str  # BEGIN
    rest: str  # HIDDENTESTS

    @property
    def letters(self) -> str:
        return self.first + self.rest


def lint(paths: Iterable[Path], *, root: Path, released: bool = True) -> list[str]:
    """One sentence, with file and line, for everything that should not be released.

    Args:
        paths: Files, and folders that are searched; no link is followed.
        root: What file names are relative to.
        released: Whether these files are what students get, where an exact marker and an output
            is as wrong as a marker that is almost right; else they are sources.
    """
    found: list[str] = []
    for path in sorted(paths):
        for file, stray in _walk(path):
            name = _name(file, root)
            if stray:
                found.append(f"{name} is {stray}; delete it")
            else:
                found += _file(file, name, released)
    return found


def _walk(path: Path) -> Iterator[tuple[Path, str]]:
    """Every file below `path`; a stray file or folder comes with what it is."""
    stray = next((what for name, what in STRAY.items() if fnmatch(path.name, name)), "")
    if path.is_symlink():
        yield path, "a link, which points elsewhere on the student's machine"
    elif stray or not path.is_dir():
        yield path, stray
    else:
        for inside in sorted(path.iterdir()):
            yield from _walk(inside)


def _name(file: Path, root: Path) -> str:
    return (file.relative_to(root) if file.is_relative_to(root) else file).as_posix()


def _file(file: Path, name: str, released: bool) -> Iterator[str]:
    size = file.stat().st_size
    if size > MAX_DATA and file.suffix != ".whl":
        yield (
            f"{name} has {size / 1e6:.1f} MB, at most {MAX_DATA // 1_000_000} MB are released; "
            "let students download it"
        )
    elif file.suffix in MARKED:
        text = file.read_bytes().decode("utf-8", errors="replace")
        yield from (
            _notebook(text, name, released)
            if file.suffix == ".ipynb"
            else _markers(text, name, released)
        )


def _notebook(text: str, name: str, released: bool) -> Iterator[str]:
    try:
        cells = json.loads(text)["cells"]
        pairs = [(_joined(cell["source"]), cell) for cell in cells]
    except (ValueError, KeyError, TypeError, RecursionError):
        yield f"{name} is not a notebook; save it again in Jupyter"
        return
    for number, (source, cell) in enumerate(pairs, start=1):
        yield from _markers(source, f"{name}, cell {number}, line ", released)
        if cell.get("outputs") or cell.get("execution_count"):
            yield f"{name}, cell {number} has been run; clear the outputs of the notebook"


def _joined(source: Any) -> str:
    return "".join(source) if isinstance(source, list) else str(source)


def _markers(text: str, where: str, released: bool) -> Iterator[str]:
    at = where if where.endswith("line ") else f"{where}:"
    for number, line in enumerate(text.splitlines(), start=1):
        marker = almost_marker(line)
        if marker is None:
            continue
        said = repr(line.strip()[:60])
        if line.strip() != marker:
            yield f"{at}{number}: {said} is almost a marker; write exactly {marker!r}"
        elif released:
            yield f"{at}{number}: {said} is a marker, and students must not get what it marks"
        elif marker not in (BEGIN, END):
            yield (
                f"{at}{number}: {said} hides nothing here; hidden checks belong into "
                "instructor/checks"
            )


def almost_marker(line: str) -> str | None:
    """The marker that a line is, or is meant to be: other case, spacing, number, a typo or two."""
    words = line.strip(EDGES)
    letters = "".join(c for c in words.upper() if c.isalnum())
    comment = COMMENT.match(line) is not None
    if not comment and CODE.search(words):
        return None
    for marker in map(_marker, MARKERS):
        if letters == marker.letters or (comment and _begins(words, marker)):
            return marker.exact
        if MEANT.match(line) and _is_typo(letters, marker):
            return marker.exact
    return None


def _marker(exact: str) -> _Marker:
    words = exact.strip("# ").split()
    return _Marker(exact, words[0], "".join(words[1:]))


def _begins(words: str, marker: _Marker) -> bool:
    """Whether a comment begins with the marker's words, and goes on: `# BEGIN SOLUTION (long)`."""
    parts = [p for p in re.split(r"[\W_]+", words.upper()) if p]
    return any("".join(parts[:n]) in (marker.letters, marker.letters + "S") for n in (1, 2, 3))


def _is_typo(letters: str, marker: _Marker) -> bool:
    steps = distance(letters, marker.letters, most=TYPOS)
    # "In solution" is two letters from "END SOLUTION" and no typo of it; "END OF SOLUTION" is.
    other = letters.endswith(marker.rest) and not letters.startswith(marker.first)
    return steps < TYPOS or (steps == TYPOS and not other)


def distance(a: str, b: str, *, most: int) -> int:
    """How many letters are missing, too many, wrong or swapped; `most` + 1 if there are more."""
    if abs(len(a) - len(b)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        before, last, row = row, before, [i]
        for j, y in enumerate(b, start=1):
            steps = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                steps = min(steps, last[j - 2] + 1)
            row.append(steps)
    return min(row[-1], most + 1)
