"""A worker may write in one folder, and what it does there stays bounded, private and passing.

Files in `attacks/files` define `save(folder, secret, outside)`. `expect: refused` means that it
returns how many of its attempts worked, and that it is 0; `expect: ended` that the worker is ended
for what it wrote.
"""

import os
import re
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder.errors import (
    CourseError,
    StudentDied,
    StudentError,
    StudentOverFiles,
    StudentRaised,
    StudentTimedOut,
)
from autograder.sandbox import Limits, Sandbox, Worker
from autograder.sandbox.canaries import canaries
from autograder.sandbox.probe import LEVELS, try_level
from autograder.scratch_files import read_files, remove_folder, walk_files, write_files
from autograder.source import SourceCell
from autograder.student import LocalBackend, Student

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="isolation needs Linux")

ATTACKS = sorted((Path(__file__).parent / "attacks" / "files").glob("*.py"))
MOST = 1 << 20

HONEST = """
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

def write(path, text):
    with open(path, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())

def read(path):
    return Path(path).read_text()

def names(folder):
    return sorted(os.listdir(folder))

def replace(folder, texts):
    for text in texts:
        write(f"{folder}/new", text)
        os.replace(f"{folder}/new", f"{folder}/it")
    os.remove(f"{folder}/it")
    return len(texts)

def usual_ways(folder):
    root = Path(folder)
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "t").write_text("text")
    np.save(root / "x.npy", np.arange(3))
    with tempfile.NamedTemporaryFile("w", dir=root, delete=False) as file:
        json.dump({"step": 1}, file)
    os.replace(file.name, root / "state.json")
    shutil.copy(root / "state.json", root / "a")
    shutil.copytree(root / "a", root / "copied")
    shutil.copy2(root / "state.json", root / "copied" / "state.json")
    shutil.rmtree(root / "copied")
    shutil.move(str(root / "a" / "state.json"), str(root / "moved.json"))
    os.rename(root / "a" / "b", root / "c")
    shutil.rmtree(root / "a")
    with open(root / "log", "a") as file:
        file.write("one\\n")
    return np.load(root / "x.npy").sum(), sorted(p.name for p in root.rglob("*"))

def cleans_up(folder):
    try:
        write(f"{folder}/new", "x")
        os.replace(f"{folder}/new", f"{folder}/it")
    finally:
        Path(folder, "new").unlink(missing_ok=True)
"""


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[Callable[[Any], Sandbox]]:
    found: dict[str, Sandbox] = {}

    def at(level: Any) -> Sandbox:
        problem = try_level(level) if level not in found else None
        if problem is not None:
            pytest.skip(str(problem))
        if level not in found:
            found[level] = Sandbox(level)
        return found[level]

    yield at
    for sandbox in found.values():
        sandbox.close()


@pytest.fixture(params=LEVELS)
def sandbox(request: pytest.FixtureRequest, sandboxes: Callable[[Any], Sandbox]) -> Sandbox:
    return sandboxes(request.param)


def opened(sandbox: Sandbox, source: str = HONEST, **kwargs: Any) -> Worker:
    limits = Limits(**{"files": MOST, **kwargs})
    worker = sandbox.open([SourceCell("files", source)], arrays="numpy", limits=limits)
    assert not worker.load_errors
    worker.deadline = 60.0
    return worker


def local() -> Student:
    names: dict[str, Any] = {"__name__": "student_files"}
    exec(HONEST, names)
    return Student(LocalBackend(names))


@pytest.fixture(params=[*LEVELS, "here"])
def student(
    request: pytest.FixtureRequest, sandboxes: Callable[[Any], Sandbox]
) -> Iterator[Student]:
    """Honest code, isolated at each level and in this process."""
    if request.param == "here":
        yield local()
    else:
        worker = opened(sandboxes(request.param))
        yield Student(worker)
        worker.close()


def test_files_are_written_read_moved_and_removed(student: Student) -> None:
    total, names = student.usual_ways(student.folder)
    assert total == 3
    assert names == ["c", "log", "moved.json", "state.json", "t", "x.npy"]
    found = student.files()
    assert sorted(found) == ["c/t", "log", "moved.json", "state.json", "x.npy"]
    assert found["state.json"] == b'{"step": 1}'
    student.empty_folder()
    assert student.files() == {}
    assert student.names(student.folder) == []


def test_files_that_are_put_there_are_read_and_put_anew(student: Student) -> None:
    student.put_files({"note": b"from outside", "a/b/note": b"deep"})
    assert student.files() == {"note": b"from outside", "a/b/note": b"deep"}
    assert student.read(student.folder + "/a/b/note") == "deep"
    student.write(student.folder + "/note", "from inside")
    student.put_files({"note": b"again", "a/other": b"x" * 100_000})
    assert student.read(student.folder + "/note") == "again"
    assert len(student.read(student.folder + "/a/other")) == 100_000
    student.empty_folder()
    assert student.files() == {}


def test_nothing_is_put_where_a_link_leads(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "way").symlink_to(outside)
    folder = os.open(inside, os.O_RDONLY)
    with pytest.raises(OSError, match="way/out cannot be written"):
        write_files(folder, {"way/out": b"x"})
    write_files(folder, {"way": b"a file in place of the link"})
    os.close(folder)
    assert (inside / "way").read_bytes() == b"a file in place of the link"
    assert list(outside.iterdir()) == []


def test_looking_while_somebody_else_looks_misses_nothing(tmp_path: Path) -> None:
    """A worker's files are counted by one thread while another reads or removes them."""
    names = {f"f{i}" for i in range(300)}
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    folder = os.open(tmp_path, os.O_RDONLY)
    stop = threading.Event()

    def count() -> None:
        while not stop.is_set():
            list(walk_files(folder))

    threads = [threading.Thread(target=count) for _ in range(2)]
    try:
        for thread in threads:
            thread.start()
        assert all(read_files(folder, 1 << 20).keys() == names for _ in range(60))
        remove_folder(folder)
        assert list(tmp_path.iterdir()) == []
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        os.close(folder)


def test_another_process_sees_the_files_and_nothing_else(student: Student) -> None:
    student.write(student.folder + "/note", "from before")
    other = student.restarted()
    assert other.folder == student.folder
    assert other.read(student.folder + "/note") == "from before"
    other.write(student.folder + "/answer", "from after")
    assert student.read(student.folder + "/answer") == "from after"
    assert len(student.transcript) == 2


def test_a_process_stops_before_each_step_in_turn(student: Student) -> None:
    left = []
    for at in range(3):
        student.empty_folder()
        with pytest.raises(StudentDied):
            student.restarted(stop_at=at).replace(student.folder, ["one", "two"])
        left.append(student.files())
    assert left == [{"new": b"one"}, {"it": b"one", "new": b"two"}, {"it": b"two"}]
    assert student.restarted(stop_at=3).replace(student.folder, ["one", "two"]) == 2
    assert student.files() == {}


def test_what_stopped_does_not_clean_up(student: Student) -> None:
    with pytest.raises(StudentDied):
        student.restarted(stop_at=0).cleans_up(student.folder)
    assert student.files() == {"new": b"x"}


def test_a_file_cannot_grow_beyond_a_chosen_size(student: Student) -> None:
    for most in (0, 1, 10):
        other = student.restarted(file_bytes=most)
        with pytest.raises(StudentRaised) as raised:
            other.write(student.folder + "/long", "x" * 11)
        assert raised.value.exception == "OSError"
        assert len(student.files()["long"]) == most
    student.restarted(file_bytes=11).write(student.folder + "/long", "x" * 11)
    student.write(student.folder + "/long", "x" * 4000)  # the first one never had a limit


def test_a_worker_without_a_folder_writes_nothing(sandbox: Sandbox) -> None:
    folder = opened(sandbox)
    worker = sandbox.open([SourceCell("files", HONEST)], arrays="numpy")
    student = Student(worker)
    for path in (folder.folder + "/x", "/tmp/x", "/files/x", "/x"):
        with pytest.raises(StudentRaised):
            student.write(path, "x")
    with pytest.raises(CourseError, match="Exercise"):
        _ = student.folder
    with pytest.raises(CourseError, match="Exercise"):
        student.restarted()
    student.empty_folder()  # there is nothing to do
    worker.close()
    folder.close()


def test_the_folder_ends_with_its_worker(sandbox: Sandbox) -> None:
    first, second = opened(sandbox), opened(sandbox)
    one, two = Student(first), Student(second)
    assert one.folder != two.folder
    one.write(one.folder + "/x", "x")
    if sandbox.level != "C":  # there, a user of their own; the other's name is not to be guessed
        with pytest.raises(StudentRaised):
            two.write(one.folder + "/y", "y")
    assert len(os.listdir(sandbox._place)) == 2
    other = one.restarted()
    assert other.names(one.folder) == ["x"]
    was = one.folder
    first.close()
    assert len(os.listdir(sandbox._place)) == 1
    for gone in (lambda: one.folder, lambda: other.names(was)):
        with pytest.raises(StudentDied):
            gone()
    second.close()
    assert os.listdir(sandbox._place) == []
    third = opened(sandbox)
    assert Student(third).names(third.folder) == []
    third.close()


def test_workers_leave_no_thread_and_no_descriptor(sandbox: Sandbox) -> None:
    import threading

    opened(sandbox).close()
    before = len(os.listdir("/proc/self/fd")), threading.active_count()
    for _ in range(20):
        worker = opened(sandbox)
        student = Student(worker)
        with pytest.raises(StudentDied):
            student.restarted(stop_at=0).replace(student.folder, ["one"])
        worker.close()
    assert (len(os.listdir("/proc/self/fd")), threading.active_count()) == before


def test_restarting_is_bounded(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from autograder.sandbox import worker as module

    monkeypatch.setattr(module, "MOST_RESTARTS", 2)
    worker = opened(sandbox)
    student = Student(worker)
    student.restarted()
    student.restarted()
    with pytest.raises(StudentTimedOut):
        student.restarted()
    worker.close()


def test_closing_the_sandbox_removes_every_folder(sandbox: Sandbox) -> None:
    with Sandbox(sandbox.level) as other:
        worker = opened(other)
        Student(worker).write(worker.folder + "/x", "x")
        place = other._place
        assert os.path.isdir(place)
    assert not os.path.exists(place)


def test_the_canaries_hold_where_files_may_be_written(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens = sandbox.open

    def with_files(*args: Any, **kwargs: Any) -> Worker:
        limits = kwargs.pop("limits", Limits())
        limits = Limits(limits.memory, limits.cpu_seconds, limits.output, files=MOST)
        return opens(*args, limits=limits, **kwargs)

    monkeypatch.setattr(sandbox, "open", with_files)
    tried = canaries(sandbox)
    assert [f"{what}: {detail}" for what, contained, detail in tried if not contained] == []


def bytes_free(folder: str) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


@pytest.mark.parametrize("attack", ATTACKS, ids=[p.stem for p in ATTACKS])
def test_an_attack_stays_in_its_folder_and_leaves_nothing(
    attack: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    text = attack.read_text()
    (expect,) = re.findall(r"^expect: (\w+)$", text.split('"""')[1], re.M)
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/tmp") and os.access(folder, os.W_OK) and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o755)
    outside = tmp_path / "outside"
    outside.mkdir()
    outside.chmod(0o777)
    secret = outside / "secret"
    secret.write_text("the secret")
    secret.chmod(0o666)
    worker = opened(sandbox, text)
    student, place = Student(worker), sandbox._place
    start = time.monotonic()
    try:
        worked = student.save(student.folder, str(secret), str(outside))
        assert (expect, worked) == ("refused", 0)
    except StudentOverFiles:
        assert expect == "ended"
        assert time.monotonic() - start < 30
    except StudentError as error:
        raise AssertionError(f"{type(error).__name__}: {error}") from error
    if worker.alive:
        found = worker.files()
        assert b"the secret" not in b"".join(found.values())
        assert sum(map(len, found.values())) <= MOST
        for entry in Path(place).rglob("*"):
            assert stat.S_ISREG(entry.lstat().st_mode) or stat.S_ISDIR(entry.lstat().st_mode)
    worker.close()
    assert os.listdir(place) == []
    assert secret.read_text() == "the secret"
    assert os.listdir(outside) == ["secret"]
    assert not [p for p in (Path("/tmp"), Path("/dev/shm")) if (p / "marker").exists()]
    honest = opened(sandbox)
    assert Student(honest).names(honest.folder) == []
    assert Student(honest).usual_ways(honest.folder)[0] == np.arange(3).sum()
    honest.close()


def test_a_file_that_is_written_over_in_place_is_told_from_a_replaced_one(
    student: Student,
) -> None:
    for name in ("kept", "written", "replaced"):
        student.write(f"{student.folder}/{name}", "old")
    held = student.held_files()
    student.write(student.folder + "/written", "new")
    student.write(student.folder + "/other", "new")
    student.library("os.replace")(student.folder + "/other", student.folder + "/replaced")
    assert held.changed() == ["written"]
    assert held.changed() == []
