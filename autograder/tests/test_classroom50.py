"""Classroom 50's record and the old reporter's line: the shape that their readers insist on."""

import base64
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from autograder.errors import AutograderError
from autograder.export import Request
from autograder.report.classroom50 import classroom50, export, only, whole_scale
from autograder.report.legacy import legacy, record
from autograder.tests.actions_runner import read_commands
from autograder.tests.test_report import check, exercise, hostile, not_graded, submission

ENVIRONMENT = {
    "CLASSROOM": "llm",
    "ASSIGNMENT": "softmax",
    "SUBMISSION_TAG": "submit/2026-11-20T10-00-00Z-a1b2c3d",
    "COMMIT_URL": "https://example.org/c",
    "RELEASE_URL": "https://example.org/r",
}
NOW = datetime(2026, 11, 20, 10, 0, 5, 999, tzinfo=UTC)
TEXT = {"type": "string", "minLength": 1}
WHOLE = {"type": "integer", "minimum": 0}
TEST = {
    "type": "object",
    "required": ["test-name", "passed", "score", "max-score"],
    "properties": {
        "test-name": TEXT,
        "passed": {"type": "boolean"},
        "score": WHOLE,
        "max-score": WHOLE,
    },
}
# The runner adds `owner` and `assignment_type` itself where they are missing.
CLASSROOM50 = Draft202012Validator(
    {
        "type": "object",
        "additionalProperties": False,
        "required": [
            "schema", "classroom", "assignment", "submission", "commit", "release", "review",
            "datetime", "score", "max-score", "tests",
        ],
        "properties": {
            "schema": {"const": "classroom50/result/v1"},
            "classroom": TEXT,
            "assignment": TEXT,
            "assignment_type": {"enum": ["individual", "group", "team"]},
            "owner": TEXT,
            "submission": {"type": "string", "pattern": "^submit/"},
            "commit": TEXT,
            "release": TEXT,
            "review": TEXT,
            "datetime": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
            "score": WHOLE,
            "max-score": WHOLE,
            "tests": {"type": "array", "items": TEST},
        },
    }
)  # fmt: skip
LEGACY = Draft202012Validator(
    {
        "type": "object",
        "required": ["version", "status", "max_score", "tests"],
        "properties": {
            "version": {"const": 1},
            "status": {"enum": ["pass", "fail", "error"]},
            "max_score": {"type": "number"},
            "tests": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["name", "status", "score", "message", "test_code"],
                    "properties": {
                        "status": {"enum": ["pass", "fail", "error"]},
                        "score": {"type": "number"},
                        "test_code": {"const": ""},
                        "line_no": {"type": "integer"},
                        "duration": {"type": "number"},
                    },
                },
            },
        },
    }
)


def made(*exercises: Any, **environment: str) -> dict[str, Any]:
    found = classroom50(submission("ada", *exercises), {**ENVIRONMENT, **environment}, NOW)
    CLASSROOM50.validate(found)
    assert found["score"] == sum(t["score"] for t in found["tests"]) <= found["max-score"]
    assert all(t["score"] <= t["max-score"] for t in found["tests"])
    return found


def test_the_record_says_whose_submission_it_is_and_what_each_function_earned() -> None:
    found = made(exercise(check("passed"), check("failed", hint="Divide by n.")))
    assert found == {
        "schema": "classroom50/result/v1",
        "classroom": "llm",
        "assignment": "softmax",
        "submission": "submit/2026-11-20T10-00-00Z-a1b2c3d",
        "commit": "https://example.org/c",
        "release": "https://example.org/r",
        "review": "https://example.org/c",
        "datetime": "2026-11-20T10:00:05Z",
        "score": 2,
        "max-score": 4,
        "tests": [
            {"test-name": "vol/scale: scale", "passed": False, "score": 2, "max-score": 4},
        ],
    }


def test_what_the_runner_names_besides_is_taken_over() -> None:
    more = {"REVIEW_URL": "https://example.org/d", "OWNER": "ada", "ASSIGNMENT_TYPE": "group"}
    found = made(exercise(check("passed")), **more)
    assert found["review"] == "https://example.org/d"
    assert (found["owner"], found["assignment_type"]) == ("ada", "group")
    assert found["tests"][0]["passed"] is True


def test_no_word_of_a_check_is_published() -> None:
    wrong = check("failed", message="out differs", hint="Divide by n", mistake="forgets_n")
    text = json.dumps(made(exercise(wrong)))
    for word in ("differs", "Divide", "forgets", "Values agree", "values"):
        assert word not in text


@pytest.mark.parametrize(
    ("worth", "scale"), [([2.0, 3.0], 1), ([2.5, 1.0], 2), ([0.25, 0.5], 4), ([1 / 3, 0.5], 6)]
)
def test_parts_of_points_become_whole_points_of_one_scale_for_everybody(
    worth: list[float], scale: int
) -> None:
    for status in ("passed", "failed"):
        checks = [
            check(status, points=w * (status == "passed"), max_points=w)  # type: ignore[arg-type]
            for w in worth
        ]
        result = submission("ada", exercise(*checks))
        assert whole_scale(result) == scale
        found = made(exercise(*checks))
        assert found["max-score"] == round(sum(worth) * scale)
        assert found["score"] == (found["max-score"] if status == "passed" else 0)


def test_work_that_is_missing_or_skipped_is_named_so() -> None:
    gone = exercise(functions=(), status="missing", points=0.0, max_points=5.0)
    found = made(exercise(check("skipped")), gone)
    assert [(t["test-name"], t["passed"], t["score"]) for t in found["tests"]] == [
        ("vol/scale: scale (skipped: needs a device)", False, 0),
        ("vol/scale (missing)", False, 0),
    ]


def test_hostile_names_stay_names() -> None:
    result = hostile("x\n\ud800\u202e| ::error::")
    broken = only([submission("a", *result.exercises[:2])], "Classroom 50")
    found = classroom50(broken, ENVIRONMENT, NOW)
    CLASSROOM50.validate(found)
    json.dumps(found, ensure_ascii=False).encode("utf-8")


def test_something_not_graded_is_no_zero_but_an_error() -> None:
    with pytest.raises(AutograderError) as error:
        only([submission("ada", not_graded())], "Classroom 50")
    assert str(error.value) == (
        "vol/late is not graded, and Classroom 50 has no word for that but zero; grade again, "
        "then export"
    )


def test_several_submissions_are_refused() -> None:
    two = [submission(name, exercise(check("passed"))) for name in ("ada", "zoe")]
    with pytest.raises(AutograderError) as error:
        only(two, "Classroom 50")
    assert str(error.value) == (
        "Classroom 50 takes one submission, and there are 2; name one result.json"
    )


def test_outside_of_its_runner_the_export_names_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLASSROOM", "llm")
    with pytest.raises(AutograderError) as error:
        export([submission("ada", exercise(check("passed")))], Request(tmp_path))
    assert str(error.value) == (
        "ASSIGNMENT, SUBMISSION_TAG, COMMIT_URL, RELEASE_URL is not set: Classroom 50's runner "
        "sets it; run this in its autograder.py (docs/classroom50.md)"
    )


# The old reporter


def read_as_the_reporter_does(line: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(line, validate=True))
    LEGACY.validate(found)
    return found


def test_the_reporter_s_line_is_base64_of_what_it_reads() -> None:
    result = submission("ada", exercise(check("passed"), check("failed", hint="Divide by n.")))
    line = legacy(result)
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", line)
    assert read_as_the_reporter_does(line) == {
        "version": 1,
        "status": "fail",
        "max_score": 4.0,
        "tests": [
            {
                "name": "vol/scale: scale",
                "status": "fail",
                "score": 2.0,
                "message": "Values agree with the definition: failed, 0 of 2 points. The result "
                "is not right yet. Hint: Divide by n.",
                "test_code": "",
                "filename": "",
                "line_no": 0,
                "duration": 0,
            }
        ],
    }


def test_everything_right_is_a_pass_and_an_exception_an_error() -> None:
    assert record(submission("ada", exercise(check("passed"))))["status"] == "pass"
    (test,) = record(submission("ada", exercise(check("raised"))))["tests"]
    assert test["status"] == "error"


def test_there_is_a_list_of_tests_even_when_nothing_was_handed_in() -> None:
    gone = exercise(functions=(), status="missing", points=0.0, max_points=5.0)
    found = read_as_the_reporter_does(legacy(submission("ada", gone)))
    assert [(t["status"], t["message"]) for t in found["tests"]] == [("fail", "not handed in.")]


def test_what_the_reporter_prints_is_no_command() -> None:
    result = submission("a", *hostile("x\n::error::y ##[error]z").exercises[:2])
    for test in record(result)["tests"]:
        printed = f"{test['name']}\nError: {test['message']}\n{test['message']}\n"
        assert read_commands(printed) == ([], False)
