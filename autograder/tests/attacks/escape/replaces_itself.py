"""Replaces its process by another program, in all ways that exec has.

expect: scale=full scale_backward=full
review: yes
"""

import ctypes
import os
import sys


def scale(x, factor):
    for program in (sys.executable, "/bin/sh", "/bin/touch", "/lib64/ld-linux-x86-64.so.2"):
        for way in (
            lambda p=program: os.execv(p, [p, "@MARKER@"]),
            lambda p=program: os.execve(p, [p, "-c", "touch @MARKER@"], {}),
            lambda p=program: os.execvp(p, [p, "@MARKER@"]),
        ):
            try:
                way()
            except (OSError, TypeError, ValueError) as error:
                print(type(error).__name__)
    libc = ctypes.CDLL(None)
    libc.syscall(59, b"/bin/sh", None, None)
    libc.syscall(322, -100, b"/bin/sh", None, None, 0)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
