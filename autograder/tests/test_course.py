"""Finding a course, its exercises and its secret, and sentences where something is not in order."""

import json
import os
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from autograder.course import Course, read_index
from autograder.errors import CourseError
from autograder.tests.toy_course import append, edit

TOML = "instructor/course.toml"
CHECKS = "instructor/checks/vol1_toys/scale.py"
SOURCE = "solutions/vol1_toys/scale.py"


def refused(course: Course, slug: str = "vol1_toys/scale") -> str:
    with pytest.raises(CourseError) as caught:
        course.exercise(slug)
    return str(caught.value)


def line_of(course: Course, name: str, start: str) -> int:
    lines = (course.root / name).read_text(encoding="utf-8").split("\n")
    return next(i for i, line in enumerate(lines, start=1) if line.startswith(start))


# Finding


def test_a_course_is_found_from_a_folder_within_it(toy: Course) -> None:
    assert Course.find(toy.root / "solutions" / "vol1_toys").root == toy.root.resolve()


def test_a_folder_outside_of_any_course_is_named(tmp_path: Path) -> None:
    with pytest.raises(CourseError) as caught:
        Course.find(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path.resolve()} is not inside a course: there is no instructor/course.toml here or "
        "above; change to the course's folder"
    )


def test_exercises_come_in_the_order_of_the_course(toy: Course) -> None:
    assert toy.slugs == ("vol1_toys/scale", "vol1_toys/counter", "vol1_toys/balance")
    assert toy.known([]) == toy.slugs
    assert toy.known(["vol1_toys/balance.ipynb", "vol1_toys/scale.py"]) == (
        "vol1_toys/scale",
        "vol1_toys/balance",
    )
    assert toy.title == "Toys"


def test_an_unknown_exercise_is_named_with_those_that_there_are(toy: Course) -> None:
    said = "unknown exercise 'scael'; there are: vol1_toys/scale, vol1_toys/counter, vol1_toys/bal"
    with pytest.raises(CourseError, match=said):
        toy.known(["scael"])
    with pytest.raises(CourseError, match="unknown exercise 'vol1_toys/other'"):
        toy.exercise("vol1_toys/other")


def test_a_source_that_is_not_listed_is_named(toy: Course) -> None:
    edit(toy.root, TOML, '"balance"', "")
    with pytest.raises(CourseError) as caught:
        toy.slugs  # noqa: B018
    said = "solutions/vol1_toys/balance.py is not listed in instructor/course.toml"
    assert str(caught.value) == said


def test_a_source_that_is_planned_is_a_draft_and_left_out(toy: Course) -> None:
    edit(toy.root, TOML, '"balance"]\nplanned = ["later"]', ']\nplanned = ["balance"]')
    assert toy.slugs == ("vol1_toys/scale", "vol1_toys/counter")


def test_a_listed_exercise_without_a_source_is_named(toy: Course) -> None:
    edit(toy.root, TOML, '"balance"', '"balance", "later"')
    said = "course.toml lists vol1_toys/later; solutions/vol1_toys/later.py is missing"
    with pytest.raises(CourseError, match=said):
        toy.slugs  # noqa: B018


def test_settings_that_are_not_toml_are_named_with_the_line(toy: Course) -> None:
    append(toy.root, TOML, "\ntitle = \n")
    with pytest.raises(CourseError, match=r"^instructor/course.toml: .*line 15"):
        toy.settings  # noqa: B018


def test_settings_that_are_not_utf_8_are_named(toy: Course) -> None:
    (toy.root / TOML).write_bytes(b'title = "caf\xe9"\n')
    with pytest.raises(CourseError, match=r"^instructor/course.toml: "):
        toy.settings  # noqa: B018


@pytest.mark.parametrize("key", ["folder", "title", "exercises"])
def test_a_setting_of_a_volume_that_is_missing_is_named(toy: Course, key: str) -> None:
    path = toy.root / TOML
    lines = path.read_text(encoding="utf-8").split("\n")
    start = lines.index("[[volumes]]")
    kept = [line for i, line in enumerate(lines) if i < start or not line.startswith(f"{key} =")]
    path.write_text("\n".join(kept), encoding="utf-8")
    with pytest.raises(CourseError, match=f"^instructor/course.toml: .*{key}"):
        toy.slugs  # noqa: B018


# Checks


def test_checks_are_loaded_with_the_reference_of_this_course(toy: Course) -> None:
    exercise = toy.exercise("vol1_toys/scale")
    assert exercise.slug == "vol1_toys/scale"
    assert Path(str(exercise.solution.__file__)) == toy.root / SOURCE
    assert exercise.points("scale") == 7


def test_a_checks_file_that_is_missing_is_named(toy: Course) -> None:
    (toy.root / CHECKS).unlink()
    assert refused(toy) == f"{CHECKS} is missing; CONTRIBUTING says what belongs into it"


def test_a_checks_file_that_raises_is_named_with_the_line_and_the_error(toy: Course) -> None:
    append(toy.root, CHECKS, "\n\nundeclared.matches_reference('scale')\n")
    line = line_of(toy, CHECKS, "undeclared.")
    assert refused(toy) == f"{CHECKS}:{line}: NameError: name 'undeclared' is not defined"


def test_the_line_is_the_one_in_the_checks_file_even_if_a_helper_raises(toy: Course) -> None:
    text = "\n\ndef helper():\n    return json.loads('{')\n\n\nimport json\n\nhelper()\n"
    append(toy.root, CHECKS, text)
    line = line_of(toy, CHECKS, "    return json.loads")
    assert refused(toy).startswith(f"{CHECKS}:{line}: JSONDecodeError: Expecting property name")


def test_a_checks_file_that_is_not_python_is_named_with_the_line(toy: Course) -> None:
    append(toy.root, CHECKS, "\n\nexercise.matches_reference(\n")
    line = line_of(toy, CHECKS, "exercise.matches_reference(\n".strip())
    said = refused(toy)
    assert said.startswith(f"{CHECKS}:")
    assert "SyntaxError: '(' was never closed" in said
    assert int(said.split(":")[1]) >= line


def test_a_solution_that_is_not_python_is_named_with_its_own_file_and_line(toy: Course) -> None:
    edit(toy.root, SOURCE, "    out: Floats = x * factor", "    out: Floats = x *")
    line = line_of(toy, SOURCE, "    out: Floats = x *")
    assert f"{SOURCE}:{line}: invalid syntax" in refused(toy)


def test_a_solution_that_raises_is_blamed_on_the_import_with_its_error(toy: Course) -> None:
    append(toy.root, SOURCE, "\n\n# %%\nraise RuntimeError('out of order')\n")
    line = line_of(toy, CHECKS, "from solutions.vol1_toys import scale")
    assert refused(toy) == f"{CHECKS}:{line}: RuntimeError: out of order"


def test_a_checks_file_that_misuses_the_engine_says_so(toy: Course) -> None:
    append(toy.root, CHECKS, "\n\nexercise.matches_reference('scael', points=1)\n")
    said = f"{CHECKS}: matches_reference checks scael, which the solution lacks"
    assert refused(toy) == said


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("exercise = Exercise(", "other = exercise = None\nother = Exercise("),
        ('"vol1_toys/scale",\n    solution', '"vol1_toys/other",\n    solution'),
    ],
)
def test_a_checks_file_without_its_exercise_is_told_what_to_define(
    toy: Course, old: str, new: str
) -> None:
    path = toy.root / CHECKS
    text = path.read_text(encoding="utf-8").split("exercise.matches_reference")[0]
    path.write_text(text, encoding="utf-8")
    edit(toy.root, CHECKS, old, new)
    said = f"{CHECKS} must define exercise = Exercise('vol1_toys/scale', ...)"
    assert refused(toy) == said


def test_a_function_without_points_is_named(toy: Course) -> None:
    path = toy.root / CHECKS
    text = path.read_text(encoding="utf-8").split('exercise.matches_reference("scale_backward"')[0]
    path.write_text(text, encoding="utf-8")
    assert refused(toy) == f"{CHECKS}: scale_backward has no check with points"


def test_a_reference_of_an_earlier_exercise_can_be_served(toy: Course) -> None:
    scale = toy.reference("vol1_toys/scale", "scale")
    assert scale(2.0, 3.0) == 6.0


def test_rules_come_from_the_volume(toy: Course) -> None:
    pytest.importorskip("autograder.submission")
    rules = toy.rules("vol1_toys/scale")
    assert rules.forbidden_modules == ("scipy",)
    assert rules.forbidden_calls == ("numpy.gradient", "numpy.poly1d")


def test_the_course_is_put_on_the_path_once(toy: Course) -> None:
    toy.make_importable()
    toy.make_importable()
    assert sys.path.count(str(toy.root)) == 1


def test_an_exercise_may_forbid_more_than_its_volume(toy: Course) -> None:
    pytest.importorskip("autograder.submission")
    assert toy.rules("vol1_toys/counter").forbidden_calls == ("numpy.gradient",)


def forbidding(toy: Course, line: str) -> Course:
    """The course with another table of what single exercises forbid."""
    edit(toy.root, "instructor/course.toml", '"vol1_toys/scale" = ["numpy.poly1d"]', line)
    return Course(toy.root)


def test_what_is_planned_may_forbid_already(toy: Course) -> None:
    assert forbidding(toy, '"vol1_toys/later" = ["numpy.sum"]').slugs == toy.slugs


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('"vol1_toys/scales" = ["numpy.sum"]', "names vol1_toys/scales: no exercise"),
        ('"scale" = ["numpy.sum"]', "names scale: no exercise"),
        ('"vol1_toys/scale" = "numpy.sum"', "vol1_toys/scale is no list of names"),
    ],
)
def test_a_forbidden_table_that_cannot_be_meant_is_named(toy: Course, more: str, said: str) -> None:
    with pytest.raises(CourseError) as raised:
        _ = forbidding(toy, more).slugs
    assert str(raised.value) == f"instructor/course.toml: [forbidden] {said}"


# The secret


def test_a_secret_is_made_once_and_only_its_owner_may_read_it(toy: Course) -> None:
    secret = toy.secret()
    assert len(secret) == 64
    assert toy.secret() == secret
    mode = stat.S_IMODE((toy.root / "instructor" / "secret").stat().st_mode)
    assert mode == 0o600


def test_supervisors_that_start_together_agree_on_one_secret(toy: Course) -> None:
    path = toy.root / "instructor" / "secret"
    with ThreadPoolExecutor(8) as pool:
        for _ in range(50):
            path.unlink(missing_ok=True)
            together = Barrier(8)

            def ask(_: int, together: Barrier = together) -> bytes:
                together.wait()
                return Course(toy.root).secret()

            assert set(pool.map(ask, range(8))) == {path.read_bytes().strip()}
    assert [p.name for p in path.parent.glob("*secret*")] == ["secret"]


def test_two_courses_have_different_secrets(toy: Course) -> None:
    first = toy.secret()
    (toy.root / "instructor" / "secret").unlink()
    assert toy.secret() != first


def test_a_secret_can_lie_elsewhere(
    toy: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("0123456789abcdef\n")
    monkeypatch.setenv("AUTOGRADER_SECRET_FILE", str(elsewhere))
    assert toy.secret() == b"0123456789abcdef"
    assert not (toy.root / "instructor" / "secret").exists()


def test_a_secret_elsewhere_is_never_made_up(
    toy: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "missing"
    monkeypatch.setenv("AUTOGRADER_SECRET_FILE", str(missing))
    with pytest.raises(CourseError) as caught:
        toy.secret()
    assert str(caught.value) == (
        f"{missing}: the course secret cannot be read: No such file or directory"
    )
    assert not missing.exists()


def test_a_secret_that_is_too_short_is_refused(toy: Course) -> None:
    path = toy.root / "instructor" / "secret"
    path.write_text("short\n")
    with pytest.raises(CourseError) as caught:
        toy.secret()
    said = f"{path}: the course secret is shorter than 16 bytes; delete the file"
    assert str(caught.value) == said


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads anything")
def test_a_secret_that_may_not_be_read_is_named(toy: Course) -> None:
    toy.secret()
    (toy.root / "instructor" / "secret").chmod(0)
    with pytest.raises(CourseError, match="the course secret cannot be read: Permission denied"):
        toy.secret()


# The index on a student's machine


@pytest.mark.parametrize("text", ["{", "[1, 2]", "\x00"])
def test_a_damaged_index_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "course.json"
    path.write_text(text)
    with pytest.raises(CourseError, match=r"course.json: cannot be read .*; get a fresh copy of"):
        read_index(path)


def test_an_index_is_read(tmp_path: Path) -> None:
    path = tmp_path / "course.json"
    path.write_text(json.dumps({"title": "Toys"}))
    assert read_index(path) == {"title": "Toys"}
    with pytest.raises(CourseError, match=r"missing\.json: cannot be read"):
        read_index(tmp_path / "missing.json")
