"""Results in the formats of other systems: `autograder export FORMAT GRADED`.

A format is one line in `FORMATS` and one function that turns results into text. It reads
`result.json` and nothing else, so that what is exported is what was graded.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal

from .errors import AutograderError
from .result import SubmissionResult


@dataclass(frozen=True)
class Request:
    """What was asked for, for writers that need more than results.

    Attributes:
        graded: The folder that `autograder grade` wrote.
        roster: The table of the class that the other system exported, or None.
        by: The column of the roster that names submissions; empty: the writer's own choice.
        total: One column of this name with the sum, instead of one per exercise.
    """

    graded: Path
    roster: Path | None = None
    by: str = ""
    total: str = ""


@dataclass(frozen=True)
class Exported:
    """The text of a file, and sentences for the person who runs the command."""

    text: str
    notices: tuple[str, ...] = ()


Writer = Callable[[Sequence[SubmissionResult], Request], Exported]


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        write: "module:function" below this package, imported when it is used; a `Writer`. For a
            format of one file per student it is called with one result.
        per_student: Whether there is one file for the class ("never"), one for each student
            ("always"), or one for the class unless `--each` is given ("either").
        suffix: The name of a student's file; empty if there is none.
        help: One sentence.
    """

    write: str
    per_student: Literal["never", "always", "either"]
    suffix: str
    help: str

    def writer(self) -> Writer:
        """The function that writes this format."""
        module, _, name = self.write.partition(":")
        function: Writer = getattr(import_module(f".{module}", __package__), name)
        return function


FORMATS: dict[str, Format] = {
    "junit": Format(
        "report.junit:export", "either", "junit.xml", "JUnit XML, for whatever shows test results."
    ),
    "github-summary": Format(
        "report.github:export", "either", "summary.md", "Markdown for a GitHub job summary."
    ),
    "classroom50": Format("report.classroom50:export", "never", "", "One result for Classroom 50."),
    "legacy": Format(
        "report.legacy:export",
        "never",
        "",
        "One result for forks of GitHub Classroom's reporter.",
    ),
    "canvas": Format(
        "report.canvas:export", "never", "", "CSV for Canvas's gradebook; needs --roster."
    ),
    "moodle": Format(
        "report.moodle:export", "never", "", "CSV for Moodle's gradebook; needs --roster."
    ),
    "prairielearn": Format(
        "report.prairielearn:export",
        "always",
        "prairielearn.json",
        "PrairieLearn's results.json.",
    ),
}


def export(
    name: str, graded: Path, *, out: Path | None = None, each: bool = False, request: Request
) -> int:
    """Write results in another format; exit code 0, or 1 if somebody should read a notice.

    Args:
        name: One of `FORMATS`.
        graded: What `autograder grade --out` wrote, or one `result.json`.
        out: The file, or for one file per student the folder: default standard output, or each
            file beside the student's `result.json`.
        each: One file per student.
        request: What else was asked for.

    Raises:
        AutograderError: An unknown format, a folder without results, a damaged result.
    """
    if name not in FORMATS:
        raise AutograderError(f"unknown format {name!r}; there are: {', '.join(FORMATS)}")
    format = FORMATS[name]
    if each and format.per_student == "never":
        raise AutograderError(f"{name} is one file for all; leave out --each")
    found = read_results(graded)
    write, notices = format.writer(), list[str]()
    if each or format.per_student == "always":
        for path, result in found:
            done = write([result], request)
            notices += done.notices
            folder = path.parent if out is None else out / path.parent.name
            _write(folder / format.suffix, done.text)
        print(f"{len(found)} x {format.suffix} written", file=sys.stderr)
    else:
        done = write([result for _, result in found], request)
        notices += done.notices
        _write(out, done.text)
    for notice in notices:
        print(f"autograder: {notice}", file=sys.stderr)
    return 1 if notices else 0


def read_results(graded: Path) -> list[tuple[Path, SubmissionResult]]:
    """Every `result.json` below a folder of graded work with its path, sorted by student.

    Raises:
        AutograderError: There is none, or one is damaged.
    """
    paths = [graded] if graded.is_file() else sorted(graded.glob("students/*/result.json"))
    if not paths:
        raise AutograderError(
            f"{graded}: there are no results here; expected what `autograder grade --out` wrote, "
            "or one result.json"
        )
    found = [(path, _read(path)) for path in paths]
    return sorted(found, key=lambda pair: pair[1].student)


def _read(path: Path) -> SubmissionResult:
    try:
        return SubmissionResult.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AutograderError(f"{path}: {error}; grade again or take it out") from error


def _write(path: Path | None, text: str) -> None:
    from .report import write_text

    if path is None or str(path) == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        write_text(path, text)
