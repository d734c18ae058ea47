"""Makes files that claim to be huge, by every call that does so.

expect: refused
"""

import os


def save(folder, secret, outside):
    worked = []
    with open(f"{folder}/sparse", "w+b") as file:
        for way in (
            lambda: os.ftruncate(file.fileno(), 1 << 40),
            lambda: os.truncate(f"{folder}/sparse", 1 << 30),
            lambda: os.pwrite(file.fileno(), b"x", 1 << 40),
            lambda: os.posix_fallocate(file.fileno(), 0, 1 << 30),
        ):
            try:
                way()
            except OSError:
                continue
            worked.append(way)
    return len(worked)
