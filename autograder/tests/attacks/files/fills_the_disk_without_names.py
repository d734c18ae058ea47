"""Writes files, keeps them by a page of memory each and removes their names.

expect: ended
"""

import ctypes
import itertools
import os

libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p


def save(folder, secret, outside):
    for i in itertools.count():
        fd = os.open(f"{folder}/{i}", os.O_CREAT | os.O_RDWR)
        os.write(fd, bytes(900_000))
        libc.mmap(None, 4096, 1, 2, fd, 0)
        os.close(fd)
        os.unlink(f"{folder}/{i}")
