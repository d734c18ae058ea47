"""Loads shared libraries from wherever it could have put one, and from the course.

expect: scale=full scale_backward=full
review: yes
never: escaped
"""

import ctypes
import importlib.machinery


def scale(x, factor):
    for path in ("@MARKER@", "@ROOT@/x.so", "./x.so", "/tmp/x.so", "/dev/shm/x.so"):
        for way in (
            ctypes.CDLL,
            lambda p: importlib.machinery.ExtensionFileLoader("x", p).load_module("x"),
            lambda p: importlib.machinery.SourceFileLoader("x", p).load_module("x"),
        ):
            try:
                way(path)
            except (OSError, ImportError):
                continue
            print("esc" + "aped", path)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
