"""Forks with every function that Python has for it; a child would stay.

expect: scale=full scale_backward=full
review: yes
never: escaped
"""

import os
import time


def stay(pid):
    if pid == 0:
        os.write(2, b"esc" + b"aped")
        time.sleep(3600)


def scale(x, factor):
    for way in (os.fork, os.forkpty, lambda: __import__("pty").fork()):
        try:
            pid = way()
            stay(pid if isinstance(pid, int) else pid[0])
        except (OSError, ImportError) as error:
            print(error)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
