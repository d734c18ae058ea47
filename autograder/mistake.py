"""Declared mistakes: wrong versions of the reference, each caught by a check and explained."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from .errors import CourseError


@dataclass(frozen=True)
class Mistake:
    """A wrong version of one function.

    Either `replaced` stands in for the name `function` in a copy of the reference module, or
    `edit` = (where, old, new) changes the text of the function or class `where` in that copy.
    """

    name: str
    function: str
    hint: str
    replaced: Callable[..., Any] | None = None
    edit: tuple[str, str, str] | None = None


def compiled(solution: ModuleType, mistake: Mistake) -> CodeType:
    """The source of `solution` with the edit of `mistake` made, compiled.

    Raises:
        CourseError: The text to edit does not occur exactly once.
    """
    path = Path(str(solution.__file__))
    source = path.read_text(encoding="utf-8")
    if mistake.edit is not None:
        source = edited(source, mistake)
    try:
        return compile(source, str(path), "exec")
    except SyntaxError as error:
        raise CourseError(
            f"the mistake {mistake.name} cannot be run: {error.msg} (line {error.lineno})"
        ) from error


def planted(solution: ModuleType, mistake: Mistake, code: CodeType | None = None) -> dict[str, Any]:
    """The names of a fresh copy of `solution` in which `mistake` is made."""
    try:
        names = run_code(code or compiled(solution, mistake), solution)
    except Exception as error:
        raise CourseError(
            f"the mistake {mistake.name} cannot be run: {type(error).__name__}: {error}"
        ) from error
    if mistake.replaced is not None:
        names[mistake.function] = mistake.replaced
    return names


def run_source(source: str, solution: ModuleType, filename: str) -> dict[str, Any]:
    """Execute `source` as another version of the module `solution` and return its names."""
    return run_code(compile(source, filename, "exec"), solution)


def run_code(code: CodeType, solution: ModuleType) -> dict[str, Any]:
    """Execute `code` as another version of the module `solution` and return its names."""
    copy = ModuleType(solution.__name__)
    copy.__package__ = solution.__package__
    copy.__file__ = code.co_filename
    exec(code, copy.__dict__)
    return copy.__dict__


def edited(source: str, mistake: Mistake) -> str:
    """`source` with the edit of `mistake` made.

    Raises:
        CourseError: The text to edit does not occur exactly once.
    """
    from .exercise import defined_in

    assert mistake.edit is not None
    where, old, new = mistake.edit
    first, last = defined_in(source, where)
    lines = source.split("\n")
    body = "\n".join(lines[first - 1 : last])
    if body.count(old) != 1:
        raise CourseError(
            f"the mistake {mistake.name} edits {old!r} in {where}, "
            f"which occurs there {body.count(old)} times instead of once"
        )
    edited = body.replace(old, new)
    return "\n".join([*lines[: first - 1], edited, *lines[last:]])
