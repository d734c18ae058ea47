"""Changes modes, owners, times and names of what is there, and removes it.

expect: scale=full scale_backward=full
review: yes
never: escaped
"""

import os
import shutil

PATHS = ["@ROOT@", "@ROOT@/instructor/secret", "@ROOT@/graded", "@ROOT@/handed_in"]


def scale(x, factor):
    for path in PATHS:
        for way in (
            lambda p=path: os.chmod(p, 0o777),
            lambda p=path: os.chown(p, os.getuid(), os.getgid()),
            lambda p=path: os.utime(p),
            lambda p=path: os.rename(p, p + "2"),
            lambda p=path: os.unlink(p),
            lambda p=path: os.truncate(p, 0),
            lambda p=path: os.setxattr(p, "user.x", b"x"),
            lambda p=path: os.rmdir(p),
            lambda p=path: shutil.rmtree(p),
            lambda p=path: os.chroot(p),
        ):
            try:
                way()
            except OSError:
                continue
            print("esc" + "aped", path)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
