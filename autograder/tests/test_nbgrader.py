"""nbgrader on a course of toys: the commands are real, each a process of its own."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.tests import toy_course
from autograder.tests.nbgrader_course import (
    Book,
    Classroom,
    Done,
    answer,
    changed,
    dumped,
    filled,
    outputs,
)

pytest.importorskip("nbgrader")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="grading isolates on Linux")

RIGHT = {
    "scale": {
        "scale": "def scale(x, factor):\n    return x * factor",
        "scale_backward": "def scale_backward(dout, factor):\n    return dout * factor",
    },
    "balance": {
        "balance": "def balance(x, factor=2.0):\n    y = scale(x, factor)\n"
        "    return y - y.mean(axis=-1, keepdims=True)"
    },
}
POINTS = {"scale": 7.0, "scale_backward": 6.0}
WRONG = "def scale(x, factor):\n    return x + factor"
ASSIGNMENTS = """
[[assignments]]
name = "toys"
exercises = ["vol1_toys/scale", "vol1_toys/balance"]
"""


def classroom(folder: Path) -> Classroom:
    """A course of toys with one assignment of two notebooks, its sources written."""
    toy_course.write(folder / "course")
    toy_course.append(folder / "course", "instructor/course.toml", ASSIGNMENTS)
    config = Path(__file__).parents[2] / "instructor" / "nbgrader_config.py"
    (folder / "course" / "instructor" / "nbgrader_config.py").write_text(config.read_text())
    (folder / "secret").write_text("a secret that only this test uses\n")
    room = Classroom(folder / "room", folder / "course", folder / "secret")
    room.init()
    return room


def right(room: Classroom, notebook: str, **answers: str) -> Book:
    return filled(room.handed_out("toys", notebook), RIGHT[notebook] | answers)


def hand_in_class(room: Classroom) -> None:
    """Five students: right, wrong, nothing, a mess, unreadable."""
    hostile = 'def scale(x, factor):\n    raise RuntimeError("<script>alert(1)</script>")'
    for student, scale in (
        ("ann", dumped(right(room, "scale"))),
        ("bob", dumped(right(room, "scale", scale=WRONG))),
        ("cat", dumped(room.handed_out("toys", "scale"))),
        ("dan", changed(right(room, "scale"), _mess)),
        ("eve", dumped(right(room, "scale"))[:900]),
        ("fay", dumped(right(room, "scale", scale=hostile))),
    ):
        room.hand_in(student, "toys", "scale", scale)
        room.hand_in(student, "toys", "balance", dumped(right(room, "balance")))


def _mess(book: Book) -> None:
    """Every cell twice and in an old format, points edited, a cell of their own in between."""
    own = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": 3}
    cells = [json.loads(json.dumps(c)) for c in book["cells"] for _ in range(2)]
    book["cells"] = [*cells[:6], {**own, "source": "print('mine')"}, *cells[6:]]
    book["nbformat_minor"] = 4
    for cell in book["cells"]:
        cell.pop("id", None)
        if "points" in cell["metadata"].get("nbgrader", {}):
            cell["metadata"]["nbgrader"]["points"] = 1000


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Classroom, list[Done]]]:
    room = classroom(tmp_path_factory.mktemp("nbgrader"))
    done = room.settle("generate_assignment toys")
    hand_in_class(room)
    done += room.settle("autograde toys", "generate_feedback toys", "export --to grades.csv")
    yield room, done


def test_points_of_each_function_are_partial_credit_in_the_gradebook(
    graded: tuple[Classroom, list[Done]],
) -> None:
    grades = graded[0].grades()
    full = {f"scale-{name}": points for name, points in POINTS.items()}
    assert grades["ann", "toys", "scale"] == full
    # Adding keeps the dtype and the arguments, but those two count only if the values are right.
    assert grades["bob", "toys", "scale"] == {**full, "scale-scale": 0.0}
    assert grades["cat", "toys", "scale"] == dict.fromkeys(full, 0.0)
    assert all(grades[s, "toys", "balance"] == {"balance-balance": 4.0} for s in ("ann", "eve"))


def test_a_mess_costs_nothing_and_every_repair_is_told(
    graded: tuple[Classroom, list[Done]],
) -> None:
    room, done = graded
    assert room.total("dan", "toys", "scale") == 13.0
    for sentence in (
        "dan, scale: Cells that were there several times are one: scale-01, scale-answer-scale,",
        "dan, scale: Points that were edited change nothing: scale-scale, scale-scale_backward.",
        "dan, scale: The notebook is in an old format, in which cells have no ids.",
    ):
        assert sentence in done[1].text
    sources = ["".join(c["source"]) for c in room.autograded("dan", "toys", "scale")["cells"]]
    assert sources.count("print('mine')") == 1
    assert sources.count(RIGHT["scale"]["scale"]) == 1
    assert "Points that were edited change nothing" in room.feedback("dan", "toys", "scale")


def test_an_unreadable_notebook_is_no_points_with_the_reason_and_stops_nobody(
    graded: tuple[Classroom, list[Done]],
) -> None:
    room, done = graded
    assert room.grades()["eve", "toys", "scale"] == {"scale-scale": 0.0, "scale-scale_backward": 0}
    assert "eve, scale: scale.ipynb is not a complete notebook" in done[1].text
    page = room.feedback("eve", "toys", "scale")
    assert "is not a complete notebook" in page
    assert "No response." not in page


def test_feedback_stands_in_the_cell_with_the_points(
    graded: tuple[Classroom, list[Done]],
) -> None:
    room = graded[0]
    score, shown = outputs(room.autograded("bob", "toys", "scale"), "scale-scale")
    assert score["output_type"] == "execute_result"
    assert score["data"] == {"text/plain": ["0.0"]}
    said = "".join(shown["data"]["text/plain"])
    assert said.startswith("0 of 7 points\n")
    assert "Scaling twice is scaling by the square: failed, 0 of 2 points." in said
    assert "Hint: The factor is added, not multiplied." in said
    assert "The check that you can run yourself (Worked numbers): failed." in said
    page = room.feedback("bob", "toys", "scale")
    at = page.index("Hint: The factor is added")
    assert page.index('name="scale-scale"') < at < page.index('name="scale-scale_backward"')


def test_nothing_of_a_student_s_is_markup_in_our_feedback(
    graded: tuple[Classroom, list[Done]],
) -> None:
    room = graded[0]
    for shown in outputs(room.autograded("fay", "toys", "scale"), "scale-scale"):
        assert "<script>" not in "".join(shown["data"].get("text/html", ""))


def test_export_has_the_totals(graded: tuple[Classroom, list[Done]]) -> None:
    lines = (graded[0].folder / "grades.csv").read_text().splitlines()
    totals = {row[3]: row[9] for row in (line.split(",") for line in lines[1:])}
    assert totals == {
        "ann": "17.0",
        "bob": "10.0",
        "cat": "4.0",
        "dan": "17.0",
        "eve": "4.0",
        "fay": "10.0",
    }


def test_stubs_are_released_as_they_are(graded: tuple[Classroom, list[Done]]) -> None:
    source = answer(graded[0].handed_out("toys", "scale"), "scale")["source"]
    assert source.startswith("def scale(x: Floats, factor: float) -> Floats:")
    assert source.endswith('raise NotImplementedError("scale is yours to write")')


def test_what_is_there_is_not_graded_again_and_a_newer_one_alone(
    graded: tuple[Classroom, list[Done]],
) -> None:
    room = graded[0]
    for student in ("ann", "bob"):
        folder = room.folder / "submitted" / student / "toys"
        (folder / "timestamp.txt").write_text("2026-11-01 12:00:00 UTC")
        after = room.folder / "autograded" / student / "toys"
        (after / "timestamp.txt").write_text("2026-11-01 12:00:00 UTC")
    room.hand_in("bob", "toys", "scale", dumped(right(room, "scale")))
    newer = room.folder / "submitted" / "bob" / "toys" / "timestamp.txt"
    newer.write_text("2026-11-02 12:00:00 UTC")
    (done,) = room.settle("autograde toys")
    assert "Grading 1 submissions in isolation, 1 at a time" in done.text
    assert "bob, vol1_toys/scale: 13 of 13 points" in done.text
    assert "ann, vol1_toys" not in done.text
    assert room.total("bob", "toys", "scale") == 13.0
