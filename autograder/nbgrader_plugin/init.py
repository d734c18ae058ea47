"""A fresh nbgrader course: the assignments of instructor/course.toml, as sources to hand out."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..build import entry, figures, handed_out, notebook, uses_given
from ..course import Course
from ..errors import AutograderError, CourseError
from ..lint_release import lint

WHERE = "instructor/course.toml"
CONFIG = """c = get_config()  # noqa: F821
load_subconfig("nbgrader_config.py", path={path!r})  # noqa: F821
"""


@dataclass(frozen=True)
class Assignment:
    """What nbgrader calls an assignment: several notebooks that are handed in together."""

    name: str
    slugs: tuple[str, ...]


def assignments(course: Course) -> tuple[Assignment, ...]:
    """The assignments that instructor/course.toml declares.

    Raises:
        CourseError: One has no name, no exercises or two of one name, or is there twice.
    """
    found: dict[str, Assignment] = {}
    for number, one in enumerate(course.settings.get("assignments", []), start=1):
        name = one.get("name", "")
        if not isinstance(name, str) or not name.strip() or {"+", "/", "\\"} & set(name):
            raise CourseError(
                f"{WHERE}: assignment {number} needs a name that can be a folder's, without +"
            )
        if name in found:
            raise CourseError(f"{WHERE}: there are two assignments named {name}")
        found[name] = Assignment(name, _slugs(course, name, one))
    return tuple(found.values())


def _slugs(course: Course, name: str, one: dict[str, Any]) -> tuple[str, ...]:
    listed, volume = one.get("exercises"), one.get("volume")
    if bool(listed) == bool(volume):
        raise CourseError(
            f'{WHERE}: assignment {name} needs exercises = [...] or volume = "...", one of them'
        )
    if volume:
        listed = [slug for slug in course.slugs if slug.partition("/")[0] == volume]
        if not listed:
            raise CourseError(f"{WHERE}: assignment {name}: no volume {volume} has exercises")
    slugs = course.known(listed or ())
    names = [slug.rpartition("/")[2] for slug in slugs]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise CourseError(
            f"{WHERE}: assignment {name} has two exercises named {twice[0]}, and nbgrader tells "
            "notebooks apart by their names; put them into two assignments"
        )
    return slugs


def init(folder: Path, names: Iterable[str] = ()) -> list[Path]:
    """Write a course that nbgrader works on into `folder`, or renew the sources in one.

    Nothing but the notebooks, figures and index of the chosen assignments is replaced.

    Args:
        folder: Where `nbgrader` will be run.
        names: Assignments; all of them if there are none.

    Returns:
        The files written, relative to `folder`.

    Raises:
        CourseError: No such assignment, or none at all.
        AutograderError: The folder cannot be written, or holds what students must not get: an
            almost-marker, a stray file.
    """
    course = Course.find()
    files: dict[Path, bytes] = {}
    chosen = _chosen(assignments(course), list(names))
    for assignment in chosen:
        files |= source(course, assignment)
    config = Path("nbgrader_config.py")
    if not (folder / config).exists():
        path = str(course.root / "instructor")
        files[config] = CONFIG.format(path=path).encode()
    try:
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
    except OSError as error:
        raise AutograderError(
            f"{folder}: the nbgrader course cannot be written: {error.strerror}"
        ) from error
    # nbgrader copies whatever lies in these folders into what students get.
    problems = lint([folder / "source" / one.name for one in chosen], root=folder)
    if problems:
        more = f"; and {len(problems) - 1} more" if problems[1:] else ""
        raise AutograderError(f"the sources are not fit to be handed out: {problems[0]}{more}")
    return sorted(files)


def _chosen(every: tuple[Assignment, ...], names: list[str]) -> list[Assignment]:
    if not every:
        raise CourseError(
            f"{WHERE} declares no [[assignments]]; docs/nbgrader.md says what belongs there"
        )
    known = {one.name: one for one in every}
    for name in names:
        if name not in known:
            raise CourseError(f"unknown assignment {name!r}; there are: {', '.join(known)}")
    return [one for one in every if not names or one.name in names]


def source(course: Course, assignment: Assignment) -> dict[Path, bytes]:
    """The files of nbgrader's source folder of an assignment, by path; no solution among them.

    Beside the notebooks lie their figures, `exercises.json`, by which a notebook finds the
    student's own earlier exercises, and what students are given if an exercise uses it.
    """
    folder = Path("source") / assignment.name
    files: dict[Path, bytes] = {}
    needed: set[str] = set()
    for slug in assignment.slugs:
        page, exercise = course.stub(slug), course.exercise(slug)
        files[folder / f"{page.name}.ipynb"] = notebook(page, exercise).encode()
        for name, svg in figures(course, page).items():
            files[folder / "figures" / name] = svg.encode()
        needed |= {slug, *_earlier(course, slug)}
    entries = [entry(course.stub(s), course.exercise(s)) for s in course.slugs if s in needed]
    if any(uses_given(course.page(slug)) for slug in needed):
        files |= {folder / path: data for path, data in handed_out(course.root).items()}
    index = {"title": course.title, "exercises": entries}
    files[folder / "exercises.json"] = (json.dumps(index, indent=1) + "\n").encode()
    return files


def _earlier(course: Course, slug: str) -> set[str]:
    """The exercises that one builds on, directly or not."""
    direct = {e.exercise for e in course.stub(slug).earlier}
    return direct.union(*(_earlier(course, one) for one in direct))


def init_command(folder: Path, names: Iterable[str]) -> int:
    """`autograder nbgrader init`: write and say what to run next."""
    written = init(folder, names)
    for path in written:
        print(path.as_posix())
    every = sorted({p.parts[1] for p in written if p.parts[0] == "source"})
    print(f"next, in {folder}: nbgrader generate_assignment {every[0]}")
    return 0
