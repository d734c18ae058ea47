"""Files are written whole or not at all, and a failure is a sentence with the path in it."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import report
from autograder.errors import AutograderError
from autograder.report.write import why_not_written
from autograder.result import SubmissionResult

RESULT = SubmissionResult("anna", 0.0, 0.0, "A", "0.1", "3f2a", "9c", ())


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    report.write_text(tmp_path / "a" / "b.txt", "old")
    report.write_text(tmp_path / "a" / "b.txt", "naïve\n")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "naïve\n".encode()
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.txt"]


def test_a_write_that_fails_keeps_the_old_file_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "class.html").mkdir()
    (tmp_path / "class.html" / "kept").touch()
    with pytest.raises(AutograderError, match=r"class\.html: there is a folder of this name"):
        report.write_text(tmp_path / "class.html", "new")
    assert [p.name for p in tmp_path.iterdir()] == ["class.html"]


def test_a_path_through_a_file_is_refused_with_the_path(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    wanted = tmp_path / "out" / "anna"
    with pytest.raises(AutograderError) as caught:
        report.write_feedback(RESULT, wanted)
    assert str(caught.value) == (
        f"cannot write {wanted / 'feedback.html'}: a part of this path is a file and not a "
        "folder; choose another path"
    )
    with pytest.raises(AutograderError, match=r"grades\.csv: a part of this path is a file"):
        report.write_grades_csv([RESULT], wanted / "grades.csv")
    with pytest.raises(AutograderError, match=r"class\.html: a part of this path is a file"):
        report.write_class_report([RESULT], [], wanted / "class.html", title="Class")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that nobody can write")
def test_a_folder_that_nobody_can_write_is_refused() -> None:
    with pytest.raises(
        AutograderError, match=r"cannot write /proc/class\.html: .*; choose another"
    ):
        report.write_text(Path("/proc/class.html"), "x")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full; free some space, then run the same command again"),
        (errno.EDQUOT, "the disk is full; free some space, then run the same command again"),
        (errno.EACCES, "the folder is not writable; choose another one or change its permissions"),
        (errno.EROFS, "the folder is not writable; choose another one or change its permissions"),
        (errno.ENAMETOOLONG, "the name is too long for this file system; choose a shorter path"),
        (errno.EIO, f"{os.strerror(errno.EIO)}; choose another path"),
    ],
)
def test_every_reason_says_what_now(number: int, said: str) -> None:
    path = Path("out") / "grades.csv"
    assert why_not_written(path, OSError(number, "")) == f"cannot write {path}: {said}"


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AutograderError, match="the name is too long"):
        report.write_text(tmp_path / ("x" * 300), "x")


def test_importing_the_reports_imports_nothing_heavy() -> None:
    code = "import sys, autograder.report; print({'jinja2', 'rich', 'csv'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
