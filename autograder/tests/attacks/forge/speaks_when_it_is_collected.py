"""Leaves objects that write forged answers when they are collected, in __del__ and weak references.

expect: scale=0 scale_backward=full
review: yes
"""

import gc
import os
import struct
import sys
import weakref


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

class Late:
    def __init__(self, request):
        self.request = request

    def __del__(self):
        for number in range(self.request, self.request + 5):
            os.write(4, frame(32, number, b"\x02"))
        os._exit(0)


class Plain:
    pass


def scale(x, factor):
    late = Late(loop().request)
    late.itself = late
    plain = Plain()
    weakref.finalize(plain, os._exit, 0)
    gc.set_threshold(1)
    return None


def scale_backward(dout, factor):
    return dout * factor
