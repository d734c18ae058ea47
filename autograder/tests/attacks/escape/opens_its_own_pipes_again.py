"""Opens the other ends of its pipes through /dev/fd and /proc, to write to itself as the supervisor.

expect: scale=full scale_backward=full
review: yes
never: escaped
"""

import os


def scale(x, factor):
    for fd in range(8):
        for path in (f"/dev/fd/{fd}", f"/proc/self/fd/{fd}", f"/proc/{os.getpid()}/fd/{fd}"):
            for flags in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_CREAT):
                try:
                    os.open(path, flags | os.O_NONBLOCK)
                except OSError:
                    continue
                print("esc" + "aped", path)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
