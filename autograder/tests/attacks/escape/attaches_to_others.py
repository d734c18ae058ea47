"""Traces, reads and writes other processes, by number.

expect: scale=full scale_backward=full
review: yes
never: escaped
"""

import ctypes
import os
import struct

libc = ctypes.CDLL(None, use_errno=True)


def scale(x, factor):
    local = ctypes.create_string_buffer(4096)
    ours = ctypes.create_string_buffer(struct.pack("<QQ", ctypes.addressof(local), 4096))
    theirs = ctypes.create_string_buffer(struct.pack("<QQ", id(x) & ~4095, 4096))
    for pid in (int("@PID@"), os.getppid(), 1):
        for call in (
            (101, 16, pid, 0, 0),  # ptrace, PTRACE_ATTACH
            (101, 0x4206, pid, 0, 0),  # PTRACE_SEIZE
            (101, 0, 0, 0, 0),  # PTRACE_TRACEME
            (310, pid, ours, 1, theirs, 1, 0),  # process_vm_readv
            (311, pid, ours, 1, theirs, 1, 0),  # process_vm_writev
            (312, pid, os.getpid(), 0, 0, 0),  # kcmp
            (434, pid, 0),  # pidfd_open
            (438, 0, 3, 0),  # pidfd_getfd
            (440, 0, ours, 1, 4, 0),  # process_madvise
            (448, 0, 0),  # process_mrelease
            (302, pid, 7, ours, 0),  # prlimit
            (141, 0, pid, 19),  # setpriority
            (203, pid, 8, ours),  # sched_setaffinity
            (109, 0, pid),  # setpgid
        ):
            if libc.syscall(*call) >= 0:
                print("esc" + "aped", call)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
