"""What Gradescope is told: the points that are known, one sentence per hidden check, no markup."""

import dataclasses
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import autograder
from autograder.gradescope.metadata import UNNAMED, Metadata, read_metadata
from autograder.gradescope.record import (
    NOT_YOURS,
    OPEN,
    SHOWS,
    Settings,
    Show,
    not_graded,
    results,
    written,
)
from autograder.report import sentence
from autograder.result import (
    CheckResult,
    ExerciseResult,
    FunctionResult,
    RaceResult,
    Status,
    SubmissionResult,
)

SCHEMA = Path(autograder.__file__).parent / "gradescope" / "results.schema.json"
HOSTILE = "<script>alert(1)</script> [l](javascript:x) \x1b[2J\u202e\n::error::x"
SECRET = "the zygote of pid 4711 died"


def valid(record: dict[str, Any]) -> dict[str, Any]:
    """`record` after a journey through its text, if it is what Gradescope takes."""
    read = json.loads(written(record))
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(read, schema)
    return dict(read)


def check(status: Status, name: str = "values", **changes: Any) -> CheckResult:
    earned = 2.0 if status == "passed" else 0.0
    plain = CheckResult(name, "R", "Values agree.", status, earned, 2.0, mistake="adds")
    return dataclasses.replace(plain, **changes)


def visible_check(status: Status) -> CheckResult:
    return CheckResult("visible_scale", "V", "Worked numbers.", status, 0.0, 0.0, "x is [1, 2]")


def exercise(*checks: CheckResult, visible: tuple[CheckResult, ...] = ()) -> ExerciseResult:
    status = next((c.status for c in checks if c.status != "passed"), "passed")
    got, most = sum(c.points for c in checks), sum(c.max_points for c in checks)
    function = FunctionResult("scale", status, got, most, checks, visible)
    review = ("calls eval: look",)
    return ExerciseResult(
        "vol/scale", "Scale", "1", "graded", got, most, (function,), "scale.py", review=review
    )


def other(status: Any, **changes: Any) -> ExerciseResult:
    blank = ExerciseResult("vol/late", "Late", "1", status, 0.0, 7.0)
    return dataclasses.replace(blank, **changes)


def submission(*exercises: ExerciseResult, **changes: Any) -> SubmissionResult:
    got, most = sum(e.points for e in exercises), sum(e.max_points for e in exercises)
    made = SubmissionResult("gradescope-7", got, most, "B", "0.1", "3f2a", "9c", exercises)
    return dataclasses.replace(made, **changes)


def told(*exercises: ExerciseResult, show: Show = "visible", **changes: Any) -> dict[str, Any]:
    slugs = tuple(e.exercise for e in exercises)
    return valid(results(submission(*exercises), Settings(slugs, show), **changes))


def test_every_check_is_a_test_and_the_points_add_up() -> None:
    half = check("failed", "edges", kind="E", max_points=0.5)
    record = told(exercise(check("passed"), half), other("missing"))
    assert [(t["number"], t.get("score"), t.get("max_score")) for t in record["tests"]] == [
        ("1.1.1", 2.0, 2.0),
        ("1.1.2", 0.0, 0.5),
        ("2", 0.0, 7.0),
    ]
    assert record["tests"][0]["name"] == "Scale: scale: Values agree"
    assert record["tests"][0]["tags"] == ["vol/scale", "values"]
    assert record["tests"][2]["name"] == "Late: not handed in"
    assert "score" not in record


def test_a_hidden_check_says_its_sentence_and_nothing_else() -> None:
    failed = check("failed", message="The sign is wrong.", hint="Turn it around.")
    (test,) = told(exercise(failed))["tests"]
    assert test["output"] == sentence(failed)
    assert test["name"] == "scale: Values agree"


def test_reasons_reviews_and_names_of_mistakes_stay_out() -> None:
    record = told(exercise(check("failed")), other("not_graded", reason=SECRET))
    text = json.dumps(record)
    assert SECRET not in text and "eval" not in text and "adds" not in text


@pytest.mark.parametrize("status", ["skipped", "not_graded"])
def test_what_has_not_run_has_neither_score_nor_status(status: Status) -> None:
    record = told(exercise(check("passed"), check(status, "on_a_device")))
    assert not {"score", "max_score", "status"} & record["tests"][1].keys()
    assert status.replace("_", " ") in record["tests"][1]["output"]


def test_a_skipped_check_leaves_the_other_scores_and_is_called_skipped() -> None:
    record = told(exercise(check("passed"), check("skipped", "on_a_device")))
    assert record["tests"][0]["score"] == 2.0
    assert "skipped, 0 of 2 points." in record["tests"][1]["output"]


@pytest.mark.parametrize(
    "open_one", [other("not_graded", reason=SECRET), exercise(check("not_graded"))]
)
def test_as_soon_as_anything_is_not_graded_there_is_no_score_at_all(
    open_one: ExerciseResult,
) -> None:
    record = told(exercise(check("passed")), open_one, other("missing"))
    assert not any({"score", "max_score"} & t.keys() for t in record["tests"])
    assert record["output"].startswith(OPEN)
    assert record["tests"][0]["status"] == "passed"
    assert "2 of 2 points" in record["tests"][0]["output"]


def test_an_exercise_that_is_not_graded_says_whose_fault_it_is() -> None:
    (test,) = told(other("not_graded", reason=SECRET))["tests"]
    assert (test["name"], test["output"]) == ("Late: not graded", NOT_YOURS)


def test_when_the_grader_fails_there_is_a_sentence_and_no_score() -> None:
    record = valid(not_graded())
    assert record["tests"] == [{"name": "Not graded", "output": NOT_YOURS, "visibility": "visible"}]
    assert "score" not in record


def test_an_unreadable_exercise_tells_why() -> None:
    (test,) = told(other("unreadable", reason="late.ipynb is cut off."))["tests"]
    assert (test["output"], test["score"]) == ("late.ipynb is cut off.", 0.0)


def test_points_behind_a_closed_gate_are_not_shown_as_passed() -> None:
    gate = check("failed", "finite", gate=True, max_points=0.0)
    record = told(exercise(gate, check("passed", points=0.0)))
    closed, lost = record["tests"]
    assert "score" not in closed and closed["status"] == "failed"
    assert closed["output"].endswith("scale earns no points until this condition holds.")
    assert (lost["score"], lost["status"]) == (0.0, "failed")


@pytest.mark.parametrize("show", SHOWS)
def test_hidden_checks_are_shown_when_the_assignment_says_so(show: Show) -> None:
    record = told(exercise(check("failed"), visible=(visible_check("failed"),)), show=show)
    hidden, shown = record["tests"]
    assert (hidden["visibility"], shown["visibility"]) == (show, "visible")
    assert shown["name"] == "scale: visible check, failed"
    assert shown["output"] == "Worked numbers.\nx is [1, 2]"
    assert ("hidden checks" in record["output"]) == (show != "visible")


def test_while_checks_are_hidden_nothing_in_sight_depends_on_them() -> None:
    """The engine runs the visible check only when a hidden one does not pass."""
    wrong = exercise(check("failed"), visible=(visible_check("passed"),))
    right = exercise(check("passed"))
    settings = Settings(("vol/scale",), "after_published", leaderboard=True)
    first, second = (valid(results(submission(e, key="k"), settings)) for e in (wrong, right))
    for record in (first, second):
        record["tests"] = [t for t in record["tests"] if t["visibility"] == "visible"]
        assert record["tests"] == []
    assert first == second


def test_what_a_student_wrote_is_text_wherever_it_stands() -> None:
    odd = dataclasses.replace(
        exercise(check("passed")), source=HOSTILE, notices=(HOSTILE,), title=HOSTILE
    )
    record = told(odd, other("unreadable", reason=HOSTILE))
    formats = ("output_format", "test_output_format", "test_name_format")
    assert {record[f] for f in formats} == {"text"}
    assert not any("output_format" in t or "name_format" in t for t in record["tests"])
    text = json.dumps(record, ensure_ascii=False)
    assert "\x1b" not in text and "\u202e" not in text
    assert "\n::" not in record["output"]
    assert record["stdout_visibility"] == "hidden"


def test_the_leaderboard_has_points_only_when_they_may_be_seen() -> None:
    right, late = exercise(check("passed")), other("not_graded")

    def board(*exercises: ExerciseResult, show: Show = "visible", on: bool = True) -> Any:
        record = valid(results(submission(*exercises), Settings((), show, leaderboard=on)))
        return record.get("leaderboard")

    assert board(right) == [{"name": "Points", "value": 2.0, "order": "desc"}]
    assert board(right, on=False) is board(right, show="hidden") is board(right, late) is None


def raced(ratio: float | None, reason: str = "") -> ExerciseResult:
    speed = None if ratio is None else 900.0
    race = RaceResult("greedy_decoding", "Decode.", "tokens", ratio, speed, reason)
    return dataclasses.replace(exercise(check("passed")), races=(race,))


def test_a_race_is_a_column_of_the_leaderboard_and_a_test_without_a_score() -> None:
    settings = Settings((), leaderboard=True)
    record = valid(results(submission(raced(1.25)), settings))
    assert record["leaderboard"] == [
        {"name": "Points", "value": 2.0, "order": "desc"},
        {"name": "Scale: Greedy decoding, times the reference", "value": 1.25, "order": "desc"},
    ]
    test = record["tests"][-1]
    said = "1.25 times the speed of the reference, 900 tokens per second of processor time."
    assert (test["number"], test["name"]) == ("1.2", "Greedy decoding")
    assert test["output"] == f"Decode.\n{said}\nNo points depend on it."
    assert not {"score", "max_score", "status"} & test.keys()


def test_a_race_that_was_not_measured_is_in_no_column_and_says_why() -> None:
    settings = Settings((), leaderboard=True)
    record = valid(results(submission(raced(None, "It raised KeyError.")), settings))
    assert [column["name"] for column in record["leaderboard"]] == ["Points"]
    assert "Not measured. It raised KeyError." in record["tests"][-1]["output"]


def test_a_race_is_not_seen_before_the_hidden_checks_are() -> None:
    settings = Settings((), "after_published", leaderboard=True)
    record = valid(results(submission(raced(1.25)), settings))
    assert "leaderboard" not in record and "1.25" not in record["output"]
    assert record["tests"][-1]["visibility"] == "after_published"


@pytest.mark.parametrize(
    ("late", "words"),
    [
        (timedelta(seconds=20), "Handed in 1 min after the due date."),
        (timedelta(hours=3), "Handed in 3 h after the due date."),
        (timedelta(days=1, hours=2, minutes=5), "Handed in 1 day 2 h 5 min after the due date."),
        (timedelta(days=2), "Handed in 2 days after the due date."),
    ],
)
def test_a_late_submission_is_told_so_and_keeps_its_score(late: timedelta, words: str) -> None:
    metadata = metadata_of(due="2026-11-20T12:00:00+00:00", late=late)
    record = told(exercise(check("passed")), metadata=metadata)
    assert record["output"].startswith(words)
    assert record["tests"][0]["score"] == 2.0


def metadata_of(*, due: str, late: timedelta) -> Metadata:
    when = datetime.fromisoformat(due)
    return Metadata("gradescope-7", when + late, when)


def read(tmp_path: Path, record: Any) -> Metadata:
    path = tmp_path / "submission_metadata.json"
    path.write_text(record if isinstance(record, str) else json.dumps(record))
    return read_metadata(path)


DATES = {"created_at": "2026-11-20T14:00:00-07:00"}
NOON, NEXT = "2026-11-20T12:00:00-07:00", "2026-11-21T12:00:00-07:00"


def test_a_student_s_extension_comes_before_the_assignment_s_date(tmp_path: Path) -> None:
    record = {**DATES, "assignment": {"due_date": NOON}, "users": [{"id": 7}]}
    late = read(tmp_path, record).late
    assert late == timedelta(hours=2)
    record["users"] = [{"id": 7, "assignment": {"due_date": NEXT}}]
    assert read(tmp_path, record).late is None


def test_a_group_is_one_student_in_any_order(tmp_path: Path) -> None:
    names = [
        read(tmp_path, {"users": [{"id": i} for i in ids]}).student for ids in ((9, 7), (7, 9))
    ]
    assert names == ["gradescope-7-9"] * 2


@pytest.mark.parametrize(
    "record",
    ["", "{", "[1]", '"users"', "[" * 100_000, {"users": "x"}, {"users": [{"id": True}, 3]}],
)
def test_odd_metadata_gives_no_name_and_says_so(tmp_path: Path, record: Any) -> None:
    metadata = read(tmp_path, record)
    assert metadata.student == UNNAMED
    assert metadata.problem.startswith("submission_metadata.json ")


@pytest.mark.parametrize("date", [None, 3, "soon", "2026-11-20T12:00:00"])
def test_a_date_without_sense_or_zone_makes_nobody_late(tmp_path: Path, date: Any) -> None:
    record = {**DATES, "assignment": {"due_date": date, "total_points": date}, "users": [{"id": 1}]}
    assert read(tmp_path, record).late is None


@pytest.mark.parametrize(
    "broken",
    [
        {"output": "x"},
        {"tests": []},
        {"tests": [{"name": "x", "output": "", "visibility": "sometimes"}]},
        {"score": 1, "grade": 2},
        {"tests": [{"name": "x", "output": "", "visibility": "visible", "score": 1}]},
    ],
)
def test_the_schema_refuses_what_gradescope_does_not_name(broken: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        valid(broken)
