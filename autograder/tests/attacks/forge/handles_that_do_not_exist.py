"""Answers with the numbers of objects that it never kept: of its own, of nobody, of the supervisor.

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

numbers = iter((0, 1, 12345, (1 << 40) - 1, 1 << 40, (1 << 64) - 1) * 20)
tags = iter((16, 17, 18, 16, 19, 20, 255) * 20)


def scale(x, factor):
    body = bytes((next(tags),)) + struct.pack("<Q", next(numbers))
    os.write(4, frame(32, loop().request, body))
    loop().send = lambda buffers: loop().__dict__.pop("send")


def scale_backward(dout, factor):
    return dout * factor
