"""Puts its pipes in each other's place, so that what it prints arrives as answers.

expect: scale=0 scale_backward=full
review: yes
"""

import os


def scale(x, factor):
    os.dup2(4, 1)
    os.dup2(4, 2)
    print("not a frame at all, but longer than a header is")
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
