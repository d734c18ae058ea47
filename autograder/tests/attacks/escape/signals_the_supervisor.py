"""Ends the supervisor, and asks whether it may signal process 1, its parent, its group, everybody.

expect: scale=full scale_backward=full
review: yes
never: escaped
"""

import os
import signal


def scale(x, factor):
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP, signal.SIGINT, 64):
        for way in (os.kill, os.killpg):
            try:
                way(int("@PID@"), number)
            except OSError as error:
                print(error.errno)
    for who in (int("@PID@"), os.getppid(), 1, 0, -1, os.getpid()):
        for way in (
            lambda: os.kill(who, 0),
            lambda: os.killpg(who, 0),
            lambda: signal.pidfd_send_signal(os.pidfd_open(who), 0),
        ):
            try:
                way()
            except (OSError, OverflowError):
                continue
            print("esc" + "aped", who)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
