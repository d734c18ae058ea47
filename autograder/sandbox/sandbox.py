"""The sandbox: warm zygotes at one level, and workers forked from them."""

import contextlib
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal

from ..errors import IsolationError, StudentError
from ..source import SourceCell
from .libraries import Arrays
from .limits import Limits, fitting
from .line import Line
from .probe import LEVELS, probe, try_level
from .process import Process
from .scratch import Scratch, Watch, place, remove_place
from .seal import Level
from .worker import Worker, WorkerDied
from .zygotes import Zygote, ZygoteGone

_FATAL_CELLS = 3
_WATCH_SECONDS = 30.0
_DEFAULT = Limits()


class Sandbox:
    """Where student code runs. One per supervisor process; close it, or use `with`.

    Zygotes start when first wanted and stay warm. Student code is never run at a level below
    `level`, which is part of every result.

    Args:
        level: "A", "B", "C", or "auto" for the best that the machine gives.

    Raises:
        IsolationError: The machine does not give the level; the message says what to do.
    """

    def __init__(self, level: Level | Literal["auto"] = "auto") -> None:
        if level not in ("auto", *LEVELS):
            raise IsolationError(f"isolation level {level!r}: choose auto, A, B or C")
        if level == "auto":
            found = probe()
            if found.level is None:
                raise IsolationError(" ".join(found.reasons))
            self.level: Level = found.level
        else:
            problem = try_level(level)
            if problem is not None:
                raise IsolationError(f"Isolation level {level} is not to be had here. {problem}")
            self.level = level
        # By kind of arrays, and apart those whose workers may write files.
        self._zygotes: dict[str, Zygote] = {}
        self._place = ""
        self._workers: list[Worker] = []
        self._opened = 0

    def open(
        self,
        cells: Sequence[SourceCell],
        *,
        arrays: Arrays,
        installed: Arrays | None = None,
        earlier: Mapping[str, Callable[..., Any]] | None = None,
        given: Mapping[str, str] | None = None,
        own_gradients: bool = False,
        limits: Limits = _DEFAULT,
        load_seconds: float = 10.0,
        scratch: Scratch | None = None,
    ) -> Worker:
        """A worker that has loaded `cells`, each on its own, in one namespace.

        A cell that raises is noted in `load_errors`, and the others go on. One that ends or stalls
        the worker is left out of a new one; after three of those the worker comes back dead.

        Args:
            cells: The student's module.
            arrays: What arrays arrive as.
            installed: Which libraries can be imported, if not just those for `arrays`.
            earlier: Names of earlier exercises and the functions of ours that answer for them.
            given: Modules that students are given: text by dotted name.
            own_gradients: Whether PyTorch refuses to differentiate for the student.
            limits: What the worker may use.
            load_seconds: Time for loading all cells.
            scratch: Another worker's folder to work on, instead of one of its own, if `limits`
                allow files at all.

        Raises:
            IsolationError: No worker can be had. Our failure, not the student's.
        """
        limits = fitting(limits)
        left, fatal = list(enumerate(cells)), dict[SourceCell, StudentError]()
        killed = False
        while True:
            worker = self._fork(installed or arrays, limits, scratch)
            seconds = max(load_seconds, 10.0)
            worker.start(arrays, earlier or {}, seconds, given, own_gradients)
            index = worker.load(left, load_seconds)
            if index is None:
                break
            error = worker.load_errors[cells[index]]
            outside = isinstance(error, WorkerDied) and error.signal == signal.SIGKILL
            if outside and not killed:
                killed = True  # perhaps not by anything that the cell did
                continue
            fatal.setdefault(cells[index], error)
            left = [(i, cell) for i, cell in left if i != index]
            if len(fatal) == _FATAL_CELLS:
                break
        worker.load_errors = {**worker.load_errors, **fatal}

        def another(of: Worker, other: Limits, seconds: float) -> Worker:
            return self.open(
                cells,
                arrays=arrays,
                earlier=earlier,
                limits=other,
                load_seconds=seconds,
                scratch=of.scratch,
            )

        worker.another = another
        return worker

    def close(self) -> None:
        """End every worker and zygote; safe to repeat."""
        for worker in self._workers:
            worker.close()
        self._workers.clear()
        for zygote in self._zygotes.values():
            zygote.close()
        self._zygotes.clear()
        if self._place:
            remove_place(self._place)
            self._place = ""

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _fork(self, arrays: Arrays, limits: Limits, scratch: Scratch | None) -> Worker:
        for _ in range(2):
            zygote, line = self._zygote(arrays, limits), Line(limits.output)
            own = None
            try:
                if limits.files and scratch is None:
                    own = Scratch(zygote.files, zygote.seal.seen, zygote.uid, limits.files)
                pid, pidfd, watch = _forked(zygote, limits, line, scratch or own)
            except ZygoteGone:
                line.close()
                if own:
                    own.remove()
                self._drop(zygote)
                if scratch:
                    break  # behind another seal its folder might not be seen
                continue
            except BaseException:
                line.close()
                if own:
                    own.remove()
                raise
            line.hand_over()
            self._opened += 1
            worker = Worker(Process(zygote, pid, pidfd), line, self._opened, limits)
            worker.keep_files(scratch or own, watch, owned=own is not None)
            self._workers = [other for other in self._workers if not other.closed] + [worker]
            return worker
        raise IsolationError(
            "The isolated Python was ended from outside twice in a row; see whether the machine "
            "runs out of memory, and grade again."
        )

    def _zygote(self, arrays: Arrays, limits: Limits) -> Zygote:
        key = f"{arrays}, files" if limits.files else arrays
        if key not in self._zygotes:
            if limits.files and not self._place:
                self._place = place()
            files = self._place if limits.files else ""
            self._zygotes[key] = Zygote(self.level, arrays, files=files)
        return self._zygotes[key]

    def _drop(self, zygote: Zygote) -> None:
        self._zygotes = {key: z for key, z in self._zygotes.items() if z is not zygote}
        zygote.close()


def _forked(
    zygote: Zygote, limits: Limits, line: Line, scratch: Scratch | None
) -> tuple[int, int, Watch | None]:
    """A worker's number and pidfd, and who watches its files."""
    if scratch is None:
        return *zygote.fork(limits, *line.theirs), None
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            pid, pidfd = zygote.fork(
                limits, *line.theirs, folder=scratch.name, watch=theirs.fileno()
            )
        try:
            ours.settimeout(_WATCH_SECONDS)
            _, fds, _, _ = socket.recv_fds(ours, 16, 1, socket.MSG_CMSG_CLOEXEC)
        except OSError:
            fds = []
    if not fds:
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.close(pidfd)
        zygote.reap(pid)
        raise IsolationError(
            "A process for student code cannot be watched while it writes files: its kernel gives "
            "no seccomp notifications (Linux 5.5 has them, gVisor does not)."
        )
    return pid, pidfd, Watch(fds[0], pidfd, scratch, limits.stop_at)
