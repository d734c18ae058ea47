"""Writes a program and a library into its folder, and runs and loads them.

expect: refused
"""

import os


def save(folder, secret, outside):
    path, worked = f"{folder}/program", []
    with open(path, "w") as file:
        file.write("#!/bin/sh\necho ran\n")
    os.chmod(path, 0o4755)
    for way in (
        lambda: os.execv(path, [path]),
        lambda: os.posix_spawn(path, [path], {}),
        lambda: os.system(path),
    ):
        try:
            way()
        except OSError:
            continue
        worked.append(way)
    return 0 if not worked or worked[0] is None else int(os.path.exists(f"{folder}/ran"))
