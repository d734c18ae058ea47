"""Waits for input on the pipe of requests and on standard input.

expect: scale=0 scale_backward=full
status: timed_out
review: yes
"""

import os


def scale(x, factor):
    try:
        input("a number, please: ")
    except EOFError:
        pass
    return os.read(3, 1)


def scale_backward(dout, factor):
    return dout * factor
