"""What PrairieLearn's external grading reads: `results.json`.

Facts of its grading host and of the element that shows results: a file over 1 MiB is thrown away; a
submission that is not `gradable` earns nothing, loses nothing and costs no attempt; messages go
through a converter of terminal colours and are then shown as HTML.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..result import CheckResult, ExerciseResult, SubmissionResult
from .escape import one_line, visible
from .feedback import hints_once, opening
from .figures import is_complete, skipped_points
from .lms import told
from .words import some_points, status_word

if TYPE_CHECKING:
    from ..export import Exported, Request

MAX_BYTES = 1_000_000
# Texts are cut to the first of these lengths with which the file is small enough.
LENGTHS = (4_000, 400, 40, 0)
NOT_GRADED = (
    "This could not be graded. It is not your fault, it is not a zero, and it costs no attempt. "
    "Please tell your instructor."
)


def export(results: Sequence[SubmissionResult], request: "Request") -> "Exported":
    """`results.json` of one submission."""
    from ..export import Exported

    (result,) = results
    return Exported(results_json(result))


def results_json(result: SubmissionResult | None) -> str:
    """The text of `results.json`; None is a submission that we failed to grade."""
    text = ""
    for length in LENGTHS:
        text = json.dumps(_record(result, length), ensure_ascii=True, indent=1) + "\n"
        if len(text) <= MAX_BYTES:
            break
    return text


def _record(result: SubmissionResult | None, length: int) -> dict[str, Any]:
    if result is None or not is_complete(result):
        return _not_gradable([NOT_GRADED])
    result = hints_once(result)
    if all(e.status in ("missing", "unreadable") for e in result.exercises):
        told = [_why(e) for e in result.exercises]
        return _not_gradable([_cut(t, length) for t in (*told, *result.notices)])
    skipped = sum(map(skipped_points, result.exercises))
    message = [opening(result)]
    if skipped:
        message.append(f"{some_points(skipped)} skipped: they need a device that was not there.")
    notices = [*result.notices, *(n for e in result.exercises for n in e.notices)]
    several = len(result.exercises) > 1
    return {
        "gradable": True,
        "score": min(max(result.points / result.max_points, 0.0), 1.0),
        "message": _cut(" ".join(message), length),
        "output": _cut("\n".join(dict.fromkeys(notices)), length),
        "tests": [t for e in result.exercises for t in _tests(e, several, length)],
    }


def _not_gradable(reasons: Sequence[str]) -> dict[str, Any]:
    return {"gradable": False, "format_errors": list(dict.fromkeys(reasons))}


def _why(exercise: ExerciseResult) -> str:
    if exercise.status == "unreadable":
        return f"{exercise.title}: what was handed in could not be read. {exercise.reason}"
    return f"{exercise.title}: nothing was handed in."


def _tests(exercise: ExerciseResult, several: bool, length: int) -> list[dict[str, Any]]:
    name = one_line(exercise.title or exercise.exercise)
    if exercise.status != "graded":
        return [_test(name, 0.0, exercise.max_points, _why(exercise), length)]
    before = f"{name}, " if several else ""
    tests = []
    for function in exercise.functions:
        for check in function.checks:
            title = f"{before}{function.name}: {one_line(check.title)}"
            said = "" if check.status == "passed" else told(check)
            tests.append(_test(title, check.points, check.max_points, said, length))
        for check in function.visible:
            if check.status != "passed":
                title = f"{before}{function.name}: {one_line(check.title)}"
                tests.append(_test(title, 0.0, 0.0, _visible(check), length))
    return tests


def _visible(check: CheckResult) -> str:
    """A check that students run themselves; its message may show values, on several lines."""
    parts = (f"visible check, {status_word(check.status)}", check.message, check.hint)
    return "\n".join(part for part in parts if part)


def _test(name: str, points: float, most: float, message: str, length: int) -> dict[str, Any]:
    test = {"name": _cut(name, max(length, 80)), "points": points, "max_points": most}
    return test | ({"message": _cut(message, length)} if message else {})


def _cut(text: str, length: int) -> str:
    shown = visible(text)
    return shown if len(shown) <= length else f"{shown[:length]}..."
