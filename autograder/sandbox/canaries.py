"""Attempts to break out, made by code in the real sandbox and judged from outside it."""

import os
import secrets
import socket
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import StudentDied, StudentError, StudentOverMemory, StudentTimedOut
from ..source import SourceCell
from ..student import Student
from .libraries import Arrays
from .limits import Limits
from .sandbox import Sandbox

_SOURCE = '''
import ctypes
import mmap
import os
import signal
import socket
import sys

libc = ctypes.CDLL(None, use_errno=True)


def tried(*ways):
    """"" if every way was refused, else what the first that worked gave."""
    refusals = []
    for way in ways:
        try:
            got = way()
        except OSError as error:
            refusals.append(type(error).__name__)
        else:
            if not (isinstance(got, int) and not isinstance(got, bool) and got < 0):
                return str(got)[:3000], ""
            refusals.append(os.strerror(ctypes.get_errno()))
    return "", ", ".join(refusals)


def raw_read(path):
    fd = libc.open(path.encode(), 0)
    if fd < 0:
        return -1
    return os.read(fd, 3000)


def read_file(path):
    return tried(lambda: open(path).read(3000), lambda: raw_read(path))


def connect(port):
    def tcp():
        with socket.create_connection(("127.0.0.1", port), 1) as line:
            line.sendall(b"x")
        return "connected"

    return tried(tcp, lambda: libc.socket(1, 1, 0), lambda: socket.socket(socket.AF_INET, 2))


def fork():
    def child():
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        return pid

    def raw_child():
        pid = libc.fork()
        if pid == 0:
            os._exit(0)
        return pid

    return tried(child, raw_child)


def execute():
    return tried(
        lambda: os.execv(sys.executable or "/bin/sh", ["sh"]),
        lambda: os.posix_spawn("/bin/sh", ["sh", "-c", "exit"], {}),
    )


def write_file(path):
    def create():
        with open(path, "w") as file:
            file.write("x")
        return "written"

    return tried(create, lambda: os.mkdir(path) or "made", lambda: libc.creat(path.encode(), 420))


def signal_process(pid):
    return tried(
        lambda: os.kill(pid, 0) or "signalled",
        lambda: os.kill(os.getppid() or 1, 0) or "signalled",
        lambda: signal.pidfd_send_signal(os.pidfd_open(pid), 0) or "signalled",
    )


def allocate(size):
    kept = []
    for _ in range(size >> 24):
        try:
            area = mmap.mmap(-1, 1 << 24)
        except OSError:
            raise MemoryError from None
        for at in range(0, 1 << 24, 4096):
            area[at] = 1
        kept.append(area)
    return "allocated"


def spin():
    while True:
        pass


def sleep():
    import time

    while True:
        time.sleep(1)


def burn():
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    spin()
'''


@dataclass(frozen=True)
class _Attempt:
    sentence: str
    function: str
    argument: Any
    leaked: Callable[[str], bool]


def canaries(sandbox: Sandbox, arrays: Arrays = "numpy") -> list[tuple[str, bool, str]]:
    """Try to break out of `sandbox`; takes a few seconds.

    Returns:
        For each attempt a sentence, whether it was contained, and what happened.
    """
    with tempfile.TemporaryDirectory() as folder, socket.socket() as listener:
        secret = secrets.token_hex(16)
        file, marker = Path(folder, "secret"), Path(folder, "marker")
        file.write_text(secret)
        file.chmod(0o644)
        Path(folder).chmod(0o777)  # nothing but the sandbox is to keep the attempts away
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        threading.Thread(target=_take_one, args=(listener,), daemon=True).start()

        def anything(got: str) -> bool:
            return bool(got)

        attempts = [
            _Attempt("read a file with a secret", "read_file", str(file), lambda g: secret in g),
            _Attempt("read /etc/passwd", "read_file", "/etc/passwd", anything),
            _Attempt("read /proc/1/environ", "read_file", "/proc/1/environ", anything),
            _Attempt("read our /proc entry", "read_file", f"/proc/{os.getpid()}/maps", anything),
            _Attempt("open a socket", "connect", listener.getsockname()[1], anything),
            _Attempt("start a process", "fork", None, anything),
            _Attempt("run a program", "execute", None, anything),
            _Attempt("write a file", "write_file", str(marker), lambda g: marker.exists()),
            _Attempt("write into /dev/shm", "write_file", "/dev/shm/marker", anything),
            _Attempt("signal the supervisor", "signal_process", os.getpid(), anything),
        ]
        with_worker = [_attempted(sandbox, arrays, attempt) for attempt in attempts]
    budget = 256 << 20
    memory, short = Limits(memory=budget), Limits(cpu_seconds=1)
    over = (StudentOverMemory, StudentDied)
    return [
        *with_worker,
        _stopped(sandbox, arrays, "take more memory than its budget", "allocate", memory, over),
        _stopped(sandbox, arrays, "compute past the deadline", "spin", Limits(), StudentTimedOut),
        _stopped(sandbox, arrays, "sleep past the deadline", "sleep", Limits(), StudentTimedOut),
        _stopped(sandbox, arrays, "use more processor time", "burn", short, StudentDied, 60.0),
    ]


def _take_one(listener: socket.socket) -> None:
    try:
        listener.accept()[0].close()
    except OSError:
        return  # closed: nobody came


def _attempted(sandbox: Sandbox, arrays: Arrays, attempt: _Attempt) -> tuple[str, bool, str]:
    worker = sandbox.open([SourceCell("canary", _SOURCE)], arrays=arrays)
    try:
        student = Student(worker)
        args = () if attempt.argument is None else (attempt.argument,)
        got, refusals = getattr(student, attempt.function)(*args)
        if attempt.leaked(got):
            return attempt.sentence, False, "it worked"
        return attempt.sentence, True, refusals or "it came to nothing"
    except StudentError as error:
        # An attempt that dies shows nothing either way, unless it left something behind.
        leaked = attempt.function == "write_file" and attempt.leaked("")
        return attempt.sentence, not leaked, f"{type(error).__name__}: {error}"
    finally:
        worker.close()


def _stopped(
    sandbox: Sandbox,
    arrays: Arrays,
    sentence: str,
    function: str,
    limits: Limits,
    expected: type[StudentError] | tuple[type[StudentError], ...],
    deadline: float = 0.5,
) -> tuple[str, bool, str]:
    worker = sandbox.open([SourceCell("canary", _SOURCE)], arrays=arrays, limits=limits)
    try:
        worker.deadline = 20.0 if function == "allocate" else deadline
        student = Student(worker)
        args = (2 * limits.memory,) if function == "allocate" else ()
        getattr(student, function)(*args)
        return sentence, False, "it came to its end"
    except StudentError as error:
        return sentence, isinstance(error, expected), f"{type(error).__name__}: {error}"
    finally:
        worker.close()
