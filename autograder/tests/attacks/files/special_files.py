"""Makes pipes, devices and sockets that whoever reads the folder from outside would hang on.

expect: refused
"""

import os
import socket
import stat


def save(folder, secret, outside):
    worked = []
    kinds = (stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK)
    for number, way in enumerate(
        [lambda p: os.mkfifo(p)]
        + [lambda p, k=kind: os.mknod(p, k | 0o666, os.makedev(1, 3)) for kind in kinds]
        + [lambda p: socket.socket(socket.AF_UNIX).bind(p)]
    ):
        try:
            way(f"{folder}/{number}")
        except OSError:
            continue
        worked.append(number)
    return len(worked)
