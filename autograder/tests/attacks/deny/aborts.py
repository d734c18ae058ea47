"""Aborts the process.

expect: scale=0 scale_backward=full
review: yes
"""

import os


def scale(x, factor):
    os.abort()


def scale_backward(dout, factor):
    return dout * factor
