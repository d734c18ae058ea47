"""Derived files: what is in them, that they are stable, and that drift is seen and named."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest

from autograder.build import Drift, build, compare, derive, notebook, version
from autograder.course import Course
from autograder.errors import CourseError
from autograder.percent import BEGIN, END, parse_page, solution_lines
from autograder.tests.toy_course import append, edit

SLUG = "vol1_toys/scale"
SOURCE = "solutions/vol1_toys/scale.py"


ANSWER = """
def last(x):
    ### BEGIN SOLUTION
    return x
    ### END SOLUTION

# %%
def visible_last(student, check):
    pass
"""
GRADED: Any = SimpleNamespace(arrays="numpy", points=lambda function: 1.0)


def book(course: Course, name: str = "scale") -> Any:
    data = derive(course)[Path(f"assignments/vol1_toys/{name}.ipynb")]
    return nbformat.reads(data.decode(), as_version=4)  # type: ignore[no-untyped-call]


def test_every_derived_file_is_written_once_and_then_current(toy: Course) -> None:
    written = build(toy)
    assert {p.as_posix() for p in written} == {
        "assignments/README.md",
        "assignments/course.json",
        "assignments/figures/vol1_toys.svg",
        "assignments/index.ipynb",
        "assignments/vol1_toys/balance.ipynb",
        "assignments/vol1_toys/counter.ipynb",
        "assignments/vol1_toys/figures/line.svg",
        "assignments/vol1_toys/scale.ipynb",
        "starter_code/__init__.py",
        "starter_code/vol1_toys/__init__.py",
        "starter_code/vol1_toys/balance.py",
        "starter_code/vol1_toys/counter.py",
        "starter_code/vol1_toys/scale.py",
    }
    assert compare(toy) == []
    assert build(toy) == []


def test_deriving_twice_gives_the_same_bytes_without_carriage_returns(toy: Course) -> None:
    first = derive(toy)
    assert first == derive(Course(toy.root))
    for path, data in first.items():
        assert b"\r" not in data, path
        assert data.endswith(b"\n"), path


def test_nothing_between_solution_markers_is_in_any_derived_file(toy: Course) -> None:
    lines = [line.strip() for slug in toy.slugs for line in solution_lines(toy.page(slug))]
    assert len(lines) == 10
    for path, data in derive(toy).items():
        text = data.decode()
        assert BEGIN not in text and END not in text, path
        for line in lines:
            # `return out` and the like could stand anywhere; what computes may not.
            assert line.startswith("return ") or line not in text, path


def test_no_hidden_check_and_no_hint_is_in_any_derived_file(toy: Course) -> None:
    text = b"".join(derive(toy).values()).decode()
    for slug in toy.slugs:
        exercise = toy.exercise(slug)
        for hidden in (*(m.hint for m in exercise.mistakes), *(c.title for c in exercise.checks)):
            assert hidden not in text


def test_an_edited_a_missing_and_a_left_over_file_are_told_apart(toy: Course) -> None:
    build(toy)
    append(toy.root, "starter_code/vol1_toys/scale.py", "# mine\n")
    (toy.root / "assignments/vol1_toys/scale.ipynb").unlink()
    (toy.root / "assignments/vol1_toys/old.ipynb").write_text("{}")
    assert compare(toy) == [
        Drift(Path("assignments/vol1_toys/scale.ipynb"), "missing"),
        Drift(Path("starter_code/vol1_toys/scale.py"), "out of date"),
        Drift(Path("assignments/vol1_toys/old.ipynb"), "left over"),
    ]
    build(toy)
    assert compare(toy) == []
    assert not (toy.root / "assignments/vol1_toys/old.ipynb").exists()


def test_a_changed_source_makes_what_is_derived_from_it_out_of_date(toy: Course) -> None:
    build(toy)
    edit(toy.root, SOURCE, "Multiply, then differentiate", "First multiply")
    drifts = {d.path.as_posix() for d in compare(toy) if d.state == "out of date"}
    assert drifts == {
        "assignments/course.json",
        "assignments/vol1_toys/scale.ipynb",
        "starter_code/vol1_toys/scale.py",
    }


def test_carriage_returns_in_a_derived_file_are_drift(toy: Course) -> None:
    build(toy)
    path = toy.root / "starter_code/vol1_toys/scale.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert [d.state for d in compare(toy)] == ["out of date"]


def test_what_students_are_given_and_what_tools_leave_is_no_drift(toy: Course) -> None:
    build(toy)
    for name in ("given/data.py", "__pycache__/x.pyc", ".ipynb_checkpoints/scale.ipynb"):
        path = toy.root / "starter_code" / name
        path.parent.mkdir()
        path.write_text("")
    assert compare(toy) == []


def test_a_version_changes_with_what_students_see_and_not_with_the_solution(toy: Course) -> None:
    before = version(toy.page(SLUG))
    edit(toy.root, SOURCE, "out: Floats = x * factor", "out: Floats = factor * x")
    assert version(toy.page(SLUG)) == before
    edit(toy.root, SOURCE, "What is scaled.", "The array that is scaled.")
    assert version(toy.page(SLUG)) != before
    assert re.fullmatch("[0-9a-f]{8}", before)


# Notebooks


def test_notebooks_are_valid_and_have_no_outputs_and_no_counts(toy: Course) -> None:
    for name in ("scale", "counter", "balance"):
        notebook = book(toy, name)
        nbformat.validate(notebook)  # type: ignore[no-untyped-call]
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        code = [c for c in notebook.cells if c.cell_type == "code"]
        assert all(c.outputs == [] and c.execution_count is None for c in code)
        ids = [c.id for c in notebook.cells]
        assert len(set(ids)) == len(ids)


def test_a_notebook_knows_its_exercise_and_its_version(toy: Course) -> None:
    course = book(toy).metadata.course
    assert course == {"exercise": SLUG, "version": version(toy.page(SLUG))}


def test_each_function_has_an_answer_a_check_and_a_grade_cell_in_that_order(toy: Course) -> None:
    cells = [c for c in book(toy).cells if c.cell_type == "code"]
    order = [(c.metadata.nbgrader.grade_id, c.metadata.nbgrader.locked) for c in cells]
    assert order == [
        ("scale-01", True),
        ("scale-answer-scale", False),
        ("scale-04", True),
        ("scale-scale", True),
        ("scale-answer-scale_backward", False),
        ("scale-07", True),
        ("scale-scale_backward", True),
    ]


def test_only_grade_cells_carry_points_and_they_carry_the_function_s(toy: Course) -> None:
    cells = [c.metadata.nbgrader for c in book(toy).cells if c.cell_type == "code"]
    graded = {c.grade_id: c.points for c in cells if c.grade}
    assert graded == {"scale-scale": 7, "scale-scale_backward": 6}
    assert all("points" not in c for c in cells if not c.grade)
    assert [c.solution for c in cells] == [c.grade_id.startswith("scale-answer") for c in cells]


def test_an_answer_cell_is_the_stub(toy: Course) -> None:
    (cell,) = [c for c in book(toy).cells if c.id == "scale-answer-scale"]
    assert cell.source.startswith("def scale(x: Floats, factor: float) -> Floats:\n")
    assert cell.source.endswith('raise NotImplementedError("scale is yours to write")')


def test_a_check_cell_defines_the_visible_check_and_calls_it(toy: Course) -> None:
    (cell,) = [c for c in book(toy).cells if c.id == "scale-04"]
    assert "def visible_scale(student: Student, check: Check) -> None:" in cell.source
    assert cell.source.endswith("check_cell(visible_scale)")


def test_a_relative_import_becomes_the_student_s_own_work(toy: Course) -> None:
    (cell,) = [c for c in book(toy, "balance").cells if c.id == "balance-01"]
    assert cell.source == (
        "import numpy as np\n\nfrom autograder.selfcheck import mine\n\n"
        'scale = mine("vol1_toys/scale").scale'
    )


def test_several_names_under_other_names_are_taken_over_in_a_notebook(toy: Course) -> None:
    new = "from .scale import (\n    scale,\n    scale_backward as back,\n)  # both"
    edit(toy.root, "solutions/vol1_toys/balance.py", "from .scale import scale", new)
    text = "\n".join(c.source for c in book(toy, "balance").cells)
    assert 'scale = mine("vol1_toys/scale").scale\n' in text
    assert 'back = mine("vol1_toys/scale").scale_backward' in text
    assert "from .scale" not in text


def test_an_exercise_of_another_volume_is_the_student_s_own_work_too() -> None:
    text = (
        '"""A page."""\n\n# %%\nimport numpy as np\n\nfrom ..vol1.first import one\n'
        "from ..vol2.first import two as other\nfrom .first import three\n"
    )
    page = parse_page(f"{text}\n# %%\n{ANSWER}", "vol3/last", "last.py")
    assert [(e.exercise, e.name, e.local) for e in page.earlier] == [
        ("vol1/first", "one", "one"),
        ("vol2/first", "two", "other"),
        ("vol3/first", "three", "three"),
    ]
    cell = next(c for c in json.loads(notebook(page, GRADED))["cells"] if c["id"] == "last-00")
    assert "".join(cell["source"]).split("\n")[1:] == [
        "",
        "from autograder.selfcheck import mine",
        "",
        'one = mine("vol1/first").one',
        'other = mine("vol2/first").two',
        'three = mine("vol3/first").three',
    ]


def test_markdown_cells_are_markdown(toy: Course) -> None:
    first = book(toy).cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# Scale\n\nMultiply")


# Index, contents, figures


def test_the_index_has_what_a_student_s_machine_needs(toy: Course) -> None:
    index = json.loads(derive(toy)[Path("assignments/course.json")])
    assert index["title"] == "Toys"
    assert [e["exercise"] for e in index["exercises"]] == list(toy.slugs)
    scale, _, balance = index["exercises"]
    assert scale["functions"] == [
        {"name": "scale", "points": 7},
        {"name": "scale_backward", "points": 6},
    ]
    assert (scale["points"], scale["arrays"], scale["difficulty"]) == (13, "numpy", 1)
    assert scale["page"] == (toy.stub(SLUG).text())
    assert (scale["earlier"], balance["earlier"]) == ([], [SLUG])
    assert index["volumes"][0]["folder"] == "vol1_toys"


def test_the_contents_list_what_there_is_and_what_is_planned(toy: Course) -> None:
    text = derive(toy)[Path("assignments/README.md")].decode()
    assert (
        "| [scale](vol1_toys/scale.ipynb) | Scaling: one factor for everything, and the gradient "
        "of that. | 13 | ●○○○○ | 5 |" in text
    )
    assert "| 4 | ●●●●● | 10 |" in text
    assert "Planned, not here yet: later." in text


def test_a_volume_without_planned_exercises_can_be_built(toy: Course) -> None:
    edit(toy.root, "instructor/course.toml", 'planned = ["later"]\n', "")
    assert "Planned" not in derive(toy)[Path("assignments/README.md")].decode()


def test_a_figure_is_drawn_by_its_code(toy: Course) -> None:
    svg = derive(toy)[Path("assignments/vol1_toys/figures/line.svg")].decode()
    assert svg.startswith("<svg ")


def test_a_figure_without_code_is_named(toy: Course) -> None:
    (toy.root / "solutions/figures/vol1_toys/line.py").unlink()
    with pytest.raises(CourseError) as caught:
        derive(toy)
    assert str(caught.value) == (
        f"{SOURCE}: figures/line.svg needs solutions/figures/vol1_toys/line.py with a function "
        "draw() -> str"
    )


def test_a_figure_without_a_description_is_named(toy: Course) -> None:
    edit(toy.root, SOURCE, "A line through the origin whose slope is the factor.", "A line")
    with pytest.raises(CourseError, match=r"the figure line\.svg needs alternative text"):
        derive(toy)


def test_an_unmatched_marker_stops_the_build_with_file_and_line(toy: Course) -> None:
    path = edit(toy.root, SOURCE, f"    {END}\n", "")
    line = path.read_text(encoding="utf-8").split("\n").index(f"    {BEGIN}") + 1
    with pytest.raises(CourseError) as caught:
        build(toy)
    said = f"solutions/vol1_toys/scale.py:{line}: BEGIN SOLUTION without END SOLUTION"
    assert str(caught.value).endswith(said)
    assert not (toy.root / "starter_code").exists()
