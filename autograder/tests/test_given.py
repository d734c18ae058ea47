"""What students are given is found from notebooks, from modules, and where files cannot be read."""

import subprocess
import sys
from pathlib import Path

import pytest

from autograder.build import build, notebook
from autograder.course import Course
from autograder.errors import StudentRaised
from autograder.grading import grade_module
from autograder.inputs import Seed
from autograder.local import Desk
from autograder.nbgrader_plugin.init import init
from autograder.release import write
from autograder.sandbox import Sandbox
from autograder.source import SourceCell
from autograder.student import Student
from autograder.submission import RawFile, read_module
from autograder.tests.toy_course import append, edit

TABLE = '"""A table."""\n\nfrom pathlib import Path\n\nfrom .numbers import ONE\n\n'
TABLE += "HERE = Path(__file__)\n"
TABLE += "TEN = 10 * ONE\n\n\ndef twice(x):\n    return x * TEN / 5\n"


@pytest.fixture
def course(toy: Course) -> Course:
    """The course of toys, in which `scale` multiplies with what is given."""
    folder = toy.root / "starter_code" / "given"
    folder.mkdir(parents=True)
    for path in (folder, folder.parent):
        (path / "__init__.py").write_text('"""Given."""\n')
    (folder / "numbers.py").write_text("ONE = 1\n")
    (folder / "table.py").write_text(TABLE)
    (toy.root / "datasets" / "__pycache__").mkdir(parents=True)
    (toy.root / "datasets" / "__pycache__" / "x.pyc").write_text("x")
    (toy.root / "datasets" / "words.txt").write_text("words\n")
    path = "solutions/vol1_toys/scale.py"
    edit(
        toy.root,
        path,
        "import numpy as np\n",
        "import numpy as np\n\nfrom starter_code.given.table import twice\n",
    )
    edit(toy.root, path, "out: Floats = x * factor\n", "out: Floats = twice(x * factor) / 2\n")
    found = Course(toy.root)
    build(found)
    return found


def test_a_worker_finds_it_in_its_pristine_form(course: Course) -> None:
    page, exercise = course.page("vol1_toys/scale"), course.exercise("vol1_toys/scale")
    source = (course.root / "solutions/vol1_toys/scale.py").read_bytes()
    module = read_module(RawFile("scale.py", "scale.py", source), page, course.rules(page.slug))
    with Sandbox("auto") as sandbox:
        result = grade_module(course, exercise, page, module, sandbox, Seed(b"x"))
    assert result.points == result.max_points


@pytest.mark.parametrize(
    "line",
    [
        "from starter_code.given.table import twice",
        "from starter_code.given import table; twice = table.twice",
        "import starter_code.given.table as t; twice = t.twice",
    ],
)
def test_every_way_to_import_it_works(line: str, course: Course) -> None:
    source = SourceCell("cell 1", f"{line}\n\ndef f(x):\n    return twice(x)\n")
    with Sandbox("auto") as sandbox:
        worker = sandbox.open([source], arrays="numpy", given=course.given())
        assert Student(worker).f(4.0) == 8.0


def test_what_is_not_given_is_not_found_and_files_are_not_there(course: Course) -> None:
    text = "def f():\n    import starter_code.vol1_toys.scale\n\n"
    text += "def g():\n    from starter_code.given.table import HERE\n    HERE.read_text()\n"
    with Sandbox("auto") as sandbox:
        worker = sandbox.open([SourceCell("cell 1", text)], arrays="numpy", given=course.given())
        student = Student(worker)
        with pytest.raises(StudentRaised) as caught:
            student.f()
        assert caught.value.exception in ("ImportError", "ModuleNotFoundError")
        with pytest.raises(StudentRaised):
            student.g()


def test_a_notebook_says_where_it_is_and_is_read_like_the_module(course: Course) -> None:
    page = course.page("vol1_toys/scale")
    text = notebook(page, course.exercise(page.slug))
    assert 'find_given()\\n",\n' in text and text.count("find_given()") == 1
    rules = course.rules(page.slug)
    source = (course.root / "solutions/vol1_toys/scale.py").read_bytes()
    modules = [
        read_module(RawFile(name, name, data), course.stub(page.slug), rules)
        for name, data in (("scale.py", source), ("scale.ipynb", text.encode()))
    ]
    assert modules[0].notices == modules[1].notices == ()
    assert [m.sha256 for m in modules] == [modules[0].sha256] * 2


def test_a_student_s_own_check_finds_it(course: Course) -> None:
    source = (course.root / "solutions/vol1_toys/scale.py").read_text()
    (course.root / "starter_code/vol1_toys/scale.py").write_text(source)
    lines = list(Desk(course.root).check("vol1_toys/scale"))
    assert [line.status for line in lines] == ["passed", "passed"]
    script = "from autograder.selfcheck import find_given\n\nfind_given()\n"
    script += "from starter_code.given.table import twice\nprint(twice(3))\n"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=course.root / "assignments" / "vol1_toys",
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("6.0\n", "")


def test_a_release_has_it_and_no_more(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autograder.release.wheel", lambda course, folder: folder)
    names = [n for n in write(course, tmp_path / "out") if n.startswith(("starter_code/g", "data"))]
    assert names == [
        "datasets/words.txt",
        *(f"starter_code/given/{n}.py" for n in ("__init__", "numbers", "table")),
    ]


def test_nbgrader_s_source_has_it_where_it_is_used(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("nbgrader")
    for name in ("scale", "counter"):
        declared = f'\n[[assignments]]\nname = "{name}"\nexercises = ["vol1_toys/{name}"]\n'
        append(course.root, "instructor/course.toml", declared)
    monkeypatch.chdir(course.root)
    names = [p.as_posix() for p in init(tmp_path / "room")]
    assert "source/scale/starter_code/given/table.py" in names
    assert "source/scale/datasets/words.txt" in names
    assert not [n for n in names if n.startswith("source/counter/") and "given" in n]
