"""Mutants that are right after all, each with a reason that a reader can check."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..course import Course
from ..errors import CourseError
from .make import Mutant

KEYS = ("function", "old", "new", "reason")


@dataclass(frozen=True)
class Equivalent:
    """A mutant, known by its function and the lines that differ, and why it is right."""

    function: str
    old: str
    new: str
    reason: str

    def is_of(self, mutant: Mutant) -> bool:
        """Whether this is the mutant meant."""
        return (self.function, _plain(self.old), _plain(self.new)) == (
            mutant.function,
            _plain(mutant.old),
            _plain(mutant.new),
        )


def path_of(course: Course, slug: str) -> Path:
    """`instructor/checks/<volume>/equivalents/<name>.toml`, whether it is there or not."""
    volume, _, name = slug.partition("/")
    return course.root / "instructor" / "checks" / volume / "equivalents" / f"{name}.toml"


def equivalents(course: Course, slug: str) -> list[Equivalent]:
    """What an exercise's file of equivalents lists; nothing if there is none.

    Raises:
        CourseError: The file cannot be read, or an entry lacks a key or a reason.
    """
    path = path_of(course, slug)
    if not path.is_file():
        return []
    where = path.relative_to(course.root).as_posix()
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("equivalent", [])
    except (OSError, ValueError) as error:
        raise CourseError(f"{where}: {error}") from error
    found = []
    for number, entry in enumerate(entries, start=1):
        missing = [k for k in KEYS if not str(entry.get(k, "")).strip()]
        if missing:
            raise CourseError(f"{where}: entry {number} has no {missing[0]}")
        found.append(Equivalent(*(str(entry[k]) for k in KEYS)))
    return found


def unused(listed: Sequence[Equivalent], mutants: Sequence[Mutant]) -> list[Equivalent]:
    """Entries that are no mutant of the present reference."""
    return [e for e in listed if not any(e.is_of(m) for m in mutants)]


def _plain(text: str) -> str:
    """Without what an editor may change at the ends of lines."""
    return "\n".join(line.strip() for line in text.strip().split("\n"))
