"""Sleeps, which costs no processor time.

expect: scale=0 scale_backward=full
status: timed_out
"""

import time


def scale(x, factor):
    time.sleep(1e6)


def scale_backward(dout, factor):
    return dout * factor
