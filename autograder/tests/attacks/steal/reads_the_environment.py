"""Prints its environment, where graders keep tokens, and what the C library has of it.

expect: scale=full scale_backward=full
review: yes
never: GRADER_TOKEN
"""

import ctypes
import os


def scale(x, factor):
    print(dict(os.environ), os.getenv("AUTOGRADER_SECRET_FILE"))
    libc = ctypes.CDLL(None)
    environ = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, "environ")
    i = 0
    while environ[i]:
        print(environ[i])
        i += 1
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
