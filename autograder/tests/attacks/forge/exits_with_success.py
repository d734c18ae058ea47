"""Ends the process with success in the middle of the first call.

expect: scale=0 scale_backward=full
review: yes
"""

import os


def scale(x, factor):
    os._exit(0)


def scale_backward(dout, factor):
    return dout * factor
