"""A class is listed without opening a file, and a student is read within caps."""

import os
import pickle
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.errors import SubmissionError
from autograder.submission import Found, find_students, open_student, read_submission, safe_name
from autograder.tests.handed_in_course import PAGES, PY, TOTAL, book, packed, write


def test_every_layout_is_found(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "alice/sums.ipynb": book(TOTAL),
            "alice/vol/basics.py": b"x = 1",
            "bob.zip": packed({"deep/inside/sums.py": PY}),
            "carol.ipynb": book(TOTAL),
            "dave/all.zip": packed({"sums.py": PY}),
            "émile.py": PY,
            "grades.csv": b"a,b",
        },
    )
    found = find_students(tmp_path)
    assert [(f.student, [r.origin for r in open_student(f).files]) for f in found] == [
        ("alice", ["alice/sums.ipynb", "alice/vol/basics.py"]),
        ("bob", ["bob.zip/deep/inside/sums.py"]),
        ("carol", ["carol.ipynb"]),
        ("dave", ["dave/all.zip/sums.py"]),
        ("émile", ["émile.py"]),
    ]
    assert all(not f.problems and not open_student(f).left_out for f in found)


def test_a_single_file_is_one_student(tmp_path: Path) -> None:
    write(tmp_path / "frida", {"carol.py": PY, "sums.py": PY})
    (found,) = find_students(tmp_path / "frida" / "carol.py")
    assert found.student == "carol"
    exercises = ["vol/sums"]
    (found,) = find_students(tmp_path / "frida" / "sums.py", exercises=exercises)
    assert found.student == "frida"


def test_loose_exercises_belong_to_the_folder_they_lie_in(tmp_path: Path) -> None:
    folder = write(tmp_path / "frida", {"sums.py": PY, "basics.ipynb": book()})
    (found,) = find_students(folder, exercises=["vol/sums", "vol/basics"])
    assert (found.student, len(open_student(found).files), found.problems) == ("frida", 2, ())


def test_clutter_is_ignored(tmp_path: Path) -> None:
    clutter = ["__MACOSX/sums.py", ".DS_Store", ".ipynb_checkpoints/sums.ipynb", ".hidden.py"]
    write(tmp_path / "alice", {n: b"x" for n in [*clutter, "timestamp.txt", "__pycache__/a.py"]})
    write(tmp_path, {"alice/sums.py": PY, "bob.zip": packed({n: PY for n in [*clutter, "b.py"]})})
    assert [[r.origin for r in open_student(f).files] for f in find_students(tmp_path)] == [
        ["alice/sums.py"],
        ["bob.zip/b.py"],
    ]


def test_a_folder_that_is_not_there_or_empty_is_named(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match=r"nowhere: there is no such folder or file; check"):
        find_students(tmp_path / "nowhere")
    with pytest.raises(SubmissionError, match=r"there are no submissions; expected one folder, "):
        find_students(tmp_path)


def test_two_submissions_of_one_student_stop_only_that_student(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"dave/sums.py": PY, "dave.zip": packed({"sums.py": PY}), "alice (1).py": PY, "bob.py": PY},
    )
    alice, bob, dave = find_students(tmp_path)
    assert alice.student == "alice"
    assert dave == Found(
        "dave",
        problems=(
            "There are several submissions of dave: dave and dave.zip. Keep the one that counts "
            "and grade again.",
        ),
    )
    assert not bob.problems
    write(tmp_path, {"alice.py": PY})
    assert "alice (1).py and alice.py" in find_students(tmp_path)[0].problems[0]


def test_a_file_we_may_not_open_is_not_the_students_fault() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = write(Path(name), {"alice/sums.py": PY, "bob.py": PY})
        folder.chmod(0o755)
        (folder / "alice" / "sums.py").chmod(0)
        user = os.geteuid()
        try:
            if user == 0:
                os.seteuid(65534)
            alice, bob = map(open_student, find_students(folder))
        finally:
            os.seteuid(user)
    assert bob.problems == ()
    assert alice.problems == (
        "alice/sums.py cannot be opened: Permission denied. Fix that and grade again.",
    )


# Names


def test_ordinary_names_stay() -> None:
    for name in ("alice", "Émile", "anna-maria_2", "j.doe", "李雷"):
        assert safe_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["../x", "a/b", "", ".", "..", ".hidden", "a b", "con", "NUL.txt", "x" * 300, "a\n", "a."],
)
def test_unsafe_names_become_safe(name: str) -> None:
    safe = safe_name(name)
    assert safe != name
    assert "/" not in safe and not safe.startswith(".") and len(safe) < 90 and safe.isprintable()


@given(st.lists(st.text(max_size=20), min_size=2, max_size=8, unique=True))
@settings(max_examples=100, deadline=None)
def test_two_students_never_share_a_name(names: list[str]) -> None:
    names += [safe_name(n) for n in names if safe_name(n) not in names]
    assert len({safe_name(n) for n in names}) == len(names)


def test_a_name_that_is_no_valid_text_is_spelled_out(tmp_path: Path) -> None:
    try:
        write(tmp_path, {os.fsdecode(b"bad\xff.py"): PY})
    except (OSError, UnicodeError):
        pytest.skip("this file system wants valid names")
    (found,) = find_students(tmp_path)
    assert found.student == "bad\\xff"


def test_a_class_is_listed_without_opening_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"alice/sums.py": PY, "bob.py": PY, "carl.zip": b"no archive"})
    opened: list[str] = []
    real = os.open

    def noted(path: Any, *more: Any) -> int:
        opened.append(os.path.basename(path))
        return real(path, *more)

    monkeypatch.setattr(os, "open", noted)
    found = find_students(tmp_path)
    assert opened == []
    assert [f.paths for f in found] == [
        (tmp_path / name,) for name in ("alice", "bob.py", "carl.zip")
    ]
    read_submission(found[0], PAGES, {})
    assert opened == ["sums.py"]


def test_a_listed_student_can_be_sent_to_another_process(tmp_path: Path) -> None:
    write(tmp_path, {"alice/sums.py": PY * 1_000})
    (found,) = find_students(tmp_path)
    sent = pickle.dumps(found)
    assert len(sent) < 1_000
    assert pickle.loads(sent) == found


def test_what_cannot_be_opened_is_known_when_it_is_read(tmp_path: Path) -> None:
    write(tmp_path, {"alice/sums.py": PY, "alice.zip": b"", "bob.py": PY})
    alice, bob = find_students(tmp_path)
    (tmp_path / "bob.py").unlink()
    assert bob.problems == ()
    assert read_submission(bob, PAGES, {}).problems == (
        "bob.py cannot be opened: No such file or directory. Fix that and grade again.",
    )
    assert read_submission(alice, PAGES, {}).problems == alice.problems != ()
