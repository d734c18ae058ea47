"""Opens the course's secret with the C library and with bare system calls.

expect: scale=full scale_backward=full
review: yes
"""

import ctypes

libc = ctypes.CDLL(None, use_errno=True)
PATHS = [b"@ROOT@/instructor/secret", b"@ROOT@/instructor/checks/vol1_toys/scale.py"]


def read(fd):
    buffer = ctypes.create_string_buffer(10_000)
    size = libc.read(fd, buffer, 10_000)
    return buffer.raw[: max(size, 0)]


def scale(x, factor):
    for path in PATHS:
        libc.fopen.restype = ctypes.c_void_p
        stream = libc.fopen(path, b"r")
        if stream:
            print(read(libc.fileno(ctypes.c_void_p(stream))))
        how = (ctypes.c_uint64 * 3)(0, 0, 0)
        for number, *args in (
            (2, path, 0),  # open
            (257, -100, path, 0),  # openat
            (437, -100, path, how, 24),  # openat2
            (85, path, 0o600),  # creat
            (304, -100, path, 0),  # open_by_handle_at
            (428, -100, path, 1),  # open_tree
        ):
            fd = libc.syscall(number, *args)
            if fd >= 0:
                print(read(fd))
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
