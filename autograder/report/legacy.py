"""The line that runners of GitHub Classroom handed to its reporter, for forks that still read it.

Base64 of JSON. The reporter prints what it reads into the log, so nothing in it may be a command.
"""

import base64
import json
from collections.abc import Sequence
from typing import Any

from ..export import Exported, Request
from ..result import ExerciseResult, FunctionResult, SubmissionResult
from .classroom50 import only
from .feedback import hints_once
from .github import log_text
from .words import exercise_word, sentence


def export(results: Sequence[SubmissionResult], request: Request) -> Exported:
    """The line for one submission.

    Raises:
        AutograderError: There are several, or something is not graded.
    """
    return Exported(legacy(only(results, "the reporter")) + "\n")


def legacy(result: SubmissionResult) -> str:
    """The value of `<RUNNER>_RESULTS`; one line of base64, whatever the result holds."""
    return base64.b64encode(json.dumps(record(result)).encode()).decode()


def record(result: SubmissionResult) -> dict[str, Any]:
    """What the line holds."""
    tests = [test for e in hints_once(result).exercises for test in _tests(e)]
    passed = all(test["status"] == "pass" for test in tests)
    return {
        "version": 1,
        "status": "pass" if passed else "fail",
        "max_score": result.max_points,
        "tests": tests,
    }


def _tests(exercise: ExerciseResult) -> list[dict[str, Any]]:
    if not exercise.functions:
        name = exercise.exercise
        return [_test(name, "fail", 0.0, f"{exercise_word(exercise)}. {exercise.reason}")]
    return [_of(exercise, function) for function in exercise.functions]


def _of(exercise: ExerciseResult, function: FunctionResult) -> dict[str, Any]:
    passed = function.status == "passed" and function.points >= function.max_points
    wrong = "error" if function.status in ("raised", "timed_out", "over_memory") else "fail"
    said = " ".join(sentence(c) for c in function.checks if c.status != "passed")
    status = "pass" if passed else wrong
    return _test(f"{exercise.exercise}: {function.name}", status, function.points, said)


def _test(name: str, status: str, score: float, said: str) -> dict[str, Any]:
    return {
        "name": log_text(name),
        "status": status,
        "score": score,
        "message": "" if status == "pass" else log_text(said),
        # The reporter prints it; there is nothing of a check that may be printed.
        "test_code": "",
        "filename": "",
        "line_no": 0,
        "duration": 0,
    }
