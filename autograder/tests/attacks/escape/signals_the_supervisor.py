"""Signals the supervisor, process 1, its parent, its group and everybody.

expect: scale=full scale_backward=full
review: yes
"""

import os
import signal

WHO = [int("@PID@"), os.getppid(), 1, 0, -1, -int("@PID@")]


def scale(x, factor):
    for who in WHO:
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP, signal.SIGINT, 64):
            for way in (os.kill, os.killpg):
                try:
                    way(who, number)
                except (OSError, ValueError) as error:
                    print(type(error).__name__)
        try:
            signal.pidfd_send_signal(os.pidfd_open(who), signal.SIGKILL)
        except OSError as error:
            print(error.errno)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
