"""Bad input gets one clear sentence, the right exit code, and loses nothing.

Each test runs the real command on the course of toys and reads what it says.
"""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.build import build
from autograder.course import Course

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")


@pytest.fixture
def course(toy: Course) -> Course:
    build(toy)
    return toy


def run(course: Course, *words: str, timeout: float = 120) -> tuple[int, str]:
    """The exit code and everything that a command prints."""
    env = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-m", "autograder.cli", *words],
        cwd=course.root,
        env=env,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


def grade(course: Course, *more: str) -> tuple[int, str]:
    return run(course, "grade", "handed_in", "--out", "graded", *more)


def hand_in(course: Course, student: str, name: str = "scale.py", text: str | None = None) -> Path:
    """One file of one student; the reference if no text is given."""
    path = course.root / "handed_in" / student / name
    path.parent.mkdir(parents=True, exist_ok=True)
    source = course.root / "solutions" / "vol1_toys" / "scale.py"
    path.write_text(source.read_text() if text is None else text)
    return path


def record(course: Course, student: str) -> dict[str, object]:
    path = course.root / "graded" / "students" / student / "result.json"
    return dict(json.loads(path.read_text()))


def scale_of(course: Course, student: str) -> dict[str, object]:
    exercises = record(course, student)["exercises"]
    assert isinstance(exercises, list)
    return dict(next(e for e in exercises if e["exercise"] == "vol1_toys/scale"))


def full_points(course: Course) -> float:
    exercise = course.exercise("vol1_toys/scale")
    return sum(exercise.points(f) for f in course.page("vol1_toys/scale").functions)


def test_a_folder_that_is_not_there_is_named(course: Course) -> None:
    code, said = run(course, "grade", "nowhere", "--out", "graded")
    assert code == 2 and "nowhere: there is no such folder" in said


def test_an_empty_folder_says_what_was_expected(course: Course) -> None:
    (course.root / "handed_in").mkdir()
    code, said = grade(course)
    assert code == 2 and "there are no submissions; expected one folder" in said


def test_an_unknown_exercise_lists_the_known_ones(course: Course) -> None:
    hand_in(course, "ann")
    code, said = grade(course, "--exercise", "vol1_toys/scael")
    assert code == 2
    assert "unknown exercise 'vol1_toys/scael'; there are: vol1_toys/scale" in said


def test_an_unknown_isolation_level_is_refused(course: Course) -> None:
    hand_in(course, "ann")
    code, said = grade(course, "--isolation", "Z")
    assert code == 2 and "choose auto, A, B or C" in said


def test_outside_a_course_the_command_says_where_it_looked(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "autograder.cli", "check"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and "is not inside a course" in done.stderr


BROKEN = {
    "not_json": "this is no notebook",
    "truncated": '{"cells": [{"cell_type": "code", "source": ["x = 1"',
    "no_cells": '{"metadata": {}}',
    "empty": "",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_that_is_no_notebook_costs_only_its_owner(course: Course, kind: str) -> None:
    hand_in(course, "ann")
    hand_in(course, "bob", "scale.ipynb", BROKEN[kind])
    code, said = grade(course)
    assert code == 1, said
    assert scale_of(course, "ann")["points"] == full_points(course)
    bob = scale_of(course, "bob")
    assert bob["status"] == "unreadable" and bob["points"] == 0
    assert "scale.ipynb" in str(bob["reason"])


def test_a_notebook_of_a_hundred_megabytes_is_not_read(course: Course) -> None:
    path = hand_in(course, "ann", "scale.ipynb", "")
    with path.open("wb") as file:
        file.truncate(100 << 20)
    code, said = grade(course)
    assert code == 1, said
    assert "100 MB, at most 32 MB are read" in str(scale_of(course, "ann")["reason"]) or (
        "105 MB, at most" in str(scale_of(course, "ann")["reason"])
    )


def _zip(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


def test_a_zip_bomb_is_not_unpacked(course: Course) -> None:
    hand_in(course, "ann")
    (course.root / "handed_in" / "bob.zip").write_bytes(_zip({"scale.py": b" " * (200 << 20)}))
    code, said = grade(course)
    assert code == 1, said
    assert "would unpack to" in str(scale_of(course, "bob")["reason"])


def test_a_member_that_leads_out_of_the_archive_is_left_out(course: Course) -> None:
    source = (course.root / "solutions/vol1_toys/scale.py").read_bytes()
    packed = _zip({"../../evil.py": b"x = 1", "scale.py": source})
    (course.root / "handed_in").mkdir()
    (course.root / "handed_in" / "bob.zip").write_bytes(packed)
    grade(course)
    assert scale_of(course, "bob")["points"] == full_points(course)
    assert "leads out of the archive" in str(record(course, "bob")["notices"])
    assert not list(course.root.parent.rglob("evil.py"))


def test_a_symbolic_link_is_not_followed(course: Course) -> None:
    folder = course.root / "handed_in" / "ann"
    folder.mkdir(parents=True)
    (folder / "scale.py").symlink_to(course.root / "solutions/vol1_toys/scale.py")
    grade(course)
    assert scale_of(course, "ann")["points"] == 0
    assert "symbolic link" in str(record(course, "ann"))


def test_two_submissions_of_one_student_are_not_graded(course: Course) -> None:
    hand_in(course, "ann")
    source = (course.root / "solutions/vol1_toys/scale.py").read_bytes()
    (course.root / "handed_in" / "ann.zip").write_bytes(_zip({"scale.py": source}))
    code, said = grade(course)
    assert code == 2, said
    ann = scale_of(course, "ann")
    assert ann["status"] == "not_graded"
    assert "ann" in str(ann["reason"]) and "ann.zip" in str(ann["reason"])


def test_an_unmatched_marker_is_named_with_its_line(course: Course) -> None:
    path = course.root / "solutions/vol1_toys/scale.py"
    lines = path.read_text().split("\n")
    at = next(i for i, line in enumerate(lines) if "END SOLUTION" in line)
    path.write_text("\n".join(lines[:at] + lines[at + 1 :]))
    code, said = run(course, "build")
    assert code == 2
    begin = next(i for i, line in enumerate(lines, 1) if "BEGIN SOLUTION" in line)
    assert f"scale.py:{begin}: BEGIN SOLUTION without END SOLUTION" in said


def test_a_checks_file_that_raises_is_named_with_its_line(course: Course) -> None:
    path = course.root / "instructor/checks/vol1_toys/scale.py"
    path.write_text(path.read_text() + "\n1 / 0\n")
    hand_in(course, "ann")
    line = len(path.read_text().rstrip("\n").split("\n"))
    for words in (("verify", "vol1_toys/scale"), ("grade", "handed_in", "--out", "graded")):
        code, said = run(course, *words)
        assert code in (1, 2)
        assert f"instructor/checks/vol1_toys/scale.py:{line}: ZeroDivisionError" in said


def test_a_check_that_fails_the_reference_is_named(course: Course) -> None:
    path = course.root / "instructor/checks/vol1_toys/scale.py"
    path.write_text(
        path.read_text() + '\n\n@exercise.satisfies("scale", points=1)\n'
        'def impossible(student, x, factor):\n    """Never."""\n    return False\n'
    )
    code, said = run(course, "verify", "vol1_toys/scale", "--seeds", "1")
    assert code == 1 and "the reference itself fails the check impossible" in said


def test_an_output_folder_that_cannot_be_written_is_named(course: Course) -> None:
    hand_in(course, "ann")
    (course.root / "graded").write_text("a file is in the way")
    code, said = grade(course)
    assert code == 2 and "graded: results cannot be written there" in said


def test_a_full_disk_is_said_and_what_was_graded_stays(course: Course, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(small)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        for number in range(12):
            hand_in(course, f"student{number:02d}")
        code, said = run(course, "grade", "handed_in", "--out", str(small / "graded"))
        assert code == 2
        assert "the disk is full; free some space, then run the same command again" in said
        kept = list((small / "graded" / "students").glob("*/result.json"))
        assert kept and all(json.loads(p.read_text())["points"] > 0 for p in kept)
    finally:
        subprocess.run(["umount", str(small)], check=True)


@pytest.fixture
def slow_class(course: Course) -> Iterator[Course]:
    """Students whose work takes about a second each."""
    source = (course.root / "solutions/vol1_toys/scale.py").read_text()
    line = "    out: Floats = x * factor"
    slow = source.replace(line, f"    import time\n    time.sleep(0.15)\n{line}")
    assert slow != source
    for number in range(12):
        hand_in(course, f"student{number:02d}", text=slow)
    yield course


def test_ctrl_c_keeps_what_is_graded_and_a_second_run_continues(slow_class: Course) -> None:
    course = slow_class
    words = [sys.executable, "-m", "autograder.cli", "grade", "handed_in", "--out", "graded"]
    process = subprocess.Popen(
        words,
        cwd=course.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background has Ctrl-C ignored, and so would the command.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    students = course.root / "graded" / "students"
    end = time.monotonic() + 60
    while not list(students.glob("*/result.json")) and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2, said
    assert "interrupted;" in said and "Run the same command again" in said
    kept = {p: p.stat().st_mtime_ns for p in students.glob("*/result.json")}
    assert 0 < len(kept) < 12
    shutil.rmtree(course.root / "handed_in" / "student11")
    code, said = grade(course, "--workers", "2")
    assert code == 1, said
    assert f"{11 - len(kept)} graded, {len(kept)} unchanged" in said
    assert all(p.stat().st_mtime_ns == then for p, then in kept.items())
