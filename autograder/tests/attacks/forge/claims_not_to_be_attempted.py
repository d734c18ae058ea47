"""Forges the report of an exception that would mean "not attempted", with a text of its own in it.

expect: scale=0 scale_backward=full
status: not_attempted
review: yes
never: full marks
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

def text(said):
    return b"\x06" + struct.pack("<I", len(said)) + said


def integer(number):
    return b"\x03" + struct.pack("<q", number)


def scale(x, factor):
    name = b"NotImplementedError" if x.dtype == "float64" else b"full marks"
    body = b"\x07" + struct.pack("<I", 3) + text(name) + integer(0) + integer(1)
    os.write(4, frame(33, loop().request, body))
    loop().send = lambda buffers: loop().__dict__.pop("send")


def scale_backward(dout, factor):
    return dout * factor
