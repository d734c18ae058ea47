"""Announces a long answer and sends a byte of it now and then.

expect: scale=0 scale_backward=full
status: timed_out
review: yes
"""

import os
import struct
import time


def scale(x, factor):
    os.write(4, struct.pack("<4sBxxxIQ", b"AGW1", 32, 0, 60 << 20))
    while True:
        os.write(4, b"\x00")
        time.sleep(0.01)


def scale_backward(dout, factor):
    return dout * factor
