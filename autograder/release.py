"""The student release: an allow-list copy, and proof that nothing else is in it."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .build import GIVEN, compare, derive, handed_out
from .course import Course
from .errors import AutograderError, CourseError
from .lint_release import lint
from .percent import BEGIN, END, solution_lines

# A line this short, or one that is in the stub as well, gives nothing away.
TELLING = 12
NOISE = "\"',()# "
# Lines that any module may have: imports, and what stands around the words of an error.
ANYWHERE = re.compile(r"(import|from) [\w., ]+|raise \w+\(|\) from \w+")


def write(course: Course, out: Path) -> list[str]:
    """Write the release into `out` and return the paths written.

    Raises:
        AutograderError: `out` has content, a derived file is not current, or a check of the
            finished release finds something that must not be in it.
    """
    drifts = compare(course)
    if drifts:
        raise CourseError(
            f"{drifts[0].path.as_posix()} is {drifts[0].state}; run `autograder build` first"
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise AutograderError(f"{out} is not empty; name a new folder for the release")
    sources = [course.root / "solutions" / f"{slug}.py" for slug in course.slugs]
    try:
        with tempfile.TemporaryDirectory() as scratch:
            built = Path(scratch) / "release"
            _fill(course, built)
            problems = [*audit(course, built), *lint(sources, root=course.root, released=False)]
            problems += lint([built], root=built)
            if problems:
                more = f"; and {len(problems) - 1} more" if problems[1:] else ""
                raise CourseError(f"the release is not written: {problems[0]}{more}")
            shutil.copytree(built, out, dirs_exist_ok=True)
    except OSError as error:
        raise AutograderError(f"{out}: the release cannot be written: {error.strerror}") from error
    return sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file())


def _fill(course: Course, built: Path) -> None:
    for path, data in (derive(course) | handed_out(course.root)).items():
        target = built / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    given = course.root / "instructor" / "release"
    for name, place in (
        ("README.md", "README.md"),
        ("workflows/check.yml", ".github/workflows/check.yml"),
    ):
        if (given / name).is_file():
            (built / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(given / name, built / place)
    wheel(course, built / "engine")


def wheel(course: Course, folder: Path) -> Path:
    """Build the engine's wheel into `folder`.

    Raises:
        AutograderError: The build backend fails; its last line is shown.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=course.root, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).split("\n")[-1]
        raise AutograderError(
            f"the engine's wheel cannot be built: {last} (it needs `pip install hatchling`)"
        )
    return next(folder.glob("*.whl"))


def audit(course: Course, built: Path) -> list[str]:
    """Everything in a finished release that must not be there, one sentence each."""
    secrets = secret_lines(course)
    marker = re.compile(f"{re.escape(BEGIN)}|{re.escape(END)}")
    problems = []
    for path in sorted(p for p in built.rglob("*") if p.is_file() and p.suffix != ".whl"):
        name = path.relative_to(built).as_posix()
        if name.split("/")[0] in ("solutions", "instructor"):
            problems.append(f"{name} is not for students")
            continue
        text = _words(path)
        if marker.search(text):
            problems.append(f"{name} has a solution marker")
        for line, where in secrets.items():
            if line in text:
                problems.append(f"{name} has a line of {where}: {line!r}")
    return problems


def _words(path: Path) -> str:
    """The text of a file; of a notebook every string in it, as it is read and not as JSON."""
    text = path.read_bytes().decode("utf-8", errors="replace")
    if path.suffix != ".ipynb":
        return text
    return "\n".join(_strings(json.loads(text)))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        joined = all(isinstance(v, str) for v in value)
        yield from ["".join(value)] if joined else (s for v in value for s in _strings(v))


def secret_lines(course: Course) -> dict[str, str]:
    """Telling lines of solutions and hidden checks, with where each is from."""
    found: dict[str, str] = {}
    given = [p for folder in GIVEN for p in sorted((course.root / folder).rglob("*.py"))]
    public = "\n".join(
        [course.stub(slug).text() for slug in course.slugs]
        + [path.read_text(encoding="utf-8") for path in given]
    )
    for slug in course.slugs:
        for line in solution_lines(course.page(slug)):
            found.setdefault(line.strip(), f"solutions/{slug}.py")
        checks = course.root / "instructor" / "checks" / f"{slug}.py"
        for line in checks.read_text(encoding="utf-8").split("\n"):
            found.setdefault(line.strip(), f"instructor/checks/{slug}.py")
    names = {n for slug in course.slugs for n in (slug, *course.stub(slug).functions)}
    return {
        line: where
        for line, where in found.items()
        if len(line) >= TELLING
        and line not in public
        and line.strip(NOISE) not in names
        and not ANYWHERE.fullmatch(line)
    }
