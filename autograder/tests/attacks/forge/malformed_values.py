"""Answers with values that end early, go on too long, nest without end or are no UTF-8.

expect: scale=0 scale_backward=full
review: yes
"""

import os
import struct
import sys


def frame(kind, request, body):
    """A frame as the engine writes it."""
    return struct.pack("<4sBxxxIQ", b"AGW1", kind, request, len(body)) + body

def loop():
    """The worker's own object that answers requests, found in the frames that called us."""
    frame = sys._getframe()
    while frame is not None:
        me = frame.f_locals.get("self")
        if hasattr(me, "inbox"):
            return me
        frame = frame.f_back

one = b"\x08" + struct.pack("<I", 1)
bodies = iter(
    [
        b"",
        b"\x00\x00",
        one * 5000,
        b"\x06" + struct.pack("<I", 4) + b"\xff\xfe\xff\xfe",
        b"\x06" + struct.pack("<I", 1 << 31) + b"x",
        b"\x09" + struct.pack("<I", 1) + b"\x05" + struct.pack("<d", 0.0) + b"\x00",
        b"\x09" + struct.pack("<I", 1) + one + b"\x00\x00",
        b"\x08" + struct.pack("<I", (1 << 32) - 1) + b"\x00" * 100,
        b"\x63",
        b"\x0b" + struct.pack("<I", 1 << 31) + b"x",
        b"\x0b" + struct.pack("<I", (1 << 20) + 1) + bytes((1 << 20) + 1),
        b"\x09" + struct.pack("<I", 1) + b"\x0b" + struct.pack("<I", 1) + b"k\x00",
    ]
    * 20
)


def scale(x, factor):
    os.write(4, frame(32, loop().request, next(bodies)))
    loop().send = lambda buffers: loop().__dict__.pop("send")


def scale_backward(dout, factor):
    return dout * factor
