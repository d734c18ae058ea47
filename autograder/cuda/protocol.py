"""What goes into a running program and what comes out, as bytes (runtime/host.cpp is the mate).

Whatever comes back was written by a process that ran a student's code: lengths are bounded by what
the launch allows, and nothing is believed beyond its form.
"""

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .launch import Launch, Out, three

MAGIC = 0x31555043
_WHOLE, _REAL, _ARRAY_IN, _ARRAY_OUT = range(4)
MOST_EVENTS, MOST_EVENT, MOST_TEXT, MOST_TRACE = 64, 2_000, 16_384, 5_000_000


class Malformed(Exception):
    """The answer is none that an undisturbed program gives."""


@dataclass
class Answer:
    """What one launch sent back."""

    events: list[dict[str, str]] = field(default_factory=list)
    arrays: dict[int, bytes] = field(default_factory=dict)
    printed: bytes = b""
    trace: bytes = b""
    work: bytes = b""
    done: bool = False


def code_of(dtype: np.dtype[Any]) -> str:
    """A dtype as the host names it: f4, i4, u1."""
    kind = "u" if dtype.kind == "b" else dtype.kind
    return f"{kind}{dtype.itemsize}"


def request(launch: Launch, names: tuple[str, ...], seconds: float) -> bytes:
    """A launch as bytes."""
    grid, block = three(launch.grid), three(launch.block)
    blocks = launch.blocks_to_run()
    parts = [
        struct.pack("<I", MAGIC),
        _text(launch.kernel),
        struct.pack("<6I", *grid, *block),
        struct.pack("<QQ", launch.shared, launch.schedule),
        struct.pack("<III", launch.poison, launch.trace, int(seconds * 1000)),
        struct.pack("<I", len(blocks)),
        np.asarray(blocks, dtype="<u4").tobytes(),
        struct.pack("<I", len(launch.args)),
    ]
    for position, value in enumerate(launch.args):
        name = names[position] if position < len(names) else f"argument {position + 1}"
        parts += _argument(value, name)
    parts.append(struct.pack("<I", len(launch.constants)))
    for name, array in launch.constants.items():
        parts += _argument(array, name)
    return b"".join(parts)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<I", len(data)) + data


def _argument(value: Any, name: str) -> list[bytes]:
    if isinstance(value, Out):
        size = value.nbytes
        return [struct.pack("<I", _ARRAY_OUT), _text(name), _text(code_of(value.dtype)),
                struct.pack("<Q", size)]  # fmt: skip
    if isinstance(value, np.ndarray):
        data = np.ascontiguousarray(value).tobytes()
        return [struct.pack("<I", _ARRAY_IN), _text(name), _text(code_of(value.dtype)),
                struct.pack("<Q", len(data)), data]  # fmt: skip
    if isinstance(value, (bool, int, np.integer)):
        return [struct.pack("<I", _WHOLE), _text(name), struct.pack("<q", int(value))]
    return [struct.pack("<I", _REAL), _text(name), struct.pack("<d", float(value))]


def answers(data: bytes, launches: list[Launch]) -> list[Answer]:
    """Read the frames that a program sent; the last answer may be cut short.

    Raises:
        Malformed: The bytes are no frames, or hold more than the launches can give.
    """
    found: list[Answer] = []
    at = 0
    while at < len(data) and len(found) <= len(launches):
        if not found or found[-1].done:
            if len(found) == len(launches):
                raise Malformed("more answers than launches")
            found.append(Answer())
        answer, launch = found[-1], launches[len(found) - 1]
        if at + 12 > len(data):
            break
        tag, size = data[at : at + 4], struct.unpack_from("<Q", data, at + 4)[0]
        if size > _most(tag, launch):
            raise Malformed("a frame is too large, or unknown")
        if at + 12 + size > len(data):
            break
        _take(answer, tag, data[at + 12 : at + 12 + size], launch)
        at += 12 + size
    return found


def most_bytes(launches: list[Launch]) -> int:
    """The most that a program can rightly answer to these launches."""
    total = 0
    for one in launches:
        arrays = sum(v.nbytes + 16 for v in one.args if isinstance(v, (Out, np.ndarray)))
        events = MOST_EVENTS * (MOST_EVENT + 12)
        text = 16 * MOST_TEXT  # a frame for every call of printf
        total += arrays + events + text + MOST_TRACE + _most(b"WORK", one) + 64
    return total


def _most(tag: bytes, launch: Launch) -> int:
    largest = max((v.nbytes for v in launch.args if isinstance(v, (Out, np.ndarray))), default=0)
    threads = len(launch.blocks_to_run()) * int(np.prod(three(launch.block)))
    return {
        b"EVNT": MOST_EVENT,
        b"TEXT": 1024,
        b"TRAC": MOST_TRACE,
        b"ARRY": 4 + largest,
        b"WORK": 8 + 12 * len(launch.blocks_to_run()) + 8 * threads,
        b"DONE": 0,
    }.get(tag, -1)


def _take(answer: Answer, tag: bytes, payload: bytes, launch: Launch) -> None:
    if tag == b"EVNT" and len(answer.events) < MOST_EVENTS:
        answer.events.append(_event(payload))
    elif tag == b"TEXT":
        answer.printed = (answer.printed + payload)[:MOST_TEXT]
    elif tag == b"TRAC":
        answer.trace = payload
    elif tag == b"WORK":
        answer.work = payload
    elif tag == b"DONE":
        answer.done = True
    elif tag == b"ARRY":
        position = struct.unpack_from("<I", payload)[0] if len(payload) >= 4 else len(launch.args)
        value = launch.args[position] if position < len(launch.args) else None
        if not isinstance(value, (Out, np.ndarray)) or value.nbytes != len(payload) - 4:
            raise Malformed("an array that nobody asked for")
        answer.arrays[position] = payload[4:]


def _event(payload: bytes) -> dict[str, str]:
    text = payload.decode("utf-8", errors="replace")
    fields = dict(part.split("=", 1) for part in text.split("\t") if "=" in part)
    return {k: v for k, v in fields.items() if re.fullmatch(r"\w{1,20}", k)}


def work_of(data: bytes) -> Mapping[tuple[int, int, int], NDArray[np.uint32]]:
    """Loads and stores of every thread in global memory, (threads, 2) per block."""
    words = np.frombuffer(data[: len(data) // 4 * 4], dtype="<u4")
    if words.size < 2:
        return {}
    blocks, threads = int(words[0]), int(words[1])
    if words.size != 2 + 3 * blocks + 2 * blocks * threads:
        raise Malformed("counts that do not add up")
    places = words[2 : 2 + 3 * blocks].reshape(blocks, 3)
    counts = words[2 + 3 * blocks :].reshape(blocks, threads, 2)
    return {
        (int(p[0]), int(p[1]), int(p[2])): c.copy() for p, c in zip(places, counts, strict=True)
    }
