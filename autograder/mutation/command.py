"""`autograder verify --mutants`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from ..course import Course
from ..errors import AutograderError
from .survey import HEADINGS, Survey, markdown, survey, table


def run(
    names: Sequence[str], sample: int, workers: int, page: Path | None, out: Path | None
) -> int:
    """Survey exercises; print survivors, problems and the table. 1 if there are any, else 0."""
    if sys.platform != "linux":
        raise AutograderError(
            "mutants run isolated, which needs Linux or a container (docs/isolation.md)"
        )
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Table

    from ..pool import Job
    from .run import Runner, cores

    course, console, surveys = Course.find(), Console(), list[Survey]()
    slugs = course.known(names)
    if page is not None and sample:
        raise AutograderError("--table holds full runs: leave out --sample")
    job = Job(course.root, slugs, (out or course.root / "build" / "mutants").resolve())
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with (
        Runner(job, workers or cores()) as runner,
        Progress(*columns, console=console, disable=not console.is_terminal) as progress,
    ):
        for slug in slugs:
            task = progress.add_task(slug, total=None)
            surveys.append(
                survey(
                    runner,
                    slug,
                    sample=sample,
                    begin=lambda total, task=task: progress.update(task, total=total),  # type: ignore[misc]
                    done=lambda task=task: progress.advance(task),  # type: ignore[misc]
                )
            )
            if page is not None:  # now, so that a run that is ended leaves what it has found
                words = "Printed by `autograder verify --mutants --table`."
                markdown(surveys, page, words, course.slugs)
    for one in surveys:
        _print_survey(one)
    shown = Table()
    for heading in HEADINGS:
        shown.add_column(heading, no_wrap=heading == HEADINGS[0])
    for row in table(surveys):
        shown.add_row(*row)
    Console(width=max(console.width, 200)).print(shown)
    if page is not None:
        print(f"written to {page}")
    return 1 if any(s.survivors or s.problems for s in surveys) else 0


def _print_survey(one: Survey) -> None:
    for mutant, families, where in one.survivors:
        print(f"{one.exercise}: a mutant gets every point (checks that ran: {families})")
        print(mutant.diff())
        print(
            f"  hole: {where}"
            if where
            else "  no input was found on which it differs; if it is right, record it with its "
            "reason as equivalent"
        )
    for problem in one.problems:
        print(f"{one.exercise}: {problem}")
