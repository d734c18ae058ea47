"""Lists folders to find submissions, results, caches and other courses.

expect: scale=full scale_backward=full
review: yes
never: stolen
"""

import glob
import os
import pathlib

FOLDERS = ["@ROOT@", "@ROOT@/handed_in", "@ROOT@/graded/students", "@ROOT@/..", "/etc", "/proc/1"]
WAYS = [
    os.listdir,
    lambda folder: [entry.name for entry in os.scandir(folder)],
    lambda folder: glob.glob(f"{folder}/*"),
    lambda folder: list(pathlib.Path(folder).rglob("*.py")),
    lambda folder: list(os.walk(folder)),
    lambda folder: os.listdir(os.open(folder, os.O_RDONLY | os.O_DIRECTORY)),
]


def scale(x, factor):
    for folder in FOLDERS:
        for way in WAYS:
            try:
                found = way(folder)
            except OSError:
                continue
            if found:
                print("sto" + "len", found)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
