"""Hostile sources for the compiler, and hostile binaries, at every level of the machine.

A file of `attacks/toolchain/` says in its first lines what it tries and what must come out: of
`compile:` for what attacks the compiler, of `run:` for what attacks from its binary. "refused" is a
program that came to its end and got nothing. Where several outcomes are right, commas are between
them. `machine:` names the only processor that it is for.

Each is tried at one level, in turn; `pytest --attacks=all` tries all of them at all levels.
Placeholders are those of `test_attacks.py`, and `@FOLDER@` and `@OTHER@`: where hidden files are,
and the folder of another tool.
"""

import os
import platform
import re
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("isolation needs Linux", allow_module_level=True)

from autograder.errors import IsolationError
from autograder.sandbox.toolchain import Finished, Toolbox, ToolLimits
from autograder.tests.test_attacks import processes

pytestmark = pytest.mark.skipif(
    not (shutil.which("g++") or shutil.which("clang++")), reason="there is no C++ compiler"
)
CORPUS = Path(__file__).parent / "attacks" / "toolchain"
SECRET = b"the_secret_that_must_not_be_seen"
NARROW = ToolLimits(
    seconds=1.5, memory=192 << 20, output=1 << 16, messages=1 << 16, files=32 << 20, processes=16
)
PATIENT = replace(NARROW, seconds=30.0)
HONEST = '#include <cstdio>\nint main() { puts("honest"); }\n'


@dataclass(frozen=True)
class Attack:
    path: Path
    stage: str
    outcomes: frozenset[str]
    cpu_seconds: int
    machine: str


def read(path: Path) -> Attack:
    says = dict(re.findall(r"^// (\w+): (.+)$", path.read_text(), re.M))
    stage = "compile" if "compile" in says else "run"
    outcomes = frozenset(says[stage].split(", "))
    return Attack(path, stage, outcomes, int(says.get("cpu_seconds", 60)), says.get("machine", ""))


ATTACKS = [read(p) for p in sorted(CORPUS.glob("*.cpp"))]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "attack" in metafunc.fixturenames:
        everything = metafunc.config.getoption("--attacks") == "all"
        pairs = [
            (level, attack)
            for level in "ABC"
            for i, attack in enumerate(ATTACKS)
            if everything or "ABC"[i % 3] == level
        ]
        ids = [f"{level}-{attack.path.stem}" for level, attack in pairs]
        metafunc.parametrize(("level", "attack"), pairs, ids=ids, indirect=["level"])
    elif "level" in metafunc.fixturenames:
        metafunc.parametrize("level", "ABC", indirect=True)


@dataclass
class Arena:
    """Where the traps are, boxes by level, and what has been built so far."""

    root: Path
    listener: socket.socket
    boxes: dict[str, Toolbox | str] = field(default_factory=dict)
    built: dict[str, bytes] = field(default_factory=dict)
    other: str = ""

    @property
    def marker(self) -> Path:
        return self.root / "open" / f"marker-{os.getpid()}"

    def filled(self, path: Path) -> bytes:
        text = path.read_text()
        for name, value in (
            ("@SECRET@", self.root / "secret"),
            ("@FOLDER@", self.root),
            ("@MARKER@", self.marker),
            ("@NAME@", self.marker.name),
            ("@OTHER@", self.other),
            ("@PID@", os.getpid()),
            ("@PORT@", self.listener.getsockname()[1]),
        ):
            text = text.replace(name, str(value))
        return text.encode()

    def compile(self, box: Toolbox, path: Path, limits: ToolLimits) -> Finished:
        argv = [box.compiler, "-O0", "-w", "source.cpp", "-o", "program"]
        given = {"source.cpp": self.filled(path)}
        given["attempt.h"] = (CORPUS / "attempt.h").read_bytes()
        return box.run(argv, given, profile="compile", limits=limits)

    def binary(self, box: Toolbox, path: Path) -> bytes:
        """What the compiler makes of it; the same at all levels."""
        key = path.name + (self.other if "@OTHER@" in path.read_text() else "")
        if key not in self.built:
            made = self.compile(box, path, ToolLimits())
            assert made.returncode == 0, made.stderr.decode()
            self.built[key] = made.files["program"]
        return self.built[key]

    def visitor(self) -> bool:
        with suppress(BlockingIOError):
            self.listener.accept()[0].close()
            return True
        return False

    def traces(self) -> list[Path]:
        """What somebody has left; it does not stay for the next one to be blamed for."""
        places = (self.marker.parent, Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))
        found = [p for place in places for p in place.glob(f"{self.marker.name}*")]
        for path in found:
            with suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        return found


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    root = tmp_path_factory.mktemp("arena")
    (root / "secret").write_bytes(SECRET + b";\n")
    (root / "open").mkdir()
    # Nothing but the sandbox is to keep the attempts away.
    (root / "open").chmod(0o777)
    for folder in (root, *root.parents):
        if folder == Path(tempfile.gettempdir()):
            break
        folder.chmod(0o755)
    with socket.socket() as listener, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADER_TOKEN", SECRET.decode())
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        found = Arena(root, listener)
        yield found
        for box in found.boxes.values():
            if isinstance(box, Toolbox):
                box.close()


@pytest.fixture
def level(request: pytest.FixtureRequest, arena: Arena) -> str:
    """A level that this machine has."""
    wanted = request.param
    if wanted not in arena.boxes:
        try:
            arena.boxes[wanted] = Toolbox(wanted)
        except IsolationError as error:
            arena.boxes[wanted] = str(error)
    if isinstance(arena.boxes[wanted], str):
        pytest.skip(f"level {wanted} is not to be had here: {arena.boxes[wanted]}")
    return str(wanted)


@pytest.fixture
def box(level: str, arena: Arena) -> Toolbox:
    found = arena.boxes[level]
    assert isinstance(found, Toolbox)
    return found


def outcome(attack: Attack, done: Finished) -> str:
    if done.reason:
        return done.reason
    if attack.stage == "compile":
        return "fails" if done.returncode else "compiles"
    return "refused" if (done.returncode, done.stdout) == (0, b"end\n") else "got something"


def test_an_attack_gets_nothing_and_leaves_nothing(
    attack: Attack, box: Toolbox, arena: Arena
) -> None:
    if attack.machine not in ("", platform.machine()):
        pytest.skip(f"this one is for {attack.machine}")
    limits = NARROW
    if "timed out" not in attack.outcomes:
        limits = PATIENT  # what takes long on a busy machine is not what this is about
    if attack.cpu_seconds < 60:
        limits = ToolLimits(cpu_seconds=attack.cpu_seconds, seconds=30)
    before, open_files = processes(), os.listdir("/proc/self/fd")
    with another(box, arena) if "@OTHER@" in attack.path.read_text() else nullcontext():
        if attack.stage == "run":
            program = arena.binary(box, attack.path)
        start = time.monotonic()
        if attack.stage == "compile":
            done = arena.compile(box, attack.path, limits)
        else:
            done = box.run(["./program"], {"program": program}, profile="run", limits=limits)
        seconds = time.monotonic() - start

    assert outcome(attack, done) in attack.outcomes, (done.returncode, done.stdout, done.stderr)
    assert processes() <= before
    assert len(os.listdir("/proc/self/fd")) == len(open_files)
    assert SECRET not in done.stdout + done.stderr
    assert not any(SECRET in data for data in done.files.values())
    assert len(done.stdout) <= limits.output and len(done.stderr) <= limits.messages
    assert not arena.traces()
    assert not arena.visitor()
    assert seconds < 60


class another:
    """Another tool that runs meanwhile, with a secret in its folder."""

    def __init__(self, box: Toolbox, arena: Arena) -> None:
        self.box, self.arena = box, arena
        program = arena.binary(box, CORPUS / "sleeps.cpp")
        given = {"program": program, "given": SECRET}
        limits = ToolLimits(seconds=2.0)
        self.thread = threading.Thread(
            target=lambda: box.run(["./program"], given, profile="run", limits=limits)
        )

    def __enter__(self) -> None:
        self.thread.start()
        places = Path(tempfile.gettempdir())
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            for pattern in ("autograder-tools-*/*/given", "autograder-tools-*/*/w/*/given"):
                for found in places.glob(pattern):
                    self.arena.other = str(found.parent)
                    return
            time.sleep(0.01)  # at level A no path leads there from outside

    def __exit__(self, *_: object) -> None:
        self.thread.join()


def test_the_corpus_has_every_family() -> None:
    assert len(ATTACKS) >= 40
    assert {a.stage for a in ATTACKS} == {"compile", "run"}


def test_an_honest_program_gets_through_after_all_that(box: Toolbox) -> None:
    argv = [box.compiler, "a.cpp", "-o", "a"]
    made = box.run(argv, {"a.cpp": HONEST.encode()}, profile="compile", limits=PATIENT)
    assert made.returncode == 0, made.stderr
    done = box.run(["./a"], {"a": made.files["a"]}, profile="run")
    assert (done.returncode, done.stdout, done.reason) == (0, b"honest\n", "")


# A compiler that has been taken over is still shut in: here a shell stands for it.
SHELL = ["/bin/sh", "/usr/bin/sleep", "/usr/bin/cat", "/usr/bin/chmod"]
shell_needed = pytest.mark.skipif(
    not all(map(os.path.exists, SHELL)), reason="there is no shell of the usual kind"
)


TAKEN_OVER = """
cat @SECRET@ && echo got 1
echo x > @MARKER@ && echo got 2
echo x > /tmp/@NAME@ && echo got 3
echo x > /dev/shm/@NAME@ && echo got 4
cat /proc/@PID@/environ && echo got 5
cat /etc/passwd && echo got 6
kill -0 @PID@ && echo got 7
kill -0 $PPID && echo got 8
/usr/bin/python3 -c 'print("got 9")'
echo x > /usr/include/marker && echo got 10
echo fair > own && cat own
"""


@shell_needed
def test_a_compiler_that_has_been_taken_over_reaches_its_folder_only(
    box: Toolbox, arena: Arena, tmp_path: Path
) -> None:
    path = tmp_path / "script"
    path.write_text(TAKEN_OVER)
    given = {"script": arena.filled(path)}
    argv = ["/bin/sh", "script"]
    done = box.run(argv, given, profile="compile", limits=PATIENT, visible=SHELL)
    assert done.stdout == b"fair\n", done.stdout
    assert done.files == {"own": b"fair\n"}
    assert SECRET not in done.stderr
    assert not arena.traces()


def running(word: str) -> list[int]:
    """Processes with this word in their command line, whoever their parent is now."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            if word.encode() in Path("/proc", entry, "cmdline").read_bytes():
                found.append(int(entry))
    return found


@shell_needed
def test_what_a_compiler_leaves_running_is_ended(box: Toolbox) -> None:
    seconds = f"300.0{os.getpid()}"
    argv = ["/bin/sh", "-c", f"sleep {seconds} & (sleep {seconds} & ) ; sleep 0.1; echo done"]
    done = box.run(argv, {}, profile="compile", limits=PATIENT, visible=SHELL)
    assert (done.returncode, done.stdout) == (0, b"done\n"), done
    assert not running(seconds)


@shell_needed
def test_a_compiler_that_forks_without_end_is_ended(box: Toolbox) -> None:
    name = f"bomb-{os.getpid()}"
    argv = ["/bin/sh", "-c", "f() { f | f & f; }; f", name]
    done = box.run(argv, {}, profile="compile", limits=NARROW, visible=SHELL)
    assert done.returncode != 0
    assert not running(name)


@shell_needed
def test_a_compiler_does_not_execute_what_it_has_made(box: Toolbox, arena: Arena) -> None:
    if box.level == "C":
        pytest.skip("level C has no layer for that; what is made is shut in all the same")
    program = arena.binary(box, CORPUS / "sends_signals.cpp")
    argv = ["/bin/sh", "-c", "cat program > other && chmod 755 other && ./other; echo $?"]
    done = box.run(argv, {"program": program}, profile="compile", visible=SHELL)
    assert b"Permission denied" in done.stderr
    assert done.stdout == b"126\n"
