"""The supervisor's end of a zygote: start it, have it fork, have it reap."""

import contextlib
import json
import os
import pwd
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from ..errors import IsolationError
from .libraries import Arrays, libraries
from .limits import Limits
from .seal import Layer, Level, Seal

_BOOT = Path(__file__).with_name("boot.py")
_MESSAGE = 1 << 16
_START_SECONDS, _ANSWER_SECONDS = 300.0, 60.0

_ADVICE: dict[Layer, str] = {
    "namespaces": "Private namespaces cannot be made ({}): allow user namespaces (on Ubuntu "
    "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`; in Docker `--privileged` or "
    "`--cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined`).",
    "landlock": "Landlock cannot be used ({}): run a Linux kernel from 5.13 on with `landlock` "
    "among its security modules, and a container profile that allows it.",
    "user": "Student code cannot be given a user of its own ({}): run the grader as root, in a "
    "container for example, with the capabilities SETUID and SETGID.",
    "seccomp": "System calls cannot be filtered ({}): run on Linux with seccomp, on x86_64 or "
    "aarch64.",
    "folder": "Student code cannot be shut into a folder for its files ({}): give the grader's "
    "container the capability SYS_CHROOT, or Landlock.",
    "start": "The isolated Python cannot be started ({}): check that this interpreter and its "
    "NumPy work with `python -I`.",
}


class LayerRefused(IsolationError):
    """A layer that this machine does not give; the message says what to do."""

    def __init__(self, layer: Layer, said: str) -> None:
        super().__init__(_ADVICE[layer].format(said))
        self.layer = layer


class ZygoteGone(Exception):
    """The zygote ended without being asked to."""


class Zygote:
    """A warm process at a level, for exercises on one kind of arrays.

    Args:
        files: The folder that workers' folders are in, if they may write.

    Raises:
        LayerRefused: A layer of the level is missing.
        IsolationError: A library is not installed.
    """

    def __init__(self, level: Level, arrays: Arrays | Literal["none"], *, files: str = "") -> None:
        found = libraries(arrays)
        self.uid, self.files = unused_uid(), files
        self.seal = Seal(level, self.uid, files)
        config = {
            "level": level,
            "arrays": arrays,
            "uid": self.uid,
            "files": files,
            "packages": found.packages,
            "search": found.search,
            "visible": found.paths,
        }
        self._lock = threading.Lock()
        self._control, self.process = launch()
        try:
            answer = self._ask(config, seconds=_START_SECONDS)[0]
        except ZygoteGone as error:
            self.close()
            raise LayerRefused("start", f"exit code {self.process.returncode}") from error
        except BaseException:
            self.close()
            raise
        if not answer.get("ready"):
            self.close()
            raise LayerRefused(answer.get("layer", "start"), answer.get("said", ""))

    def fork(
        self,
        limits: Limits,
        requests: int,
        replies: int,
        output: int,
        *,
        folder: str = "",
        watch: int = -1,
    ) -> tuple[int, int]:
        """A worker's number and pidfd; it gets the three descriptors.

        Args:
            folder: The one that it may write in.
            watch: A socket on which it then sends the descriptor to watch it by.

        Raises:
            ZygoteGone: The zygote has ended.
            IsolationError: The machine has no room for a process.
        """
        given = [requests, replies, output] + ([watch] if folder else [])
        answer, fds = self._ask({**asdict(limits), "folder": folder}, fds=given)
        if "failed" in answer:
            raise IsolationError(
                f"No process can be started for student code ({answer['failed']}); free memory or "
                f"processes on this machine and grade again."
            )
        return int(answer["pid"]), fds[0]

    def reap(self, pid: int) -> tuple[int, float] | None:
        """Exit code of a worker that has ended, or minus its signal, and its processor seconds.

        None if nobody knows, because the zygote has ended too.
        """
        try:
            answer, _ = self._ask({"reap": pid})
        except ZygoteGone:
            return None
        return int(answer["status"]), float(answer["cpu_seconds"])

    def close(self) -> None:
        """End the zygote and every worker that it has; safe to repeat."""
        with self._lock:
            self._control.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _ask(
        self, message: dict[str, Any], *, fds: list[int] | None = None, seconds: float = 0.0
    ) -> tuple[dict[str, Any], list[int]]:
        with self._lock:
            try:
                self._control.settimeout(seconds or _ANSWER_SECONDS)
                socket.send_fds(self._control, [json.dumps(message).encode()], fds or [])
                flags = socket.MSG_CMSG_CLOEXEC
                answer, got, _, _ = socket.recv_fds(self._control, _MESSAGE, 1, flags)
            except OSError as error:  # also a descriptor that is closed, and a timeout
                self._control.close()
                raise ZygoteGone from error
            except BaseException:
                self._control.close()  # an answer to this would be taken for the next one's
                raise
        if not answer:
            raise ZygoteGone
        return json.loads(answer), got


def launch(
    module: str = "zygote", given: Sequence[int] = ()
) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Start `boot.py` with a module, which gets a socket, whose other end is ours, and `given`.

    Raises:
        LayerRefused: No process can be started.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = {"LANG": "C.UTF-8", "HOME": "/nonexistent", "CUDA_VISIBLE_DEVICES": ""}
    for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB"):
        environment[f"{name}_NUM_THREADS"] = "1"
    if "LD_LIBRARY_PATH" in os.environ:  # some interpreters do not start without it
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    command = [sys.executable, "-I", "-S", "-X", "utf8", str(_BOOT), str(theirs.fileno()), module]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[theirs.fileno(), *given],
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        ours.close()
        raise LayerRefused("start", str(error)) from error
    finally:
        theirs.close()
    return ours, process


def unused_uid() -> int | None:
    """A user number that nobody and no process has; None unless we are root and may use it."""
    if os.geteuid() != 0:
        return None
    mapped = [tuple(map(int, line.split())) for line in _lines("/proc/self/uid_map")]
    running = set[str]()
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                running |= {u for u in _lines(f"/proc/{entry}/status") if u.startswith("Uid:")}
    taken = {int(number) for line in running for number in line.split()[1:]}
    taken |= {entry.pw_uid for entry in pwd.getpwall()}
    # The range that systemd sets aside for users made on the fly; ours differ by process.
    first, count = 61184, 4336
    for i in range(count):
        uid = first + (os.getpid() + i) % count
        if uid not in taken and any(start <= uid < start + n for start, _, n in mapped):
            return uid
    return None


def _lines(path: str) -> list[str]:
    with open(path) as file:
        return file.read().splitlines()
