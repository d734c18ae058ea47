"""Announces answers, texts and containers of up to 2**64 bytes.

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

bodies = iter(
    [
        (1 << 64) - 1,
        (1 << 63) - 1,
        1 << 40,
        (64 << 20) + 1,
    ]
    * 20
)


def scale(x, factor):
    head = struct.pack("<4sBxxxIQ", b"AGW1", 32, loop().request, next(bodies))
    os.write(4, head + b"\x08" + struct.pack("<I", (1 << 32) - 1))
    loop().send = lambda buffers: loop().__dict__.pop("send")


def scale_backward(dout, factor):
    return dout * factor
