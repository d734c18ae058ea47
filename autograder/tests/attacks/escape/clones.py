"""Makes processes with the C library and with bare system calls: fork, vfork, clone, clone3.

expect: scale=full scale_backward=full
review: yes
never: escaped
"""

import ctypes
import os
import struct

libc = ctypes.CDLL(None, use_errno=True)


def scale(x, factor):
    arguments = ctypes.create_string_buffer(struct.pack("<8Q", 0, 0, 0, 0, 17, 0, 0, 0))
    ways = [
        libc.fork,
        lambda: libc.syscall(57),  # fork
        lambda: libc.syscall(58),  # vfork
        lambda: libc.syscall(56, 17, 0, 0, 0, 0),  # clone with SIGCHLD
        lambda: libc.syscall(56, 0x7E020000 | 17, 0, 0, 0, 0),  # into namespaces of its own
        lambda: libc.syscall(435, arguments, 64),  # clone3
    ]
    for way in ways:
        pid = way()
        if pid == 0:
            os.write(2, b"esc" + b"aped")
            os._exit(0)
        print(pid, ctypes.get_errno())
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
