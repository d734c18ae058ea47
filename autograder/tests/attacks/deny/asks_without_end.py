"""Asks for callbacks that nobody gave, as fast as it can.

expect: scale=0 scale_backward=full
review: yes
"""

import os
import struct
import sys


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
    body = b"\x03" + struct.pack("<q", 0)
    while True:
        os.write(4, struct.pack("<4sBxxxIQ", b"AGW1", 37, now, len(body)) + body)


def scale_backward(dout, factor):
    return dout * factor
