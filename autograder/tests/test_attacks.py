"""The corpus of attacks: every file does what its docstring says it must, at every level.

`pytest --attacks=all` runs all of them; otherwise a sample with a fixed seed. The target is the
course of toys. What a docstring may say, one line each:

    expect: scale=full scale_backward=0     points that are fair; always there
    status: timed_out                       a status that a function, or the exercise, must have
    review: yes                             a person is told to look
    never: TEXT                             appears in nothing that is printed or written

In an attack `@ROOT@` stands for the course's folder, `@MARKER@` for a path where a file must never
appear, `@PID@` for the supervisor and `@PORT@` for a port where somebody listens: attackers know
everything but the secret. A malformed file is a module of ours whose `files()` gives what is handed
in by name: bytes for a file, a text for a symbolic link, None for a folder.
"""

import contextlib
import os
import random
import re
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from autograder import judge
from autograder.build import build
from autograder.course import Course
from autograder.pool import Grader, Job
from autograder.result import ExerciseResult
from autograder.submission import find_students
from autograder.tests import toy_course
from autograder.tests.conftest import own_imports

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="isolation needs Linux")

CORPUS = Path(__file__).parent / "attacks"
FAMILIES = ("forge", "steal", "deny", "escape", "cheat", "broken", "malformed", "honest")
SLUG = "vol1_toys/scale"
FULL = {"scale": 7.0, "scale_backward": 6.0}
SAMPLE, SEED = 48, 20261120
SECRET = b"the-secret-that-must-not-be-seen"
# Attacks that end at a deadline cost seconds each: a sample has one of them, and they all have a
# shorter one than students (a right answer here takes a millisecond).
SLOW = ("deny",)
LEAST, LOAD_SECONDS = 0.4, 2.0
# What the worst attack may cost us, on any machine: a hung or swollen grader, not a slow one.
MOST_SECONDS, MOST_BYTES = 60.0, 1 << 30


@dataclass(frozen=True)
class Attack:
    """One file: what must come out, and how it is handed in."""

    path: Path
    expect: dict[str, float]
    says: dict[str, str]

    @property
    def family(self) -> str:
        return self.path.parent.name

    @property
    def name(self) -> str:
        return self.path.relative_to(CORPUS).with_suffix("").as_posix()


def read(path: Path) -> Attack:
    """Parse an attack's docstring."""
    docstring = path.read_text(encoding="utf-8").split('"""')[1]  # some files are no Python
    says = dict(re.findall(r"^(expect|status|review|never): (.+)$", docstring, re.M))
    assert "expect" in says, f"{path.name}: the docstring has no line `expect: ...`"
    expect = {}
    for pair in says["expect"].split():
        function, _, points = pair.partition("=")
        expect[function] = FULL[function] if points == "full" else float(points)
    return Attack(path, expect, says)


ATTACKS = [read(p) for family in FAMILIES for p in sorted((CORPUS / family).glob("*.py"))]


def chosen(everything: bool) -> list[Attack]:
    """All attacks, or a sample with a fixed seed that has something of every family."""
    if everything:
        return ATTACKS
    generator = random.Random(SEED)
    picked = []
    for family in FAMILIES:
        of_family = [a for a in ATTACKS if a.family == family]
        count = 1 if family in SLOW else SAMPLE // len(FAMILIES)
        picked += generator.sample(of_family, min(count, len(of_family)))
    return picked


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "attack" in metafunc.fixturenames:
        attacks = chosen(metafunc.config.getoption("--attacks") == "all")
        metafunc.parametrize("attack", attacks, ids=[a.name for a in attacks])


@dataclass
class Arena:
    """A grader at one level, and where the traps are."""

    grader: Grader
    root: Path
    marker: Path
    listener: socket.socket
    workers: list[Any] = field(default_factory=list)
    count: int = 0

    def grade(self, files: dict[str, bytes | str | None]) -> tuple[ExerciseResult, bytes]:
        """Hand in files as a new student; the result, and all that was printed and written."""
        self.count += 1
        student = f"student{self.count}"
        folder = self.root / "handed_in" / str(self.count) / student
        folder.mkdir(parents=True)
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if data is None:
                path.mkdir()
            elif isinstance(data, str):
                path.symlink_to(data)
            else:
                path.write_bytes(data)
        self.workers.clear()
        (found,) = find_students(folder.parent, exercises=(SLUG,))
        result, _ = self.grader.grade(found)
        written = [p.read_bytes() for p in (self.grader.job.out / "students" / student).iterdir()]
        printed = [worker.output for worker in self.workers]
        (exercise,) = result.exercises
        return exercise, b"\n".join(written + printed)

    def honest(self) -> ExerciseResult:
        source = (self.root / "solutions" / f"{SLUG}.py").read_bytes()
        return self.grade({"scale.py": source})[0]

    def traces(self) -> list[Path]:
        """Files that somebody has left."""
        places = (self.marker.parent, Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))
        return [p for place in places for p in place.glob(f"{self.marker.name}*")]

    def visitor(self) -> bool:
        """Whether somebody has connected."""
        with contextlib.suppress(BlockingIOError):
            self.listener.accept()[0].close()
            return True
        return False


@pytest.fixture(scope="module", params=["A", "B", "C"])
def arena(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arena]:
    from autograder.sandbox.probe import try_level

    problem = try_level(request.param)
    if problem is not None:
        pytest.skip(f"level {request.param} is not to be had here: {problem}")
    root = tmp_path_factory.mktemp(f"arena_{request.param}") / "toys"
    plant(root)
    with pytest.MonkeyPatch.context() as patch, own_imports(), socket.socket() as listener:
        patch.setenv("GRADER_TOKEN", SECRET.decode())
        patch.setattr(judge, "LEAST", LEAST)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        build(Course(root))
        out = root / "graded"
        (out / "students").mkdir(parents=True)
        grader = Grader(Job(root, (SLUG,), out, request.param))
        marker = root.parent / f"marker-{os.getpid()}-{request.param}"
        arena = Arena(grader, root, marker, listener)
        watch(arena, patch)
        try:
            assert arena.honest().points == sum(FULL.values())
            yield arena
        finally:
            grader.close()


def plant(root: Path) -> None:
    """The course, with the secret in everything that nobody may read; modes keep nobody away."""
    toy_course.write(root)
    (root / "instructor" / "secret").write_bytes(SECRET)
    comment = f"# {SECRET.decode()}\n"
    toy_course.append(root, f"instructor/checks/{SLUG}.py", comment)
    toy_course.append(root, "solutions/vol1_toys/counter.py", comment)
    other = root / "handed_in" / "0" / "another"
    other.mkdir(parents=True)
    (other / "scale.py").write_text(comment)
    for folder in (root, *root.parents):
        if folder == Path("/tmp"):
            break
        folder.chmod(0o755)


def watch(arena: Arena, patch: pytest.MonkeyPatch) -> None:
    """Have the arena see every worker that its sandbox opens."""
    sandbox = arena.grader.sandbox
    opens = sandbox.open

    def opened(*args: Any, **kwargs: Any) -> Any:
        worker = opens(*args, **{"load_seconds": LOAD_SECONDS, **kwargs})
        arena.workers.append(worker)
        return worker

    patch.setattr(sandbox, "open", opened)


def handed_in(attack: Attack, arena: Arena) -> dict[str, bytes | str | None]:
    """The attack's files, its placeholders filled in."""
    text = attack.path.read_text(encoding="utf-8")
    for name, value in (
        ("@ROOT@", arena.root),
        ("@MARKER@", arena.marker),
        ("@PID@", os.getpid()),
        ("@PORT@", arena.listener.getsockname()[1]),
    ):
        text = text.replace(name, str(value))
    if attack.family != "malformed":
        return {"scale.py": text.encode()}
    namespace: dict[str, Any] = {"__name__": attack.name}
    exec(compile(text, attack.path.name, "exec"), namespace)
    files: dict[str, bytes | str | None] = namespace["files"]()
    return files


def processes() -> set[int]:
    """Every process that is ours: a descendant of this one, or a sandbox's that lost its parent."""
    parents, sandboxes = {}, set()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            stat = Path("/proc", entry, "stat").read_text()
            parents[int(entry)] = int(stat.rpartition(")")[2].split()[1])
            if b"boot.py" in Path("/proc", entry, "cmdline").read_bytes():
                sandboxes.add(int(entry))
    ours, newest = set[int](), {os.getpid()}
    while newest:
        ours |= newest
        newest = {p for p, parent in parents.items() if parent in newest}
    return ours | {p for p in sandboxes if parents[p] == 1}


def memory(name: str) -> int:
    """Bytes of this process: VmRSS now, VmHWM at most since the last call for VmRSS."""
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.M)
    assert found
    if name == "VmRSS":
        with contextlib.suppress(OSError):  # then the peak is that of all attacks so far
            Path("/proc/self/clear_refs").write_text("5")
    return int(found[1]) << 10


def test_an_attack_gets_what_is_fair_and_leaves_nothing(attack: Attack, arena: Arena) -> None:
    running, open_files, bytes_before = processes(), os.listdir("/proc/self/fd"), memory("VmRSS")
    start = time.monotonic()

    result, seen = arena.grade(handed_in(attack, arena))

    seconds, peak = time.monotonic() - start, memory("VmHWM")
    points = {f.name: f.points for f in result.functions} or dict.fromkeys(FULL, result.points)
    assert points == attack.expect, [
        (c.name, c.status, c.message) for f in result.functions for c in f.checks
    ]
    statuses: set[str] = {f.status for f in result.functions} or {result.status}
    assert attack.says.get("status", next(iter(statuses))) in statuses
    assert "not_graded" not in statuses  # a failure of ours, which nobody may bring about
    assert bool(result.review) or "review" not in attack.says
    assert not result.review or attack.family != "honest" or "review" in attack.says
    for text in (SECRET, attack.says.get("never", "").encode()):
        assert not text or text not in seen
    # Nothing is left, and the next submission is graded as if this one had never run.
    assert arena.honest().points == sum(FULL.values())
    assert processes() <= running
    assert len(os.listdir("/proc/self/fd")) == len(open_files)
    assert not arena.traces()
    assert not arena.visitor()
    assert memory("VmRSS") - bytes_before < 200 << 20
    assert peak - bytes_before < MOST_BYTES
    assert seconds < MOST_SECONDS


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(ATTACKS) >= 120
    assert {a.family for a in ATTACKS} == set(FAMILIES)
    assert sum(a.family == "honest" for a in ATTACKS) >= 20
    assert len({a.name for a in ATTACKS}) == len(ATTACKS)


def test_the_points_of_the_target_are_those_the_corpus_counts_with(arena: Arena) -> None:
    target = arena.grader.course.exercise(SLUG)
    assert {f: target.points(f) for f in FULL} == FULL
