"""Honest compilers and programs get through the isolation, and a layer that is missing is told."""

import contextlib
import ctypes
import os
import platform
import re
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("isolation needs Linux", allow_module_level=True)

from autograder.errors import IsolationError
from autograder.sandbox.tool_files import run_on_files
from autograder.sandbox.toolchain import Toolbox, ToolLimits
from autograder.sandbox.tools import find_tools

pytestmark = pytest.mark.skipif(
    not (shutil.which("g++") or shutil.which("clang++")), reason="there is no C++ compiler"
)
ECHO = b"""
#include <cstdio>
#include <vector>
int main() {
    std::vector<char> all;
    for (int c = getchar(); c != EOF; c = getchar()) all.push_back((char)c);
    fwrite(all.data(), 1, all.size(), stdout);
    fputs("done", stderr);
    return 3;
}
"""
OVERFLOW = b"""
#include <cstdio>
#include <cstdlib>
int main(int count, char**) {
    int* x = (int*)malloc(10 * sizeof(int));
    x[9 + count] = 1;
    puts("past the end");
}
"""
SHIFTS = b'#include <cstdio>\nint main(int n, char**) { printf("%d\\n", 1 << (n + 31)); }\n'
# Threads as a runtime on one thread makes them: fibers that the sanitizer is told about.
RACE = b"""
#include <cstdio>
extern "C" {
void* __tsan_get_current_fiber(void);
void* __tsan_create_fiber(unsigned);
void __tsan_switch_to_fiber(void*, unsigned);
}
int shared;
int main() {
    void *first = __tsan_get_current_fiber(), *second = __tsan_create_fiber(0);
    shared = 1;
    __tsan_switch_to_fiber(second, 1);
    shared = 2;
    __tsan_switch_to_fiber(first, 1);
    puts("end");
}
"""


@pytest.fixture(scope="module", params=["A", "B", "C"])
def box(request: pytest.FixtureRequest) -> Iterator[Toolbox]:
    try:
        found = Toolbox(request.param)
    except IsolationError as error:
        pytest.skip(f"level {request.param} is not to be had here: {error}")
    with found:
        yield found


@pytest.fixture(scope="module")
def best() -> str:
    try:
        with Toolbox() as found:
            return found.level
    except IsolationError:
        return ""


def built(box: Toolbox, source: bytes, *flags: str) -> dict[str, bytes]:
    argv = [box.compiler, "-g1", *flags, "a.cpp", "-o", "a"]
    made = box.run(argv, {"a.cpp": source}, profile="compile")
    if made.returncode and b"cannot find" in made.stderr:
        pytest.skip(f"{flags} cannot be linked here")
    assert (made.returncode, made.reason) == (0, ""), made.stderr.decode()
    assert set(made.files) == {"a"}  # not what was given
    return {"a": made.files["a"]}


def test_a_program_is_compiled_and_run(box: Toolbox) -> None:
    data = os.urandom(3 << 20)
    done = box.run(["./a"], built(box, ECHO, "-O2"), profile="run", stdin=data)
    assert (done.returncode, done.stderr, done.reason) == (3, b"done", "")
    assert done.stdout == data
    assert done.files == {}


def test_a_compiler_says_what_is_wrong(box: Toolbox) -> None:
    argv = [box.compiler, "-c", "folder/a.cpp"]
    done = box.run(argv, {"folder/a.cpp": b"\nint main() { return x; }"}, profile="compile")
    assert done.returncode == 1 and done.reason == ""
    assert b"folder/a.cpp:2:" in done.stderr
    assert done.files == {}


def test_bounds_and_undefined_behaviour_are_seen_by_their_sanitizers(box: Toolbox) -> None:
    env = {"ASAN_OPTIONS": "detect_leaks=0:exitcode=55", "UBSAN_OPTIONS": "print_stacktrace=0"}
    flags = ("-O0", "-w", "-fsanitize=address,undefined")
    done = box.run(["./a"], built(box, OVERFLOW, *flags), profile="run", env=env)
    assert done.returncode == 55, done.stderr  # the options have arrived
    assert b"heap-buffer-overflow" in done.stderr
    done = box.run(["./a"], built(box, SHIFTS, *flags), profile="run", env=env)
    assert done.returncode == 0, done.stderr
    assert b"shift exponent 32 is too large" in done.stderr


def test_races_are_seen_by_their_sanitizer(box: Toolbox) -> None:
    program = built(box, RACE, "-O1", "-fsanitize=thread")
    env = {"TSAN_OPTIONS": "exitcode=54:report_thread_leaks=0"}
    done = box.run(["./a"], program, profile="run", env=env)
    assert (done.returncode, done.stdout) == (54, b"end\n"), done.stderr
    assert b"data race" in done.stderr and b"a.cpp:13" in done.stderr


def test_addresses_are_not_random_which_keeps_that_sanitizer_from_starting(box: Toolbox) -> None:
    source = b'#include <cstdio>\nint main() { int x; printf("%p %p", (void*)&x, (void*)main); }'
    program = built(box, source, "-fPIE", "-pie")
    first, second = (box.run(["./a"], program, profile="run").stdout for _ in range(2))
    assert first == second != b""


def test_files_on_the_disk_are_copied_in_and_out(box: Toolbox, tmp_path: Path) -> None:
    for name, text in (
        ("runtime/include/one.h", "#define ONE 1\n"),
        ("student/a.cpp", '#include "one.h"\nint main(int n, char**) { return n + ONE; }\n'),
    ):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    source, made = tmp_path / "student" / "a.cpp", tmp_path / "a"
    argv = [box.compiler, f"-I{tmp_path}/runtime/include", str(source), "-o", str(made)]
    reads = [tmp_path / "runtime", source]
    done = run_on_files(box, argv, reads=reads, writes=[made], profile="compile")
    assert done.returncode == 0, done.stderr
    assert subprocess.run([made]).returncode == 2
    done = run_on_files(box, [str(made), "more"], reads=[made], profile="run", seconds=20)
    assert done.returncode == 3


@pytest.mark.parametrize("name", ["../a", "/tmp/a", "a/../../b", "", ".", "a\0b"])
def test_a_file_outside_of_the_folder_is_refused(name: str, box: Toolbox) -> None:
    with pytest.raises(ValueError, match="no path in the tool's folder"):
        box.run([box.compiler], {name: b""}, profile="compile")


def test_what_is_no_program_does_not_start(box: Toolbox) -> None:
    for given in ({"a": b"no program"}, {}):
        done = box.run(["./a"], given, profile="run")
        assert (done.returncode, done.stdout) == (127, b"")
        assert b"./a" in done.stderr


def test_nothing_of_a_tool_is_left_on_the_disk() -> None:
    with Toolbox() as box:
        built(box, b"int main() {}")
        base = Path(box._base)
        assert base.is_dir()
    assert not base.exists()


def test_the_time_a_tool_may_take_is_that_of_the_caller(box: Toolbox) -> None:
    limits = ToolLimits(seconds=0.3)
    done = box.run(["./a"], built(box, b"int main() { for (;;); }", "-O0"), profile="run",
                   limits=limits)  # fmt: skip
    assert (done.returncode, done.reason) == (None, "timed out")
    assert 0.3 <= done.seconds < 5


def test_a_compiler_that_is_not_there_is_told() -> None:
    with pytest.raises(IsolationError, match=r"No C\+\+ compiler was found: install"):
        find_tools("no-such-compiler")


def test_what_is_visible_is_no_more_than_needed() -> None:
    tools = find_tools()
    for path in tools.visible(compiles=True):
        assert path not in ("/", "/usr", "/etc", "/bin", "/usr/bin", "/home", "/root", "/tmp")
    running = tools.visible(compiles=False)
    assert tools.compiler not in running and "/usr/include" not in running


ABANDONED = """
import sys
from autograder.sandbox.toolchain import Toolbox
with Toolbox(sys.argv[1]) as box:
    argv = [box.compiler, "a.cpp", "-o", "a"]
    source = b"int main() { for (;;); }"
    made = box.run(argv, {"a.cpp": source}, profile="compile")
    box.run(["./a", sys.argv[2]], {"a": made.files["a"]}, profile="run")
"""


def test_a_tool_ends_when_its_supervisor_does(box: Toolbox, tmp_path: Path) -> None:
    name = f"abandoned-{os.getpid()}-{box.level}"
    argv = [sys.executable, "-c", ABANDONED, box.level, name]
    # A supervisor that is killed leaves its folder, here in a place that is not open to others.
    with subprocess.Popen(argv, env={**os.environ, "TMPDIR": str(tmp_path)}) as supervisor:
        try:
            wait_until(lambda: running(name))
        finally:
            supervisor.kill()
    wait_until(lambda: not running(name))


def running(name: str) -> bool:
    """Whether a program runs as a tool with this argument."""
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if Path("/proc", entry, "cmdline").read_bytes() == f"./a\0{name}\0".encode():
                return True
    return False


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


WITHOUT = """
import sys
from autograder.tests.test_toolchain import forbid
from autograder.sandbox.toolchain import Toolbox
from autograder.errors import IsolationError
forbid(int(sys.argv[1]))
try:
    with Toolbox(sys.argv[2] or None) as box:
        print(box.level)
except IsolationError as error:
    print(error)
"""
CALLS = {"x86_64": {"unshare": 272, "landlock_create_ruleset": 444, "seccomp": 317}}
CALLS["aarch64"] = {"unshare": 97, "landlock_create_ruleset": 444, "seccomp": 277}


def forbid(number: int) -> None:
    """Have the kernel refuse one system call to this process and all that it starts."""
    steps = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050001), (6, 0, 0, 0x7FFF0000)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *s) for s in steps))
    head = struct.pack("<H6xQ", len(steps), ctypes.addressof(program))
    libc = ctypes.CDLL(None)
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, ctypes.c_char_p(head), 0, 0) == 0


@pytest.mark.parametrize(
    ("call", "level", "said"),
    [
        ("unshare", "A", "Private namespaces cannot be made"),
        ("unshare", "", "^B$"),
        ("landlock_create_ruleset", "A", "Landlock cannot be used"),
        ("landlock_create_ruleset", "B", "Landlock cannot be used"),
        ("seccomp", "B", "System calls cannot be filtered"),
        ("seccomp", "", "System calls cannot be filtered"),
    ],
)
def test_a_machine_without_a_layer_is_refused(call: str, level: str, said: str, best: str) -> None:
    if best != "A":
        pytest.skip(f"this machine lacks layers of its own: it gives level {best or 'none'}")
    number = CALLS[platform.machine()][call]
    argv = [sys.executable, "-c", WITHOUT, str(number), level]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert re.search(said, done.stdout, re.M), done.stdout + done.stderr
