"""Answers with frames that hold dtypes, dimensions and sizes no array may have.

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

bodies = iter(
    [
        bytes((10, 99, 0, 1)) + struct.pack("<Q", 1) + b"\x00" * 8,  # no such dtype
        bytes((10, 0, 1, 1)) + struct.pack("<Q", 1) + b"\x00" * 8,  # a layout, which is ours
        bytes((10, 0, 0, 255)) + struct.pack("<Q", 1) * 255,
        bytes((10, 0, 0, 8)) + struct.pack("<Q", 1 << 40) * 8,
        bytes((10, 3, 0, 2)) + struct.pack("<2Q", 1 << 32, 1 << 32),  # wraps to 0 in 64 bits
        bytes((10, 0, 0, 2)) + struct.pack("<2Q", 0, 1 << 62),
        bytes((10, 11, 0, 1)) + struct.pack("<Q", 2) + b"\x02\xff",  # a bool of 2
    ]
    * 20
)


def scale(x, factor):
    os.write(4, frame(32, loop().request, next(bodies)))
    loop().send = lambda buffers: loop().__dict__.pop("send")


def scale_backward(dout, factor):
    return dout * factor
