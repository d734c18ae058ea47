"""Makes system calls in the ways that a filter on numbers alone misses: it does not survive.

expect: scale=0 scale_backward=full
review: yes
never: escaped
"""

import ctypes

calls = []


def scale(x, factor):
    calls.append(1)
    libc = ctypes.CDLL(None)
    for number in (2, 41, 57, 59):  # open, socket, fork, execve as x32 knows them
        if libc.syscall(0x40000000 + number, b"/etc/passwd", 0, 0) >= 0:
            print("esc" + "aped")
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
