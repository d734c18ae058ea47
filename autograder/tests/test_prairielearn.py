"""Inside PrairieLearn's container: results are always there, right, and fair to the student.

`host` does with a container's exit code and results what PrairieLearn's grading host and server do
with them, as read in their sources.
"""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from autograder.build import build
from autograder.course import Course
from autograder.export import FORMATS, Request
from autograder.report.prairielearn import MAX_BYTES, results_json
from autograder.result import ExerciseResult, SubmissionResult
from autograder.tests.test_report import HOSTILE, check, exercise, hostile, not_graded, submission

ENGINE = Path(__file__).parents[2]
SCALE = "vol1_toys/scale"
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")


@dataclass(frozen=True)
class Outcome:
    """What PrairieLearn makes of a job."""

    gradable: bool
    score: float
    shown: Mapping[str, Any]


def host(code: int, data: bytes | None) -> Outcome:
    failed = Outcome(False, 0.0, {})
    if code != 0 or data is None or len(data) > 1024 * 1024:
        return failed
    results = json.loads(data.decode("utf-8"))
    gradable = bool(results.get("succeeded", True)) and bool(results.get("gradable", True))
    errors = results.get("format_errors", [])
    assert isinstance(errors, list) and all(isinstance(e, str) for e in errors)
    if not gradable:
        return Outcome(False, 0.0, results)
    score = results["score"]
    assert isinstance(score, (int, float)) and math.isfinite(score) and 0 <= score <= 1
    for test in results["tests"]:
        assert test["points"] is not None and test["max_points"] is not None
        assert all(isinstance(test.get(k, ""), str) for k in ("name", "message", "output"))
    total = sum(t["max_points"] for t in results["tests"])
    earned = sum(t["points"] for t in results["tests"])
    assert math.isclose(earned, score * total, abs_tol=1e-9), "the page would contradict itself"
    return Outcome(True, score, results)


def told(result: SubmissionResult | None) -> Outcome:
    return host(0, results_json(result).encode())


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)


# What is written


def test_the_score_is_the_share_of_the_points_and_every_check_is_a_test() -> None:
    seen = check("failed", kind="V", points=0.0, max_points=0.0, message="yours 1,\nexpected 2")
    wrong = exercise(check("passed"), check("failed", name="more", hint="Scale it.", message="No."))
    wrong = replace(wrong, functions=(replace(wrong.functions[0], visible=(seen,)),))
    outcome = told(submission("ann", wrong))
    assert (outcome.gradable, outcome.score) == (True, 0.5)
    title = "scale: Values agree with the definition."
    assert outcome.shown["tests"] == [
        {"name": title, "points": 2.0, "max_points": 2.0},
        {
            "name": title,
            "points": 0.0,
            "max_points": 2.0,
            "message": "Values agree with the definition: failed, 0 of 2 points. No. Hint: Scale "
            "it.",
        },
        {
            "name": title,
            "points": 0.0,
            "max_points": 0.0,
            "message": "visible check, failed\nyours 1,\nexpected 2",
        },
    ]


@pytest.mark.parametrize(
    "result",
    [
        None,
        submission("ann", not_graded()),
        submission("ann", exercise(check("passed")), not_graded()),
        submission("ann", exercise(check("passed"), check("not_graded", points=0.0))),
    ],
)
def test_what_we_failed_to_grade_costs_no_attempt_and_is_no_zero(
    result: SubmissionResult | None,
) -> None:
    outcome = told(result)
    assert outcome.shown == {
        "gradable": False,
        "format_errors": [
            "This could not be graded. It is not your fault, it is not a zero, and it costs no "
            "attempt. Please tell your instructor."
        ],
    }


def test_a_submission_that_cannot_be_read_costs_no_attempt_and_says_why() -> None:
    broken = ExerciseResult(SCALE, "Scale", "1", "unreadable", 0.0, 2.0, reason="a.py is empty.")
    outcome = told(submission("ann", broken, notices=("a.py is empty.",)))
    assert outcome.shown == {
        "gradable": False,
        "format_errors": [
            "Scale: what was handed in could not be read. a.py is empty.",
            "a.py is empty.",
        ],
    }


def test_one_missing_exercise_of_two_is_a_zero_of_its_own_points() -> None:
    missing = ExerciseResult("vol/b", "Balance", "1", "missing", 0.0, 2.0)
    outcome = told(submission("ann", exercise(check("passed")), missing))
    assert outcome.score == 0.5
    assert outcome.shown["tests"][0]["name"] == "Scale, scale: Values agree with the definition."
    assert outcome.shown["tests"][1] == {
        "name": "Balance",
        "points": 0.0,
        "max_points": 2.0,
        "message": "Balance: nothing was handed in.",
    }


def test_skipped_is_said_to_be_skipped() -> None:
    outcome = told(submission("ann", exercise(check("passed"), check("skipped", points=0.0))))
    assert outcome.score == 0.5
    assert outcome.shown["message"].endswith(
        "2 points skipped: they need a device that was not there."
    )
    assert outcome.shown["tests"][1]["message"] == (
        "Values agree with the definition: skipped. This needs a device that the grading machine "
        "does not have; it has not run."
    )


def test_students_text_holds_no_control_characters_and_no_secret() -> None:
    whole = hostile(HOSTILE + "\x00\x1b]8;;http://evil\x07")
    graded, unreadable, _ = whole.exercises
    for exercises in ((graded, unreadable), (unreadable,)):
        text = results_json(replace(whole, exercises=exercises))
        assert text.isascii()
        shown = [t for t in texts(json.loads(text)) if "script" in t]
        assert shown
        odd = {c for t in shown for c in t if ord(c) < 32 or c in "\x7f\u202e"}
        assert odd <= {"\n", "\t"}
    wrong = exercise(check("failed", mistake="forgot_it"), review=("looks copied",))
    text = results_json(submission("ann", wrong, not_graded(reason="pid 4711 died")))
    text += results_json(submission("ann", wrong))
    assert "forgot_it" not in text and "looks copied" not in text and "4711" not in text


def test_results_stay_below_the_size_that_is_thrown_away() -> None:
    long = exercise(*(check("failed", name=f"c{i}", message="x" * 9_000) for i in range(600)))
    text = results_json(submission("ann", long))
    assert len(text) <= MAX_BYTES < 1024 * 1024
    assert told(submission("ann", long)).score == 0
    assert len(json.loads(text)["tests"]) == 600


def test_the_format_is_there_for_export_too() -> None:
    done = FORMATS["prairielearn"].writer()(
        [submission("ann", exercise(check("passed")))], Request(Path("graded"))
    )
    assert host(0, done.text.encode()).score == 1


# In the container


@pytest.fixture
def grade(toy: Course, tmp_path: Path) -> Path:
    """PrairieLearn's tree; `results` is not made by it."""
    build(toy)
    root = tmp_path / "grade"
    for name in ("student", "tests", "data", "serverFilesCourse"):
        (root / name).mkdir(parents=True)
    (root / "data" / "data.json").write_text('{"variant_seed": 1, "gradable": true}')
    return root


def words(root: Path, course: Path, *more: str) -> list[str]:
    command = [sys.executable, "-m", "autograder.cli", "prairielearn", "run"]
    return [*command, "--root", str(root), "--course", str(course), "--exercise", SCALE, *more]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ENGINE), "PYTHONDONTWRITEBYTECODE": "1"}


def run(root: Path, course: Path, *more: str) -> tuple[Outcome, str]:
    done = subprocess.run(
        words(root, course, *more), env=environment(), cwd="/", capture_output=True, text=True
    )
    path = root / "results" / "results.json"
    left = {p.name for p in path.parent.iterdir()} if path.parent.is_dir() else set()
    assert left <= {"results.json"}, "a half-written file is left"
    data = path.read_bytes() if path.is_file() else None
    return host(done.returncode, data), done.stdout + done.stderr


def solution(course: Course) -> str:
    return (course.root / "solutions" / f"{SCALE}.py").read_text(encoding="utf-8")


def hand_in(root: Path, text: str, name: str = "scale.py") -> None:
    (root / "student" / name).write_text(text, encoding="utf-8")


@needs_linux
def test_a_right_solution_gets_everything(grade: Path, toy: Course) -> None:
    hand_in(grade, solution(toy))
    outcome, said = run(grade, toy.root)
    assert (outcome.gradable, outcome.score) == (True, 1.0)
    assert "results.json written: " in said


@needs_linux
def test_a_half_right_notebook_gets_its_share(grade: Path, toy: Course) -> None:
    notebook = json.loads((toy.root / "assignments" / f"{SCALE}.ipynb").read_text())
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if "scale is yours" in source:
            cell["source"] = "def scale(x, factor):\n    return x * factor\n"
    hand_in(grade, json.dumps(notebook), "scale.ipynb")
    outcome, _ = run(grade, toy.root)
    assert outcome.gradable and 0 < outcome.score < 1
    assert any("not attempted" in t.get("message", "") for t in outcome.shown["tests"])


EVIL = """
import os, signal, sys
{top}
def scale(x, factor):
    {body}
def scale_backward(dout, factor):
    return dout * factor
"""
FORGED = '{"gradable": true, "score": 1.0, "tests": []}'


@needs_linux
@pytest.mark.parametrize(
    "body",
    [
        "open({results!r}, 'w').write({forged!r})",
        "os.kill(os.getppid(), signal.SIGKILL)",
        pytest.param("os._exit(0)", marks=pytest.mark.integrations),
        pytest.param(
            "sys.stdout.write('x' * 20_000_000); return x * factor + 1",
            marks=pytest.mark.integrations,
        ),
    ],
)
def test_hostile_work_loses_its_own_points_and_nothing_else(
    grade: Path, toy: Course, body: str
) -> None:
    results = grade / "results" / "results.json"
    text = body.format(results=str(results), forged=FORGED)
    hand_in(grade, EVIL.format(top="", body=text))
    outcome, said = run(grade, toy.root)
    assert outcome.gradable
    names = [t["name"].partition(":")[0] for t in outcome.shown["tests"] if t["points"]]
    assert set(names) == {"scale_backward"}
    assert 0 < outcome.score < 1
    assert len(said) < 10_000
    assert len(list(grade.rglob("*.json"))) == 2


@needs_linux
@pytest.mark.integrations
@pytest.mark.parametrize("level", ["A", "B", "C"])
def test_no_file_of_the_container_can_be_read_at_any_level(
    grade: Path, toy: Course, level: str
) -> None:
    from autograder.sandbox.probe import try_level

    problem = try_level(level)  # type: ignore[arg-type]
    if problem is not None:
        pytest.skip(str(problem))
    secret = grade / "tests" / "answers.txt"
    secret.write_text("2")
    read = f"open({str(secret)!r}).read(); return x * factor"
    hand_in(grade, EVIL.format(top="", body=read))
    outcome, _ = run(grade, toy.root, "--isolation", level)
    assert {t["name"].partition(":")[0] for t in outcome.shown["tests"] if t["points"]} == {
        "scale_backward"
    }


@needs_linux
@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("scale.ipynb", "{", "scale.ipynb is not a complete notebook: its JSON is broken"),
        ("scale.py", "", "scale.py is empty; save it and hand it in again"),
        ("notes.txt", "hello", "Scale: nothing was handed in."),
    ],
)
def test_a_file_that_cannot_be_graded_costs_no_attempt(
    grade: Path, toy: Course, name: str, text: str, why: str
) -> None:
    hand_in(grade, text, name)
    outcome, _ = run(grade, toy.root)
    assert not outcome.gradable
    assert any(why in error for error in outcome.shown["format_errors"])


@needs_linux
@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda grade, course: (course / "instructor/checks" / f"{SCALE}.py").unlink(),
         "not graded: instructor/checks/vol1_toys/scale.py is missing"),
        (lambda grade, course: (grade / "student").rmdir(), "student is not there"),
        (lambda grade, course: (course / "instructor/course.toml").unlink(),
         "is not inside a course"),
    ],
)  # fmt: skip
def test_our_own_failure_is_written_too_and_its_reason_is_for_the_log_only(
    grade: Path, toy: Course, break_it: Any, said: str
) -> None:
    if "student is" not in said:
        hand_in(grade, solution(toy))
    break_it(grade, toy.root)
    outcome, log = run(grade, toy.root)
    assert not outcome.gradable
    assert len(outcome.shown["format_errors"]) == 1
    assert said in log
    assert said not in json.dumps(outcome.shown)


@contextmanager
def started(command: list[str]) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        command, env=environment(), cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


@needs_linux
def test_a_container_that_is_stopped_still_writes_its_results(grade: Path, toy: Course) -> None:
    hand_in(grade, EVIL.format(top="", body="while True: pass"))
    # A check that waits, so that the signal arrives while the submission is being graded.
    path = toy.root / "instructor/checks" / f"{SCALE}.py"
    mark = grade / "begun"
    wait = f"import pathlib, time\npathlib.Path({str(mark)!r}).touch()\ntime.sleep(60)\n"
    path.write_text(path.read_text(encoding="utf-8") + wait, encoding="utf-8")
    with started(words(grade, toy.root)) as process:
        while not mark.exists() and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        log, _ = process.communicate(timeout=60)
    outcome = host(process.returncode, (grade / "results" / "results.json").read_bytes())
    assert not outcome.gradable and outcome.shown["format_errors"]
    assert "the container was stopped (signal 15)" in log


@needs_linux
def test_results_that_cannot_be_written_end_with_two(grade: Path, toy: Course) -> None:
    hand_in(grade, solution(toy))
    (grade / "results").write_text("in the way")
    done = subprocess.run(
        words(grade, toy.root), env=environment(), cwd="/", capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "autograder: cannot write " in done.stderr
    assert not host(done.returncode, None).gradable
