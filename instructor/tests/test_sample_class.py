"""A class graded end to end: everybody gets exactly what is fair, and nothing else happens.

`--sample-class=all` grades a class that makes every declared mistake; otherwise a sample of them,
the same every time, is made. That every one of them can be made is tested in both cases.
"""

import ast
import ctypes
import hashlib
import html
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from autograder.course import Course
from autograder.exercise import Exercise
from autograder.hints import planted_student
from autograder.inputs import Seed
from autograder.judge import Bench, draw_cases, run_check, score, settle
from autograder.mistake import Mistake
from autograder.percent import solution_lines
from autograder.result import ExerciseResult, SubmissionResult
from autograder.verify import alternatives

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "instructor" / "sample_class"
SECRET = b"a secret that only this test uses\n"
SOFTMAX, RMSNORM = "vol1_numpy/softmax", "vol1_numpy/rmsnorm"
ATTENTION, OPTIMIZERS, LORA = "vol1_numpy/attention", "vol1_numpy/optimizers", "vol2_pytorch/lora"
SUBREAPER = 36  # prctl: orphans of our descendants become our children

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="grading isolates on Linux"),
    pytest.mark.xdist_group("sample_class"),  # so that the class is graded once
]

# How many declared mistakes the sample makes.
MISTAKES = 60

# The points of the exercises that most stories are about.
POINTS = {
    SOFTMAX: {"softmax": 8.0, "softmax_jacobian": 6.0, "softmax_backward": 10.0},
    RMSNORM: {"rmsnorm": 9.0, "rmsnorm_backward": 15.0},
}


@dataclass(frozen=True)
class Fair:
    """What a student gets: full points for all in `handed_in` but for what is listed.

    Attributes:
        handed_in: The exercises that can be read; everything is "*".
        lost: Functions, or whole exercises, that get 0 points, with their status; "*" is the rest.
        partly: Functions that get a part, with points and status.
        unreadable: Exercises that cannot be read, with words of the reason.
        told: Words of a sentence about what was repaired or left out.
        not_graded: Words of the reason why nothing is graded.
    """

    handed_in: tuple[str, ...] = (SOFTMAX,)
    lost: Mapping[str, str] = field(default_factory=dict)
    partly: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    told: str = ""
    not_graded: str = ""


def lost(status: str, *functions: str, **more: Any) -> Fair:
    """Softmax handed in, and `functions` of it lost."""
    return Fair(lost=dict.fromkeys(functions, status), **more)


@cache
def course() -> Course:
    return Course(ROOT)


@cache
def exercise(slug: str) -> Exercise:
    return course().exercise(slug)


def long(slug: str) -> bool:
    """Whether an exercise trains a model: only the references of it are handed in."""
    return sum({c.shared: c.seconds for c in exercise(slug).checks}.values()) >= 15


QUICK = tuple(slug for slug in course().slugs if not long(slug))
EVERYTHING = Fair(handed_in=("*",))
NOTHING_WRITTEN = Fair(handed_in=("*",), lost={"*": "not_attempted"})
FULL = Fair()
ALL_OF_IT = ("softmax", "softmax_jacobian", "softmax_backward")
NO_SOFTMAX = (RMSNORM,)

FAIR: dict[str, Fair] = {
    # Right, in any style and however it is handed in.
    "reference": EVERYTHING,
    "reference-notebooks": EVERYTHING,
    "zipped-on-a-mac": Fair(QUICK),
    "classes": FULL,
    "lambdas": FULL,
    "float32": FULL,
    "one-notebook": FULL,
    "one-module": Fair(handed_in=(RMSNORM,)),
    # A part of it.
    "untouched": NOTHING_WRITTEN,
    "untouched-modules": NOTHING_WRITTEN,
    "one-function": lost("not_attempted", "softmax_jacobian", "softmax_backward"),
    "one-exercise": Fair(("*",), {"*": "not_attempted", RMSNORM: ""}),
    "only-modules": Fair(QUICK, told="the only one with something written"),
    "only-notebooks": Fair(QUICK, told="the only one with something written"),
    # Messy and right.
    "plots-and-magics": FULL,
    "imports-that-fail": FULL,
    "prints-everything": FULL,
    "out-of-order": Fair(told="in the order in which they need each other"),
    "redefines": Fair(told="softmax is defined in cell 4, line 1 and in cell 17, line 1"),
    "broken-cell": Fair(told="was never closed"),
    "lost-one": FULL,
    "lost-all": FULL,
    "duplicated": Fair(told="the last was used"),
    "old-format": FULL,
    "oldest-format": FULL,
    "other-kernel": FULL,
    "as-markdown": Fair(told="cell 4 is no code cell but defines softmax"),
    "split": Fair(told="a function was split between them"),
    "no-checks": FULL,
    "one-cell": FULL,
    "edited-points": FULL,
    "hangs-at-top-level": FULL,
    "lists-of-lines": FULL,
    "colab": FULL,
    "conditional": FULL,
    "copy (1)": FULL,
    "renamed": FULL,
    "exported": FULL,
    "patched-class": Fair((OPTIMIZERS,)),
    "torch-habits": Fair((LORA,)),
    "windows": FULL,
    # Strange names.
    "=1+1": FULL,
    "@SUM(1+9)*cmd": FULL,
    "<b>bold<img src=x onerror=alert(1)>": FULL,
    "[red]markup": FULL,
    "`rm -rf` | $(ls) & co": FULL,
    "--workers": FULL,
    "Łucja Żółć 李小龍 🦙": FULL,
    " two  spaces ": FULL,
    "\u202egnp.eman": FULL,
    # One thing that costs its own points, or nothing.
    "raises": lost("raised", "softmax_jacobian"),
    "syntax-error": lost("raised", "softmax_jacobian"),
    "syntax-error-in-a-module": lost("raised", "softmax_jacobian"),
    "while-true": lost("timed_out", "softmax_backward"),
    "ignores-interrupts": lost("timed_out", "softmax_jacobian"),
    "slow": FULL,
    "exits-in-a-function": lost("raised", "softmax_jacobian"),
    "exits-at-top-level": lost("raised", "softmax_jacobian"),
    "os-exit": lost("raised", "softmax_backward"),
    "patches-numpy-testing": lost("failed", *ALL_OF_IT),
    "rewrites-later-cells": lost("failed", *ALL_OF_IT),
    "warns": FULL,
    "holds-2-gib": lost("over_memory", "softmax_backward"),
    "builds-the-matrix": Fair(partly={"softmax_backward": (9.0, "over_memory")}),
    "calls-itself": lost("raised", "softmax_jacobian"),
    "returns-text": lost("failed", "softmax_jacobian"),
    "calls-torch": lost("failed", "softmax_jacobian"),
    "could-do-without-torch": FULL,
    "broken-forward": Fair((RMSNORM,), {"rmsnorm": "failed"}),
    "own-data-file": lost("raised", "softmax_jacobian"),
    "spoiled-later": Fair((ATTENTION,), {"attention": "failed"}, told="the last was used"),
    "dies-in-a-method": Fair((OPTIMIZERS,), {"AdamW": "raised"}),
    # Hostile.
    "writes-the-gradebook": lost("failed", *ALL_OF_IT),
    "pickled-result": lost("failed", "softmax_jacobian"),
    "reads-files": Fair(lost={"softmax_jacobian": "raised", "softmax_backward": "failed"}),
    "phones-home": lost("raised", "softmax_jacobian"),
    "starts-processes": lost("raised", "softmax_jacobian", "softmax_backward"),
    "kills": FULL,
    "forges-frames": lost("failed", "softmax_backward"),
    "closes-descriptors": lost("raised", "softmax_backward"),
    "tampers": lost("failed", *ALL_OF_IT),
    "always-equal": lost("failed", "softmax", "softmax_jacobian"),
    "eats-memory": lost("over_memory", "softmax_jacobian"),
    "answers-too-much": lost("failed", "softmax_jacobian"),
    "raises-a-verdict": lost("raised", "softmax_jacobian"),
    # Unreadable.
    "truncated": Fair(NO_SOFTMAX, unreadable={SOFTMAX: "is not a complete notebook"}),
    "empty": Fair(NO_SOFTMAX, unreadable={SOFTMAX: "softmax.ipynb is empty"}),
    "pdf-as-notebook": Fair(NO_SOFTMAX, unreadable={SOFTMAX: "is not"}),
    "not-a-notebook": Fair(NO_SOFTMAX, unreadable={SOFTMAX: "is not a notebook"}),
    "deep": Fair(NO_SOFTMAX, unreadable={SOFTMAX: "nested too deeply"}),
    "latin-1": Fair(NO_SOFTMAX, unreadable={SOFTMAX: "is not UTF-8 text"}),
    "a-pdf": Fair((), unreadable={"*": "is neither a notebook nor a module"}),
    "leads-out": Fair(NO_SOFTMAX, told="leads out of the archive"),
    "zip-bomb": Fair((), unreadable={"*": "would unpack to 1000 MB"}),
    "half-a-zip": Fair((), unreadable={"*": "is not a complete archive"}),
    "twice": Fair((), not_graded="several submissions of twice: twice and twice.zip"),
}
# Right in another style: number n hands in the n-th alternative of every exercise that has so many.
STYLES = {slug: len(alternatives(course(), slug)) for slug in QUICK}
FAIR |= {
    f"style-{n}": Fair(tuple(slug for slug, there in STYLES.items() if there >= n))
    for n in range(1, max(STYLES.values()) + 1)
}
# Declared mistakes (exercise, function, name) that no student's file can hold, and why.
LEFT_OUT: dict[tuple[str, str, str], str] = {}
TIME_OUT = ("while-true", "ignores-interrupts", "slow")
SAMPLED = (
    *("raises", "always-equal", "builds-the-matrix", "redefines", "tampers", "float32"),
    *("patches-numpy-testing", "classes", "mistaken-01", "mistaken-02", "mistaken-03"),
)


@dataclass(frozen=True)
class Graded:
    """A graded class: what was handed in, what came out, what was printed, who ran before."""

    students: dict[str, Any]
    submissions: Path
    out: Path
    results: dict[str, SubmissionResult]
    printed: str
    children_before: set[int]


@cache
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sample_class_generate", SAMPLE / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def rubric() -> dict[str, dict[str, float]]:
    """Every exercise's points by function."""
    return {
        slug: {f: float(exercise(slug).points(f)) for f in course().page(slug).functions}
        for slug in course().slugs
    }


def grade(submissions: Path, out: Path, secret: Path, *exercises: str) -> str:
    """Grade with the command that an instructor uses, by two workers; what it prints."""
    command = [sys.executable, "-m", "autograder.cli", "grade", str(submissions)]
    chosen = [f"--exercise={slug}" for slug in exercises]
    done = subprocess.run(
        [*command, "--out", str(out), "--workers", "2", *chosen],
        cwd=ROOT,
        env={**os.environ, "AUTOGRADER_SECRET_FILE": str(secret), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )
    if "isolation" in done.stderr and "not to be had" in done.stderr:
        pytest.skip(done.stderr)
    assert done.stderr == ""
    assert done.returncode in (1, 2), done.stdout
    return done.stdout


def results(out: Path) -> dict[str, SubmissionResult]:
    """Every result below `out` by student."""
    texts = [path.read_text(encoding="utf-8") for path in out.glob("students/*/result.json")]
    return {result.student: result for result in map(SubmissionResult.from_json, texts)}


def digests(folder: Path) -> dict[str, str]:
    """Every file below a folder by path, hashed."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("secret") / "secret"
    path.write_bytes(SECRET)
    return path


@pytest.fixture(scope="module")
def mistakes(request: pytest.FixtureRequest) -> int | None:
    """How many declared mistakes the graded class makes; None for every one."""
    return None if request.config.getoption("--sample-class") == "all" else MISTAKES


@pytest.fixture(scope="module")
def graded(
    tmp_path_factory: pytest.TempPathFactory, secret: Path, mistakes: int | None
) -> Iterator[Graded]:
    """The whole class, graded once by two workers; orphans would become children of ours."""
    folder = tmp_path_factory.mktemp("class")
    submissions, out = folder / "submissions", folder / "graded"
    everybody = generator().generate(ROOT, submissions, mistakes=mistakes)
    students = {s.name: s for s in everybody}
    before = _children()
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    try:
        printed = grade(submissions, out, secret)
        yield Graded(students, submissions, out, results(out), printed, before)
    finally:
        ctypes.CDLL(None).prctl(SUBREAPER, 0, 0, 0, 0)


# The table


def test_the_table_is_about_the_points_that_the_checks_give() -> None:
    assert {slug: rubric()[slug] for slug in POINTS} == POINTS


def test_everybody_is_in_the_table_and_the_class_is_large(graded: Graded) -> None:
    others = {name for name in graded.students if not name.startswith("mistaken-")}
    assert others == set(FAIR)
    assert len(graded.students) >= 60
    assert set(graded.results) == set(graded.students)
    assert all(student.story for student in graded.students.values())


@pytest.mark.parametrize("name", FAIR)
def test_everybody_gets_what_is_fair(graded: Graded, name: str) -> None:
    result, fair = graded.results[name], FAIR[name]
    got, told = {}, [*result.notices]
    for one in result.exercises:
        got[one.exercise] = one.status if one.status != "graded" else by_function(one)
        told += one.notices
        reason = fair.not_graded or fair.unreadable.get(one.exercise, fair.unreadable.get("*", ""))
        assert reason in one.reason
        assert bool(reason) == bool(one.reason), "a reason is told if and only if there is one"
    assert got == expected(fair)
    assert fair.told in " ".join(told)
    assert result.points == sum(e.points for e in result.exercises)


def by_function(one: ExerciseResult) -> dict[str, tuple[float, str]]:
    return {f.name: (f.points, f.status) for f in one.functions}


def expected(fair: Fair) -> dict[str, Any]:
    """Status, or points and status by function, of every exercise."""
    want: dict[str, Any] = {}
    for slug, points in rubric().items():
        if fair.not_graded:
            want[slug] = "not_graded"
        elif slug in fair.unreadable or "*" in fair.unreadable:
            want[slug] = "unreadable"
        elif slug not in fair.handed_in and "*" not in fair.handed_in:
            want[slug] = "missing"
        else:
            want[slug] = {f: _fair(fair, slug, f, full) for f, full in points.items()}
    return want


def _fair(fair: Fair, slug: str, function: str, full: float) -> tuple[float, str]:
    if function in fair.partly:
        return fair.partly[function]
    status = fair.lost.get(slug, fair.lost.get(function, fair.lost.get("*", "")))
    return (0.0, status) if status else (full, "passed")


# Declared mistakes


def test_every_declared_mistake_is_made_by_one_student(tmp_path: Path) -> None:
    made = slips(generator().generate(ROOT, tmp_path / "class"))
    declared = [
        (slug, m.function, m.name) for slug in course().slugs for m in exercise(slug).mistakes
    ]
    assert sorted([*made, *LEFT_OUT]) == sorted(declared)


def test_so_many_of_them_are_made_in_the_graded_class(graded: Graded, mistakes: int | None) -> None:
    made = slips(graded.students.values())
    assert len(made) == len(set(made))
    assert mistakes is None or len(made) == mistakes


def slips(students: Iterable[Any]) -> list[tuple[str, str, str]]:
    return [(s.exercise, s.function, s.name) for who in students for s in who.slips]


def test_every_mistake_is_named_in_the_report_and_costs_its_own_points_only(graded: Graded) -> None:
    problems = []
    for student in graded.students.values():
        result = graded.results[student.name]
        slips = {(s.exercise, s.function): s.name for s in student.slips}
        for one in result.exercises:
            for function in one.functions if slips else ():
                name = slips.get((one.exercise, function.name), "")
                named = {c.mistake for c in function.checks if c.mistake}
                points = _points_of(name, function.name, student.name, one)
                if (one.exercise, function.name) in student.unwritten:
                    assert function.status == "not_attempted", function.name
                    points = 0.0
                if named != ({name} if name else set()) or function.points != points:
                    problems.append((student.name, function.name, name, named, function.points))
                if name:
                    assert 0 <= points < function.max_points, f"{name} is not caught"
    assert problems == []


def _points_of(name: str, function: str, student: str, one: ExerciseResult) -> float:
    """What the checks give this mistake in this process, on the inputs of this student."""
    if not name:
        return rubric()[one.exercise][function]
    declared = exercise(one.exercise)
    mistake = _declared(declared, function, name)
    bench = Bench(lambda: planted_student(declared, mistake))
    seed = Seed(SECRET.strip(), student, one.source_sha256)
    checks = declared.checks_of(function)
    scores = [score(c, run_check(c, draw_cases(declared, c, seed), bench)) for c in checks]
    return settle(function, scores).points


def _declared(declared: Exercise, function: str, name: str) -> Mistake:
    return next(m for m in declared.mistakes if (m.function, m.name) == (function, name))


def test_the_feedback_for_a_mistake_holds_its_hint(graded: Graded) -> None:
    feedback = {
        json.loads((path / "result.json").read_text(encoding="utf-8"))["student"]: _letters(
            html.unescape((path / "feedback.md").read_text(encoding="utf-8"))
        )
        for path in (graded.out / "students").iterdir()
    }
    missing = [
        (student.name, slip.name)
        for student in graded.students.values()
        for slip in student.slips
        if _letters(_declared(exercise(slip.exercise), slip.function, slip.name).hint)
        not in feedback[student.name]
    ]
    assert missing == []


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text)


# Nothing else happens


def test_no_process_is_left(graded: Graded) -> None:
    end = time.monotonic() + 30
    while (left := _children() - graded.children_before) and time.monotonic() < end:
        for pid in left:
            os.waitpid(pid, os.WNOHANG)  # one that has ended; a live one stays
        time.sleep(0.05)
    assert [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in left] == []


def _children() -> set[int]:
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = path.read_text(errors="replace").rpartition(")")[2].split()[1]
        except OSError:  # gone in the meantime
            continue
        if int(parent) == os.getpid():
            found.add(int(path.parent.name))
    return found


def test_no_marker_is_left_and_no_submission_is_changed(graded: Graded) -> None:
    marker = "sample-class-was-here"
    assert marker in (SAMPLE / "hostile.py").read_text(encoding="utf-8")
    temporary = {Path("/tmp"), Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/dev/shm")}
    folders = {ROOT, ROOT.parent, Path("/"), Path.home(), *temporary}
    assert [folder for folder in folders if (folder / marker).exists()] == []
    assert list(graded.submissions.parent.rglob(marker)) == []
    handed_in = {
        path: hashlib.sha256(data).hexdigest()
        for student in graded.students.values()
        for path, data in student.files.items()
    }
    after = digests(graded.submissions)
    assert {path: after[path] for path in handed_in} == handed_in


def test_nothing_hidden_is_in_what_is_written(graded: Graded) -> None:
    hidden = {SECRET.decode().strip()}
    for slug in course().slugs:
        hidden |= {line.strip() for line in solution_lines(course().page(slug))}
        checks = (ROOT / "instructor" / "checks" / f"{slug}.py").read_text(encoding="utf-8")
        hidden |= set(_code_lines(checks))
    telling = sorted(line for line in hidden if len(line) >= 32)
    assert len(telling) > 300
    files = [path for path in graded.out.rglob("*") if path.is_file()]
    text = "\n".join(html.unescape(p.read_text(encoding="utf-8")) for p in files)
    assert [line for line in telling if line in text or line in graded.printed] == []


def _code_lines(source: str) -> Iterator[str]:
    """The lines of functions, docstrings aside: those are written for students."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            for statement in body:
                yield from map(str.strip, ast.unparse(statement).split("\n"))


def test_names_are_no_markup_and_no_formula(graded: Graded) -> None:
    page = (graded.out / "class.html").read_text(encoding="utf-8")
    assert "<b>bold" not in page and "<img src=x" not in page and "\u202e" not in page
    table = (graded.out / "grades.csv").read_text(encoding="utf-8")
    assert not re.search(r"(?m)^\"?[=@+]", table)
    assert "[red]markup" in graded.printed


# Again


def test_a_second_run_skips_what_is_unchanged(graded: Graded, secret: Path) -> None:
    before = digests(graded.out / "students")
    printed = grade(graded.submissions, graded.out, secret)
    assert f"1 graded, {len(graded.students) - 1} unchanged" in printed  # "twice" is tried again
    after = digests(graded.out / "students")
    twice = "twice/result.json"
    assert {**before, twice: ""} == {**after, twice: ""}


def test_two_runs_give_the_same_bytes_apart_from_seconds(
    graded: Graded, secret: Path, tmp_path: Path
) -> None:
    # Of those who hand in the whole course, a few.
    small = [n for n, fair in FAIR.items() if fair.handed_in != ("*",) and len(fair.handed_in) < 5]
    names = [n for n in small if n not in TIME_OUT] + ["style-1", "untouched", "mistaken-01"]
    again = tmp_path / "again"
    _some(graded, names, again)
    grade(again, tmp_path / "graded", secret)
    first, second = _without_seconds(graded.out), _without_seconds(tmp_path / "graded")
    assert second == {path: first[path] for path in second}
    assert len({path.split("/")[0] for path in second}) == len(names)


def _some(graded: Graded, names: list[str] | tuple[str, ...], folder: Path) -> None:
    for name in names:
        for path in graded.students[name].files:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(graded.submissions / path, folder / path)


# Seconds, the figures of races, and what feedback says of them.
MEASURED = r'"(seconds|ratio|speed)": [\d.e+-]+|[\d.]+ times the speed of the reference, [\d.,]+'


def _without_seconds(out: Path) -> dict[str, str]:
    folder = out / "students"
    return {
        str(path.relative_to(folder)): re.sub(MEASURED, "", path.read_text(encoding="utf-8"))
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_points_do_not_depend_on_the_secret(graded: Graded, tmp_path: Path) -> None:
    _some(graded, SAMPLED, tmp_path / "some")
    few = (SOFTMAX, RMSNORM, ATTENTION)
    want = {name: _points(graded.results[name], few) for name in SAMPLED}
    ids = {graded.results[SAMPLED[0]].secret_id}
    for number in range(3):
        path = tmp_path / f"secret-{number}"
        path.write_text(f"another secret of this test, number {number}")
        out = tmp_path / f"graded-{number}"
        grade(tmp_path / "some", out, path, *few)
        found = results(out)
        assert {name: _points(result, few) for name, result in found.items()} == want
        ids |= {result.secret_id for result in found.values()}
    assert len(ids) == 4


def _points(result: SubmissionResult, slugs: tuple[str, ...]) -> dict[str, Any]:
    return {one.exercise: by_function(one) for one in result.exercises if one.exercise in slugs}


# The generator


def test_the_class_is_the_same_bytes_every_time(
    graded: Graded, mistakes: int | None, tmp_path: Path
) -> None:
    generator().generate(ROOT, tmp_path / "again", mistakes=mistakes)
    assert digests(tmp_path / "again") == digests(graded.submissions)


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    done = subprocess.run(
        [sys.executable, str(SAMPLE / "generate.py"), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr == (
        f"generate.py: {tmp_path} is not empty and is no sample class; choose another folder\n"
    )
    assert (tmp_path / "thesis.txt").exists()
