"""Every level that this machine offers keeps what it promises."""

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograder
from autograder.errors import (
    IsolationError,
    StudentDied,
    StudentError,
    StudentOverMemory,
    StudentRaised,
    StudentTimedOut,
)
from autograder.sandbox import Limits, Sandbox, Worker, WorkerDied, probe
from autograder.sandbox.canaries import canaries
from autograder.sandbox.limits import fitting
from autograder.sandbox.probe import LEVELS, try_level
from autograder.sandbox.zygotes import _ADVICE, LayerRefused
from autograder.source import SourceCell
from autograder.student import Student

PROBES = """
import os
import sys
import numpy as np

def add(x, y):
    return x + y

def ask(f):
    return f()

def who():
    return os.getuid(), os.geteuid(), len(os.environ), sorted(sys.path)

def lists(path):
    try:
        return sorted(os.listdir(path))
    except OSError as error:
        return type(error).__name__

def imports(name):
    try:
        __import__(name)
    except ImportError as error:
        return type(error).__name__
    return "imported"

def reads(path):
    with open(path) as file:
        return file.read(100)

def ones(n):
    return float(np.ones(n << 17).sum())

def hoard(n):
    kept = []
    for _ in range(n):
        kept.append(np.ones(1 << 17))
    return len(kept)

def spin():
    while True:
        pass

def thread():
    import threading
    got = []
    thread = threading.Thread(target=lambda: got.append(1))
    try:
        thread.start()
    except RuntimeError:
        return "refused"
    thread.join()
    return "ran"

def bomb():
    import threading, time
    started = 0
    try:
        for _ in range(2000):
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
            started += 1
    except (RuntimeError, MemoryError):
        return started
    return started

def descriptors():
    kept = []
    try:
        while len(kept) < 1000:
            kept.append(os.dup(0))
    except OSError:
        return len(kept)

def remember(value):
    import json
    json.left_here = value

def remembered():
    import json
    return getattr(json, "left_here", None)

def lasting():
    return np.linalg.solve(np.eye(3) * 2, np.ones(3)), np.random.default_rng(1).normal(size=2)
"""


@pytest.fixture(scope="module", params=LEVELS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    problem = try_level(request.param)
    if problem is not None:
        pytest.skip(str(problem))
    with Sandbox(request.param) as sandbox:
        yield sandbox


def opened(sandbox: Sandbox, **kwargs: Any) -> Worker:
    worker = sandbox.open([SourceCell("probes", PROBES)], arrays="numpy", **kwargs)
    worker.deadline = 60.0  # so that a busy machine fails no test
    return worker


def gone(pid: int) -> bool:
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.01)
    return False


def test_every_attempt_to_break_out_is_contained(sandbox: Sandbox) -> None:
    tried = canaries(sandbox)
    assert len(tried) == 14
    assert [f"{what}: {detail}" for what, contained, detail in tried if not contained] == []


def test_student_code_is_nobody_in_a_bare_environment(sandbox: Sandbox) -> None:
    worker = opened(sandbox)
    real, effective, variables, path = Student(worker).who()
    assert real == effective != 0
    assert variables == 3
    assert not any("autograder" in str(folder) for folder in path)
    worker.close()


def test_libraries_of_other_volumes_and_the_engine_are_absent(sandbox: Sandbox) -> None:
    worker = opened(sandbox)
    student = Student(worker)
    for name in ("torch", "scipy", "autograder", "_engine", "pytest", "solutions"):
        assert student.imports(name) == "ModuleNotFoundError"
    for name in ("numpy.ma", "statistics", "numpy.polynomial"):
        assert student.imports(name) == "imported"
    folder = Path(np.__file__).parent.parent
    assert student.lists(str(folder)) in (["numpy", "numpy.libs"], ["numpy"], "PermissionError")
    with pytest.raises(StudentRaised):
        student.reads(autograder.__file__)
    worker.close()


def test_numpy_works_in_full(sandbox: Sandbox) -> None:
    worker = opened(sandbox)
    solved, drawn = Student(worker).lasting()
    assert solved.tolist() == [0.5] * 3
    assert np.array_equal(drawn, np.random.default_rng(1).normal(size=2))
    worker.close()


def test_memory_beyond_the_budget_is_refused(sandbox: Sandbox) -> None:
    worker = opened(sandbox, limits=Limits(memory=200 << 20))
    student = Student(worker)
    assert student.ones(100) == 100 << 17
    with pytest.raises(StudentOverMemory, match="ran out of the memory it is given"):
        student.ones(300)
    with pytest.raises(StudentOverMemory):
        student.hoard(300)
    assert student.add(1, 2) == 3
    worker.close()


def test_processor_time_is_limited(sandbox: Sandbox) -> None:
    worker = opened(sandbox, limits=Limits(cpu_seconds=1))
    with pytest.raises(WorkerDied, match="SIGXCPU") as raised:
        Student(worker).spin()
    assert raised.value.signal == signal.SIGXCPU
    worker.close()


def test_a_call_past_its_deadline_is_ended(sandbox: Sandbox) -> None:
    worker = opened(sandbox)
    worker.deadline = 0.3
    with pytest.raises(StudentTimedOut, match="no answer before the deadline"):
        Student(worker).spin()
    assert not worker.alive
    with pytest.raises(StudentTimedOut):
        worker.function("add")


def test_threads_and_descriptors_are_few(sandbox: Sandbox) -> None:
    worker = opened(sandbox)
    student = Student(worker)
    assert student.thread() in ("ran", "refused")
    assert student.descriptors() < 32
    assert student.bomb() < 300
    worker.close()
    again = opened(sandbox)
    assert Student(again).add(1, 1) == 2
    again.close()


def test_nothing_passes_from_one_worker_to_the_next(sandbox: Sandbox) -> None:
    first = opened(sandbox)
    Student(first).remember(7)
    assert Student(first).remembered() == 7
    first.close()
    second = opened(sandbox)
    assert Student(second).remembered() is None
    second.close()


def test_many_workers_leave_nothing_behind(sandbox: Sandbox) -> None:
    opened(sandbox).close()
    gc.collect()
    before = set(os.listdir("/proc/self/fd")), children(sandbox)
    pids = []
    for i in range(300):
        worker = sandbox.open([SourceCell("one", f"x = {i}")], arrays="numpy")
        pids.append(worker._process.host_pid)
        if i % 3 == 0:
            with pytest.raises(StudentError):
                Student(worker).x()
        worker.close()
    assert min(pids) > 0
    assert (set(os.listdir("/proc/self/fd")), children(sandbox)) == before
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def children(sandbox: Sandbox) -> list[str]:
    """Every process below the zygote's, zombies included."""
    found, todo = [], [sandbox._zygotes["numpy"].process.pid]
    while todo:
        pid = todo.pop()
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            below = path.read_text().split()
            found += below
            todo += map(int, below)
    return sorted(found)


def test_a_worker_killed_from_outside_is_told_apart(sandbox: Sandbox) -> None:
    worker = opened(sandbox)
    with pytest.raises(WorkerDied, match="SIGKILL") as raised:
        Student(worker).ask(lambda: os.kill(worker._process.host_pid, signal.SIGKILL))
    assert raised.value.signal == signal.SIGKILL
    assert not worker.alive


def test_a_zygote_killed_from_outside_is_replaced(sandbox: Sandbox) -> None:
    worker = opened(sandbox)
    killed = sandbox._zygotes["numpy"].process
    killed.kill()
    with pytest.raises(WorkerDied) as raised:
        for _ in range(1000):
            Student(worker).add(1, 2)
            time.sleep(0.01)
    assert raised.value.signal == signal.SIGKILL
    assert gone(worker._process.host_pid)
    again = opened(sandbox)
    assert sandbox._zygotes["numpy"].process is not killed
    assert Student(again).add(1, 2) == 3
    again.close()


def test_closing_the_sandbox_ends_everything(sandbox: Sandbox) -> None:
    with Sandbox(sandbox.level) as other:
        worker = opened(other)
        pids = [*map(int, children(other)), other._zygotes["numpy"].process.pid]
        assert worker.alive
    assert not worker.alive
    assert all(map(gone, pids))
    with pytest.raises(StudentDied):
        worker.function("add")


def test_a_supervisor_that_is_killed_leaves_no_process(sandbox: Sandbox) -> None:
    script = (
        "import sys, time\n"
        "from autograder.sandbox import Sandbox\n"
        "from autograder.source import SourceCell\n"
        f"sandbox = Sandbox({sandbox.level!r})\n"
        "worker = sandbox.open([SourceCell('c', 'x = 1')], arrays='numpy')\n"
        "print(worker._process.host_pid, sandbox._zygotes['numpy'].process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    process = supervisor(script)
    assert process.stdout is not None
    pids = [int(pid) for pid in process.stdout.readline().split()]
    process.kill()
    process.communicate()
    assert len(pids) == 2
    assert all(map(gone, pids))


def supervisor(script: str, **kwargs: Any) -> "subprocess.Popen[str]":
    root = str(Path(autograder.__file__).parent.parent)
    environment = {"PYTHONPATH": root, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", script]
    return subprocess.Popen(
        command, env=environment, cwd="/", text=True, stdout=subprocess.PIPE, **kwargs
    )


def test_an_ordinary_user_gets_a_level_that_holds() -> None:
    if os.geteuid() != 0:
        pytest.skip("these tests already run as an ordinary user")
    script = (
        "from autograder.sandbox import Sandbox, probe\n"
        "from autograder.sandbox.canaries import canaries\n"
        "found = probe()\n"
        "print(found.level, found.reasons)\n"
        "if found.level:\n"
        "    with Sandbox() as sandbox:\n"
        "        print([c for c in canaries(sandbox) if not c[1]])\n"
    )
    try:
        process = supervisor(script, user=12345, group=12345, extra_groups=[])
        output, _ = process.communicate(timeout=120)
    except PermissionError:
        pytest.skip("the interpreter lies in a folder that only root may enter")
    assert process.returncode == 0
    level, held = output.splitlines()
    assert level.startswith(("A", "B"))
    assert held == "[]"


def test_the_best_level_is_taken_unless_one_is_named() -> None:
    found = probe()
    if found.level is None:
        pytest.skip(" ".join(found.reasons))
    with Sandbox() as sandbox:
        assert sandbox.level == found.level
    assert len(found.reasons) == len(set(found.reasons))
    assert bool(found.reasons) == (found.level != "A")


def without_capabilities(*numbers: int) -> list[str]:
    """Lines of what a supervisor that lacks some of root's capabilities finds out."""
    script = (
        "from autograder.errors import IsolationError\n"
        "from autograder.sandbox import Sandbox, kernel, probe\n"
        f"for number in {numbers}:\n"
        "    kernel.prctl(24, number)\n"
        "found = probe()\n"
        "print(found.level, *found.reasons)\n"
        "for level in ('A', 'C', 'auto'):\n"
        "    try:\n"
        "        Sandbox(level).close()\n"
        "        print(level)\n"
        "    except IsolationError as error:\n"
        "        print(error)\n"
    )
    process = supervisor(script)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return output.splitlines()


@pytest.mark.skipif(os.geteuid() != 0, reason="gives up what only root has")
def test_a_level_that_does_not_exist_is_refused() -> None:
    with pytest.raises(IsolationError, match="isolation level 'Z': choose auto, A, B or C"):
        Sandbox("Z")  # type: ignore[arg-type]
    assert try_level("Z") is not None  # type: ignore[arg-type]


def test_a_worker_gets_no_more_than_its_container_has_room_for(tmp_path: Path) -> None:
    allowed = tmp_path / "memory.max"
    assert fitting(Limits(memory=1 << 30), [allowed]).memory == 1 << 30
    allowed.write_text("max\n")
    assert fitting(Limits(memory=1 << 30), [allowed]).memory == 1 << 30
    allowed.write_text(f"{768 << 20}\n")
    assert fitting(Limits(memory=1 << 30), [allowed]).memory == int((768 << 20) * 0.4)
    assert fitting(Limits(memory=1 << 20), [allowed]).memory == 1 << 20


def test_without_namespaces_the_next_level_is_taken_and_says_why() -> None:
    found, refused, *_, taken = without_capabilities(21)
    assert found.startswith(("B Private namespaces cannot be made (", "C Private namespaces"))
    assert refused.startswith("Isolation level A is not to be had here. Private namespaces cannot")
    assert taken == "auto"


@pytest.mark.skipif(os.geteuid() != 0, reason="gives up what only root has")
def test_root_that_cannot_change_users_is_refused() -> None:
    found, _, level_c, refused = without_capabilities(6, 7, 21)
    assert found.startswith("None ")
    assert level_c.startswith("Isolation level C is not to be had here. Student code cannot be")
    assert "run the grader as root, in a container for example, with the capabilities" in refused


@pytest.mark.skipif(os.geteuid() == 0, reason="root can become another user")
def test_an_ordinary_user_cannot_have_a_user_for_students() -> None:
    with pytest.raises(IsolationError, match="run the grader as root, in a container"):
        Sandbox("C")


def test_every_missing_layer_comes_with_what_to_do() -> None:
    for layer in _ADVICE:
        sentence = str(LayerRefused(layer, "EPERM"))
        assert "(EPERM): " in sentence
        assert sentence.endswith(".")
