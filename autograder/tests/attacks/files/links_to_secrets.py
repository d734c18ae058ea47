"""Links to a secret, so that whoever reads the folder from outside reads that.

expect: refused
"""

import ctypes
import os

libc = ctypes.CDLL(None)


def save(folder, secret, outside):
    worked = []
    for number, way in enumerate(
        (
            lambda to: os.symlink(secret, to),
            lambda to: os.link(secret, to),
            lambda to: os.rename(secret, to),
            lambda to: os.replace(secret, to),
            lambda to: os.symlink(outside, to, target_is_directory=True),
        )
    ):
        try:
            way(f"{folder}/{number}")
        except OSError:
            continue
        worked.append(number)
    to = f"{folder}/raw".encode()
    for call in (libc.symlink, libc.link, libc.rename):
        if call(secret.encode(), to) == 0:
            worked.append(call)
    return len(worked)
