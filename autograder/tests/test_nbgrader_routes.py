"""Everything else that nbgrader does goes on working: the commands are real, the course is toys."""

import os
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from autograder.jupyter import CONFIGURE
from autograder.tests import toy_course
from autograder.tests.nbgrader_course import Classroom, answer, changed, dumped, outputs
from autograder.tests.test_nbgrader import POINTS, WRONG, classroom, right

pytest.importorskip("nbgrader")
pytestmark = [
    pytest.mark.integrations,
    pytest.mark.skipif(sys.platform != "linux", reason="grading isolates on Linux"),
]
CHECKS = "instructor/checks/vol1_toys/scale.py"
BY_HAND = """
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db", "toys") as book:
    grade = book.find_grade("scale-scale", "scale", "toys", "ann")
    grade.manual_score, grade.needs_manual_grade = 5.5, False
    book.find_comment("scale-answer-scale", "scale", "toys", "ann").manual_comment = "Well done."
    book.db.commit()
"""


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An assignment that is released; ann has handed in everything, right."""
    folder = tmp_path_factory.mktemp("released")
    made = classroom(folder)
    made.settle("generate_assignment toys")
    for notebook in ("scale", "balance"):
        made.hand_in("ann", "toys", notebook, dumped(right(made, notebook)))
    return folder


@pytest.fixture
def room(released: Path, tmp_path: Path) -> Classroom:
    """A copy of that for one test, course included."""
    here = tmp_path / "own"
    shutil.copytree(released, here)
    config = here / "room" / "nbgrader_config.py"
    config.write_text(config.read_text().replace(str(released), str(here)))
    return Classroom(here / "room", here / "course", here / "secret")


def grade_by_hand(room: Classroom) -> None:
    """What the formgrader does when somebody types a score and a comment."""
    (room.folder / "by_hand.py").write_text(BY_HAND)
    command = f"{sys.executable} -W ignore by_hand.py"
    assert os.system(f"cd {room.folder} && {command}") == 0


def test_a_score_by_hand_survives_grading_again_and_is_to_be_looked_at(room: Classroom) -> None:
    room.settle("autograde toys")
    grade_by_hand(room)
    toy_course.edit(room.course, CHECKS, "factors_multiply", "factors_are_multiplied")
    (done,) = room.settle("autograde toys --force")
    assert "1 graded, 0 unchanged since they were graded" in done.text
    (row,) = [row for row in room.rows() if row[3] == "scale-scale"]
    assert row[4:] == (7.0, 5.5, 1)
    room.settle("generate_feedback toys")
    page = room.feedback("ann", "toys", "scale")
    assert "Well done." in page
    assert "Score: 5.5 / 7.0" in page


def test_a_changed_check_grades_again_and_an_unchanged_one_is_kept(room: Classroom) -> None:
    room.hand_in("ann", "toys", "scale", dumped(right(room, "scale", scale=WRONG)))
    room.settle("autograde toys")
    assert room.total("ann", "toys", "scale") == POINTS["scale_backward"]
    (done,) = room.settle("autograde toys --force")
    assert "0 graded, 1 unchanged since they were graded" in done.text
    toy_course.edit(room.course, "solutions/vol1_toys/scale.py", "x * factor", "x + factor")
    (done,) = room.run("autograde toys --force")
    assert "1 graded, 0 unchanged" in done.text
    assert room.total("ann", "toys", "scale") > POINTS["scale_backward"]


def test_changed_points_are_refused_with_what_to_do_and_then_taken(room: Classroom) -> None:
    toy_course.edit(room.course, CHECKS, '"scale", points=3', '"scale", points=4')
    (done,) = room.run("autograde toys")
    assert done.code == 1
    assert (
        "the cell scale-scale was handed out with 7 points, and its checks now give 8; run "
        "`autograder nbgrader init` for this course again and then `nbgrader generate_assignment "
        "toys --force`" in done.text
    )
    assert all(row[4] is None for row in room.rows() if row[2] == "scale")
    room.init()
    room.settle("generate_assignment toys --force", "autograde toys")
    assert room.total("ann", "toys", "scale") == 14.0


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (
            "raise RuntimeError('ours')",
            "aaa is not graded: A check of ours raises RuntimeError: ours",
        ),
        ("__import__('os')._exit(0)", "the grading process dies on this submission; report that"),
    ],
)
def test_not_graded_is_no_score_and_no_zero_and_stops_nobody(
    room: Classroom, failure: str, said: str
) -> None:
    ours = f"    if not student.scale(x, factor).any():\n        {failure}\n"
    line = "    return student.scale(student.scale(x, factor), factor), x * factor**2\n"
    toy_course.edit(room.course, CHECKS, line, ours + line)
    zeros = "def scale(x, factor):\n    return 0 * x"
    for student, scale in (("aaa", zeros), ("zoe", WRONG)):
        room.hand_in(student, "toys", "scale", dumped(right(room, "scale", scale=scale)))
        room.hand_in(student, "toys", "balance", dumped(right(room, "balance")))
    (done,) = room.run("autograde toys")
    assert done.code == 1
    assert said in done.text
    room.settle("export --to grades.csv")
    rows = [line.split(",") for line in (room.folder / "grades.csv").read_text().splitlines()]
    assert {row[3]: row[9] for row in rows[1:]} == {"aaa": "", "ann": "17.0", "zoe": "10.0"}
    assert not (room.folder / "autograded" / "aaa" / "toys").exists()
    toy_course.edit(room.course, CHECKS, ours, "")
    room.settle("autograde toys", "export --to grades.csv")
    assert "aaa,,,,10.0,0.0,10.0,17.0" in (room.folder / "grades.csv").read_text()


def test_late_work_costs_what_the_plugin_says(room: Classroom) -> None:
    room.configure('c.LateSubmissionPlugin.penalty_method = "zero"')
    room.hand_in("bob", "toys", "scale", dumped(right(room, "scale")))
    for student, day in (("ann", "01"), ("bob", "03")):
        path = room.folder / "submitted" / student / "toys" / "timestamp.txt"
        path.write_text(f"2026-11-{day} 12:00:00 UTC")
    room.settle("autograde toys", "autograde toys")
    before = {row[0]: row[4] for row in room.rows() if row[3] == "scale-scale"}
    assert before == {"ann": 7.0, "bob": 7.0}
    due = room.folder / "due.py"
    due.write_text(
        "from nbgrader.api import Gradebook\n"
        "with Gradebook('sqlite:///gradebook.db') as book:\n"
        "    book.update_or_create_assignment('toys', duedate='2026-11-02 12:00:00 UTC')\n"
    )
    assert os.system(f"cd {room.folder} && {sys.executable} -W ignore due.py") == 0
    room.settle("autograde toys --force", "export --to grades.csv")
    rows = [line.split(",") for line in (room.folder / "grades.csv").read_text().splitlines()]
    assert {r[3]: r[7:10] for r in rows[1:]} == {
        "ann": ["17.0", "0.0", "17.0"],
        "bob": ["13.0", "13.0", "0.0"],
    }


def test_a_manually_graded_cell_of_the_instructor_s_own_stays_one(room: Classroom) -> None:
    path = room.folder / "source" / "toys" / "balance.ipynb"
    book = room.handed_out("toys", "balance")
    label = {"grade": True, "grade_id": "why", "locked": False, "points": 3, "solution": True}
    label |= {"schema_version": 3, "task": False}
    cell = {"cell_type": "markdown", "id": "why", "metadata": {"nbgrader": label}}
    solved = "### BEGIN SOLUTION\nBecause of the mean.\n### END SOLUTION"
    book["cells"].append({**cell, "source": solved})
    path.write_bytes(dumped(book))
    shutil.rmtree(room.folder / "submitted")
    room.settle("generate_assignment toys --force")
    out = room.handed_out("toys", "balance")
    assert out["cells"][-1]["source"] == "YOUR ANSWER HERE"
    mine = right(room, "balance")
    mine["cells"][-1]["source"] = "I do not know."
    room.hand_in("ann", "toys", "balance", dumped(mine))
    room.settle("autograde toys")
    by_cell = {row[3]: row[4:] for row in room.rows() if row[2] == "balance"}
    assert by_cell == {"balance-balance": (4.0, None, 0), "why": (None, None, 1)}
    assert "".join(room.autograded("ann", "toys", "balance")["cells"][-1]["source"]) == (
        "I do not know."
    )


def test_a_cell_of_tests_that_nobody_would_run_is_refused_before_the_release(
    room: Classroom,
) -> None:
    book = room.handed_out("toys", "scale")
    label = {"grade": True, "grade_id": "own-test", "locked": True, "points": 1, "solution": False}
    cell = {"cell_type": "code", "id": "t", "source": "assert scale", "outputs": []}
    metadata = {"nbgrader": {**label, "schema_version": 3, "task": False}}
    book["cells"].append({**cell, "metadata": metadata, "execution_count": None})
    (room.folder / "source" / "toys" / "scale.ipynb").write_bytes(dumped(book))
    (done,) = room.run("generate_assignment toys --force")
    assert done.code == 1
    assert (
        "scale.ipynb: the cell own-test gives points for running it, and this course" in done.text
    )


def test_zip_collect_brings_what_a_learning_platform_gave(room: Classroom) -> None:
    room.configure(
        r'c.FileNameCollectorPlugin.named_regexp = r".*/(?P<student_id>\w+)_hw_(?P<file_id>\w+)"'
    )
    archive = room.folder / "downloaded" / "toys" / "archive"
    archive.mkdir(parents=True)
    with zipfile.ZipFile(archive / "all.zip", "w") as packed:
        for notebook in ("scale", "balance"):
            packed.writestr(f"kim_hw_{notebook}.ipynb", dumped(right(room, notebook)))
    room.settle("zip_collect toys", "autograde toys")
    assert room.total("kim", "toys", "scale") == 13.0


def test_release_fetch_submit_and_collect_over_an_exchange(room: Classroom, tmp_path: Path) -> None:
    exchange = tmp_path / "exchange"
    exchange.mkdir(mode=0o777)
    exchange.chmod(0o777)
    room.configure(f'c.Exchange.root = "{exchange}"\nc.Exchange.cache = "{tmp_path / "cache"}"')
    shutil.rmtree(room.folder / "submitted")
    room.settle("release_assignment toys")
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(room.folder / "nbgrader_config.py", home)
    student = Classroom(home, room.course, room.secret)
    (done,) = student.settle("fetch_assignment toys")
    for notebook in ("scale", "balance"):
        (home / "toys" / f"{notebook}.ipynb").write_bytes(dumped(right(room, notebook)))
    student.settle("submit toys")
    room.settle("collect toys", "autograde toys")
    scores = [row[4] for row in room.rows() if row[3] in ("scale-scale", "balance-balance")]
    assert sorted(scores) == [4.0, 7.0], done.text


def test_stock_autograde_gives_an_honest_notebook_nothing_and_says_why(room: Classroom) -> None:
    (room.folder / "nbgrader_config.py").write_text("")
    room.settle("generate_assignment toys --force", "autograde toys")
    assert set(room.grades()["ann", "toys", "scale"].values()) == {0.0}
    (raised,) = outputs(room.autograded("ann", "toys", "scale"), "scale-scale")
    assert (raised["ename"], raised["evalue"]) == ("RuntimeError", CONFIGURE)


def test_validate_runs_the_visible_checks(room: Classroom) -> None:
    folder = room.folder / "home"
    shutil.copytree(room.folder / "release" / "toys", folder)
    wrong = right(room, "scale", scale=WRONG)
    for name, data in (
        ("scale", dumped(right(room, "scale"))),
        ("balance", dumped(right(room, "balance"))),
        ("wrong", changed(wrong, lambda book: answer(book, "scale_backward"))),
    ):
        (folder / f"{name}.ipynb").write_bytes(data)
    good, earlier, bad = room.run(
        *(f"validate {name}.ipynb" for name in ("scale", "balance", "wrong")), cwd=folder
    )
    assert "Success! Your notebook passes all the tests." in good.text
    assert "Success! Your notebook passes all the tests." in earlier.text
    assert "VALIDATION FAILED ON 2 CELL(S)!" in bad.text
    # Nothing of the sentence is cut off.
    for line in (
        "vol1_toys/scale, scale:",
        "scale([1, -2], 3) differs in 2 of 2 elements; worst at",
    ):
        assert line in bad.text
    # It says what is expected in full, over as many lines as that takes.
    assert "expected -6" in " ".join(bad.text.split()) or "expected 3" in bad.text


def test_a_notebook_of_another_name_is_nobody_s_and_a_missing_one_is_zero(room: Classroom) -> None:
    room.hand_in("bob", "toys", "homework", dumped(right(room, "scale")))
    room.hand_in("bob", "toys", "balance", dumped(right(room, "balance")))
    (done,) = room.settle("autograde toys")
    assert "Skipping unknown notebook" in done.text
    assert set(room.grades()["bob", "toys", "scale"].values()) == {0.0}
    assert room.total("bob", "toys", "balance") == 4.0


def test_a_broken_timestamp_is_one_student_s_problem(room: Classroom) -> None:
    room.hand_in("bob", "toys", "scale", dumped(right(room, "scale")))
    room.settle("autograde toys")
    for step in ("submitted", "autograded"):
        (room.folder / step / "bob" / "toys" / "timestamp.txt").write_bytes(b"\xff yesterday")
    room.hand_in("cat", "toys", "scale", dumped(right(room, "scale")))
    (done,) = room.run("autograde toys")
    assert "cat, vol1_toys/scale: 13 of 13 points" in done.text


def test_two_students_share_nothing_and_strange_names_are_names(room: Classroom) -> None:
    names = ("Łucja 李", "a b", "=1+1", "<b>x", "x'y")
    for name in names:
        room.hand_in(name, "toys", "scale", dumped(right(room, "scale")))
    room.settle("autograde toys", "generate_feedback toys", "export --to grades.csv")
    assert [room.total(name, "toys", "scale") for name in names] == [13.0] * len(names)
    assert "'=1+1" in (room.folder / "grades.csv").read_text(encoding="utf-8")
