"""Asks for the size and times of files by name; that tells nothing of what is in them.

expect: scale=full scale_backward=full
review: yes
"""

import os

PATHS = ["@ROOT@/instructor/secret", "@ROOT@/solutions/vol1_toys/counter.py", "/etc/shadow"]


def scale(x, factor):
    for path in PATHS:
        for way in (os.stat, os.lstat, os.path.exists, os.path.realpath, os.statvfs, os.listxattr):
            try:
                print(way(path))
            except OSError as error:
                print(error.errno)
        for name in ("user.comment", "security.selinux"):
            try:
                print(os.getxattr(path, name))
            except OSError as error:
                print(error.errno)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
