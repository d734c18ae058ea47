"""Keeps all processors busy with threads in C code, while it sleeps itself.

expect: scale=0 scale_backward=full
status: timed_out
review: yes
"""

import threading
import time

import numpy as np


def burn():
    x = np.ones((500, 500))
    while True:
        x @ x


def scale(x, factor):
    for _ in range(8):
        try:
            threading.Thread(target=burn, daemon=True).start()
        except RuntimeError:
            burn()
    time.sleep(1e6)


def scale_backward(dout, factor):
    return dout * factor
