"""A result as Gradescope's `results.json`: one test per check.

Points that are not known are left out and never a 0. As soon as anything is not graded, no test
carries a score, because Gradescope adds up what is there and would show the sum as the grade.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, get_args

from ..report.escape import one_line, visible
from ..report.figures import is_complete
from ..report.words import (
    closed_gate,
    exercise_word,
    explanation,
    points,
    race_name,
    race_sentence,
    sentence,
    status_word,
)
from ..result import KINDS, CheckResult, ExerciseResult, FunctionResult, SubmissionResult
from .metadata import Metadata

Show = Literal["visible", "after_due_date", "after_published", "hidden"]
SHOWS: tuple[Show, ...] = get_args(Show)
NOT_YOURS = (
    "This could not be graded. It is not your fault, and it is not a zero: your work is handed in, "
    "and your instructor can grade it again without you doing anything."
)
OPEN = (
    "Part of this submission could not be graded, so there is no score yet. It is not your fault, "
    "and it is not a zero: your instructor can grade it again without you doing anything."
)
LATER = {
    "visible": "",
    "after_due_date": "The hidden checks are shown after the due date.",
    "after_published": "The hidden checks are shown when the grades are published.",
    "hidden": "The hidden checks are not shown.",
}
# Nothing is rendered: not as HTML, which is the default of the text on top, nor as Markdown.
PLAIN = {
    "output_format": "text",
    "test_output_format": "text",
    "test_name_format": "text",
    "stdout_visibility": "hidden",
}


@dataclass(frozen=True)
class Settings:
    """How an assignment is configured; `gradescope.json` in the zip.

    Attributes:
        exercises: The exercises of the assignment, in course order.
        show: When students see the hidden checks, one sentence each, and with them the score.
        leaderboard: Whether points and races go to the leaderboard.
    """

    exercises: tuple[str, ...]
    show: Show = "visible"
    leaderboard: bool = False


@dataclass
class _Writer:
    """Collects the tests of one result."""

    settings: Settings
    scored: bool
    several: bool
    tests: list[dict[str, Any]] = field(default_factory=list)

    def add(self, number: str, names: list[str], said: list[str], **extra: Any) -> None:
        """One test; `score` and `max_score` are dropped while the total is not known."""
        if not self.scored:
            extra = {k: v for k, v in extra.items() if k not in ("score", "max_score")}
        name = ": ".join(one_line(n).rstrip(". ") for n in names if n)
        output = "\n".join(visible(s) for s in said if s)
        self.tests.append({"number": number, "name": name, "output": output, **extra})


def results(
    result: SubmissionResult, settings: Settings, metadata: Metadata | None = None
) -> dict[str, Any]:
    """The content of `results.json` for one graded submission."""
    writer = _Writer(settings, is_complete(result), len(result.exercises) > 1)
    for index, exercise in enumerate(result.exercises, start=1):
        _exercise(writer, str(index), exercise)
    board = leaderboard(result) if settings.leaderboard and writer.scored else []
    return {
        "execution_time": round(result.seconds, 3),
        "output": "\n".join(visible(s) for s in _summary(result, settings, metadata or Metadata())),
        **PLAIN,
        "extra_data": {
            "student": one_line(result.student),
            "isolation": result.isolation,
            "engine": result.engine,
            "secret_id": result.secret_id,
            "key": result.key,
        },
        "tests": writer.tests,
        # An empty list would set up a leaderboard without columns.
        **({"leaderboard": board} if board and settings.show == "visible" else {}),
    }


def not_graded(said: str = NOT_YOURS) -> dict[str, Any]:
    """The content of `results.json` when the grader itself fails: no score, and the sentence."""
    test = {"name": "Not graded", "output": said, "visibility": "visible"}
    return {"output": said, **PLAIN, "tests": [test]}


def leaderboard(result: SubmissionResult) -> list[dict[str, Any]]:
    """The columns of the leaderboard: the points, and each race that was measured."""
    races = [(e.title or e.exercise, r) for e in result.exercises for r in e.races]
    return [
        {"name": "Points", "value": round(result.points, 4), "order": "desc"},
        *(
            {
                "name": one_line(f"{title}: {race_name(r)}, times the reference"),
                "value": r.ratio,
                "order": "desc",
            }
            for title, r in races
            if r.ratio is not None
        ),
    ]


def written(record: dict[str, Any]) -> str:
    """The text of `results.json`; plain ASCII, so that no reader can misread it."""
    return json.dumps(record, indent=1, allow_nan=False) + "\n"


def _summary(result: SubmissionResult, settings: Settings, metadata: Metadata) -> Iterator[str]:
    """What stands above all tests. It is always shown, so it tells nothing of hidden checks."""
    if not is_complete(result):
        yield OPEN
    if metadata.late:
        yield (
            f"Handed in {_duration(metadata.late)} after the due date. The score here is without "
            "any penalty; the rules of your course apply it in Gradescope."
        )
    for exercise in result.exercises:
        where = f", read from {exercise.source}" if exercise.source else ""
        yield one_line(f"{exercise.title or exercise.exercise}: {exercise_word(exercise)}{where}.")
        yield from (one_line(f"  {notice}") for notice in exercise.notices)
    yield from (one_line(notice) for notice in result.notices)
    if LATER[settings.show]:
        yield LATER[settings.show]


def _exercise(writer: _Writer, number: str, exercise: ExerciseResult) -> None:
    title = exercise.title or exercise.exercise
    tags = [exercise.exercise]
    if exercise.status == "not_graded":
        writer.add(number, [title, "not graded"], [NOT_YOURS], tags=tags, visibility="visible")
    elif exercise.status != "graded":
        # Whether a file was found and could be read, a student may always know.
        writer.add(
            number,
            [title, exercise_word(exercise)],
            [exercise.reason or "No file with this exercise was handed in."],
            score=0.0,
            max_score=exercise.max_points,
            tags=tags,
            visibility="visible",
        )
    for index, function in enumerate(exercise.functions, start=1):
        _function(writer, f"{number}.{index}", title if writer.several else "", exercise, function)
    for index, race in enumerate(exercise.races, start=len(exercise.functions) + 1):
        # Whether it ran tells whether every hidden check passes, so it is shown when they are.
        writer.add(
            f"{number}.{index}",
            [title if writer.several else "", race_name(race)],
            [race.title, race_sentence(race), "No points depend on it."],
            tags=[exercise.exercise, "race"],
            visibility=writer.settings.show,
        )


def _function(
    writer: _Writer, number: str, title: str, exercise: ExerciseResult, function: FunctionResult
) -> None:
    index = 0
    for index, check in enumerate(function.checks, start=1):
        said = [sentence(check)]
        if check.gate and closed_gate(function):
            said.append(f"{function.name} earns no points until this condition holds.")
        writer.add(
            f"{number}.{index}",
            [title, function.name, check.title or check.name],
            said,
            **_score(check),
            tags=[exercise.exercise, KINDS[check.kind]],
            visibility=writer.settings.show,
        )
    for check in function.visible:
        # One that passes is there only because a hidden check did not, and would tell so.
        if check.status == "passed" and writer.settings.show != "visible":
            continue
        index += 1
        hint = f"Hint: {check.hint}" if check.hint else ""
        writer.add(
            f"{number}.{index}",
            [title, function.name, f"visible check, {status_word(check.status)}"],
            [check.title, check.message or explanation(check), hint],
            **_status(check),
            tags=[exercise.exercise, KINDS[check.kind]],
            visibility="visible",
        )


def _score(check: CheckResult) -> dict[str, Any]:
    """Points and status; nothing for what has not run."""
    if check.status in ("skipped", "not_graded"):
        return {}
    if not check.max_points:
        return _status(check)
    earned = check.status == "passed" and check.points >= check.max_points
    return {
        "score": check.points,
        "max_score": check.max_points,
        "status": "passed" if earned else "failed",
    }


def _status(check: CheckResult) -> dict[str, Any]:
    if check.status in ("skipped", "not_graded"):
        return {}
    return {"status": "passed" if check.status == "passed" else "failed"}


def _duration(late: timedelta) -> str:
    """`2 days 3 h 5 min`, to the minute, at least one."""
    minutes = max(1, int(late.total_seconds() // 60))
    days, hours = minutes // 1440, minutes // 60 % 24
    parts = [f"{days} day{'s' * (days != 1)}" * bool(days), f"{hours} h" * bool(hours)]
    return " ".join([p for p in parts if p] + [f"{minutes % 60} min"] * bool(minutes % 60))


def total(result: SubmissionResult) -> str:
    """The total in words, for the instructor's log."""
    known = points(result.points)
    return f"{known} of {points(result.max_points)} points" + " + ?" * (not is_complete(result))
