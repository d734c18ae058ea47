"""A student's own work on a student's own machine: found, loaded, checked, without Linux."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from types import FunctionType
from typing import Any

import nbformat
import numpy as np
import pytest

from autograder.build import build
from autograder.course import Course
from autograder.errors import AutograderError, CourseError, SubmissionError
from autograder.jupyter import CONFIGURE, check_cell, grade_cell
from autograder.local import Desk, Line, own_module
from autograder.selfcheck import Check, mine
from autograder.student import Student
from autograder.tests.toy_course import edit

STUB = "starter_code/vol1_toys/scale.py"
BOOK = "assignments/vol1_toys/scale.ipynb"
SLUG = "vol1_toys/scale"
TODO = '    raise NotImplementedError("{} is yours to write")'
SCALE, BACKWARD = TODO.format("scale"), TODO.format("scale_backward")
ENGINE = Path(__file__).parents[2]


@pytest.fixture
def desk(toy: Course) -> Desk:
    """The course as a student has it: without solutions and instructor."""
    build(toy)
    for folder in ("solutions", "instructor"):
        (toy.root / folder).rename(toy.root.parent / f"taken_{folder}")
    return Desk(toy.root)


def solve(desk: Desk, name: str = STUB) -> None:
    """Write the right scale and scale_backward into a module."""
    edit(desk.root, name, SCALE, "    return x * factor")
    edit(desk.root, name, BACKWARD, "    return dout * factor")


def fill(desk: Desk, cell_id: str, old: str, new: str) -> Path:
    """Replace text in one cell of the notebook, as Jupyter would save it."""
    path = desk.root / BOOK
    book = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    (cell,) = [c for c in book.cells if c.id == cell_id]
    assert old in cell.source
    cell.source = cell.source.replace(old, new)
    nbformat.write(book, path)  # type: ignore[no-untyped-call]
    return path


def solve_notebook(desk: Desk) -> None:
    fill(desk, "scale-answer-scale", SCALE, "    return x * factor")
    fill(desk, "scale-answer-scale_backward", BACKWARD, "    return dout * factor")


def said(desk: Desk, slug: str = SLUG) -> dict[str, tuple[str, str]]:
    return {line.function: (line.status, line.message) for line in desk.check(slug)}


# Finding


def test_the_course_is_found_from_a_folder_within_it(desk: Desk) -> None:
    assert Desk.find(desk.root / "starter_code" / "vol1_toys").root == desk.root.resolve()


def test_a_folder_outside_of_the_course_is_named(tmp_path: Path) -> None:
    with pytest.raises(CourseError) as caught:
        Desk.find(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path.resolve()} is not inside a course: there is no assignments/course.json here "
        "or above; change to the course's folder"
    )


@pytest.mark.parametrize(
    "typed",
    [
        "scale",
        "scale.py",
        "vol1_toys/scale",
        "starter_code/vol1_toys/scale.py",
        "./assignments/vol1_toys/scale.ipynb",
        "assignments\\vol1_toys\\scale.ipynb",
    ],
)
def test_an_exercise_is_known_by_its_slug_its_name_and_its_files(desk: Desk, typed: str) -> None:
    assert desk.wanted([typed]) == [SLUG]


def test_without_names_everything_is_meant_in_the_order_of_the_course(desk: Desk) -> None:
    assert desk.wanted([]) == ["vol1_toys/scale", "vol1_toys/counter", "vol1_toys/balance"]


def test_an_unknown_name_is_answered_with_those_that_there_are(desk: Desk) -> None:
    with pytest.raises(CourseError, match="unknown exercise 'scael'; there are: vol1_toys/scale,"):
        desk.wanted(["scael"])


# The module or the notebook


def test_an_untouched_course_is_not_attempted(desk: Desk) -> None:
    for slug in desk.entries:
        assert {line.status for line in desk.check(slug)} == {"not_attempted"}, slug


def test_what_is_right_in_the_module_passes(desk: Desk) -> None:
    solve(desk)
    assert said(desk) == {"scale": ("passed", ""), "scale_backward": ("passed", "")}
    assert next(iter(desk.check(SLUG))) == Line(SLUG, "scale", "passed", "", 7.0)


def test_what_is_right_in_the_notebook_passes_while_the_module_is_untouched(desk: Desk) -> None:
    solve_notebook(desk)
    assert desk.own_file(SLUG) == desk.root / BOOK
    assert said(desk) == {"scale": ("passed", ""), "scale_backward": ("passed", "")}


def test_if_both_were_worked_on_the_newer_one_counts(desk: Desk) -> None:
    solve(desk)
    solve_notebook(desk)
    os.utime(desk.root / STUB, (1_000_000_000, 1_000_000_000))
    assert desk.own_file(SLUG) == desk.root / BOOK
    os.utime(desk.root / BOOK, (999_999_999, 999_999_999))
    assert desk.own_file(SLUG) == desk.root / STUB


def test_a_notebook_that_was_only_run_and_saved_does_not_count_as_worked_on(desk: Desk) -> None:
    solve(desk)
    os.utime(desk.root / STUB, (1_000_000_000, 1_000_000_000))
    path = desk.root / BOOK
    book = json.loads(path.read_text(encoding="utf-8"))
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            cell["execution_count"] = 3
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["hello\n"]}]
    path.write_text(json.dumps(book, indent=2), encoding="utf-8")
    assert desk.own_file(SLUG) == desk.root / STUB


def test_line_ends_of_windows_do_not_count_as_work(desk: Desk) -> None:
    solve_notebook(desk)
    path = desk.root / STUB
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert desk.own_file(SLUG) == desk.root / BOOK


def test_one_of_both_files_is_enough(desk: Desk) -> None:
    (desk.root / BOOK).unlink()
    solve(desk)
    assert said(desk)["scale"] == ("passed", "")
    (desk.root / STUB).unlink()
    with pytest.raises(CourseError) as caught:
        desk.own_file(SLUG)
    assert str(caught.value) == f"there is neither {desk.root / STUB} nor {desk.root / BOOK}"


# What is said


def test_what_is_wrong_is_told_with_place_values_and_factor(desk: Desk) -> None:
    solve(desk)
    edit(desk.root, STUB, "return x * factor", "return 2 * x * factor")
    status, message = said(desk)["scale"]
    assert status == "failed"
    assert message == (
        "scale([1, -2], 3) differs in 2 of 2 elements; worst at scale([1, -2], 3)[0, 1]: yours "
        "-12, expected -6 (yours is 2 times the expected value everywhere)"
    )


def test_an_exception_is_told_with_file_and_line_of_the_student_s_own(desk: Desk) -> None:
    path = edit(desk.root, STUB, SCALE, "    return np.mean(x, axis=7)")
    number = path.read_text(encoding="utf-8").split("\n").index("    return np.mean(x, axis=7)") + 1
    status, message = said(desk)["scale"]
    assert status == "raised"
    assert message.startswith("AxisError at ")
    assert STUB in message and f"line {number}:" in message


def test_a_syntax_error_costs_only_its_own_function(desk: Desk) -> None:
    solve(desk)
    edit(desk.root, STUB, "return x * factor", "return x *")
    found = said(desk)
    assert found["scale"][0] == "raised"
    assert "syntax" in found["scale"][1] and "line" in found["scale"][1]
    status, message = found["scale_backward"]
    assert status == "raised"
    assert "NameError" in message or "scale" in message


def test_a_module_that_cannot_be_loaded_says_which_cell_and_why(desk: Desk) -> None:
    solve(desk)
    edit(desk.root, STUB, "def scale(", "FACTORS = {}['none']\n\n\ndef scale(")
    edit(desk.root, STUB, "return x * factor", "return x * factor * FACTORS")
    with pytest.raises(AutograderError) as caught:
        desk.student(SLUG)
    assert "KeyError" in str(caught.value) and STUB in str(caught.value)
    assert {status for status, _ in said(desk).values()} == {"raised"}


def test_a_notebook_that_is_damaged_is_named(desk: Desk) -> None:
    path = desk.root / BOOK
    path.write_text(path.read_text(encoding="utf-8")[:500], encoding="utf-8")
    with pytest.raises(SubmissionError, match=r"scale.ipynb is not a complete notebook"):
        desk.module(SLUG)
    assert said(desk)["scale"][0] == "raised"


def test_a_damaged_index_says_what_to_do(desk: Desk) -> None:
    (desk.root / "assignments/course.json").write_text("{", encoding="utf-8")
    with pytest.raises(CourseError, match="get a fresh copy of the course"):
        list(Desk(desk.root).check(SLUG))


def test_visible_checks_are_the_pristine_ones(desk: Desk) -> None:
    edit(desk.root, STUB, "    check.close(student.scale(", "    return  # (student.scale(")
    edit(desk.root, STUB, SCALE, "    return x")
    assert said(desk)["scale"][0] == "failed"


# Earlier exercises


def test_an_earlier_exercise_is_the_student_s_own(desk: Desk) -> None:
    solve(desk)
    edit(desk.root, "starter_code/vol1_toys/balance.py", TODO.format("balance"),
         "    x = scale(x, factor)\n    return x - x.mean(axis=-1, keepdims=True)")  # fmt: skip
    assert said(desk, "vol1_toys/balance") == {"balance": ("passed", "")}
    edit(desk.root, STUB, "return x * factor", "return x + factor")
    assert said(desk, "vol1_toys/balance")["balance"][0] == "failed"


def test_an_earlier_exercise_that_does_not_pass_yet_is_announced(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(desk.root, STUB, SCALE, "    return x + factor")
    module = own_module(SLUG, desk=desk)
    assert module.scale(1.0, 2.0) == 3.0
    assert capsys.readouterr().out == (
        "Note: your scale from vol1_toys/scale does not pass yet; "
        "run `autograder check vol1_toys/scale`.\n"
        "Note: your scale_backward from vol1_toys/scale is not written yet; "
        "run `autograder check vol1_toys/scale`.\n"
    )


def test_an_earlier_exercise_that_passes_is_taken_without_a_word(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    solve(desk)
    monkeypatch.chdir(desk.root / "assignments" / "vol1_toys")
    assert mine(SLUG).scale(1.0, 2.0) == 2.0
    assert capsys.readouterr().out == ""


def loads(desk: Desk) -> int:
    """How often scale was loaded since `count_loads`."""
    path = desk.root / "loads.txt"
    return len(path.read_text()) if path.exists() else 0


def count_loads(desk: Desk) -> None:
    """Scale is right, and leaves a mark whenever it is loaded; balance is right and uses it."""
    solve(desk)
    log = str(desk.root / "loads.txt")
    mark = f"def mark():\n    with open({log!r}, 'a') as log:\n        return log.write('x')"
    edit(desk.root, STUB, "def scale(", f"{mark}\n\n\nONE = mark()\n\n\ndef scale(")
    edit(desk.root, STUB, "return x * factor", "return ONE * x * factor")
    edit(desk.root, "starter_code/vol1_toys/balance.py", TODO.format("balance"),
         "    x = scale(x, factor)\n    return x - x.mean(axis=-1, keepdims=True)")  # fmt: skip


def test_an_earlier_exercise_is_loaded_and_checked_once_in_a_session(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    count_loads(desk)
    monkeypatch.chdir(desk.root / "assignments" / "vol1_toys")
    x = np.array([[1.0, 4.0]])
    for _ in range(3):
        assert mine(SLUG).scale(1.0, 2.0) == 2.0
        assert mine("vol1_toys/balance").balance(x, 2.0).tolist() == [[-3.0, 3.0]]
    assert loads(desk) == 1


def test_an_earlier_exercise_that_has_changed_is_loaded_again_and_so_is_what_uses_it(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    count_loads(desk)
    x = np.array([[1.0, 4.0]])
    assert own_module("vol1_toys/balance", desk=desk).balance(x, 2.0).tolist() == [[-3.0, 3.0]]
    assert capsys.readouterr().out == ""
    edit(desk.root, STUB, "return ONE * x", "return 10 * ONE * x")
    assert own_module("vol1_toys/balance", desk=desk).balance(x, 2.0).tolist() == [[-30.0, 30.0]]
    assert loads(desk) == 2
    told = "Note: your scale from vol1_toys/scale does not pass yet; "
    assert told in capsys.readouterr().out
    own_module(SLUG, desk=desk)
    assert told in capsys.readouterr().out, "whoever asks for it is told again"
    assert loads(desk) == 2


def test_what_could_not_be_loaded_is_tried_again(desk: Desk) -> None:
    solve(desk)
    edit(desk.root, STUB, "def scale(", "ONE = {}['none']\n\n\ndef scale(")
    edit(desk.root, STUB, "return x * factor", "return ONE * x * factor")
    for _ in range(2):
        with pytest.raises(AutograderError, match="KeyError while it is loaded"):
            own_module(SLUG, desk=desk)
    edit(desk.root, STUB, "ONE = {}['none']", "ONE = 1")
    assert own_module(SLUG, desk=desk).scale(1.0, 2.0) == 2.0


# Cells of a notebook


def visible_scale(student: Student, check: Check) -> None:
    """One number."""
    check.close(student.scale(1.0, 2.0), 2.0, "scale(1, 2)")


def with_globals(**names: Any) -> Any:
    """`visible_scale` as if it had been defined in a notebook with these names."""
    return FunctionType(visible_scale.__code__, names, "visible_scale")


@pytest.mark.parametrize(
    ("names", "printed"),
    [
        ({"scale": lambda x, f: x * f}, "scale: passes its visible check\n"),
        ({}, "scale: run the cell above that defines it first\n"),
        (
            {"scale": lambda x, f: x + f},
            "scale: failed\n  scale(1, 2) differs in 1 of 1 element; worst at scale(1, 2): "
            "yours 3, expected 2\n",
        ),
    ],
)
def test_a_check_cell_prints_what_it_found(
    names: dict[str, Any], printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check_cell(with_globals(**names))
    assert capsys.readouterr().out == printed


def test_a_check_cell_above_an_unwritten_function_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def scale(x: Any, factor: Any) -> Any:
        raise NotImplementedError("scale is yours to write")

    check_cell(with_globals(scale=scale))
    assert capsys.readouterr().out == "scale: not attempted yet\n"


def test_a_grade_cell_says_where_points_come_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    grade_cell(SLUG, "scale")
    assert capsys.readouterr().out == (
        "vol1_toys/scale, scale: points are given by the hidden checks after you hand in.\n"
    )


def test_a_grade_cell_refuses_to_give_points_by_being_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(RuntimeError) as caught:
        grade_cell(SLUG, "scale")
    assert str(caught.value) == CONFIGURE


def test_validate_reports_a_visible_check_that_fails_and_no_other(
    desk: Desk, tmp_path: Path
) -> None:
    fill(desk, "scale-answer-scale", SCALE, "    return x * factor")
    fill(desk, "scale-answer-scale_backward", BACKWARD, "    return dout + factor")
    script = """
        import json
        from IPython.core.interactiveshell import InteractiveShell

        shell = InteractiveShell.instance()
        for cell in json.load(open("assignments/vol1_toys/scale.ipynb", encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                shell.showtraceback = lambda *args, **kwargs: None
                error = shell.run_cell("".join(cell["source"])).error_in_exec
                if error:
                    print(f"{cell['id']} raised {type(error).__name__}: {error}")
        """
    env = {
        **os.environ,
        "PYTHONPATH": str(ENGINE),
        "NBGRADER_EXECUTION": "validate",
        "IPYTHONDIR": str(tmp_path / "ipython"),
    }
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=desk.root,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(" raised ") == 1
    assert (
        "scale-scale_backward raised AssertionError: vol1_toys/scale, scale_backward:\n"
        "dx differs in 2 of 2 elements"
    ) in done.stdout


# Without Linux

HIDE = """
    import importlib.abc, sys

    # What comes from elsewhere is imported first: it looks after other systems by itself.
    import ctypes, subprocess, tempfile, multiprocessing, pathlib
    import numpy, typer, typer.main, rich.console, rich.table, rich.progress, nbformat, jinja2
    import IPython.core.inputtransformer2, IPython.core.getipython

    app = typer.Typer(rich_markup_mode=None)

    @app.command()
    def warm_up(names: list[str], path: pathlib.Path = pathlib.Path(), n: int = 1) -> None: ...

    app(["a"], standalone_mode=False)

    HIDDEN = ("fcntl", "resource", "pwd", "grp", "termios", "torch", "autograder.sandbox")

    class Blocker(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name in HIDDEN or name.startswith("autograder.sandbox."):
                raise ModuleNotFoundError(f"{name} is hidden", name=name)
            return None

    for name in HIDDEN:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, Blocker())
    assert not any(name.partition(".")[0] == "autograder" for name in sys.modules)
    if PLATFORM != "linux":
        import os, signal
        sys.platform = PLATFORM
        missing = {"darwin": ["O_PATH"], "win32": ["fork", "getuid", "geteuid", "O_NOFOLLOW"]}
        for name in missing[PLATFORM]:
            if hasattr(os, name):
                delattr(os, name)
        if PLATFORM == "win32":
            del signal.SIGKILL, signal.SIGALRM
"""


def run_hidden(desk: Desk, platform: str, script: str) -> subprocess.CompletedProcess[str]:
    text = f"PLATFORM = {platform!r}\n" + textwrap.dedent(HIDE) + textwrap.dedent(script)
    env = {**os.environ, "PYTHONPATH": str(ENGINE), "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, "-c", text], cwd=desk.root, env=env, capture_output=True, text=True
    )


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_check_and_the_notebook_s_cells_work_where_nothing_of_linux_is_there(
    desk: Desk, platform: str
) -> None:
    solve(desk)
    solve_notebook(desk)
    done = run_hidden(
        desk,
        platform,
        """
        import contextlib, io, json

        def command(*words):
            from autograder.cli import main
            sys.argv = ["autograder", *words]
            out = io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                try:
                    main()
                except SystemExit as end:
                    return end.code, out.getvalue()

        print(command("check", "scale"))
        print(command("check"))
        book = json.load(open("assignments/vol1_toys/scale.ipynb", encoding="utf-8"))
        names = {"__name__": "__main__"}
        for cell in book["cells"]:
            if cell["cell_type"] == "code":
                exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
        if PLATFORM != "linux":
            print(command("grade", "handed_in", "--out", "graded"))
            print(command("doctor"))
        """,
    )
    assert done.returncode == 0, done.stderr
    said = "scale (assignments/vol1_toys/scale.ipynb)\\n  scale: passes\\n  scale_backward: passes"
    assert f"(0, 'vol1_toys/{said}\\n')" in done.stdout
    assert "2 of 4 functions pass their visible check" in done.stdout
    assert "scale: passes its visible check\nvol1_toys/scale, scale: points are" in done.stdout
    assert "scale_backward: passes its visible check\n" in done.stdout
    if platform != "linux":
        assert "(2, 'autograder: official grading isolates student code with Linux" in done.stdout
        assert f"(1, 'isolation: none on {platform}. Run official grading in a" in done.stdout


def test_the_blocker_of_these_tests_does_block(desk: Desk) -> None:
    script = """
        for name in ("fcntl", "torch", "autograder.sandbox", "autograder.sandbox.worker"):
            try:
                __import__(name)
            except ModuleNotFoundError as error:
                print(error)
        """
    assert run_hidden(desk, "linux", script).stdout == (
        "fcntl is hidden\ntorch is hidden\n" + 2 * "autograder.sandbox is hidden\n"
    )


def test_a_check_of_an_unsolved_notebook_with_commands_of_ipython_needs_no_linux(
    desk: Desk,
) -> None:
    fill(desk, "scale-answer-scale", "def scale(", "%matplotlib inline\n\ndef scale(")
    fill(desk, "scale-answer-scale", SCALE, "    return x * factor")
    done = run_hidden(
        desk,
        "darwin",
        """
        from pathlib import Path
        from autograder.local import Desk
        for line in Desk(Path.cwd()).check("vol1_toys/scale"):
            print(line.function, line.status)
        """,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "scale passed\nscale_backward not_attempted\n"
