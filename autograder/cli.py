"""The `autograder` command.

Exit codes everywhere: 0 all passed, 1 some failed, 2 misuse or our error.
"""

import os
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
nbgrader_app = typer.Typer(
    help="Work with nbgrader: docs/nbgrader.md.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(nbgrader_app, name="nbgrader")
Names = Annotated[list[str] | None, typer.Argument(metavar="[EXERCISE]...", show_default=False)]


def main() -> None:
    """Run the command; every error on purpose is one sentence on stderr and exit code 2."""
    # Before NumPy comes: threads of its own in each of several graders wait for one another, and
    # a budget is one of one core.
    for library in ("OPENBLAS", "OMP", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
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
    except Exception:
        # Python would end with 1, which says that somebody's work does not pass.
        import traceback

        traceback.print_exc()
        raise SystemExit(2) from None


@app.command()
def check(
    exercise: Names = None,
    github: Annotated[
        bool, typer.Option("--github", help="In GitHub Actions: annotations and a summary.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML, too.")] = None,
    classroom50: Annotated[
        Path | None, typer.Option(help="Write Classroom 50's result.json, too.")
    ] = None,
    legacy_results: Annotated[
        bool, typer.Option("--legacy-results", help="Set the output that old reporters read.")
    ] = False,
) -> None:
    """Run the visible checks on your own work: one exercise, or all as a table."""
    if github or junit or classroom50 or legacy_results:
        from .check_ci import run as run_in_job

        code = run_in_job(
            exercise or [],
            github=github,
            junit=junit,
            classroom50=classroom50,
            legacy=legacy_results,
        )
        raise typer.Exit(code)
    from .commands import check as run

    raise typer.Exit(run(exercise or []))


@app.command()
def grade(
    submissions: Annotated[Path, typer.Argument(help="A folder with one entry per student.")],
    out: Annotated[Path | None, typer.Option(help="Where results are written.")] = None,
    exercise: Annotated[
        list[str] | None, typer.Option(help="Grade these exercises only; repeat for several.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="How many supervisors.")] = 1,
    isolation: Annotated[str, typer.Option(help="auto, A, B or C; see doctor.")] = "auto",
    json: Annotated[
        Path | None,
        typer.Option(help="Grade one submission; write its result here, - is standard output."),
    ] = None,
) -> None:
    """Grade a class in isolation: results, feedback, grades.csv and a class report."""
    from .commands import grade as run

    raise typer.Exit(run(submissions, out, exercise or [], workers, isolation, json))


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
    right: Annotated[
        int, typer.Option(min=0, help="How many right solutions are tried with, if that is more.")
    ] = 0,
    mutants: Annotated[
        bool, typer.Option("--mutants", help="Test the checks with machine-made mutants instead.")
    ] = False,
    sample: Annotated[int, typer.Option(min=0, help="So many mutants each; 0 for all.")] = 0,
    workers: Annotated[int, typer.Option(min=0, help="Supervisors for mutants; 0: cores.")] = 0,
    table: Annotated[Path | None, typer.Option(help="Page to write the mutants' table to.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where fates of mutants are kept (build/mutants).")
    ] = None,
) -> None:
    """Check the course itself: references pass, mistakes are caught and named, nulls earn 0."""
    if mutants:
        from .mutation.command import run as survey

        raise typer.Exit(survey(exercise or [], sample, workers, table, out))
    from .commands import verify as run

    raise typer.Exit(run(exercise or [], seeds, right))


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
def export(
    format: Annotated[str, typer.Argument(help="A format; a wrong name lists them.")],
    graded: Annotated[Path, typer.Argument(help="What grade --out wrote, or one result.json.")],
    out: Annotated[
        Path | None, typer.Option(help="The file, or for one file per student the folder.")
    ] = None,
    each: Annotated[bool, typer.Option("--each", help="One file per student.")] = False,
    roster: Annotated[
        Path | None, typer.Option(help="The class as the other system exported it (CSV).")
    ] = None,
    by: Annotated[str, typer.Option(help="The roster's column that names submissions.")] = "",
    total: Annotated[
        str, typer.Option(help="One column of this name with the sum, not one per exercise.")
    ] = "",
) -> None:
    """Write results in the format of another system."""
    from .export import Request
    from .export import export as run

    raise typer.Exit(
        run(format, graded, out=out, each=each, request=Request(graded, roster, by, total))
    )


@nbgrader_app.command("init")
def nbgrader_init(
    folder: Annotated[Path, typer.Argument(help="Where nbgrader will be run.")],
    assignment: Annotated[
        list[str] | None, typer.Argument(metavar="[ASSIGNMENT]...", show_default=False)
    ] = None,
) -> None:
    """Write a course folder for nbgrader, or renew the sources in one."""
    from .nbgrader_plugin.init import init_command as run

    raise typer.Exit(run(folder, assignment or []))


@app.command()
def doctor() -> None:
    """Say what isolation this machine gives, and prove it."""
    from .commands import doctor as run

    raise typer.Exit(run())


gradescope = typer.Typer(help="Gradescope: build its zip; run inside it.", no_args_is_help=True)
app.add_typer(gradescope, name="gradescope")


@gradescope.command("build")
def gradescope_build(
    out: Annotated[Path, typer.Argument(help="The zip to upload; it holds the hidden checks.")],
    exercise: Annotated[
        list[str] | None, typer.Option(help="Grade these exercises only; repeat for several.")
    ] = None,
    show: Annotated[
        str,
        typer.Option(help="Hidden checks: visible, after_due_date, after_published or hidden."),
    ] = "visible",
    minutes: Annotated[int, typer.Option(help="The assignment's time limit in Gradescope.")] = 10,
    torch_args: Annotated[
        str, typer.Option(help="Arguments for pip that choose a build of PyTorch.")
    ] = "",
    leaderboard: Annotated[
        bool, typer.Option("--leaderboard", help="Put the points on the leaderboard.")
    ] = False,
) -> None:
    """Build the zip that an assignment is configured with."""
    from .gradescope.build import command

    raise typer.Exit(command(out, exercise or [], show, minutes, torch_args, leaderboard))


@gradescope.command("run")
def gradescope_run(
    root: Annotated[Path, typer.Option(help="Where Gradescope puts everything.")] = Path(
        "/autograder"
    ),
    isolation: Annotated[str, typer.Option(help="auto, A, B or C; see doctor.")] = "auto",
) -> None:
    """Grade the submission in Gradescope's container and write results.json."""
    from .gradescope.run import run

    raise typer.Exit(run(root, isolation=isolation))


prairielearn = typer.Typer(help="PrairieLearn: grade inside its container.", no_args_is_help=True)
app.add_typer(prairielearn, name="prairielearn")


@prairielearn.command("run")
def prairielearn_run(
    root: Annotated[Path, typer.Option(help="Where PrairieLearn puts everything.")] = Path(
        "/grade"
    ),
    course: Annotated[
        Path | None, typer.Option(help="The course's folder; else the one you are in.")
    ] = None,
    exercise: Annotated[
        list[str] | None, typer.Option(help="What the question asks for; repeat for several.")
    ] = None,
    isolation: Annotated[str, typer.Option(help="auto, A, B or C; see doctor.")] = "auto",
) -> None:
    """Grade the submission in PrairieLearn's container and write results.json."""
    from .prairielearn import run

    raise typer.Exit(run(root, course, exercise or [], isolation))


if __name__ == "__main__":
    main()
