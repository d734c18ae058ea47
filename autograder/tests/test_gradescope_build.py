"""The zip that is uploaded: what is in it, what is not, and what building it refuses."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.errors import AutograderError
from autograder.gradescope.build import HERE, SCRIPTS, build, too_short
from autograder.gradescope.record import Settings
from autograder.gradescope.run import read_settings
from autograder.tests import toy_course

SLUG = "vol1_toys/scale"
ADDRESS = "https://wheels.invalid/cpu"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """Stands for the engine where nobody installs it."""
    path = tmp_path / "engine-1-py3-none-any.whl"
    path.write_bytes(b"the engine")
    return path


def built(
    course: Course, wheel: Path, *slugs: str, minutes: int = 10, torch_args: str = ""
) -> zipfile.ZipFile:
    out = wheel.parent / "out" / "one.zip"
    settings = Settings(slugs or (SLUG,))
    build(course, out, settings, wheel=wheel, minutes=minutes, torch_args=torch_args)
    return zipfile.ZipFile(out)


def test_what_gradescope_needs_is_at_the_root_and_can_be_executed(toy: Course, wheel: Path) -> None:
    archive = built(toy, wheel)
    for name in SCRIPTS:
        assert archive.getinfo(name).external_attr >> 16 == 0o755
        text = archive.read(name).decode()
        assert text.startswith("#!/usr/bin/env bash\n")
        assert not re.search("@[A-Z_]+@", text)
        subprocess.run(["bash", "-n"], input=text, text=True, check=True)


def test_what_grading_needs_is_there_and_nothing_else(toy: Course, wheel: Path) -> None:
    given = toy.root / "starter_code" / "given" / "__pycache__"
    given.mkdir(parents=True)
    (given / "load.pyc").write_bytes(b"")
    (given.parent / "load.py").write_text("")
    assert built(toy, wheel).namelist() == [
        "constraints.txt",
        "engine/engine-1-py3-none-any.whl",
        "gradescope.json",
        "instructor/checks/vol1_toys/scale.py",
        "instructor/course.toml",
        "instructor/secret",
        "not_graded.json",
        "run_autograder",
        "setup.sh",
        "solutions/__init__.py",
        "solutions/vol1_toys/__init__.py",
        "solutions/vol1_toys/balance.py",
        "solutions/vol1_toys/counter.py",
        "solutions/vol1_toys/scale.py",
        "starter_code/given/load.py",
    ]


def test_the_secret_is_the_course_s_own_so_that_inputs_are_the_same_everywhere(
    toy: Course, wheel: Path
) -> None:
    archive = built(toy, wheel)
    assert archive.read("instructor/secret").strip() == toy.secret()


def test_two_builds_are_the_same_bytes(toy: Course, wheel: Path) -> None:
    first = Path(str(built(toy, wheel).filename)).read_bytes()
    assert Path(str(built(toy, wheel).filename)).read_bytes() == first


def test_the_zip_and_its_files_are_for_the_owner_alone(toy: Course, wheel: Path) -> None:
    archive = built(toy, wheel)
    assert os.stat(str(archive.filename)).st_mode & 0o077 == 0
    assert archive.getinfo("instructor/secret").external_attr >> 16 == 0o600


def test_the_grader_stops_a_minute_before_gradescope_does(toy: Course, wheel: Path) -> None:
    text = built(toy, wheel, minutes=40).read("run_autograder").decode()
    assert '"${AUTOGRADER_SECONDS:-2340}"' in text


def test_torch_is_installed_only_where_an_exercise_needs_it(toy: Course, wheel: Path) -> None:
    assert "\nTORCH=no\n" in built(toy, wheel).read("setup.sh").decode()
    pytest.importorskip("torch")
    toy_course.edit(toy.root, "instructor/course.toml", 'arrays = "numpy"', 'arrays = "torch"')
    needs = Course(toy.root)
    text = built(needs, wheel, torch_args=f"--index-url {ADDRESS}").read("setup.sh").decode()
    assert f"\nTORCH=yes\nTORCH_ARGS=(--index-url {ADDRESS})\n" in text


def test_arguments_for_pip_are_words_and_no_commands(toy: Course, wheel: Path) -> None:
    text = built(toy, wheel, torch_args="--pre '$(touch x); y'").read("setup.sh").decode()
    assert "\nTORCH_ARGS=(--pre '$(touch x); y')\n" in text


@pytest.mark.parametrize(
    ("out", "minutes", "sentence"),
    [
        ("one.tar", 10, r"one\.tar: Gradescope takes a zip; give the file a name in \.zip"),
        ("one.zip", 60, "--minutes 60: Gradescope's time limit is between 2 and 40 minutes"),
        ("a/b/one.zip", 10, r"cannot write .*one\.zip: a part of this path is a file"),
    ],
)
def test_what_makes_no_sense_is_refused(
    toy: Course, wheel: Path, out: str, minutes: int, sentence: str
) -> None:
    (wheel.parent / "a").write_text("a file")
    with pytest.raises(AutograderError, match=sentence):
        build(toy, wheel.parent / out, Settings((SLUG,)), minutes=minutes, wheel=wheel)


def test_an_exercise_that_does_not_load_gives_no_zip(toy: Course, wheel: Path) -> None:
    toy_course.edit(toy.root, f"instructor/checks/{SLUG}.py", "exercise = ", "exercise = 1 / 0 + ")
    with pytest.raises(AutograderError, match=r"scale\.py:\d+: ZeroDivisionError"):
        built(toy, wheel)
    assert not (wheel.parent / "out").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "cannot be read .* build the zip again"),
        ('{"exercises": []}', "cannot be read .*show"),
        (
            '{"exercises": [], "show": "maybe", "leaderboard": false}',
            "show is 'maybe'; choose one of visible, after_due_date, after_published, hidden",
        ),
    ],
)
def test_damaged_settings_are_named(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "gradescope.json"
    path.write_text(text)
    with pytest.raises(AutograderError, match=rf"gradescope\.json: {sentence}"):
        read_settings(path)


def test_settings_are_read_back_as_they_were_built(toy: Course, wheel: Path) -> None:
    archive = built(toy, wheel)
    path = wheel.parent / "gradescope.json"
    path.write_bytes(archive.read("gradescope.json"))
    assert read_settings(path) == Settings((SLUG,))
    assert json.loads(archive.read("not_graded.json"))["tests"][0]["name"] == "Not graded"


def test_without_a_suitable_python_the_build_of_the_image_says_what_to_choose(
    tmp_path: Path,
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, line in (("python3", "exit 1"), ("apt-get", "exit 100")):
        (tools / name).write_text(f"#!/bin/sh\n{line}\n")
        (tools / name).chmod(0o755)
    for name in ("bash", "rm"):
        (tools / name).symlink_to(f"/bin/{name}")
    text = (HERE / "setup.sh").read_text().replace("@EXERCISES@", "").replace("@TORCH_ARGS@", "")
    done = subprocess.run(
        ["/bin/bash", "-c", text],
        env={"PATH": str(tools), "GRADESCOPE_ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.endswith(
        "setup.sh: there is no Python 3.11 or later; choose the base image Ubuntu 24.04\n"
    )


def run_build(course: Course, *options: str) -> "subprocess.CompletedProcess[str]":
    """`autograder gradescope build a.zip` in the course's folder."""
    command = (sys.executable, "-m", "autograder.cli", "gradescope", "build", "a.zip", *options)
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        command,
        cwd=course.root,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
    )


def test_the_command_says_what_to_set_and_that_it_is_secret(toy: Course, wheel: Path) -> None:
    """The real engine's wheel, as the command builds it."""
    root = Path(__file__).parents[2]
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-CONTENT", "autograder"):
        (toy.root / name).symlink_to(root / name)
    done = run_build(toy, "--exercise", SLUG, "--show", "hidden")
    assert done.stdout == (
        "a.zip: 1 exercise, 13 points\n"
        "In Gradescope set the assignment's autograder points to 13.\n"
        "Hidden checks, references and the course secret are in it: share it with nobody.\n"
    ), done.stderr
    with zipfile.ZipFile(toy.root / "a.zip") as archive:
        (name,) = [n for n in archive.namelist() if n.startswith("engine/")]
        with archive.open(name) as file, zipfile.ZipFile(file) as engine:
            inside = set(engine.namelist())
    assert {f"autograder/gradescope/{n}" for n in (*SCRIPTS, "results.schema.json")} <= inside


def test_an_unknown_way_to_show_checks_is_refused(toy: Course) -> None:
    done = run_build(toy, "--show", "never")
    assert done.returncode == 2
    assert done.stderr == (
        "autograder: --show never: choose one of visible, after_due_date, after_published, hidden\n"
    )


@pytest.mark.parametrize(
    ("functions", "minutes", "words"),
    [
        (54, 10, ""),
        (55, 10, "takes 550 s: set Gradescope's time limit to 11 minutes and build the zip with"),
        (300, 10, "longer than Gradescope's longest limit and is then not graded: make several"),
    ],
)
def test_a_limit_that_an_endless_submission_outlasts_is_named(
    functions: int, minutes: int, words: str
) -> None:
    said = too_short(functions, minutes)
    assert words in said and bool(said) == bool(words)
