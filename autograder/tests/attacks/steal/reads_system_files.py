"""Reads files that any program may read and student code has no business with.

expect: scale=full scale_backward=full
review: yes
never: stolen
"""

import os

FILES = [
    "/etc/passwd",
    "/etc/shadow",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/group",
    "/etc/fstab",
    "/etc/os-release",
    "/usr/bin/env",
    "/.dockerenv",
    "/sys/class/net/eth0/address",
    "/sys/kernel/security/lsm",
    "/dev/mem",
    "/dev/kmsg",
    "/dev/tty",
    "/dev/ptmx",
]


def scale(x, factor):
    for path in FILES:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            continue
        print("sto" + "len", path, fd)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
