"""Compilers, and the binaries that they build from students' sources: isolated like any code.

    with Toolbox() as box:
        made = box.run([box.compiler, "a.cpp", "-o", "a"], {"a.cpp": text}, profile="compile")
        ended = box.run(["./a"], {"a": made.files["a"]}, profile="run", stdin=b"4 5")

A tool starts in a folder that holds exactly the files given, sees the compiler, its headers and the
system's libraries besides, and nothing else; there is no network. Under the profile `compile` it
may execute the compiler's programs and write in its folder; what it has made comes back. Under the
profile `run` it executes, forks and writes nothing. See docs/isolation.md.
"""

import contextlib
import itertools
import json
import math
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Literal

from ..errors import IsolationError
from ..scratch_files import LEAST_ENTRY, TOO_MANY, read_files, remove_folder, walk_files
from .probe import LEVELS
from .seal import Level
from .tool_launcher import MESSAGE, about_itself, descendants
from .tools import find_tools, mirror, mirror_paths
from .zygotes import LayerRefused, launch, unused_uid

Profile = Literal["compile", "run"]
_EVERY = 0.02  # seconds between two looks at memory and files
_SETTING_UP, _AFTERWARDS = 60.0, 5.0
_CHUNK = 1 << 16
_TRIALS: tuple[tuple[Profile, str], ...] = (("compile", ""), ("run", "./tool"))
TIMED_OUT, OUT_OF_MEMORY = "timed out", "out of memory"
TOO_LONG, TOO_LARGE = "output too long", "files too large"


@dataclass(frozen=True)
class ToolLimits:
    """What one tool may use, with all the processes that it starts.

    Attributes:
        seconds: Seconds on the wall.
        cpu_seconds: Seconds of processor time.
        memory: Bytes that may be resident at a time.
        output: Bytes on stdout.
        messages: Bytes on stderr.
        files: Bytes in its folder, the files given included.
        processes: Processes and threads at a time.
    """

    seconds: float = 60.0
    cpu_seconds: int = 60
    memory: int = 2 << 30
    output: int = 64 << 20
    messages: int = 1 << 20
    files: int = 128 << 20
    processes: int = 32


@dataclass(frozen=True)
class Finished:
    """How a tool ended.

    Attributes:
        returncode: Its exit code, or None if it did not end by itself.
        stdout: What it has printed, at most as much as it may.
        stderr: The same.
        files: What it has made or changed, by path in its folder; empty under `run`.
        reason: Why it was ended: one of the constants of this module, or "killed by signal N".
            "" if it ended by itself.
        seconds: How long it took on the wall.
        cpu_seconds: Processor time of all its processes; 0 if it was ended.
    """

    returncode: int | None
    stdout: bytes
    stderr: bytes
    files: Mapping[str, bytes] = field(repr=False)
    reason: str
    seconds: float
    cpu_seconds: float


class Toolbox:
    """Runs tools at one level of isolation; close it, or use it in a `with` statement.

    Args:
        level: A, B or C; by default the best that this machine gives.
        compiler: Its name or path, as for `find_tools`.

    Raises:
        IsolationError: The level cannot be had, or none; nothing is run then. Or no compiler.
    """

    def __init__(self, level: Level | None = None, compiler: str = "") -> None:
        self.tools = find_tools(compiler)
        self._base = tempfile.mkdtemp(prefix="autograder-tools-")
        os.chmod(self._base, 0o711)  # nobody but its owner lists it
        self._count = itertools.count()
        try:
            self.level: Level = self._tried((level,) if level else LEVELS)
        except BaseException:
            self.close()
            raise

    @property
    def compiler(self) -> str:
        """The compiler's path."""
        return self.tools.compiler

    def run(
        self,
        argv: Sequence[str],
        files: Mapping[str, bytes],
        *,
        profile: Profile,
        limits: ToolLimits = ToolLimits(),
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        visible: Sequence[str] = (),
    ) -> Finished:
        """Run one tool to its end.

        Args:
            argv: What to execute; first a path, absolute or in the folder of files ("./a").
            files: What lies in its folder, by relative path.
            profile: What it may do, see above.
            limits: What it may use.
            stdin: What it reads.
            env: Additions to an otherwise empty environment.
            visible: Paths that it may read besides, with all that is below.

        Raises:
            IsolationError: The isolation could not be set up. Our failure, not the student's.
            ValueError: A file's name leads out of the folder.
        """
        return self._run(argv, files, profile, limits, stdin, env or {}, visible, self.level)

    def close(self) -> None:
        """Remove what is left on the disk; safe to repeat."""
        shutil.rmtree(self._base, ignore_errors=True)

    def __enter__(self) -> "Toolbox":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _tried(self, levels: Sequence[Level]) -> Level:
        """The first level at which the compiler starts."""
        reasons: dict[str, None] = {}
        for level in levels:
            try:
                self._try(level)
            except IsolationError as error:
                reasons[str(error)] = None
            else:
                return level
        raise IsolationError(" ".join(reasons))

    def _try(self, level: Level) -> None:
        """Start the compiler at a level, under both profiles."""
        compiler = Path(self.compiler).read_bytes()
        for profile, program in _TRIALS:
            given = {program: compiler} if profile == "run" else {}
            argv = [program or self.compiler, "--version"]
            done = self._run(argv, given, profile, ToolLimits(), b"", {}, (), level)
            if done.returncode != 0:
                said = (done.reason or done.stderr.decode(errors="replace"))[:300]
                raise LayerRefused("start", f"the compiler does not run: {said}")

    def _run(
        self,
        argv: Sequence[str],
        files: Mapping[str, bytes],
        profile: Profile,
        limits: ToolLimits,
        stdin: bytes,
        env: Mapping[str, str],
        visible: Sequence[str],
        level: Level,
    ) -> Finished:
        compiles = profile == "compile"
        environment = {"PATH": self.tools.search_path(), "LC_ALL": "C", "HOME": "/nonexistent"}
        environment = {**(environment if compiles else {"LC_ALL": "C"}), **env}
        uid = unused_uid()
        config: dict[str, Any] = {
            "level": level, "uid": uid, "profile": profile, "argv": list(argv),
            "env": environment, "cpu_seconds": limits.cpu_seconds, "memory": limits.memory,
            "files": limits.files, "processes": limits.processes,
            "visible": [*self.tools.visible(compiles=compiles), *visible],
        }  # fmt: skip
        with self._folder(config, visible, uid) as folder:
            config["folder"] = folder
            with _Tool(config) as tool:
                tool.fill(files, argv[0])
                return tool.go(stdin, limits, given=files if compiles else None)

    @contextlib.contextmanager
    def _folder(
        self, config: dict[str, Any], visible: Sequence[str], uid: int | None
    ) -> Iterator[str]:
        """An empty folder on this machine for one tool; removed at the end."""
        config["root"] = config["inside"] = ""
        name = f"{next(self._count)}-{os.urandom(8).hex()}"
        folder, own_root = Path(self._base, name), None
        if config["level"] == "C":
            root = self._root(config, name, visible)
            own_root = None if config["profile"] == "compile" else root
            folder = root / "w" / name
            config["root"], config["inside"] = str(root), f"/w/{name}"
        folder.mkdir(mode=0o700)
        try:
            if uid is not None:
                os.chown(folder, uid, uid)
            yield str(folder)
        finally:
            with contextlib.suppress(OSError):
                fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
                remove_folder(fd)
                os.close(fd)
                os.rmdir(folder)
            if own_root:
                shutil.rmtree(own_root, ignore_errors=True)

    def _root(self, config: dict[str, Any], name: str, visible: Sequence[str]) -> Path:
        """Level C: a root with a copy of what is visible; one for all compilers, one per binary."""
        compiles = config["profile"] == "compile"
        root = Path(self._base, "root" if compiles else f"root-{name}")
        if not root.exists():
            (root / "w").mkdir(parents=True)
            texts = {} if compiles else about_itself(config["argv"][0], config["env"], f"/w/{name}")
            mirror(self.tools, root, texts, compiles=compiles)
            (root / "w").chmod(0o711)
        mirror_paths(visible, root)
        return root


class _Tool:
    """One launcher, from its start to its end."""

    def __init__(self, config: dict[str, Any]) -> None:
        ends = [os.pipe2(os.O_CLOEXEC) for _ in range(3)]
        self._stdin, self._stdout, self._stderr = ends[0][1], ends[1][0], ends[2][0]
        theirs = [ends[0][0], ends[1][1], ends[2][1]]
        self._ours = {self._stdin, self._stdout, self._stderr}
        self._folder, self._process = -1, None
        try:
            self._control, self._process = launch("tool_launcher", theirs)
            self._control.settimeout(_SETTING_UP)
            self._send(json.dumps({**config, "standard": theirs}).encode())
            answer, fds = self._receive()
            self._folder = fds[0] if fds else -1
            self._check(answer, "folder")
        except BaseException:
            self.close()
            raise
        finally:
            for fd in theirs:
                os.close(fd)
        for fd in self._ours:
            os.set_blocking(fd, False)

    def __enter__(self) -> "_Tool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End everything; safe to repeat."""
        if self._process is not None:
            self._control.close()  # the launcher ends what it has started, then itself
            try:
                self._process.wait(_AFTERWARDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        for fd in (*self._ours, self._folder):
            if fd >= 0:
                os.close(fd)
        self._ours, self._folder = set(), -1

    def fill(self, files: Mapping[str, bytes], program: str) -> None:
        """Put files into the folder, before anything runs there."""
        for name, data in files.items():
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
                raise ValueError(f"{name!r} is no path in the tool's folder")
            folder = os.dup(self._folder)
            try:
                for part in path.parts[:-1]:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o755, dir_fd=folder)
                    inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
                    os.close(folder)
                    folder = inner
                mode = 0o755 if path == PurePosixPath(program) else 0o644
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                with open(os.open(path.name, flags, mode, dir_fd=folder), "wb") as file:
                    os.fchmod(file.fileno(), mode)
                    file.write(data)
            finally:
                os.close(folder)

    def go(
        self, stdin: bytes, limits: ToolLimits, *, given: Mapping[str, bytes] | None
    ) -> Finished:
        """Start the tool and see it to its end."""
        self._send(b"go")
        start = time.monotonic()
        out, err = bytearray(), bytearray()
        reason, answer = self._watched(memoryview(stdin), out, err, limits, start)
        seconds = time.monotonic() - start
        self._check(answer, "code", missing=not reason)
        code, cpu = answer.get("code"), float(answer.get("cpu_seconds", 0.0))
        if not reason and code is not None:
            reason = _why(int(code), cpu, limits)
        self._end()
        if not reason:
            self._drain(out, err, limits)
            reason = _too_long(out, err, limits)
        made: dict[str, bytes] = {}
        if given is not None and self._folder >= 0:
            found = read_files(self._folder, limits.files)
            made = {name: data for name, data in found.items() if given.get(name) != data}
        return Finished(
            None if reason else code,
            bytes(out[: limits.output]),
            bytes(err[: limits.messages]),
            made,
            reason,
            seconds,
            cpu,
        )

    def _watched(
        self,
        stdin: memoryview,
        out: bytearray,
        err: bytearray,
        limits: ToolLimits,
        start: float,
    ) -> tuple[str, dict[str, Any]]:
        """Why the tool has to be ended, or what the launcher said about its end."""
        poller = select.poll()
        poller.register(self._control, select.POLLIN)
        for fd in (self._stdout, self._stderr):
            poller.register(fd, select.POLLIN)
        if stdin:
            poller.register(self._stdin, select.POLLOUT)
        else:
            self._close_stdin()
        look = start
        while True:
            ready = {fd for fd, _ in poller.poll(math.ceil(_EVERY * 1000))}
            for fd, kept in ((self._stdout, out), (self._stderr, err)):
                if fd in ready and not _take(fd, kept):
                    poller.unregister(fd)
            if self._stdin in ready:
                stdin = self._fed(stdin)
                if not stdin:
                    poller.unregister(self._stdin)
                    self._close_stdin()
            if reason := _too_long(out, err, limits):
                return reason, {}
            now = time.monotonic()
            if now - start > limits.seconds:
                return TIMED_OUT, {}
            if now >= look:
                look = now + _EVERY
                if self._resident() > limits.memory:
                    return OUT_OF_MEMORY, {}
                if self._written() > limits.files:
                    return TOO_LARGE, {}
            if self._control.fileno() in ready:
                return "", self._receive()[0]

    def _fed(self, stdin: memoryview) -> memoryview:
        try:
            return stdin[os.write(self._stdin, stdin[:_CHUNK]) :]
        except BlockingIOError:
            return stdin
        except BrokenPipeError:
            return stdin[:0]

    def _close_stdin(self) -> None:
        self._ours.discard(self._stdin)
        os.close(self._stdin)
        self._stdin = -1

    def _end(self) -> None:
        """End the launcher with all that it has started, before its folder is looked at."""
        process = self._process
        assert process is not None
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        try:
            process.wait(_AFTERWARDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _drain(self, out: bytearray, err: bytearray, limits: ToolLimits) -> None:
        for fd, kept, most in (
            (self._stdout, out, limits.output),
            (self._stderr, err, limits.messages),
        ):
            while len(kept) <= most and _take(fd, kept, blocked=False):
                pass

    def _resident(self) -> int:
        """Bytes that the launcher and all below it have in memory, or swapped out."""
        process = self._process
        assert process is not None
        listed = os.path.exists(f"/proc/{process.pid}/task/{process.pid}/children")
        found = _with_descendants if listed else descendants
        return sum(map(_resident, found(process.pid)))

    def _written(self) -> int:
        """Bytes in the folder, with something for every name."""
        used = 0
        for count, (_, info) in enumerate(walk_files(self._folder)):
            used += max(info.st_size, info.st_blocks * 512) if stat.S_ISREG(info.st_mode) else 0
            used += LEAST_ENTRY
            if count > TOO_MANY:
                return 1 << 62
        return used

    def _send(self, message: bytes) -> None:
        if len(message) > MESSAGE:
            raise ValueError("a command line or environment is too long")
        try:
            self._control.send(message)
        except OSError as error:
            raise LayerRefused("start", str(error)) from error

    def _receive(self) -> tuple[dict[str, Any], list[int]]:
        try:
            message, fds, _, _ = socket.recv_fds(self._control, MESSAGE, 1, socket.MSG_CMSG_CLOEXEC)
        except OSError as error:
            raise LayerRefused("start", str(error)) from error
        return json.loads(message or b"{}"), list(fds)

    def _check(self, answer: dict[str, Any], wanted: str, *, missing: bool = True) -> None:
        if "layer" in answer:
            raise LayerRefused(answer["layer"], answer["said"])
        if missing and wanted not in answer:
            raise LayerRefused("start", "it ended by itself")


def _why(code: int, cpu: float, limits: ToolLimits) -> str:
    """A reason if the tool did not end by itself."""
    if cpu >= limits.cpu_seconds or code == -signal.SIGXCPU:
        return TIMED_OUT
    if code == -signal.SIGKILL and cpu > limits.cpu_seconds / 2:
        return TIMED_OUT  # the kernel's two ways of counting differ on a busy machine
    if code == -signal.SIGXFSZ:
        return TOO_LARGE
    return f"killed by signal {-code}" if code < 0 else ""


def _too_long(out: bytearray, err: bytearray, limits: ToolLimits) -> str:
    return TOO_LONG if len(out) > limits.output or len(err) > limits.messages else ""


def _take(fd: int, kept: bytearray, *, blocked: bool = True) -> bool:
    """Read once; whether there may be more."""
    try:
        data = os.read(fd, _CHUNK)
    except BlockingIOError:
        return blocked
    kept += data
    return bool(data)


def _with_descendants(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                children = file.read().split()
            for child in children:
                yield from _with_descendants(int(child))


def _resident(pid: int) -> int:
    total = 0
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(("VmRSS:", "VmSwap:")):
                total += int(line.split()[1]) * 1024
    return total
