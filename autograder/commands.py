"""What the commands do and print; each returns an exit code."""

import os
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import AutograderError, SubmissionError

if TYPE_CHECKING:
    from .local import Desk, Line

WORDS = {
    "passed": "passes",
    "failed": "not right yet",
    "raised": "raises",
    "not_attempted": "not attempted",
    "skipped": "skipped",
}


def check(names: Sequence[str]) -> int:
    """Visible checks of some exercises in full, or of all as a table."""
    from .local import Desk

    desk = Desk.find()
    lines = [line for slug in desk.wanted(names) for line in desk.check(slug)]
    if names:
        _print_lines(desk, lines)
    else:
        _print_table(lines)
    return 0 if all(line.status in ("passed", "skipped") for line in lines) else 1


def _print_lines(desk: "Desk", lines: Iterable["Line"]) -> None:
    slug = ""
    for line in lines:
        if line.exercise != slug:
            slug = line.exercise
            print(f"{slug} ({Path(os.path.relpath(desk.own_file(slug), desk.root)).as_posix()})")
        print(f"  {line.function}: {WORDS.get(line.status, line.status)}")
        if line.message and line.status != "not_attempted":
            print(f"    {line.message}")


def _print_table(lines: Sequence["Line"]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("exercise", "function", "visible check", title="Your work so far")
    table.add_column("worth", justify="right")
    for line in lines:
        table.add_row(
            line.exercise, line.function, WORDS.get(line.status, line.status), f"{line.points:g}"
        )
    passed = [line for line in lines if line.status == "passed"]
    console = Console()
    console.print(table)
    console.print(
        f"{len(passed)} of {len(lines)} functions pass their visible check; they are worth "
        f"{_worth(passed)} of {_worth(lines)} points. "
        "The hidden checks give the points."
    )


def _worth(lines: Iterable["Line"]) -> str:
    return f"{sum(line.points for line in lines):g}"


def build(only_check: bool) -> int:
    """Write derived files, or say which are not current."""
    from .build import build as write
    from .build import compare
    from .course import Course

    course = Course.find()
    if only_check:
        drifts = compare(course)
        for drift in drifts:
            print(f"{drift.path.as_posix()} is {drift.state}; run `autograder build`")
        if not drifts:
            print("every derived file is current")
        return 1 if drifts else 0
    changed = write(course)
    for path in changed:
        print(path.as_posix())
    count = f"{len(changed)} file{'' if len(changed) == 1 else 's'} written"
    print(count if changed else "every derived file was current")
    return 0


def verify(names: Sequence[str], seeds: int, right: int = 0) -> int:
    """Verify exercises and print problems and a table."""
    from rich.console import Console
    from rich.table import Table

    from .build import compare
    from .course import Course
    from .errors import IsolationError
    from .verify import table as rows
    from .verify import verify as run

    course = Course.find()
    sandbox = None
    if sys.platform == "linux":
        from .sandbox import Sandbox

        try:
            sandbox = Sandbox("auto")
        except IsolationError as error:
            print(f"isolated part skipped: {error}", file=sys.stderr)
    else:
        print("isolated part skipped: it needs Linux or a container", file=sys.stderr)
    verdicts = []
    try:
        for slug in course.known(names):
            verdicts.append(run(course, slug, seeds=seeds, right=right, sandbox=sandbox))
    finally:
        if sandbox is not None:
            sandbox.close()
    table = Table()
    table.add_column("exercise", no_wrap=True)
    for heading in ("checks", "mistakes named", "nulls", "alternatives", "seeds", "state"):
        table.add_column(heading)
    for row in rows(verdicts):
        table.add_row(*row)
    Console().print(table)
    problems = [(v.exercise, p) for v in verdicts for p in v.problems]
    if not names:
        problems += [
            (d.path.as_posix(), f"is {d.state}; run `autograder build`") for d in compare(course)
        ]
    for slug, problem in problems:
        print(f"{slug}: {problem}")
    return 1 if problems else 0


def rubric(names: Sequence[str]) -> int:
    """Print every check with its points."""
    from rich.console import Console
    from rich.table import Table

    from .course import Course
    from .result import KINDS

    course, console = Course.find(), Console()
    for slug in course.known(names):
        exercise, page = course.exercise(slug), course.page(slug)
        table = Table("function", "check", "kind", "what", title=slug)
        table.add_column("points", justify="right")
        for function in page.functions:
            for one in exercise.checks_of(function):
                points = "gate" if one.gate else f"{one.points:g}"
                table.add_row(function, one.name, KINDS[one.kind], one.title, points)
        for race in exercise.races:
            table.add_row("", race.name, "race", race.title, "none")
        console.print(table)
    return 0


def grade(
    submissions: Path,
    out: Path | None,
    names: Sequence[str],
    workers: int,
    isolation: str,
    json: Path | None = None,
) -> int:
    """Grade a folder of submissions, or with `json` one submission."""
    if sys.platform != "linux":
        raise AutograderError(
            "official grading isolates student code with Linux features; run it in a container "
            "(docs/isolation.md says how). `autograder check` works everywhere."
        )
    if isolation not in ("auto", "A", "B", "C"):
        raise AutograderError(f"--isolation {isolation}: choose auto, A, B or C")
    if json is not None:
        from .grade_one import grade_one

        return grade_one(submissions, json, out=out, names=names, level=isolation)
    if out is None:
        raise AutograderError("name a folder with --out, or a file for one result with --json")
    from .course import Course
    from .pool import Job
    from .submission import find_students

    course = Course.find()
    slugs = course.known(names)
    course.secret()
    for slug in slugs:
        course.exercise(slug)
    try:
        students = find_students(submissions, exercises=slugs)
    except SubmissionError as error:
        raise AutograderError(str(error)) from error
    level = _level(isolation)
    return _grade_students(
        Job(course.root, slugs, out.resolve(), level), students, workers, course.title
    )


def _level(isolation: str) -> str:
    """Fail now, with the reason, rather than once per submission."""
    from .sandbox import Sandbox

    with Sandbox(isolation) as sandbox:  # type: ignore[arg-type]
        return sandbox.level


def _grade_students(job, students, workers: int, title: str) -> int:  # type: ignore[no-untyped-def]
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from .pool import grade_all
    from .report import class_table

    console, results, new = Console(), [], 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            task = progress.add_task("", total=len(students))
            for result, fresh in grade_all(job, students, workers=workers):
                results.append(result)
                new += fresh
                progress.advance(task)
    except KeyboardInterrupt:
        print(
            f"autograder: interrupted; {len(results)} of {len(students)} submissions are graded "
            "and kept. Run the same command again to continue.",
            file=sys.stderr,
        )
        return 2
    results.sort(key=lambda r: r.student)
    report = _write_class(job, results, title)
    console.print(class_table(results))
    console.print(f"{new} graded, {len(results) - new} unchanged, isolation level {job.level}")
    review = sum(any(e.review for e in r.exercises) for r in results)
    if review:
        console.print(f"{review} to look at: the class report says why; no score depends on it")
    console.print(f"class report: {_shown(report)}", soft_wrap=True)
    if any(r.not_graded for r in results):
        return 2
    return 0 if all(r.points >= r.max_points for r in results) else 1


def _write_class(job, results, title: str) -> Path:  # type: ignore[no-untyped-def]
    from .report import write_class_report, write_grades_csv
    from .submission import safe_name

    problems = [(r.student, e.reason) for r in results for e in r.not_graded]
    links = {r.student: f"students/{safe_name(r.student)}/feedback.html" for r in results}
    write_grades_csv(results, job.out / "grades.csv")
    path: Path = job.out / "class.html"
    write_class_report(results, problems, path, title=title, feedback_paths=links)
    return path


def _shown(path: Path) -> str:
    try:
        return os.path.relpath(path)
    except ValueError:
        return str(path)


def release(out: Path) -> int:
    """Write the student release."""
    from .course import Course
    from .release import write

    for path in write(Course.find(), out):
        print(path)
    return 0


def doctor() -> int:
    """Report isolation and prove it."""
    from .doctor import report

    return report()
