"""Leaves files for whoever comes next, in folders that forbid being looked into.

expect: refused
"""

import os


def save(folder, secret, outside):
    os.mkdir(f"{folder}/closed")
    with open(f"{folder}/closed/answer", "w") as file:
        file.write("42")
    os.chmod(f"{folder}/closed/answer", 0)
    os.chmod(f"{folder}/closed", 0)
    os.chmod(folder, 0)
    return 0
