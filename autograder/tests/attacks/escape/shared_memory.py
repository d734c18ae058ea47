"""Makes memory that outlives it: shared segments, anonymous files, message queues.

expect: scale=full scale_backward=full
review: yes
never: escaped
"""

import ctypes
import os

NAME = "@MARKER@".rpartition("/")[2]


def python_s_own(*args, **kwargs):
    from multiprocessing import shared_memory

    return shared_memory.SharedMemory(*args, **kwargs)


def scale(x, factor):
    libc = ctypes.CDLL(None, use_errno=True)
    for way in (
        lambda: python_s_own(NAME, create=True, size=4096),
        lambda: os.memfd_create(NAME),
        lambda: libc.shm_open(NAME.encode(), os.O_CREAT | os.O_RDWR, 0o666),
        lambda: libc.shmget(0x1234, 4096, 0o1666),
        lambda: libc.msgget(0x1234, 0o1666),
        lambda: libc.semget(0x1234, 1, 0o1666),
        lambda: libc.mq_open(b"/" + NAME.encode(), os.O_CREAT | os.O_RDWR, 0o666, None),
    ):
        try:
            got = way()
        except (OSError, ImportError):
            continue
        if not isinstance(got, int) or got >= 0:
            print("esc" + "aped", got)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
