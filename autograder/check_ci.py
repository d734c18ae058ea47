"""`autograder check` in a job: run the checks, print what a log may hold, write what is wanted."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from .ci import Seen, as_result, check
from .commands import WORDS
from .errors import AutograderError
from .export import Request
from .local import Desk
from .report import write_text
from .result import SubmissionResult

# GitHub shows ten annotations of a kind per step.
ANNOTATIONS = 10
SAID = {"timed_out": "does not end", "over_memory": "needs too much memory"}


def run(
    names: Sequence[str],
    *,
    github: bool = False,
    junit: Path | None = None,
    classroom50: Path | None = None,
    legacy: bool = False,
) -> int:
    """Run visible checks in a job.

    Args:
        names: Exercises; none: all.
        github: Annotations in the log and a summary of the job.
        junit: Where JUnit XML goes.
        classroom50: Where Classroom 50's result goes.
        legacy: Whether the reporter's line goes to the step's outputs.

    Returns:
        0 if everything passes, 1 if not. For `classroom50` and `legacy` 0 once results are
        written: whoever reads them takes any other code for a runner that does not work.

    Raises:
        AutograderError: No course, no such exercise, a file that cannot be written, a variable of
            the job that is missing.
    """
    if github:
        _variable("GITHUB_STEP_SUMMARY", "--github")
    if legacy:
        _variable("GITHUB_OUTPUT", "--legacy-results")
    desk = Desk.find()
    seen = [check(desk, slug) for slug in desk.wanted(names)]
    result = as_result(desk, seen)
    # All three, and whatever else runs in a job of GitHub Actions, has a runner that reads its log.
    on_github = os.environ.get("GITHUB_ACTIONS") == "true"
    _print(seen, fence=github or legacy or classroom50 is not None or on_github)
    if github:
        _annotate(desk, seen)
        _append("GITHUB_STEP_SUMMARY", "--github", _summary(result))
    if junit is not None:
        from .report.junit import junit_xml

        write_text(junit, junit_xml([result]))
    if classroom50 is not None:
        from .report.classroom50 import export

        write_text(classroom50, export([result], Request(classroom50)).text)
    if legacy:
        from .report.legacy import legacy as line

        _append("GITHUB_OUTPUT", "--legacy-results", f"result={line(result)}\n")
    lines = [line for one in seen for line in one.lines]
    passed = all(line.status in ("passed", "skipped") for line in lines)
    return 0 if passed or classroom50 is not None or legacy else 1


def _print(seen: Sequence[Seen], *, fence: bool) -> None:
    from .report.escape import visible

    lines = [line for one in seen for line in _log(one)]
    every = [line for one in seen for line in one.lines]
    passed = sum(line.status == "passed" for line in every)
    lines.append(f"{passed} of {len(every)} functions pass their visible check.")
    text = "\n".join(lines) + "\n"
    if fence:
        from .report.github import fenced

        print(fenced(text), end="", flush=True)
    else:
        print(visible(text), end="", flush=True)


def _log(seen: Seen) -> list[str]:
    lines = [f"{seen.exercise} ({seen.file})"]
    for line in seen.lines:
        lines.append(f"  {line.function}: {SAID.get(line.status) or WORDS.get(line.status, '')}")
        if line.message and line.status != "not_attempted":
            lines.append(f"    {line.message}")
    if seen.printed.strip():
        lines.append("  what your code printed:")
        lines += [f"    {text}" for text in seen.printed.rstrip("\n").split("\n")]
    return lines


def _annotate(desk: Desk, seen: Sequence[Seen]) -> None:
    from .report.github import command

    wrong = [
        (one, line)
        for one in seen
        for line in one.lines
        if line.status not in ("passed", "skipped", "not_attempted")
    ]
    for one, line in wrong[:ANNOTATIONS]:
        path = desk.root / one.file if one.file else None
        said = SAID.get(line.status) or WORDS[line.status]
        title = f"{one.exercise}: {line.function} {said}"
        where = _from_repository(path) if path else ""
        number = definition(path, line.function) if path else 0
        print(command("error", line.message or said, file=where, line=number, title=title))
    if len(wrong) > ANNOTATIONS:
        more = f"{len(wrong) - ANNOTATIONS} more are in the summary of this job."
        print(command("notice", more, title="Visible checks"))


def definition(path: Path, name: str) -> int:
    """The line of a module or notebook where `name` is defined last, 0 if it is not.

    In a notebook that is a line of its JSON, which is what a review of changes shows.
    """
    begin = re.compile(rf'[\s"]*(?:async\s+def|def|class)\s+{re.escape(name)}\b')
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return max((n for n, line in enumerate(text.split("\n"), 1) if begin.match(line)), default=0)


def _from_repository(path: Path) -> str:
    """The path as the job's repository knows it; the course may lie in a folder of it."""
    top = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    try:
        return path.resolve().relative_to(top).as_posix()
    except ValueError:
        return path.name


def _summary(result: SubmissionResult) -> str:
    from .report.github import summary

    return summary([result])


def _variable(name: str, option: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise AutograderError(f"{option} needs {name}, which a job of GitHub Actions sets")
    return value


def _append(name: str, option: str, text: str) -> None:
    with open(_variable(name, option), "a", encoding="utf-8", newline="\n") as file:
        file.write(text)
