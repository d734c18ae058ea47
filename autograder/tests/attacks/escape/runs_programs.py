"""Runs programs, with and without a shell.

expect: scale=full scale_backward=full
review: yes
"""

import os
import subprocess
import sys

TOUCH = "touch @MARKER@"


def scale(x, factor):
    for way in (
        lambda: os.system(TOUCH),
        lambda: os.popen(TOUCH).read(),
        lambda: subprocess.run(TOUCH, shell=True),
        lambda: subprocess.Popen(["touch", "@MARKER@"], start_new_session=True),
        lambda: subprocess.run([sys.executable or "python3", "-c", "open('@MARKER@', 'w')"]),
        lambda: os.posix_spawn("/bin/touch", ["touch", "@MARKER@"], {}),
        lambda: os.posix_spawnp("touch", ["touch", "@MARKER@"], {}),
        lambda: os.spawnlp(os.P_NOWAIT, "touch", "touch", "@MARKER@"),
    ):
        try:
            print(way())
        except OSError as error:
            print(error.errno)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
