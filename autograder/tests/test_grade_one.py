"""One submission in, one result out, and nothing else on standard output."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autograder.build import build
from autograder.course import Course
from autograder.result import SubmissionResult
from autograder.tests import toy_course
from autograder.tests.conftest import own_imports

ENGINE = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="isolation needs Linux")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    root = tmp_path_factory.mktemp("course") / "toys"
    toy_course.write(root)
    with own_imports():
        build(Course(root))
    return Course(root)


def grade(course: Course, *words: object) -> tuple[int, bytes, str]:
    env = {key: value for key, value in os.environ.items() if key != "AUTOGRADER_SECRET_FILE"}
    done = subprocess.run(
        [sys.executable, "-m", "autograder.cli", "grade", *map(str, words)],
        cwd=course.root,
        env={**env, "PYTHONPATH": str(ENGINE)},
        capture_output=True,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr.decode()


def notebook(course: Course, path: Path, **answers: str) -> Path:
    """The notebook that students get, with answers in the cells of some functions."""
    book = json.loads((course.root / "assignments/vol1_toys/scale.ipynb").read_text("utf-8"))
    for cell in book["cells"]:
        for name, answer in answers.items():
            if f"def {name}(" in "".join(cell["source"]) and "visible" not in str(cell["source"]):
                cell["source"] = answer
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(book), encoding="utf-8")
    return path


RIGHT = {
    "scale": "def scale(x, factor):\n    print('loud', flush=True)\n    return x * factor",
    "scale_backward": "def scale_backward(dout, factor):\n    return dout * factor",
}


def record(data: bytes) -> dict[str, Any]:
    SubmissionResult.from_json(data.decode())
    found: dict[str, Any] = json.loads(data)
    return found


def test_a_notebook_gives_one_result_on_standard_output_and_nothing_else(
    course: Course, tmp_path: Path
) -> None:
    path = notebook(course, tmp_path / "ada.ipynb", **RIGHT)
    before = sorted(tmp_path.rglob("*"))
    code, out, err = grade(course, path, "--json", "-")
    assert (code, err) == (0, "")
    found = record(out)
    assert found["student"] == "ada"
    assert [e["exercise"] for e in found["exercises"]] == ["vol1_toys/scale"]
    assert found["points"] == found["max_points"] > 0
    assert sorted(tmp_path.rglob("*")) == before


def test_points_that_are_lost_are_exit_code_one_and_the_result_goes_to_a_file(
    course: Course, tmp_path: Path
) -> None:
    wrong = {**RIGHT, "scale_backward": "def scale_backward(dout, factor):\n    return dout"}
    path = notebook(course, tmp_path / "ada.ipynb", **wrong)
    target, out = tmp_path / "deep" / "r.json", tmp_path / "graded"
    assert grade(course, path, "--json", target, "--out", out) == (1, b"", "")
    found = record(target.read_bytes())
    assert 0 < found["points"] < found["max_points"]
    assert (out / "students" / "ada" / "feedback.html").is_file()


@pytest.mark.integrations
def test_a_folder_or_an_archive_of_one_student_is_one_submission(
    course: Course, tmp_path: Path
) -> None:
    folder = tmp_path / "all" / "ada"
    notebook(course, folder / "scale.ipynb", **RIGHT)
    (folder / "counter.py").write_text("def nothing():\n    pass\n", encoding="utf-8")
    code, out, _ = grade(course, tmp_path / "all", "--json", "-")
    found = record(out)
    assert (code, found["student"]) == (1, "ada")
    assert [e["exercise"] for e in found["exercises"]] == ["vol1_toys/scale", "vol1_toys/counter"]
    shutil.make_archive(str(tmp_path / "bob"), "zip", folder)
    code, out, _ = grade(
        course, tmp_path / "bob.zip", "--json", "-", "--exercise", "vol1_toys/scale"
    )
    found = record(out)
    assert (code, found["student"]) == (0, "bob")
    assert [e["exercise"] for e in found["exercises"]] == ["vol1_toys/scale"]


def test_what_cannot_be_read_is_a_result_where_its_exercise_is_known(
    course: Course, tmp_path: Path
) -> None:
    torn = tmp_path / "ada" / "scale.ipynb"
    torn.parent.mkdir()
    torn.write_text('{"cells": [', encoding="utf-8")
    code, out, err = grade(course, torn, "--json", "-")
    assert (code, err) == (1, "")
    (only,) = record(out)["exercises"]
    assert (only["exercise"], only["status"], only["points"]) == (
        "vol1_toys/scale", "unreadable", 0,
    )  # fmt: skip
    other = torn.rename(tmp_path / "eve.ipynb")
    code, out, err = grade(course, other, "--json", "-")
    assert (code, out) == (2, b"")
    assert err.startswith("autograder: eve: ") and err.endswith("; name one with --exercise\n")
    code, out, err = grade(course, other, "--json", "-", "--exercise", "vol1_toys/scale")
    assert (code, record(out)["exercises"][0]["status"]) == (1, "unreadable")


def test_two_submissions_are_not_one(course: Course, tmp_path: Path) -> None:
    for name in ("ada", "bob"):
        notebook(course, tmp_path / f"{name}.ipynb", **RIGHT)
    assert grade(course, tmp_path, "--json", "-") == (
        2,
        b"",
        f"autograder: {tmp_path}: there are 2 submissions here, and --json writes one result; name "
        "one of them, or leave out --json\n",
    )


def test_a_file_that_is_no_work_of_this_course_says_so(course: Course, tmp_path: Path) -> None:
    path = tmp_path / "essay.py"
    path.write_text("print('hello')\n", encoding="utf-8")
    assert grade(course, path, "--json", "-") == (
        2,
        b"",
        "autograder: essay: no exercise of this course is in it; name one with --exercise\n",
    )


def test_without_a_folder_and_without_a_file_there_is_nowhere_to_write(
    course: Course, tmp_path: Path
) -> None:
    assert grade(course, tmp_path) == (
        2,
        b"",
        "autograder: name a folder with --out, or a file for one result with --json\n",
    )
