"""Writes forged answers with the right request number to every descriptor, then returns a wrong one.

The first forged answer counts as the answer of this call; all others are out of turn and cost the
process, which is replaced. Values are compared whoever wrote them.

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
    forged = frame(32, loop().request, b"\x02")  # a VALUE that says True
    for fd in range(64):
        try:
            os.write(fd, forged)
        except OSError:
            pass
    return None


def scale_backward(dout, factor):
    return dout * factor
