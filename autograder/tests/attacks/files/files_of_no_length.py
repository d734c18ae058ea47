"""Makes names without end: none of them has a length, all of them need room.

expect: ended
"""

import itertools
import os


def save(folder, secret, outside):
    for i in itertools.count():
        os.close(os.open(f"{folder}/{i}", os.O_CREAT | os.O_WRONLY))
