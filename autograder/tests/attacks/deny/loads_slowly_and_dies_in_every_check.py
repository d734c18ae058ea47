"""Takes half a second to load and ends its process in every check, so that it is loaded again and again.

expect: scale=0 scale_backward=0
review: yes
"""

import os
import time

time_to_load = time.sleep(0.5)


def scale(x, factor):
    os._exit(time_to_load or 0)


def scale_backward(dout, factor):
    os._exit(time_to_load or 0)
