"""Grading inside PrairieLearn: `autograder prairielearn run` is the entry point of its container.

PrairieLearn puts what was handed in into `student/` and reads `results/results.json` when the
process has ended with 0; it throws the file away when it has not. So the file is written last,
whole, whatever happened, and the exit code says only whether it is there.
"""

import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from .errors import AutograderError
from .result import SubmissionResult

# Inputs are drawn for this name and the source; PrairieLearn tells no name.
STUDENT = "submission"


def run(root: Path, course: Path | None, names: Sequence[str], isolation: str) -> int:
    """Grade `root`/student and write `root`/results/results.json; 0 if it is there, else 2.

    Args:
        root: `/grade` in PrairieLearn's container.
        course: The course's folder; by default the one that the working directory lies in.
        names: The exercises that the question asks for; none are all.
        isolation: "auto" or a level.

    Raises:
        AutograderError: The results cannot be written.
    """
    from .report import write_text
    from .report.prairielearn import results_json

    result = None
    try:
        with _ended_politely():
            result = _grade(root, course, names, isolation)
        text = results_json(result)
    except AutograderError as error:
        print(f"autograder: not graded: {error}", file=sys.stderr)
        text = results_json(None)
    except BaseException:
        traceback.print_exc()
        text = results_json(None)
    write_text(root / "results" / "results.json", text)
    print(_summary(result))
    return 0


def _grade(root: Path, course: Path | None, names: Sequence[str], level: str) -> SubmissionResult:
    from .course import Course
    from .handed_in import Found
    from .pool import Job, grade_all

    if level not in ("auto", "A", "B", "C"):
        raise AutograderError(f"--isolation {level}: choose auto, A, B or C")
    handed_in = root / "student"
    if not handed_in.is_dir():
        raise AutograderError(f"{handed_in} is not there; PrairieLearn makes it")
    found = Course.find(course)
    slugs = found.known(names)
    found.secret()
    for slug in slugs:  # a course that is not in order says so in a sentence
        found.exercise(slug)
    with tempfile.TemporaryDirectory() as scratch:
        job = Job(found.root, slugs, Path(scratch), level)
        ((result, _),) = grade_all(job, [Found(STUDENT, (handed_in,))])
    for exercise in result.exercises:
        for why in (exercise.reason, *exercise.review):
            if why:
                print(f"{exercise.exercise}: {why!r}")
    return result


def _summary(result: SubmissionResult | None) -> str:
    if result is None or result.not_graded:
        return "results.json written: not graded"
    return f"results.json written: {result.points:g} of {result.max_points:g} points"


@contextmanager
def _ended_politely() -> Iterator[None]:
    """Let a container that is stopped still write its results."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise AutograderError(f"the container was stopped (signal {number})")

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
