"""Opens and duplicates until there are no descriptors left, and keeps them.

expect: scale=full scale_backward=full
review: yes
"""

import os


def scale(x, factor):
    try:
        while True:
            os.dup(1)
    except OSError:
        pass
    try:
        while True:
            os.open("/dev/null", os.O_RDONLY)
    except OSError:
        pass
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
