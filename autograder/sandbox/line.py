"""The pipes between the supervisor and one worker: frames both ways, and what it prints."""

import contextlib
import fcntl
import math
import os
import select
import time

from . import values, wire

_PIPE_BYTES = 1 << 20
_SET_PIPE_SIZE = 1031


class TimeIsUp(Exception):
    """The deadline has passed."""


class LineClosed(Exception):
    """The worker's end is closed."""


class Line:
    """Our ends of a worker's three pipes; none of them ever blocks us.

    Attributes:
        output: What the worker has printed, up to `keep` bytes.
        theirs: The worker's ends (requests, replies, output), to hand over and then close.
    """

    def __init__(self, keep: int) -> None:
        self._keep, self.output = keep, bytearray()
        request_read, self._requests = os.pipe2(os.O_CLOEXEC)
        self._replies, reply_write = os.pipe2(os.O_CLOEXEC)
        self._output, output_write = os.pipe2(os.O_CLOEXEC)
        self.theirs = (request_read, reply_write, output_write)
        self._ours = [self._requests, self._replies, self._output]
        for fd in self._ours:
            os.set_blocking(fd, False)
        for fd in self._ours[:2]:
            with contextlib.suppress(OSError):  # a user may have only so many large pipes
                fcntl.fcntl(fd, _SET_PIPE_SIZE, _PIPE_BYTES)
        self._inbox = wire.Inbox(self._replies)
        self._poller = select.poll()
        for fd in (self._replies, self._output):
            self._poller.register(fd, select.POLLIN)

    def hand_over(self) -> None:
        """Close the worker's ends, which it has by now."""
        for fd in self.theirs:
            os.close(fd)
        self.theirs = ()  # type: ignore[assignment]

    def send(self, buffers: list[values.Buffer], end: float) -> None:
        """Write a frame.

        Raises:
            TimeIsUp: It was not taken by `end`.
            LineClosed: Nobody is there.
        """
        for buffer in buffers:
            rest = memoryview(buffer)
            while rest:
                try:
                    rest = rest[os.write(self._requests, rest) :]
                except BlockingIOError:
                    self._poller.register(self._requests, select.POLLOUT)
                    try:
                        self._wait(end, self._requests)
                    finally:
                        self._poller.unregister(self._requests)
                except BrokenPipeError as error:
                    raise LineClosed from error

    def receive(self, limit: int, end: float) -> wire.Frame:
        """Wait for a frame of up to `limit` bytes.

        Raises:
            TimeIsUp: There was none by `end`.
            LineClosed: The worker has closed its end.
            WireError: What arrived is no frame, or too long a one.
        """
        if not self._inbox.pending:
            self._wait(end, self._replies)
        while time.monotonic() < end:
            try:
                frame = self._inbox.advance(limit)
            except BlockingIOError:
                self._wait(end, self._replies)
                continue
            except EOFError as error:
                raise LineClosed from error
            if frame is not None:
                return frame
        raise TimeIsUp

    def close(self) -> None:
        """Take what is left of the output and close; safe to repeat."""
        for _ in range(64):
            if not self._ours or not self._drain():
                break
        for fd in (*self._ours, *self.theirs):
            os.close(fd)
        self._ours, self.theirs = [], ()  # type: ignore[assignment]

    def _wait(self, end: float, wanted: int) -> None:
        """Come back when `wanted` is ready; drain the output meanwhile."""
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeIsUp
            ready = {fd for fd, _ in self._poller.poll(math.ceil(left * 1000))}
            if self._output in ready and not self._drain():
                self._poller.unregister(self._output)
            if wanted in ready:
                return
            if self._replies in ready:
                # Talking out of turn, or dead: writing to it fails or times out by itself.
                time.sleep(0.001)

    def _drain(self) -> bool:
        """Read the output once; False when it is closed."""
        try:
            printed = os.read(self._output, wire.CHUNK)
        except BlockingIOError:
            return True
        self.output += printed[: max(self._keep - len(self.output), 0)]
        return bool(printed)
