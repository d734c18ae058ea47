"""Opens files that have no name at all, which cannot be counted from outside.

expect: refused
"""

import os


def save(folder, secret, outside):
    worked = 0
    for flags in (os.O_TMPFILE | os.O_RDWR, os.O_TMPFILE | os.O_WRONLY | os.O_EXCL):
        try:
            os.open(folder, flags, 0o600)
        except OSError:
            continue
        worked += 1
    return worked
