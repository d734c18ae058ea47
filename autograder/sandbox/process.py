"""A worker as a process: known by a pidfd, killed and reaped through it."""

import contextlib
import os
import select
import signal
import time

from .zygotes import Zygote


class Process:
    """A forked worker. `pid` is its number where the zygote is, `host_pid` where we are."""

    def __init__(self, zygote: Zygote, pid: int, pidfd: int) -> None:
        self._zygote, self.pid, self._pidfd = zygote, pid, pidfd
        self.host_pid = self._find_host_pid()
        self.status: int | None = None
        self.cpu_seconds = 0.0
        self._peak = 0

    def ended(self, seconds: float = 0.0) -> bool:
        """Whether the process is over, waiting up to `seconds` for it."""
        if self._pidfd < 0:
            return True
        poller = select.poll()
        poller.register(self._pidfd, select.POLLIN)
        return bool(poller.poll(seconds * 1000))

    def finish(self) -> None:
        """Kill it if need be, reap it and let go of it; `status` is known afterwards if it can be.

        Safe to repeat.
        """
        if self._pidfd < 0:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        if self.ended(10.0):
            self.status, self.cpu_seconds = self._zygote.reap(self.pid) or (None, 0.0)
        os.close(self._pidfd)
        self._pidfd = -1

    def peak(self) -> int:
        """The most bytes it has had resident so far; the last known figure once it is over."""
        self._peak = max(self._peak, _number(f"/proc/{self.host_pid}/status", "VmHWM:") * 1024)
        return self._peak

    def cpu(self) -> float:
        """Processor seconds of all its threads so far; the last known figure once it is over."""
        if self._pidfd >= 0:
            with contextlib.suppress(OSError):
                # CPUCLOCK_SCHED of a process by number, as clock_getcpuclockid(3) makes it.
                self.cpu_seconds = time.clock_gettime((~self.host_pid << 3) | 2)
        return self.cpu_seconds

    def _find_host_pid(self) -> int:
        return _number(f"/proc/self/fdinfo/{self._pidfd}", "Pid:")


def _number(path: str, label: str) -> int:
    """The number behind `label` in a file of /proc; 0 if it is not to be had."""
    with contextlib.suppress(OSError, ValueError), open(path) as file:
        for line in file:
            if line.startswith(label):
                return int(line.split()[1])
    return 0
