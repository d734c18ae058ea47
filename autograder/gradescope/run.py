"""What runs for every submission in Gradescope's container: grade, then write `results.json`.

The file takes its place in one step, last. When grading fails in any way, it says so without a
score; the script that calls this has put such a file there before it starts, in case this process
is killed.
"""

import json
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

from ..course import Course
from ..errors import AutograderError, CourseError
from ..handed_in import Found
from ..pool import Job, grade_all
from ..report import result_lines, write_text
from ..report.escape import one_line
from ..report.figures import is_complete
from ..result import SubmissionResult
from .metadata import Metadata, read_metadata
from .record import SHOWS, Settings, not_graded, results, total, written

SETTINGS = "gradescope.json"
LEVELS = ("auto", "A", "B", "C")


def run(root: Path, *, isolation: str = "auto") -> int:
    """Grade `root`/submission and write `root`/results/results.json.

    Args:
        root: Where Gradescope has put everything; /autograder in its container.
        isolation: "A", "B", "C", or "auto" for the best that the container gives.

    Returns:
        0 full points, 1 fewer, 2 something could not be graded; the reason is on stdout, which
        Gradescope shows to instructors.

    Raises:
        AutograderError: `results.json` cannot be written.
    """
    target = root / "results" / "results.json"
    try:
        settings = read_settings(root / "source" / SETTINGS)
        metadata = read_metadata(root / "submission_metadata.json")
        result = _grade(root, settings, metadata, isolation)
        text = written(results(result, settings, metadata))
    except Exception as error:
        _say_why(error)
        write_text(target, written(not_graded()))
        return 2
    write_text(target, text)
    _tell(result, metadata)
    if not is_complete(result):
        return 2
    return 0 if result.points >= result.max_points else 1


def read_settings(path: Path) -> Settings:
    """The settings that `build` has put beside the course.

    Raises:
        CourseError: They are missing or damaged.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        settings = Settings(
            exercises=tuple(map(str, record["exercises"])),
            show=record["show"],
            leaderboard=record["leaderboard"] is True,
        )
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise CourseError(
            f"{path}: cannot be read ({error}); build the zip again with `autograder gradescope "
            "build` and upload it"
        ) from error
    if settings.show not in SHOWS:
        raise CourseError(f"{path}: show is {settings.show!r}; choose one of {', '.join(SHOWS)}")
    return settings


def _grade(root: Path, settings: Settings, metadata: Metadata, isolation: str) -> SubmissionResult:
    if isolation not in LEVELS:
        raise AutograderError(f"--isolation {isolation}: choose one of {', '.join(LEVELS)}")
    handed_in = root / "submission"
    if not handed_in.is_dir() or handed_in.is_symlink():
        raise AutograderError(
            f"{handed_in}: Gradescope has not put a submission there; run the autograder again"
        )
    course = Course(root / "source")
    slugs = course.known(settings.exercises)
    found = Found(metadata.student, (handed_in,))
    with tempfile.TemporaryDirectory(prefix="autograder-") as scratch:
        job = Job(course.root, slugs, Path(scratch), isolation)
        ((result, _),) = grade_all(job, [found])
    return result


def _tell(result: SubmissionResult, metadata: Metadata) -> None:
    """The log of one run, for instructors; nothing in it is printed as a student wrote it."""
    from rich.console import Console

    console = Console(file=sys.stdout, width=100, color_system=None, highlight=False)
    console.print(result_lines(result))
    print(f"\n{total(result)}, isolation level {result.isolation}, {result.seconds:.1f} s")
    for line in _notes(result, metadata):
        print(line)


def _notes(result: SubmissionResult, metadata: Metadata) -> Iterator[str]:
    if metadata.problem:
        yield metadata.problem
    if metadata.total is not None and metadata.total < result.max_points:
        yield (
            f"The assignment is worth {metadata.total:g} points in Gradescope and "
            f"{result.max_points:g} here: set its autograder points to {result.max_points:g}."
        )
    for exercise in result.exercises:
        yield from (f"to look at: {exercise.exercise}: {one_line(r)}" for r in exercise.review)


def _say_why(error: Exception) -> None:
    if isinstance(error, AutograderError):
        print(f"autograder: not graded: {one_line(str(error))}")
    else:
        # A bug of ours: the trace names our own lines and is for instructors only.
        print("autograder: not graded; please report this as a bug:")
        print(one_line("".join(traceback.format_exception_only(error))))
        traceback.print_tb(error.__traceback__, file=sys.stdout)
