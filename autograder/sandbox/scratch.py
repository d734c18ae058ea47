"""A folder for the files of one submission's workers, watched from outside.

A worker may write in one folder, which its supervisor makes empty and removes. How much lies in it
is counted from here; whatever renames or removes waits until it has been counted, so that a file
that has no name any more counts as well.
"""

import contextlib
import fcntl
import os
import select
import shutil
import signal
import stat
import struct
import tempfile
import threading
import time
from collections.abc import Callable

from ..scratch_files import LEAST_ENTRY, TOO_MANY, remove_folder, walk_files
from .kernel import machine
from .seccomp import steps_of

_EVERY = 0.02  # seconds between two looks
_RECEIVE, _SEND, _CONTINUE = 0xC0502100, 0xC0182101, 1
_NOTICE, _ANSWER = 80, struct.Struct("<QqiI")
# What may have been renamed or removed over a worker's life, in folders full; folders made.
MOST_CHANGED, MOST_FOLDERS = 64, 200


class Scratch:
    """One folder on this machine.

    Attributes:
        name: Its name in the folder that holds such folders.
        path: What workers know it as.
        most: Bytes that may lie in it.
    """

    def __init__(self, base: str, seen: Callable[[str], str], uid: int | None, most: int) -> None:
        self._folder = tempfile.mkdtemp(dir=base, prefix="w")
        self.name, self.most = os.path.basename(self._folder), most
        self.path = seen(self.name)
        if uid is not None:
            os.chown(self._folder, uid, uid)
        self.fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def used(self) -> int:
        """Bytes in it, with something for every name."""
        used = 0
        for count, (_, info) in enumerate(walk_files(self.fd)):
            used += max(info.st_size, info.st_blocks * 512) if stat.S_ISREG(info.st_mode) else 0
            used += LEAST_ENTRY
            if used > self.most or count > TOO_MANY:
                return self.most + 1
        return used

    def empty(self) -> None:
        """Remove what is in it."""
        remove_folder(self.fd)

    def remove(self) -> None:
        """Remove it; safe to repeat."""
        if self.fd < 0:
            return
        self.empty()
        os.close(self.fd)
        self.fd = -1
        with contextlib.suppress(OSError):
            os.rmdir(self._folder)


class Watch:
    """Looks after one worker's writing until the worker ends.

    Attributes:
        steps: How often it has renamed or removed something.
        found: Why the worker was ended: "full", "stopped", or "" if it was not.
    """

    def __init__(self, listener: int, pidfd: int, scratch: Scratch, stop_at: int | None) -> None:
        self._listener, self._pidfd, self._scratch = listener, os.dup(pidfd), scratch
        self._stop_at, self._counted = stop_at, steps_of(machine())
        self.steps, self.found = 0, ""
        self._changed, self._folders = 0, 0
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for the end, once the worker is gone; safe to repeat."""
        if self._listener < 0:
            return
        self._thread.join()
        os.close(self._listener)
        os.close(self._pidfd)
        self._listener = -1

    def _look(self) -> None:
        poller = select.poll()
        poller.register(self._listener, select.POLLIN)
        poller.register(self._pidfd, select.POLLIN)
        due = 0.0
        try:
            while True:
                ready = dict(poller.poll(_EVERY * 1000))
                if self._pidfd in ready or ready.get(self._listener, 0) & select.POLLHUP:
                    return
                if time.monotonic() >= due:
                    due = time.monotonic() + _EVERY
                    if self._scratch.used() > self._scratch.most:
                        self._end("full")
                if self._listener in ready:
                    self._serve()
        except OSError:
            self._end("full")  # an answer that we cannot give must not become a permission

    def _serve(self) -> None:
        notice = bytearray(_NOTICE)
        try:
            fcntl.ioctl(self._listener, _RECEIVE, notice)
        except FileNotFoundError:
            return  # it was interrupted, or ended
        (number,) = struct.unpack_from("<Q", notice)
        (call,) = struct.unpack_from("<i", notice, 16)
        if call in self._counted:
            if self.steps == self._stop_at:
                self._end("stopped")
                return
            self.steps += 1
            self._changed += self._scratch.used()
        else:
            self._folders += 1
        too_much = self._changed > MOST_CHANGED * self._scratch.most
        if too_much or self._folders > MOST_FOLDERS:
            self._end("full")
            return
        with contextlib.suppress(FileNotFoundError):
            fcntl.ioctl(self._listener, _SEND, _ANSWER.pack(number, 0, 0, _CONTINUE))

    def _end(self, why: str) -> None:
        self.found = self.found or why
        with contextlib.suppress(ProcessLookupError, PermissionError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)


def place() -> str:
    """A new folder that holds workers' folders; nobody but its owner lists it."""
    folder = tempfile.mkdtemp(prefix="autograder-files-")
    os.chmod(folder, 0o711)
    return folder


def remove_place(folder: str) -> None:
    """Remove what `place` made."""
    shutil.rmtree(folder, ignore_errors=True)
