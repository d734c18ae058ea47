"""Writes files wherever one may hope to: next to the course, in /tmp, /dev/shm, at home.

expect: scale=full scale_backward=full
review: yes
never: escaped
"""

import os
import pathlib
import tempfile

import numpy as np

NAME = "@MARKER@".rpartition("/")[2]
FOLDERS = ["@ROOT@", "@ROOT@/..", "/tmp", "/var/tmp", "/dev/shm", "/run", "/root", "/home", ".", "/"]


def scale(x, factor):
    for folder in FOLDERS:
        path = f"{folder}/{NAME}"
        for way in (
            lambda p=path: open(p, "w").close(),
            lambda p=path: open(p, "x").close(),
            lambda p=path: open(p, "a").close(),
            lambda p=path: open(p, "r+").close(),
            lambda p=path: os.open(p, os.O_CREAT | os.O_RDONLY),
            lambda p=path: os.mkdir(p),
            lambda p=path: os.mkfifo(p),
            lambda p=path: os.mknod(p),
            lambda p=path: np.save(p, x),
            lambda p=path: x.tofile(p),
            lambda p=path: np.memmap(p, mode="w+", shape=(1,)),
            lambda p=path: pathlib.Path(p).touch(),
            lambda f=folder: os.open(f, os.O_TMPFILE | os.O_RDWR),
            lambda f=folder: tempfile.mkstemp(prefix=NAME, dir=f),
        ):
            try:
                way()
            except OSError:
                continue
            print("esc" + "aped", path)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
