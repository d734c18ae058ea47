"""The record, its schema and its page agree, and reading refuses what is not the record."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from autograder import result as module
from autograder.result import (
    CheckResult,
    ExerciseResult,
    FunctionResult,
    RaceResult,
    SubmissionResult,
)

SCHEMA = json.loads((Path(module.__file__).parent / "result.schema.json").read_text())
PAGE = Path(module.__file__).parent.parent / "docs" / "result.md"


def submission() -> SubmissionResult:
    """A result in which every status and every optional field occurs."""
    checks = tuple(
        CheckResult(f"c{i}", "R", "Agrees.", status, 0.0, 1.0, "wrong", "look", "slip")
        for i, status in enumerate(SCHEMA["$defs"]["status"]["enum"])
    )
    gate = CheckResult("gate", "E", "Stays.", "passed", 0.0, 0.0, gate=True)
    seen = CheckResult("visible", "V", "Worked.", "failed", 0.0, 0.0, "yours 2, expected 1")
    function = FunctionResult("scale", "failed", 0.0, 8.0, (*checks, gate), (seen,))
    races = (
        RaceResult("fast", "Scales much.", "rows", 1.25, 3000.0),
        RaceResult("far", "Scales more.", "rows", reason="Not run."),
    )
    graded = ExerciseResult(
        "v/scale", "Scale", "1", "graded", 2.5, 8.0, (function,), "scale.ipynb",
        "0a" * 32, ("cell 7 could not be read",), ("imports os",), races=races, seconds=0.25,
    )  # fmt: skip
    others = (
        ExerciseResult("v/a", "A", "1", "missing", 0.0, 3.0),
        ExerciseResult("v/b", "B", "1", "unreadable", 0.0, 3.0, reason="not JSON"),
        ExerciseResult("v/c", "C", "1", "not_graded", 0.0, 3.0, reason="no sandbox"),
    )
    return SubmissionResult(
        "Sören \U0001f600", 2.5, 17.0, "A", "0.1", "3f2a", "9c", (graded, *others),
        notices=("a folder was left out",), seconds=1.5,
    )  # fmt: skip


def errors(record: Any) -> list[str]:
    return [e.message for e in Draft202012Validator(SCHEMA).iter_errors(record)]


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    yield SCHEMA
    yield from (SCHEMA["$defs"][name] for name in ("exercise", "race", "function", "check"))


def test_the_schema_is_a_schema_and_accepts_a_result_with_everything_in_it() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert errors(json.loads(submission().to_json())) == []


def test_the_schema_lists_the_fields_of_the_record_in_order_and_allows_no_others() -> None:
    kinds = (SubmissionResult, ExerciseResult, RaceResult, FunctionResult, CheckResult)
    for schema, kind in zip(objects(SCHEMA), kinds, strict=True):
        fields = [f.name for f in dataclasses.fields(kind)]
        if kind is SubmissionResult:
            fields = ["schema", *fields[:-1]]
        assert list(schema["properties"]) == schema["required"] == fields
        assert schema["additionalProperties"] is False


def test_every_field_has_a_title_and_a_description_and_stands_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for schema in objects(SCHEMA):
        for name, field in schema["properties"].items():
            assert field["title"] and field["description"].endswith("."), name
            assert f"`{name}`" in page


def test_every_status_stands_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    exercise = SCHEMA["$defs"]["exercise"]["properties"]["status"]["enum"]
    for status in (*SCHEMA["$defs"]["status"]["enum"], *exercise):
        assert f"| `{status}` |" in page


def test_the_file_has_the_fields_in_the_order_of_the_schema() -> None:
    assert list(json.loads(submission().to_json())) == SCHEMA["required"]


def test_reading_back_gives_the_same_record_and_the_same_bytes() -> None:
    text = submission().to_json()
    again = SubmissionResult.from_json(text)
    assert again == submission()
    assert again.to_json() == text
    assert text.endswith("}\n")


def test_a_file_name_that_is_not_utf8_survives_and_can_be_written() -> None:
    odd = dataclasses.replace(submission(), student=b"anna\xff".decode("utf-8", "surrogateescape"))
    text = odd.to_json()
    assert "anna\\udcff" in text.encode("utf-8").decode()
    assert SubmissionResult.from_json(text) == odd


def test_a_number_that_is_not_finite_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dataclasses.replace(submission(), points=float("nan")).to_json()


def changed(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(submission().to_json())
    change(record)
    return record


REFUSED: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ("result misses or should not have extra", lambda r: r.update(extra=1)),
    ("result misses or should not have key", lambda r: r.pop("key")),
    ("result.points is '3'", lambda r: r.update(points="3")),
    ("result.points is True", lambda r: r.update(points=True)),
    ("result.points is None", lambda r: r.update(points=None)),
    ("result.exercises is {}", lambda r: r.update(exercises={})),
    ("result.notices[0] is 1", lambda r: r.update(notices=[1])),
    ("result.exercises[0].status is 'fine'", lambda r: r["exercises"][0].update(status="fine")),
    ("checks[1].kind is 'X'", lambda r: first(r)["checks"][1].update(kind="X")),
    ("checks[0].gate is 0", lambda r: first(r)["checks"][0].update(gate=0)),
    ("checks[0] misses or", lambda r: first(r)["checks"][0].pop("hint")),
    ("races[0].ratio is 'fast'", lambda r: r["exercises"][0]["races"][0].update(ratio="fast")),
]


def first(record: dict[str, Any]) -> Any:
    return record["exercises"][0]["functions"][0]


@pytest.mark.parametrize(("said", "change"), REFUSED)
def test_schema_and_reader_refuse_a_changed_record(
    said: str, change: Callable[[dict[str, Any]], Any]
) -> None:
    record = changed(change)
    assert errors(record)
    with pytest.raises(ValueError) as caught:
        SubmissionResult.from_json(json.dumps(record))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.update(isolation="D"),
        lambda r: r.update(student=""),
        lambda r: r.update(points=-1),
        lambda r: r["exercises"][0].update(source_sha256="0A" * 32),
        lambda r: r["exercises"][1].update(points=1),
        lambda r: r["exercises"][2].update(reason=""),
        lambda r: r["exercises"][3].update(points=3),
        lambda r: r["exercises"][3].update(reason=""),
        lambda r: r["exercises"][0].update(review=[""]),
        lambda r: r["exercises"][0]["races"][0].update(ratio=None),
        lambda r: r["exercises"][0]["races"][0].update(speed=None),
        lambda r: r["exercises"][0]["races"][0].update(reason="slow"),
        lambda r: r["exercises"][0]["races"][1].update(ratio=1.5),
        lambda r: r["exercises"][0]["races"][1].update(reason=""),
    ],
)
def test_the_schema_refuses_what_no_grading_can_give(
    change: Callable[[dict[str, Any]], Any],
) -> None:
    assert errors(changed(change))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a result record: Expecting value"),
        ('{"schema": "autograder/result/v2"', "not a result record"),
        ("[]", "schema is 'list', expected 'autograder/result/v2'"),
        ('{"schema": "autograder/result/v1"}', "schema is 'autograder/result/v1', expected"),
        ('{"schema": NaN}', "NaN is not a number of JSON"),
        ("[" * 100_000, "not a result record"),
    ],
)
def test_what_is_not_a_result_is_refused_with_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        SubmissionResult.from_json(text)
    assert said in str(caught.value)


def test_a_number_too_large_to_be_finite_is_refused() -> None:
    text = submission().to_json().replace('"points": 2.5', '"points": 1e999', 1)
    with pytest.raises(ValueError, match=r"result\.points is inf"):
        SubmissionResult.from_json(text)


def test_the_exercises_that_were_not_graded_are_known() -> None:
    assert [e.exercise for e in submission().not_graded] == ["v/c"]
