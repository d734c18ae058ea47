"""Reads a secret, the folders of others and what is on the machine.

expect: refused
"""

import os


def save(folder, secret, outside):
    worked = []
    for path in (secret, "/etc/passwd", "/proc/self/maps", f"{outside}/secret"):
        try:
            with open(path, "rb") as file:
                worked.append(file.read(100))
        except OSError:
            continue
    for path in (outside, os.path.dirname(secret), f"{folder}/../.."):
        try:
            found = os.listdir(path)
        except OSError:
            continue
        if "secret" in found:
            worked.append(found)
    return len(worked)
