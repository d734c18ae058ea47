"""Writes, makes, moves and removes outside its own folder, by every path that leads out of it.

expect: refused
"""

import os

PLACES = ("/", "/tmp", "/var/tmp", "/dev/shm", "/dev", "/run", "/home", "/root", "/files", ".")


def save(folder, secret, outside):
    with open(f"{folder}/mine", "w") as file:
        file.write("x")
    worked = []
    for place in (*PLACES, outside, f"{folder}/..", f"{folder}/../..", os.path.dirname(secret)):
        path = f"{place}/marker"
        for way in (
            lambda p=path: open(p, "w"),
            lambda p=path: os.open(p, os.O_CREAT | os.O_RDONLY),
            lambda p=path: os.mkdir(p),
            lambda p=path: os.rename(f"{folder}/mine", p),
            lambda p=path: os.replace(f"{folder}/mine", p),
            lambda p=path: os.link(f"{folder}/mine", p),
        ):
            try:
                way()
            except OSError:
                continue
            worked.append(path)
    for way in (
        lambda: os.unlink(secret),
        lambda: os.truncate(secret, 0),
        lambda: os.chmod(secret, 0o777),
        lambda: open(secret, "a"),
        lambda: os.rmdir(folder),
        lambda: os.rename(folder, f"{folder}-gone"),
        lambda: os.chroot(folder),
    ):
        try:
            way()
        except OSError:
            continue
        worked.append(way)
    return len(worked)
