"""What GitHub Actions shows: workflow commands that nobody else can write, and a job summary.

A runner reads commands in everything that a job prints: a line that begins with two colons, after
any blanks, and an older form, two number signs and a bracket, anywhere in a line. Text of students
goes through `command`, `fenced` or `log_text`, and then it is text.
"""

import re
import secrets
from collections.abc import Sequence

from ..export import Exported, Request
from ..result import ExerciseResult, FunctionResult, SubmissionResult
from .escape import markdown, one_line, visible
from .feedback import hints_once
from .figures import in_order, is_complete, is_known, skipped_points, unknown_points
from .words import count, exercise_word, of_points, points, sentence, some_points, status_word, tone

# GitHub shows no more than 1 MiB of summary, and none at all of a larger one.
MAX_SUMMARY = 900_000
MAX_MESSAGE = 1_000
TRUSTED = (
    "These points are not a grade: they count the visible checks, which ran without isolation "
    "next to the code they check."
)


def command(name: str, message: str, *, file: str = "", line: int = 0, title: str = "") -> str:
    """One workflow command on one line, whatever its parts hold.

    Args:
        name: `error`, `warning` or `notice`.
        message: What is shown.
        file: Path from the repository's root; empty: none.
        line: 1-based; 0: none.
        title: Heading; empty: none.
    """
    parts = {"file": file, "line": str(line or ""), "title": title}
    said = ",".join(f"{key}={_property(value)}" for key, value in parts.items() if value)
    return f"::{name}{' ' if said else ''}{said}::{_data(message)}"


def fenced(text: str) -> str:
    """`text` as a log shows it, between commands that switch commands off and on again.

    What ends it is drawn here, after whoever wrote `text` has finished.
    """
    token = secrets.token_hex(20)
    body = visible(text).rstrip("\n")
    return f"::stop-commands::{token}\n{body}\n::{token}::\n"


def log_text(text: str) -> str:
    """`text` on one line of a log outside of a fence, with the starts of commands taken apart."""
    line = one_line(text).replace("##[", "## [")
    return re.sub(r"^::", ": :", line)


def _data(text: str) -> str:
    line = one_line(text)
    line = line if len(line) <= MAX_MESSAGE else line[:MAX_MESSAGE] + " ..."
    return line.replace("%", "%25").replace("##[", "## [")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def export(results: Sequence[SubmissionResult], request: Request) -> Exported:
    """The job summary of one student or of a class."""
    return Exported(summary(results))


def summary(results: Sequence[SubmissionResult]) -> str:
    """Markdown for a job summary: one student in detail, several as a table."""
    ordered = in_order([hints_once(r) for r in results])
    blocks = _one(ordered[0]) if len(ordered) == 1 else _class(ordered)
    kept, size = list[str](), 0
    for block in blocks:
        size += len(block.encode("utf-8")) + 1
        if size > MAX_SUMMARY:
            kept.append("\nThere is more than a summary may hold; the artifact has everything.")
            break
        kept.append(block)
    return "\n".join(kept) + "\n"


def _one(result: SubmissionResult) -> list[str]:
    reached = result.max_points - sum(unknown_points(e) for e in result.exercises)
    lines = [f"## {markdown(result.student)}: {of_points(result.points, reached)}", ""]
    if result.isolation == "trusted":
        lines += [TRUSTED, ""]
    if not is_complete(result):
        lines += [f"{some_points(result.max_points - reached)} not graded yet; no zero.", ""]
    lines += [markdown(notice) + "\n" for notice in result.notices]
    lines += ["| exercise | function | result | points |", "| --- | --- | --- | ---: |"]
    for exercise in result.exercises:
        lines += _rows(exercise)
    todo = [line for exercise in result.exercises for line in _todo(exercise)]
    return [*lines, "", "### What does not pass yet", "", *todo] if todo else lines


def _rows(exercise: ExerciseResult) -> list[str]:
    slug = markdown(exercise.exercise)
    if not exercise.functions:
        known = exercise.status != "not_graded"
        worth = _worth(exercise.points, exercise.max_points, known=known)
        return [f"| {slug} | | {exercise_word(exercise)} | {worth} |"]
    return [
        f"| {slug} | {markdown(function.name)} | {status_word(function.status)} | "
        f"{_worth(function.points, function.max_points, known=_known(function))} |"
        for function in exercise.functions
    ]


def _known(function: FunctionResult) -> bool:
    return "not_graded" not in (function.status, *(c.status for c in function.checks))


def _worth(value: float, maximum: float, *, known: bool) -> str:
    return f"{points(value)} of {points(maximum)}" if known else f"{points(maximum)} open"


def _todo(exercise: ExerciseResult) -> list[str]:
    slug = markdown(exercise.exercise)
    said = []
    if exercise.status == "unreadable":
        said.append(f"- **{slug}**: {markdown(exercise.reason)}")
    said += [f"- **{slug}**: {markdown(notice)}" for notice in exercise.notices]
    for function in exercise.functions:
        for check in function.checks:
            if check.status not in ("passed", "not_attempted"):
                name = markdown(function.name)
                said.append(f"- **{slug}, {name}**: {markdown(sentence(check))}")
    return said


def _class(results: Sequence[SubmissionResult]) -> list[str]:
    opened = sum(not is_complete(r) for r in results)
    lines = [f"## {count(len(results), 'student')}", ""]
    if opened:
        lines += [f"{count(opened, 'student')} not fully graded: no total, and no zero.", ""]
    lines += ["| student | points | of | state |", "| --- | ---: | ---: | --- |"]
    for result in results:
        total = points(result.points) if is_complete(result) else ""
        lines.append(
            f"| {markdown(result.student)} | {total} | {points(result.max_points)} | "
            f"{', '.join(_states(result))} |"
        )
    return lines


def _states(result: SubmissionResult) -> list[str]:
    """What a person should know about a total, in a few words."""
    states = []
    for exercise in result.exercises:
        slug = markdown(exercise.exercise)
        if not is_known(exercise):
            states.append(f"{slug} not graded")
        elif exercise.status != "graded":
            states.append(f"{slug} {exercise_word(exercise)}")
        elif skipped_points(exercise):
            states.append(f"{slug} skipped in part")
        if exercise.review:
            states.append(f"{slug} to look at")
    wrong = sum(tone(f.status) == "wrong" for e in result.exercises for f in e.functions)
    return [*states, *([f"{count(wrong, 'function')} not right"] if wrong else [])]
