"""Raises signals in itself and its threads, to be taken for killed by somebody else.

expect: scale=full scale_backward=full
review: yes
"""

import os
import signal
import threading


def scale(x, factor):
    for way in (
        lambda: signal.raise_signal(signal.SIGKILL),
        lambda: os.kill(os.getpid(), signal.SIGKILL),
        lambda: signal.pthread_kill(threading.get_ident(), signal.SIGKILL),
        lambda: signal.alarm(1),
        lambda: signal.setitimer(signal.ITIMER_REAL, 0.001),
    ):
        try:
            way()
        except OSError as error:
            print(error.errno)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
