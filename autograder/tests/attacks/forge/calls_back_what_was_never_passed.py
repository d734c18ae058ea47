"""Asks the supervisor to run callbacks and to advance iterators that nobody gave.

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

def integer(number):
    return b"\x03" + struct.pack("<q", number)


def scale(x, factor):
    now = loop().request
    for number in (0, -1, 1 << 40):
        empty = b"\x07" + struct.pack("<I", 0) + b"\x09" + struct.pack("<I", 0)
        body = b"\x07" + struct.pack("<I", 3) + integer(number) + empty
        os.write(4, frame(36, now, body) + frame(37, now, integer(number)))
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
