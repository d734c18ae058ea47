"""Leaves threads that go on when the call is over; they end with the process.

Where no thread may start it goes without.

expect: scale=full scale_backward=full
review: yes
"""

import _thread
import threading
import time


def stay():
    while True:
        time.sleep(0.01)


def scale(x, factor):
    for way in (
        lambda: threading.Thread(target=stay).start(),
        lambda: _thread.start_new_thread(stay, ()),
        lambda: threading.Timer(3600, stay).start(),
    ):
        try:
            way()
        except RuntimeError as error:
            print(error)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
