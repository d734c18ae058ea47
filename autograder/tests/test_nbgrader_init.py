"""A course folder for nbgrader: which notebooks an assignment has, and what lies beside them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.errors import AutograderError, CourseError
from autograder.local import Desk
from autograder.nbgrader_plugin.init import Assignment, assignments, init
from autograder.release import secret_lines
from autograder.tests import toy_course

BOTH = '[[assignments]]\nname = "toys"\nexercises = ["vol1_toys/balance", "vol1_toys/scale"]\n'
VOLUME = '[[assignments]]\nname = "all of it"\nvolume = "vol1_toys"\n'


def declared(toy: Course, text: str) -> Course:
    toy_course.append(toy.root, "instructor/course.toml", "\n" + text)
    return Course(toy.root)


def test_an_assignment_is_a_volume_or_chosen_exercises_in_course_order(toy: Course) -> None:
    every = ("vol1_toys/scale", "vol1_toys/counter", "vol1_toys/balance")
    assert assignments(declared(toy, BOTH + VOLUME)) == (
        Assignment("toys", (every[0], every[2])),
        Assignment("all of it", every),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[assignments]]\n", "assignment 1 needs a name that can be a folder's, without +"),
        ('[[assignments]]\nname = "a/b"\n', "assignment 1 needs a name that can be a folder's"),
        (BOTH + BOTH, "there are two assignments named toys"),
        ('[[assignments]]\nname = "x"\n', "assignment x needs exercises = [...] or volume = "),
        ('[[assignments]]\nname = "x"\nvolume = "vol9"\n', "no volume vol9 has exercises"),
        ('[[assignments]]\nname = "x"\nexercises = ["vol1_toys/no"]\n', "unknown exercise"),
    ],
)
def test_a_wrong_declaration_is_a_sentence(toy: Course, text: str, message: str) -> None:
    with pytest.raises(CourseError) as error:
        assignments(declared(toy, text))
    assert message in str(error.value)


def test_the_folder_has_stubs_and_never_a_solution(
    toy: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = declared(toy, BOTH)
    monkeypatch.chdir(toy.root)
    folder = tmp_path / "room"
    names = [path.as_posix() for path in init(folder)]
    assert names == [
        "nbgrader_config.py",
        "source/toys/balance.ipynb",
        "source/toys/exercises.json",
        "source/toys/figures/line.svg",
        "source/toys/scale.ipynb",
    ]
    for path in folder.rglob("*.*"):
        text = path.read_text(encoding="utf-8")
        plain = "\n".join(json.loads(text)) if path.suffix == ".ipynb" else text
        assert [line for line in secret_lines(course) if line in plain] == []


def test_init_renews_sources_and_leaves_the_configuration_alone(
    toy: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared(toy, BOTH)
    monkeypatch.chdir(toy.root)
    init(tmp_path / "room")
    config = tmp_path / "room" / "nbgrader_config.py"
    config.write_text("mine")
    (tmp_path / "room" / "source" / "toys" / "scale.ipynb").write_text("old")
    assert "nbgrader_config.py" not in map(str, init(tmp_path / "room", ["toys"]))
    assert config.read_text() == "mine"
    assert "vol1_toys/scale" in (tmp_path / "room" / "source" / "toys" / "scale.ipynb").read_text()


def test_what_cannot_be_written_is_a_sentence(
    toy: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toy.root)
    with pytest.raises(CourseError, match=r"declares no \[\[assignments\]\]"):
        init(tmp_path / "room")
    declared(toy, BOTH)
    with pytest.raises(CourseError, match="unknown assignment 'no'; there are: toys"):
        init(tmp_path / "room", ["no"])
    (tmp_path / "file").write_text("")
    with pytest.raises(AutograderError, match="the nbgrader course cannot be written"):
        init(tmp_path / "file")


def test_a_notebook_finds_earlier_work_beside_it_and_in_the_next_folder(
    toy: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = '[[assignments]]\nname = "second"\nexercises = ["vol1_toys/balance"]\n'
    declared(toy, BOTH + second)
    monkeypatch.chdir(toy.root)
    init(tmp_path)
    desk = Desk.find(tmp_path / "source" / "second" / "figures")
    assert desk.root == tmp_path / "source" / "second"
    beside = tmp_path / "source" / "toys" / "scale.ipynb"
    assert desk.own_file("vol1_toys/scale") == beside
    assert Desk.find(tmp_path / "source" / "toys").own_file("vol1_toys/scale") == beside
    beside.write_text(beside.read_text().replace("raise NotImplementedError", "return x #"))
    assert desk.names("vol1_toys/scale")["scale"](3, 1) == 3


def test_the_engine_does_not_import_nbgrader_to_say_what_it_would_do() -> None:
    code = (
        "import sys, autograder.nbgrader_plugin, autograder.nbgrader_plugin.init\n"
        "print([m for m in sys.modules if m.partition('.')[0] in ('nbgrader', 'nbconvert')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_what_students_must_not_get_is_named_before_nbgrader_copies_it(
    toy: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared(toy, BOTH)
    monkeypatch.chdir(toy.root)
    folder = tmp_path / "room"
    init(folder)
    (folder / "source" / "toys" / "answers.py~").write_text("x = 1\n")
    with pytest.raises(AutograderError) as caught:
        init(folder)
    assert str(caught.value).startswith("the sources are not fit to be handed out: ")
    assert "answers.py~" in str(caught.value)
