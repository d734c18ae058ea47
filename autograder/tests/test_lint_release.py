"""Nothing that is almost a marker, and nothing that was left lying around, reaches a student."""

import json
from pathlib import Path

import pytest

from autograder.build import build
from autograder.course import Course
from autograder.errors import CourseError
from autograder.lint_release import MARKERS, almost_marker, distance, lint
from autograder.release import write
from autograder.tests.toy_course import edit

NEAR = {
    "### BEGIN SOLUTION": [
        "## BEGIN SOLUTION",
        "###BEGIN SOLUTION",
        "BEGIN SOLUTION",
        "### begin solution",
        "### Begin Soluton",
        "### BEGIN SOLUTIONS",
        "### BEGNI SOLUTION",
        "###  BEGIN-SOLUTION",
        "# BEGIN SOLUTION (three lines)",
    ],
    "### END SOLUTION": ["### END_SOLUTION", "### EDN SOLUTION", "# END OF SOLUTION"],
    "### BEGIN HIDDEN TESTS": ["### BEGIN HIDDEN TEST", "#### Begin hidden tests"],
    "### END HIDDEN TESTS": ["### END HIDDENTESTS", "> END HIDDEN TESTS"],
    "### BEGIN MARK SCHEME": ["<!-- BEGIN MARK SCHEME -->", "### BEGIN MARKSCHEME"],
    "### END MARK SCHEME": ["### END MARK SCHEMES", "# END MARK SCHEEM"],
}
HONEST = (
    "# In solution",
    "# one solution",
    "# and solution",
    "## One solution",
    "# The end solution",
    "# begin the solution",
    "# hidden tests",
    "end = solution",
    "end_solution",
    "x = 'END SOLUTION'",
    "Mark the scheme that begins here.",
    "",
)


def notebook(*sources: str, **cell: object) -> str:
    cells = [{"cell_type": "code", "metadata": {}, "source": s, **cell} for s in sources]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def put(root: Path, name: str, text: str = "x = 1\n") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("marker", "line"), [(m, n) for m, near in NEAR.items() for n in near])
def test_a_line_that_is_almost_a_marker_is_named_with_the_right_one(
    tmp_path: Path, marker: str, line: str
) -> None:
    put(tmp_path, "sums.py", f"x = 1\n    {line}\n")
    said = f"sums.py:2: {line!r} is almost a marker; write exactly {marker!r}"
    assert lint([tmp_path], root=tmp_path, released=False) == [said]


@pytest.mark.parametrize("line", HONEST)
def test_ordinary_lines_are_not_taken_for_markers(line: str) -> None:
    assert almost_marker(line) is None


@pytest.mark.parametrize("marker", MARKERS)
def test_two_typos_in_capitals_are_found_and_three_are_another_text(marker: str) -> None:
    two = marker[:-3] + "XX" + marker[-1]
    assert almost_marker(two) == marker
    assert almost_marker(two.replace("### ", "### OOO ")) != marker


def test_distance_counts_each_kind_of_slip_once() -> None:
    pairs = [("SOLUTION", "SOLUTOIN"), ("END", "ENDS"), ("END", "ED"), ("END", "ENT")]
    assert [distance(a, b, most=2) for a, b in pairs] == [1, 1, 1, 1]
    assert distance("BEGIN", "XXXXX", most=2) == 3


def test_an_exact_solution_marker_is_right_in_a_source_and_wrong_in_a_release(
    tmp_path: Path,
) -> None:
    put(tmp_path, "sums.py", "### BEGIN SOLUTION\n### END SOLUTION\n")
    assert lint([tmp_path], root=tmp_path, released=False) == []
    assert lint([tmp_path], root=tmp_path) == [
        f"sums.py:{n}: '### {word} SOLUTION' is a marker, and students must not get what it marks"
        for n, word in ((1, "BEGIN"), (2, "END"))
    ]


def test_hidden_tests_in_a_source_are_sent_to_where_hidden_checks_belong(tmp_path: Path) -> None:
    put(tmp_path, "sums.py", "### BEGIN HIDDEN TESTS\n")
    assert lint([tmp_path], root=tmp_path, released=False) == [
        "sums.py:1: '### BEGIN HIDDEN TESTS' hides nothing here; hidden checks belong into "
        "instructor/checks"
    ]


def test_a_marker_in_a_notebook_is_named_with_its_cell(tmp_path: Path) -> None:
    put(tmp_path, "a.ipynb", notebook("x = 1", "y = 2\n## BEGIN HIDDEN TESTS\nassert y"))
    assert lint([tmp_path], root=tmp_path) == [
        "a.ipynb, cell 2, line 2: '## BEGIN HIDDEN TESTS' is almost a marker; write exactly "
        "'### BEGIN HIDDEN TESTS'"
    ]


@pytest.mark.parametrize("run", [{"outputs": [{"output_type": "stream"}]}, {"execution_count": 3}])
def test_a_notebook_that_was_run_is_named(tmp_path: Path, run: dict[str, object]) -> None:
    put(tmp_path, "a.ipynb", notebook("x = 1", **run))
    said = "a.ipynb, cell 1 has been run; clear the outputs of the notebook"
    assert lint([tmp_path], root=tmp_path) == [said]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 3}', '{"cells": [4]}', "[" * 100_000])
def test_a_file_that_is_no_notebook_is_named(tmp_path: Path, text: str) -> None:
    put(tmp_path, "a.ipynb", text)
    said = "a.ipynb is not a notebook; save it again in Jupyter"
    assert lint([tmp_path], root=tmp_path) == [said]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        (".ipynb_checkpoints/a-checkpoint.ipynb", "Jupyter's copy of an older state"),
        ("a-checkpoint.ipynb", "Jupyter's copy of an older state"),
        ("__pycache__/a.pyc", "compiled Python"),
        (".DS_Store", "a file of macOS"),
        ("a.py~", "an editor's backup"),
        (".a.py.swp", "an editor's backup"),
        ("a.py.orig", "a backup"),
        ("gradebook.db", "nbgrader's gradebook"),
        ("gradebook.db-journal", "nbgrader's gradebook"),
    ],
)
def test_a_stray_file_is_named_with_what_it_is(tmp_path: Path, name: str, what: str) -> None:
    put(tmp_path, f"vol/{name}")
    top = name.partition("/")[0]
    assert lint([tmp_path], root=tmp_path) == [f"vol/{top} is {what}; delete it"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    inside = put(tmp_path, "out/a.py").parent
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(inside)
    assert lint([tmp_path / "in"], root=tmp_path) == [
        "in/link is a link, which points elsewhere on the student's machine; delete it"
    ]


def test_large_data_is_named_with_its_size_and_the_wheel_is_not_data(tmp_path: Path) -> None:
    for name in ("text.txt", "engine.whl"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(5_200_000)
    assert lint([tmp_path], root=tmp_path) == [
        "text.txt has 5.2 MB, at most 5 MB are released; let students download it"
    ]


def test_the_sources_and_the_derived_files_of_this_course_are_clean() -> None:
    root = Path(__file__).parents[2]
    assert lint(root.glob("solutions/vol*/*.py"), root=root, released=False) == []
    assert lint((root / "assignments").glob("vol*/*.ipynb"), root=root) == []


# The release


@pytest.fixture
def built(toy: Course) -> Course:
    build(toy)
    put(toy.root, "pyproject.toml", "[project]\nname = 'none'\n")
    return toy


def refused(course: Course, out: Path) -> str:
    with pytest.raises(CourseError) as error:
        write(course, out)
    assert not out.exists()
    return str(error.value)


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toys have no engine of their own to pack, which is not what is tested here."""
    monkeypatch.setattr("autograder.release.wheel", lambda course, folder: folder)


@pytest.mark.usefixtures("no_wheel")
def test_a_release_with_a_stray_file_is_not_written(built: Course, tmp_path: Path) -> None:
    put(built.root, "datasets/words.txt~")
    assert refused(built, tmp_path / "out") == (
        "the release is not written: datasets/words.txt~ is an editor's backup; delete it"
    )


@pytest.mark.usefixtures("no_wheel")
def test_a_release_with_hidden_tests_under_a_typo_is_not_written(
    built: Course, tmp_path: Path
) -> None:
    put(built.root, "starter_code/given/load.py", "x = 1\n# BEGIN HIDEN TESTS\nassert 1\n")
    put(built.root, "starter_code/given/save.py", "### BEGIN MARKSCHEME\n")
    assert refused(built, tmp_path / "out") == (
        "the release is not written: starter_code/given/load.py:2: '# BEGIN HIDEN TESTS' is almost "
        "a marker; write exactly '### BEGIN HIDDEN TESTS'; and 1 more"
    )


@pytest.mark.usefixtures("no_wheel")
def test_a_release_of_a_source_with_hidden_tests_names_the_line_of_the_source(
    built: Course, tmp_path: Path
) -> None:
    name = "solutions/vol1_toys/scale.py"
    path = edit(built.root, name, "# ## Backward\n", "# ## Backward\n### BEGIN HIDDEN TESTS\n")
    build(built)
    line = path.read_text().split("\n").index("### BEGIN HIDDEN TESTS") + 1
    said = refused(built, tmp_path / "out")
    assert said.startswith(f"the release is not written: {name}:{line}: '### BEGIN HIDDEN TESTS'")


@pytest.mark.usefixtures("no_wheel")
def test_a_clean_course_is_released(built: Course, tmp_path: Path) -> None:
    assert "assignments/vol1_toys/scale.ipynb" in write(built, tmp_path / "out")
