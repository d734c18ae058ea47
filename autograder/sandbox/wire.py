"""Frames between the supervisor and a worker: a fixed header and a payload that holds one value.

The header says how long the payload is, so that it can be refused before it is read.
"""

import os
import struct
from typing import Any, NamedTuple

from .values import (
    SOURCE_BYTES,
    Buffer,
    Other,
    WireError,
    Writer,
    refuse,
)

MAGIC = b"AGW1"
HEADER = struct.Struct("<4sBxxxIQ")  # magic, kind, request, bytes of the payload
CHUNK = 1 << 16

# Requests and answers of the supervisor.
START, CELL, FUNCTION, LIBRARY, CALL, TRIAL, ATTRIBUTE, ITEM, FETCH, HOLD = range(1, 11)
ANSWER, REFUSE, HANDOUT = range(11, 14)
# Added to a request that is sent before the one in front of it has been answered.
AHEAD = 64
# Answers and requests of a worker.
VALUE, RAISED, OVER_MEMORY, UNSENDABLE, CALLBACK, NEXT, FORBIDDEN = range(32, 39)


class Frame(NamedTuple):
    """A frame that has arrived whole."""

    kind: int
    request: int
    payload: memoryview


def dump(kind: int, request: int, value: Any, other: Other = refuse) -> list[Buffer]:
    """The buffers of a frame that holds `value`.

    Args:
        kind: What the frame is.
        request: Number of the request that it belongs to.
        value: What to send.
        other: Called with a value that has no form on the wire; returns what to send instead.

    Raises:
        WireError: `value` is nested too deeply, or nothing stands in for a part of it.
    """
    writer = Writer(other)
    writer.put(value)
    return _framed(kind, request, [*writer.parts, writer.small])


def dump_source(kind: int, request: int, text: str) -> list[Buffer]:
    """The buffers of a frame that holds one text of up to `SOURCE_BYTES`."""
    raw = text.encode(errors="replace")
    if len(raw) > SOURCE_BYTES:
        raise WireError("a source cell is too long")
    writer = Writer(refuse)
    writer.raw_text(raw)
    return _framed(kind, request, [writer.small])


def _framed(kind: int, request: int, parts: list[Buffer]) -> list[Buffer]:
    size = sum(len(part) for part in parts)
    head = HEADER.pack(MAGIC, kind, request, size)
    return [head + parts[0], *parts[1:]]


class Inbox:
    """Puts frames together from what a descriptor gives."""

    def __init__(self, fd: int) -> None:
        self.fd, self._rest = fd, b""
        self._head: tuple[int, int] | None = None
        self._body, self._got = bytearray(), 0

    @property
    def pending(self) -> bool:
        """Whether bytes have been read that belong to no frame yet."""
        return bool(self._rest)

    def advance(self, limit: int) -> Frame | None:
        """Read some more; the frame, if it is whole now.

        Raises:
            EOFError: The other side has closed.
            WireError: What arrives is no frame, or its payload is longer than `limit` bytes.
            BlockingIOError: Nothing is there, and the descriptor does not block.
        """
        if self._head is None and not self._begin(limit):
            return None
        missing = len(self._body) - self._got
        if missing and not self._rest:
            got = os.readv(self.fd, [memoryview(self._body)[self._got :]])
            if not got:
                raise EOFError
            self._got += got
        elif missing:
            part, self._rest = self._rest[:missing], self._rest[missing:]
            self._body[self._got : self._got + len(part)] = part
            self._got += len(part)
        if self._got < len(self._body):
            return None
        assert self._head is not None
        frame = Frame(*self._head, memoryview(self._body))
        self._head, self._body, self._got = None, bytearray(), 0
        return frame

    def _begin(self, limit: int) -> bool:
        if len(self._rest) < HEADER.size:
            more = os.read(self.fd, CHUNK)
            if not more:
                raise EOFError
            self._rest += more
            if len(self._rest) < HEADER.size:
                return False
        magic, kind, request, size = HEADER.unpack_from(self._rest)
        if magic != MAGIC:
            raise WireError("what arrived is no frame")
        if size > limit:
            raise WireError(f"an answer of {size} bytes was refused; at most {limit} are taken")
        self._rest = self._rest[HEADER.size :]
        self._head, self._body, self._got = (kind, request), bytearray(size), 0
        return True
