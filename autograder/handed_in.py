"""Who handed in what: the students of a folder, and the files of one of them.

`find_students` only lists, so that a class of any size is a list of paths; `open_student` reads
the files of one student into memory, when that student is graded.
"""

import hashlib
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import SubmissionError
from .files import MISTAKEN, READ, Box, ignored, printable, stem_of
from .notebook import RawFile


@dataclass(frozen=True)
class Found:
    """One student and where their files are.

    Attributes:
        student: The name of the folder or file, as it is.
        paths: Folders, archives and files that belong to the student.
        problems: Why nothing of it may be graded: two submissions of one student.
    """

    student: str
    paths: tuple[Path, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class HandedIn:
    """The files of one student, read.

    Attributes:
        files: What may hold an exercise.
        attached: Numbers beside an exercise, under its name.
        left_out: Files that cannot be read, each with the sentence that says why.
        problems: Why nothing of it may be graded: two submissions, a file we cannot open.
    """

    files: tuple[RawFile, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()
    attached: tuple[RawFile, ...] = ()


def find_students(folder: Path, *, exercises: Collection[str] = ()) -> list[Found]:
    """Everybody who handed in something below `folder`, sorted; no file is opened yet.

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
        if ignored(path.name) or not known:
            continue
        name = path.name if is_folder else stem_of(path.name)
        loose = not is_folder and name.lower() in named
        student = path.resolve().parent.name if loose else name
        # An archive made on another system may spell the same name in another form.
        entries[unicodedata.normalize("NFC", printable(student))].append(path)
    if not entries:
        raise SubmissionError(
            f"{folder}: there are no submissions; expected one folder, .zip, .ipynb or .py "
            "per student"
        )
    return [_listed(student, entries[student], named) for student in sorted(entries)]


def _listed(student: str, paths: Sequence[Path], named: Collection[str]) -> Found:
    loose = [p for p in paths if stem_of(p.name).lower() in named]
    if len(paths) > 1 and len(loose) < len(paths):
        names = " and ".join(printable(p.name) for p in paths)
        problem = (
            f"There are several submissions of {student}: {names}. Keep the one that counts and "
            "grade again."
        )
        return Found(student, problems=(problem,))
    return Found(student, tuple(paths))


def open_student(found: Found, *, exercises: Collection[str] = ()) -> HandedIn:
    """Read the files of one student; what cannot be opened is a problem, not an error.

    What is attached to one of `exercises`, `<name>.safetensors`, is read as well.
    """
    if found.problems:
        return HandedIn(problems=found.problems)
    box = Box(frozenset(e.rpartition("/")[2].lower() for e in exercises))
    for path in found.paths:
        try:
            box.take(path)
            box.beside(path)
        except OSError as error:
            where = printable(os.path.relpath(error.filename or path, path.parent))
            problem = f"{where} cannot be opened: {error.strerror}. Fix that and grade again."
            return HandedIn(problems=(problem,))
    return HandedIn(tuple(box.files), tuple(box.left_out), attached=tuple(box.attached))


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
