"""Starts threads until it may not any more; they do nothing, and it is right.

expect: scale=full scale_backward=full
review: yes
"""

import threading

stop = threading.Event()
started = []


def scale(x, factor):
    try:
        while len(started) < 2000:
            thread = threading.Thread(target=stop.wait, daemon=True)
            thread.start()
            started.append(thread)
    except (RuntimeError, MemoryError):
        started.extend([None] * 2000)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
