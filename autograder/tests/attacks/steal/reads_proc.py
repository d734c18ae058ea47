"""Reads what /proc tells of this process, the supervisor and process 1.

expect: scale=full scale_backward=full
review: yes
never: GRADER_TOKEN
"""

import os

WHO = ["self", "1", "@PID@", str(os.getppid()), "thread-self", "self/task/1"]
WHAT = ["environ", "cmdline", "maps", "mem", "fd/3", "fd/0", "root/etc/passwd", "cwd", "stat", "auxv"]


def scale(x, factor):
    for who in WHO:
        for what in WHAT:
            try:
                with open(f"/proc/{who}/{what}", "rb") as file:
                    print(file.read(4096))
            except OSError as error:
                print(error.errno)
            try:
                print(os.readlink(f"/proc/{who}/{what}"), os.listdir(f"/proc/{who}/fd"))
            except OSError as error:
                print(error.errno)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
