"""Prints without end.

expect: scale=0 scale_backward=full
status: timed_out
review: yes
"""

import os


def scale(x, factor):
    while True:
        os.write(1, b"x" * 65536)


def scale_backward(dout, factor):
    return dout * factor
