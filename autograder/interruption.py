"""Stopping trusted code at a chosen point, in this process, as a worker is stopped from outside.

A worker that may write files can be ended before a chosen rename or removal, or find that a file
cannot grow beyond a chosen size; see `sandbox/scratch.py`. What follows does the same to code that
runs here: references, declared mistakes, a student's own code on their own machine.
"""

import contextlib
import sys
from collections.abc import Iterator

_STEPS = frozenset(("os.rename", "os.remove", "os.rmdir"))


class Stopped(BaseException):
    """Stands for the end of the process: nothing that follows may change a file."""


class Interruption:
    """What is to happen to code that runs in `within`.

    Args:
        stop_at: Stop before something is renamed or removed for the time after so many.
        file_bytes: How long a file may become; a write beyond that raises OSError.
    """

    def __init__(self, stop_at: int | None = None, file_bytes: int | None = None) -> None:
        self.stop_at, self.file_bytes = stop_at, file_bytes
        self.steps, self.stopped = 0, False

    def step(self) -> None:
        """Something is about to be renamed or removed."""
        if self.stopped or self.steps == self.stop_at:
            self.stopped = True
            raise Stopped
        self.steps += 1

    @contextlib.contextmanager
    def within(self) -> Iterator[None]:
        """Code in here is interrupted."""
        if self.stop_at is None and self.file_bytes is None:
            yield
            return
        _hooked()
        _ACTIVE.append(self)
        try:
            with _short_files(self.file_bytes):
                yield
        finally:
            _ACTIVE.remove(self)


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """What is done in here is not the interrupted code's: it may run when an object vanishes."""
    active = _ACTIVE.copy()
    _ACTIVE.clear()
    try:
        yield
    finally:
        _ACTIVE[:] = active


# An audit hook stays for ever, so there is one, and this says for whom it works.
_ACTIVE: list[Interruption] = []
_HOOKED: list[bool] = []


def _hooked() -> None:
    if not _HOOKED:
        _HOOKED.append(True)
        sys.addaudithook(_heard)


def _heard(event: str, args: tuple[object, ...]) -> None:
    if _ACTIVE and event in _STEPS:
        _ACTIVE[-1].step()


@contextlib.contextmanager
def _short_files(most: int | None) -> Iterator[None]:
    if most is None or sys.platform == "win32":
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
