"""The course checks itself, and what students get holds nothing that they must not have."""

import json
import random
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from autograder.build import compare
from autograder.course import Course
from autograder.errors import AutograderError
from autograder.mutation.run import Runner
from autograder.mutation.survey import MISSING, survey
from autograder.pool import Job
from autograder.release import audit, secret_lines, write
from autograder.selfcheck import ask_my_checker
from autograder.student import Student
from autograder.verify import verify

ROOT = Path(__file__).parents[2]
COURSE = Course(ROOT)
# Seeds of `verify`, and mutants of each exercise; `make verify` and `make mutants` run many more.
SEEDS, MUTANTS = 4, 8
# Where one of them takes seconds: few of them here.
FEW_SEEDS, FEW_MUTANTS = 1, 3
SLOW = (
    *("vol1_numpy/training", "vol2_pytorch/bpe"),
    *("vol3_inference/kv_cache", "vol3_inference/prefill", "vol3_inference/batching"),
    "vol3_inference/kv_cache_generation",
)
# The exercises whose mutants are sampled here: half of them, drawn with a fixed seed.
MUTATED = sorted(random.Random("mutants").sample(COURSE.slugs, len(COURSE.slugs) // 2))


def is_slow(slug: str) -> bool:
    return slug in SLOW or COURSE.exercise(slug).arrays == "torch"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Any]:
    if sys.platform != "linux":
        pytest.skip("isolation needs Linux")
    from autograder.sandbox import Sandbox

    with Sandbox("auto") as found:
        yield found


@pytest.mark.parametrize("slug", COURSE.slugs)
def test_verify_has_nothing_to_say(slug: str, sandbox: Any) -> None:
    if COURSE.volume(slug)["arrays"] == "torch":
        pytest.importorskip("torch")
    # What is right, and the stub, is graded in isolation by the sample class as well.
    seeds, isolated = (FEW_SEEDS, None) if is_slow(slug) else (SEEDS, sandbox)
    assert verify(COURSE, slug, seeds=seeds, sandbox=isolated).problems == []


@pytest.mark.skipif(sys.platform != "linux", reason="isolation needs Linux")
@pytest.mark.parametrize("slug", MUTATED)
def test_a_sample_of_mutants_is_caught_and_what_is_right_passes(
    slug: str, tmp_path: Path, sandbox: Any
) -> None:
    if COURSE.volume(slug)["arrays"] == "torch":
        pytest.importorskip("torch")
    many = FEW_MUTANTS if is_slow(slug) else MUTANTS
    with Runner(Job(ROOT, (slug,), tmp_path), sandbox=sandbox) as runner:
        # The test above verifies the course itself, with more seeds.
        found = survey(runner, slug, sample=many, course_too=False)
    assert [(mutant.diff(), where) for mutant, _, where in found.survivors] == []
    assert found.problems == []
    assert found.killed > 0


def test_the_page_on_test_quality_has_every_exercise_or_says_that_it_has_not() -> None:
    page = (ROOT / "docs" / "test-quality.md").read_text(encoding="utf-8")
    rows = [line for line in page.split("\n") if line.startswith("| vol")]
    named = [row.split(" | ")[0].strip("| ") for row in rows]
    missing = page.partition(MISSING)[2].partition("\n")[0]
    assert named == [slug for slug in COURSE.slugs if slug in named]
    assert [s for s in COURSE.slugs if s not in named and f"`{s}`" not in missing] == []
    assert not [row for row in rows if row.split(" | ")[6] != "0"]  # survivors


def test_later_exercises_ask_the_checker_that_a_student_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("assignments/course.json", "starter_code/vol1_numpy/gradcheck.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        source = name.replace("starter_code", "solutions")
        (tmp_path / name).write_bytes((ROOT / source).read_bytes())
    monkeypatch.chdir(tmp_path)
    for backward in (lambda dout, x: (dout * x,), lambda dout, x: (dout * x + 1e-3,)):
        inputs = (np.linspace(1.0, 2.0, 6).reshape(2, 3),)
        ask_my_checker("vol1_numpy/gradcheck", lambda x: x * x / 2, backward, inputs, ("dx",))
    right, wrong = capsys.readouterr().out.strip().split("\n")
    said = "your check_gradient: the error of dx is "
    assert float(right.removeprefix(said)) < 1e-8
    assert float(wrong.removeprefix(said)) > 1e-5


def test_no_function_is_hidden_by_what_check_code_asks_of_a_student() -> None:
    ours = {name for name in dir(Student) if not name.startswith("_")}
    assert {f: s for s in COURSE.slugs for f in COURSE.page(s).functions if f in ours} == {}


def test_every_derived_file_is_current() -> None:
    assert [f"{d.path} is {d.state}" for d in compare(COURSE)] == []


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("release") / "course"
    write(COURSE, out)
    return out


def test_no_line_of_a_solution_or_of_a_hidden_check_is_in_a_release(release: Path) -> None:
    lines = secret_lines(COURSE)
    assert len(lines) > 500
    assert audit(COURSE, release) == []
    names = {p.name for p in release.iterdir()}
    assert not names & {"solutions", "instructor"}


@pytest.mark.parametrize("name", ["leak.py", "leak.ipynb"])
def test_a_planted_leak_is_found(release: Path, name: str) -> None:
    line = next(line for line in secret_lines(COURSE) if '"' in line)
    leak = release / "starter_code" / name
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"def f():\n    {line}\n")])
    text = nbformat.writes(book) if name.endswith(".ipynb") else f"    {line}\n"
    leak.write_text(text, encoding="utf-8")
    try:
        assert any(name in problem for problem in audit(COURSE, release))
    finally:
        leak.unlink()


def test_the_wheel_holds_the_engine_and_nothing_else(release: Path) -> None:
    import zipfile

    (wheel,) = (release / "engine").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        text = b"\n".join(archive.read(n) for n in names)
    tops = {n.split("/")[0] for n in names}
    assert {t for t in tops if not t.endswith(".dist-info")} == {"autograder"}
    assert not [n for n in names if "/tests/" in n]
    assert "autograder/report/templates/class.html.j2" in names
    assert "autograder/result.schema.json" in names
    # Shorter lines are ordinary Python that the engine has, too.
    found = [line for line in secret_lines(COURSE) if len(line) > 60 and line.encode() in text]
    assert found == []


def test_a_release_is_not_written_over_something_else(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(AutograderError, match="is not empty; name a new folder for the release"):
        write(COURSE, tmp_path)


def test_a_student_installs_the_release_and_checks_an_exercise(
    release: Path, tmp_path: Path
) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    (wheel,) = (release / "engine").glob("*.whl")
    installed = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", str(wheel)], capture_output=True, text=True
    )
    if installed.returncode and "No matching distribution" in installed.stderr:
        pytest.skip("the package index cannot be reached")
    assert installed.returncode == 0, installed.stderr
    autograder = tmp_path / "env" / "bin" / "autograder"
    slug = COURSE.slugs[0]
    untouched = subprocess.run(
        [autograder, "check", slug], cwd=release, capture_output=True, text=True
    )
    assert untouched.returncode == 1, untouched.stderr
    assert "not attempted" in untouched.stdout
    stub = release / "starter_code" / f"{slug}.py"
    before = stub.read_bytes()
    stub.write_bytes((ROOT / "solutions" / f"{slug}.py").read_bytes())
    try:
        done = subprocess.run(
            [autograder, "check", slug], cwd=release, capture_output=True, text=True
        )
    finally:
        stub.write_bytes(before)
    assert done.returncode == 0, done.stdout + done.stderr
    everything = subprocess.run([autograder, "check"], cwd=release, capture_output=True, text=True)
    assert everything.returncode in (1, 2)
    assert "points" in everything.stdout, everything.stderr


def test_the_index_that_students_get_lists_every_exercise_with_points(release: Path) -> None:
    index = json.loads((release / "assignments" / "course.json").read_text(encoding="utf-8"))
    assert [e["exercise"] for e in index["exercises"]] == list(COURSE.slugs)
    assert all(e["points"] > 0 for e in index["exercises"])
