"""The zygote: a warm process without secrets that forks one worker for each request.

It is started by `boot.py`, imports its libraries, closes itself off and serves the supervisor's
socket. It never reads what a worker writes.
"""

import contextlib
import fcntl
import gc
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

from . import kernel
from .preload import preload, visible_paths
from .seal import LayerError, Seal, close_off, enter_namespaces
from .seccomp import build_filter, build_steps

MESSAGE = 1 << 16
TRIAL, OUT_OF_MEMORY, BROKEN = 95, 96, 97  # exit codes of a worker
_NULL, _REQUESTS, _REPLIES, _WATCH = 0, 3, 4, 5
_NPROC, _NOFILE = 256, 32
_Serve = Callable[[int, int], None]


def main(descriptor: int) -> None:
    """Serve the supervisor at the other end of socket `descriptor`, until it closes."""
    control = socket.socket(fileno=descriptor)
    config = json.loads(control.recv(MESSAGE))
    try:
        zygote = _prepare(config, control)
    except LayerError as error:
        layer, said = error.args
        control.send(json.dumps({"layer": layer, "said": said}).encode())
        os._exit(1)
    except BaseException as error:
        said = f"{type(error).__name__}: {error}"[:1000]
        control.send(json.dumps({"layer": "start", "said": said}).encode())
        os._exit(1)
    control.send(json.dumps({"ready": True}).encode())
    while True:
        message, fds, _, _ = socket.recv_fds(control, MESSAGE, 4, socket.MSG_CMSG_CLOEXEC)
        if not message:
            os._exit(0)
        request = json.loads(message)
        if "reap" in request:
            _, status, used = os.wait4(request["reap"], 0)
            cpu = used.ru_utime + used.ru_stime
            answer = {"status": os.waitstatus_to_exitcode(status), "cpu_seconds": cpu}
            control.send(json.dumps(answer).encode())
        else:
            zygote.fork(request, fds)


def _prepare(config: dict[str, Any], control: socket.socket) -> "_Zygote":
    seal = Seal(config["level"], config["uid"], config["files"])
    if not kernel.machine():
        raise LayerError("seccomp", "no table of system calls for this processor")
    enter_namespaces(seal)
    null = os.open(os.devnull, os.O_RDONLY)
    # Opened now: there is no /proc behind the seal. It goes on to describe this process.
    size = os.open("/proc/self/statm", os.O_RDONLY)
    visible = visible_paths(config["visible"])
    sys.path += config["search"]
    preload(config["arrays"], config["packages"])
    serve = _load_server() if config["arrays"] != "none" else None
    os.environ.clear()
    os.environ.update(HOME="/nonexistent", USER="student", LANG="C.UTF-8")
    for name in [n for n in sys.modules if n == "_engine" or n.startswith("_engine.")]:
        del sys.modules[name]
    close_off(seal, visible)
    # Without a user of its own nothing counts a worker's threads, so it gets none.
    counted = seal.uid is not None or seal.level == "A"
    writes = bool(seal.files)
    program = build_filter(
        kernel.machine(), files=writes or seal.level != "C", threads=counted, writes=writes
    )
    sys.stdout = _text_stream(1)
    sys.stderr = _text_stream(2)
    gc.collect()
    gc.freeze()
    return _Zygote(control, null, size, program, serve, seal)


def _load_server() -> "_Serve":
    # Not at the top: it imports NumPy, which must not happen before the namespaces.
    from .serve import serve

    return serve


def _text_stream(descriptor: int) -> Any:
    return open(
        descriptor, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False
    )


class _Zygote:
    def __init__(
        self,
        control: socket.socket,
        null: int,
        size: int,
        program: bytes,
        serve: "_Serve | None",
        seal: Seal,
    ) -> None:
        self.control, self.null, self.size, self.program = control, null, size, program
        self.serve, self.seal = serve, seal
        self.pid = os.getpid()
        self.page = resource.getpagesize()

    def fork(self, request: dict[str, Any], fds: list[int]) -> None:
        """Fork a worker and answer with its number here and a pidfd."""
        base = int(os.pread(self.size, 64, 0).split()[0]) * self.page
        try:
            pid = os.fork()
        except OSError as error:
            self.control.send(json.dumps({"failed": str(error)}).encode())
        else:
            if not pid:
                self._become_worker(request, fds, base)
            pidfd = os.pidfd_open(pid)
            socket.send_fds(self.control, [json.dumps({"pid": pid}).encode()], [pidfd])
            os.close(pidfd)
        for fd in fds:
            os.close(fd)

    def _become_worker(self, request: dict[str, Any], fds: list[int], base: int) -> None:
        try:
            # Out of the way first: what arrived may sit on the very numbers wanted below.
            high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 64) for fd in (self.null, *fds)]
            null, requests, replies, output, *watch = high
            for source, number in ((null, _NULL), (output, 1), (output, 2)):
                os.dup2(source, number)
            os.dup2(requests, _REQUESTS)
            os.dup2(replies, _REPLIES)
            for fd in watch:
                os.dup2(fd, _WATCH)
            os.closerange((_WATCH if watch else _REPLIES) + 1, 1 << 16)
            os.setsid()
            kernel.die_with_parent(signal.SIGKILL)
            if os.getppid() != self.pid:
                os._exit(1)
            _limit(request, base)
            if watch:
                self._watched(request["folder"])
            kernel.seccomp(self.program)
            if self.serve is None:
                os._exit(TRIAL)
        except BaseException as error:
            # The supervisor finds no frame in this, before the worker has answered anything.
            with contextlib.suppress(OSError):
                os.write(_REPLIES, repr(error).encode()[:1000])
            os._exit(BROKEN)
        try:
            self.serve(_REQUESTS, _REPLIES)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        finally:
            os._exit(BROKEN)

    def _watched(self, folder: str) -> None:
        """Be confined to one folder, and let the supervisor see what becomes of names in it."""
        if self.seal.level != "C":
            kernel.landlock_enter(kernel.landlock_only(self.seal.seen(folder)))
        listener = kernel.seccomp_listener(build_steps(kernel.machine()))
        with socket.socket(fileno=_WATCH) as watch:
            socket.send_fds(watch, [b"w"], [listener])
        os.close(listener)


def _limit(request: dict[str, Any], base: int) -> None:
    cpu, memory = int(request["cpu_seconds"]), base + int(request["memory"])
    most = request["file_bytes"]
    most = int(request["files"] if most is None else most)
    for kind, soft, hard in (
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_FSIZE, most, most),
        (resource.RLIMIT_MEMLOCK, 0, 0),
        (resource.RLIMIT_MSGQUEUE, 0, 0),
        (resource.RLIMIT_NPROC, _NPROC, _NPROC),
        (resource.RLIMIT_NOFILE, _NOFILE, _NOFILE),
        (resource.RLIMIT_CPU, cpu, cpu + 1),
        (resource.RLIMIT_AS, memory, memory),
    ):
        allowed = resource.getrlimit(kind)[1]
        if allowed != resource.RLIM_INFINITY:
            soft, hard = min(soft, allowed), min(hard, allowed)
        resource.setrlimit(kind, (soft, hard))
