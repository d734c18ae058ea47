"""Waits for a lock that nobody will give back.

expect: scale=0 scale_backward=full
status: timed_out
review: yes
"""

import threading

lock = threading.Lock()


def scale(x, factor):
    with lock:
        with lock:
            return x * factor


def scale_backward(dout, factor):
    return dout * factor
