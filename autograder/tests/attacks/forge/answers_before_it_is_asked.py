"""Answers the next hundred requests in advance with None, which is no right answer to any.

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

def scale(x, factor):
    now = loop().request
    os.write(4, b"".join(frame(32, now + i, b"\x00") for i in range(100)))
    os._exit(0)


def scale_backward(dout, factor):
    return dout * factor
