"""Announces a long answer and sends a byte of it now and then.

expect: scale=0 scale_backward=full
status: timed_out
review: yes
"""

import os
import struct
import sys
import time


def loop():
    """The worker's own object that answers requests, found in the frames that called us."""
    frame = sys._getframe()
    while frame is not None:
        me = frame.f_locals.get("self")
        if hasattr(me, "inbox"):
            return me
        frame = frame.f_back

def scale(x, factor):
    os.write(4, struct.pack("<4sBxxxIQ", b"AGW1", 32, loop().request, 10_000))
    while True:
        os.write(4, b"\x00")
        time.sleep(0.01)


def scale_backward(dout, factor):
    return dout * factor
