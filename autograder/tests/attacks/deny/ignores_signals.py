"""Ignores and blocks every signal that can be.

expect: scale=0 scale_backward=full
status: timed_out
review: yes
"""

import signal


def scale(x, factor):
    for number in signal.valid_signals():
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            continue
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True:
        pass


def scale_backward(dout, factor):
    return dout * factor
