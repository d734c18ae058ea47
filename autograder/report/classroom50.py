"""Classroom 50's `result.json`: one submission, whole points, names of functions and nothing else.

What is written here is published with the student's work, so it holds no message of any check.
"""

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from math import lcm
from typing import Any

from ..errors import AutograderError
from ..export import Exported, Request
from ..result import ExerciseResult, FunctionResult, SubmissionResult
from .escape import one_line
from .figures import is_known

SCHEMA = "classroom50/result/v1"
# Field of the record, variable that the runner sets.
VARIABLES = {
    "classroom": "CLASSROOM",
    "assignment": "ASSIGNMENT",
    "submission": "SUBMISSION_TAG",
    "commit": "COMMIT_URL",
    "release": "RELEASE_URL",
}
# Further fields that a newer runner names; it stamps them itself where they are missing.
OPTIONAL = {"owner": "OWNER", "assignment_type": "ASSIGNMENT_TYPE"}


def export(results: Sequence[SubmissionResult], request: Request) -> Exported:
    """The record of the one submission that the environment names.

    Raises:
        AutograderError: There are several, something is not graded, or a variable is missing.
    """
    record = classroom50(only(results, "Classroom 50"), os.environ, datetime.now(UTC))
    return Exported(json.dumps(record, ensure_ascii=False, indent=2) + "\n")


def only(results: Sequence[SubmissionResult], system: str) -> SubmissionResult:
    """The one result of a format that knows one submission, all of it graded.

    Raises:
        AutograderError: There are several, or something is not graded.
    """
    if len(results) != 1:
        raise AutograderError(
            f"{system} takes one submission, and there are {len(results)}; name one result.json"
        )
    for exercise in results[0].exercises:
        if not is_known(exercise):
            raise AutograderError(
                f"{exercise.exercise} is not graded, and {system} has no word for that but zero; "
                "grade again, then export"
            )
    return results[0]


def classroom50(
    result: SubmissionResult, environment: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    """The record as a dictionary.

    Args:
        result: Everything in it is graded.
        environment: Where the runner says whose submission it is.
        now: In UTC.

    Raises:
        AutograderError: A variable that the runner sets is missing.
    """
    missing = [name for name in VARIABLES.values() if not environment.get(name)]
    if missing:
        raise AutograderError(
            f"{', '.join(missing)} is not set: Classroom 50's runner sets it; run this in its "
            "autograder.py (docs/classroom50.md)"
        )
    known = {key: environment[name] for key, name in VARIABLES.items()}
    known |= {key: environment[name] for key, name in OPTIONAL.items() if environment.get(name)}
    scale = whole_scale(result)
    tests = [test for e in result.exercises for test in _tests(e, scale)]
    return {
        "schema": SCHEMA,
        **known,
        "review": environment.get("REVIEW_URL") or known["commit"],
        "datetime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "score": sum(test["score"] for test in tests),
        "max-score": sum(test["max-score"] for test in tests),
        "tests": tests,
    }


def whole_scale(result: SubmissionResult) -> int:
    """The factor that makes the points of every check whole: 1, where they are already.

    It depends on what checks are worth and not on what was earned, so it is the same for everybody.
    """
    worth = [
        check.max_points
        for exercise in result.exercises
        for function in exercise.functions
        for check in function.checks
    ]
    worth += [e.max_points for e in result.exercises]
    return lcm(*(Fraction(value).limit_denominator(100).denominator for value in worth))


def _tests(exercise: ExerciseResult, scale: int) -> list[dict[str, Any]]:
    if not exercise.functions:
        name = f"{exercise.exercise} ({exercise.status})"
        return [_test(name, exercise.status == "graded", exercise.points, exercise, scale)]
    return [
        _test(
            f"{exercise.exercise}: {function.name}{_skipped(function)}",
            function.status == "passed" and function.points >= function.max_points,
            function.points,
            function,
            scale,
        )
        for function in exercise.functions
    ]


def _skipped(function: FunctionResult) -> str:
    skipped = "skipped" in (function.status, *(c.status for c in function.checks))
    return " (skipped: needs a device)" if skipped else ""


def _test(
    name: str, passed: bool, earned: float, of: ExerciseResult | FunctionResult, scale: int
) -> dict[str, Any]:
    # Rounded down, so that a part of a point never looks like the whole of it.
    return {
        "test-name": one_line(name),
        "passed": passed,
        "score": int(earned * scale + 1e-6),
        "max-score": round(of.max_points * scale),
    }
