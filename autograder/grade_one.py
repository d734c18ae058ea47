"""One submission in, one result out: `autograder grade FILE --json -`.

For programs: standard output holds the result and nothing else, the exit code says the rest.
"""

import contextlib
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from .course import Course
from .errors import AutograderError, SubmissionError
from .pool import Job, grade_all
from .report import write_text
from .report.figures import is_complete
from .result import SubmissionResult
from .submission import Found, find_students, read_submission


def grade_one(
    submission: Path, target: Path, *, out: Path | None, names: Sequence[str], level: str
) -> int:
    """Grade one submission and write its result.

    Args:
        submission: A notebook, a module, an archive or the folder of one student.
        target: Where the result goes; "-" is standard output.
        out: Where feedback goes, too; None: nowhere.
        names: The exercises to grade; none: those that are found in the submission.
        level: Isolation level, or "auto".

    Returns:
        0 full points, 1 fewer, 2 something could not be graded.

    Raises:
        AutograderError: There are several submissions, or no exercise is found.
    """
    with contextlib.redirect_stdout(sys.stderr):
        course = Course.find()
        found = _only(submission, course.slugs)
        slugs = course.known(names) if names else _present(course, found)
        with _folder(out) as folder:
            result = _grade(Job(course.root, slugs, folder, level), found)
    text = result.to_json()
    if str(target) == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8"))
        sys.stdout.buffer.flush()
    else:
        write_text(target, text)
    if not is_complete(result):
        return 2
    return 0 if result.points >= result.max_points else 1


def _only(submission: Path, slugs: Sequence[str]) -> Found:
    try:
        students = find_students(submission, exercises=slugs)
    except SubmissionError as error:
        raise AutograderError(str(error)) from error
    if len(students) != 1:
        raise AutograderError(
            f"{submission}: there are {len(students)} submissions here, and --json writes one "
            "result; name one of them, or leave out --json"
        )
    return students[0]


def _present(course: Course, found: Found) -> tuple[str, ...]:
    """The exercises that a submission has, as the reader of submissions recognises them."""
    reading = read_submission(
        found,
        {slug: course.stub(slug) for slug in course.slugs},
        {slug: course.rules(slug) for slug in course.slugs},
    )
    if reading.problems:
        raise AutograderError(" ".join(reading.problems))
    if not reading.modules:
        # Then what cannot be read stands under every slug; only a file name can tell which it is.
        named = {p.stem.lower() for p in found.paths}
        kept = [s for s in course.slugs if s.rpartition("/")[2].lower() in named]
    else:
        kept = [s for s in course.slugs if s in reading.modules or s in reading.unreadable]
    if not kept:
        why = next(iter(reading.unreadable.values()), "no exercise of this course is in it")
        raise AutograderError(f"{found.student}: {why.rstrip('.')}; name one with --exercise")
    return tuple(kept)


@contextlib.contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    if out is not None:
        yield out.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="autograder-") as folder:
        yield Path(folder)


def _grade(job: Job, found: Found) -> SubmissionResult:
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        ((result, _),) = grade_all(job, [found])
    except KeyboardInterrupt:
        raise AutograderError("interrupted; nothing is written") from None
    finally:
        signal.signal(signal.SIGTERM, before)
    return result
