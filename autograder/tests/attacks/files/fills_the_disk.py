"""Writes one file after the other until the disk is full.

expect: ended
"""

import itertools


def save(folder, secret, outside):
    for i in itertools.count():
        with open(f"{folder}/{i}", "wb") as file:
            file.write(bytes(200_000))
