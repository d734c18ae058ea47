"""What a student reads about a submission of their own."""

from dataclasses import replace
from typing import Any

from ..result import FunctionResult, SubmissionResult
from . import page
from .figures import is_complete, unknown_points
from .words import count, of_points, some_points, tone

# More exercises than this that were not handed in share one place.
MOST_ABSENT = 3
# More exercises than this are listed at the top of the page.
MOST_WITHOUT_CONTENTS = 3


def feedback_html(result: SubmissionResult) -> str:
    """The page `feedback.html`: complete in itself, no script, nothing from elsewhere."""
    return page.html("feedback.html.j2", **_shown(result))


def feedback_markdown(result: SubmissionResult) -> str:
    """The same in Markdown, for where HTML cannot be shown."""
    return page.markdown("feedback.md.j2", **_shown(result))


def _shown(result: SubmissionResult) -> dict[str, Any]:
    """What both forms show: of many exercises, those not handed in are only listed."""
    result = hints_once(result)
    absent = [e for e in result.exercises if e.status == "missing" and not (e.reason or e.notices)]
    listed = absent if len(absent) > MOST_ABSENT else []
    return {
        "result": result,
        "opening": opening(result),
        "known": known(result),
        "exercises": [e for e in result.exercises if e not in listed],
        "absent": listed,
        "contents": len(result.exercises) - len(listed) > MOST_WITHOUT_CONTENTS,
    }


def hints_once(result: SubmissionResult) -> SubmissionResult:
    """The result with each hint at the first check of a function that it explains, and no other."""
    exercises = tuple(
        replace(e, functions=tuple(_hints_once(f) for f in e.functions)) for e in result.exercises
    )
    return replace(result, exercises=exercises)


def _hints_once(function: FunctionResult) -> FunctionResult:
    seen: set[str] = set()
    checks = []
    for check in function.checks:
        checks.append(replace(check, hint="") if check.hint in seen else check)
        seen.add(check.hint)
    return replace(function, checks=tuple(checks))


def known(result: SubmissionResult) -> float:
    """How many points could be reached in what has been graded."""
    return result.max_points - sum(unknown_points(e) for e in result.exercises)


def opening(result: SubmissionResult) -> str:
    """One or two sentences that say where the student stands."""
    checks = [c for e in result.exercises for f in e.functions for c in f.checks]
    wrong = sum(tone(c.status) == "wrong" for c in checks)
    empty = sum(tone(c.status) == "empty" for c in checks)
    hints = sum(bool(c.hint) for c in checks)
    said = []
    if wrong:
        verb = "does" if wrong == 1 else "do"
        hint = f"; {count(hints, 'hint')} below {'says' if hints == 1 else 'say'} where to look"
        said.append(f"{count(wrong, 'check')} {verb} not pass yet{hint if hints else ''}.")
    if empty:
        said.append(f"{count(empty, 'check')} {'waits' if empty == 1 else 'wait'} for code.")
    if not said and checks and all(c.status == "passed" for c in checks):
        said.append("Every check that was run passes.")
    if not is_complete(result):
        open_points = some_points(sum(unknown_points(e) for e in result.exercises))
        said.append(
            f"{open_points} could not be graded yet. That is not your fault, and it does not "
            "count as zero."
        )
    return " ".join(said) or f"{of_points(result.points, result.max_points)}."
