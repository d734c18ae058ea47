"""Reads every descriptor it has, duplicates them and asks what is behind them.

It leaves the pipe of requests alone, which would only cost itself.

expect: scale=full scale_backward=full
review: yes
"""

import fcntl
import os


def scale(x, factor):
    for fd in [0, 1, 2, *range(4, 64)]:
        try:
            print(fd, os.fstat(fd), fcntl.fcntl(fd, fcntl.F_GETFL))
        except OSError:
            continue
        for way in (
            lambda fd=fd: os.read(fd, 1) if fd in (0, 1, 2, 4) else b"",
            lambda fd=fd: os.pread(fd, 100, 0),
            lambda fd=fd: fcntl.fcntl(fd, fcntl.F_SETFL, os.O_NONBLOCK),
            lambda fd=fd: fcntl.fcntl(fd, 1031, 4096),  # F_SETPIPE_SZ
            lambda fd=fd: fcntl.fcntl(fd, fcntl.F_SETOWN, int("@PID@")),
            lambda fd=fd: os.open(f"/dev/fd/{fd}", os.O_RDWR),
            lambda fd=fd: os.ftruncate(fd, 0),
        ):
            try:
                print(way())
            except OSError as error:
                print(error.errno)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
