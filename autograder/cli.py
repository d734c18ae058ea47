"""The `autograder` command.

Exit codes everywhere: 0 all passed, 1 some failed, 2 misuse or our error.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from .errors import AutograderError

# What typer exits with after Ctrl-C.
INTERRUPTED = 130

app = typer.Typer(
    help="Check, build, verify and grade the exercises of a course.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Names = Annotated[list[str] | None, typer.Argument(metavar="[EXERCISE]...", show_default=False)]


def main() -> None:
    """Run the command; every error on purpose is one sentence on stderr and exit code 2."""
    try:
        app(prog_name="autograder")
    except AutograderError as error:
        print(f"autograder: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except BrokenPipeError:
        raise SystemExit(2) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"autograder: {where}{error.strerror or error}", file=sys.stderr)
        raise SystemExit(2) from None
    except SystemExit as end:
        if end.code != INTERRUPTED:
            raise
        print("autograder: interrupted", file=sys.stderr)
        raise SystemExit(2) from None


@app.command()
def check(exercise: Names = None) -> None:
    """Run the visible checks on your own work: one exercise, or all as a table."""
    from .commands import check as run

    raise typer.Exit(run(exercise or []))


@app.command()
def grade(
    submissions: Annotated[Path, typer.Argument(help="A folder with one entry per student.")],
    out: Annotated[Path, typer.Option(help="Where results are written.")],
    exercise: Annotated[
        list[str] | None, typer.Option(help="Grade these exercises only; repeat for several.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="How many supervisors.")] = 1,
    isolation: Annotated[str, typer.Option(help="auto, A, B or C; see doctor.")] = "auto",
) -> None:
    """Grade a class in isolation: results, feedback, grades.csv and a class report."""
    from .commands import grade as run

    raise typer.Exit(run(submissions, out, exercise or [], workers, isolation))


@app.command()
def build(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; say what is not current.")
    ] = False,
) -> None:
    """Derive stubs, notebooks and the index from the sources."""
    from .commands import build as run

    raise typer.Exit(run(check))


@app.command()
def verify(
    exercise: Names = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many students' inputs to try.")] = 20,
) -> None:
    """Check the course itself: references pass, mistakes are caught and named, nulls earn 0."""
    from .commands import verify as run

    raise typer.Exit(run(exercise or [], seeds))


@app.command()
def rubric(exercise: Names = None) -> None:
    """Print what is checked and for how many points, without running anything."""
    from .commands import rubric as run

    raise typer.Exit(run(exercise or []))


@app.command()
def release(
    out: Annotated[Path, typer.Argument(help="An empty or new folder.")],
) -> None:
    """Write what students get: assignments, starter code, datasets, the engine's wheel."""
    from .commands import release as run

    raise typer.Exit(run(out))


@app.command()
def doctor() -> None:
    """Say what isolation this machine gives, and prove it."""
    from .commands import doctor as run

    raise typer.Exit(run())


if __name__ == "__main__":
    main()
