"""Sends a right answer twice: the second one is out of turn and ends the process.

expect: scale=0 scale_backward=full
review: yes
"""

import os
import struct
import sys

import numpy as np


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

def array(value):
    value = np.ascontiguousarray(value)
    code = {"float64": 0, "float32": 1}[value.dtype.name]
    return bytes((10, code, 0, value.ndim)) + struct.pack("<2Q", *value.shape) + value.tobytes()


def scale(x, factor):
    os.write(4, frame(32, loop().request, array(x * factor)))
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
