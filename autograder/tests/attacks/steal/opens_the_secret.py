"""Opens the course's secret, checks, solutions and results in every way that Python has.

expect: scale=full scale_backward=full
review: yes
"""

import io
import linecache
import mmap
import os
import tokenize

import numpy as np

PLACES = [
    "@ROOT@/instructor/secret",
    "@ROOT@/instructor/checks/vol1_toys/scale.py",
    "@ROOT@/solutions/vol1_toys/counter.py",
    "@ROOT@/handed_in/0/another/scale.py",
    "@ROOT@/graded/students/student1/result.json",
]


def by_descriptor(path):
    return os.read(os.open(path, os.O_RDONLY), 10_000)


def by_mapping(path):
    return mmap.mmap(os.open(path, os.O_RDONLY), 0, prot=mmap.PROT_READ)[:]


WAYS = [
    lambda path: open(path, "rb").read(),
    lambda path: io.FileIO(path).read(),
    lambda path: io.open_code(path).read(),
    by_descriptor,
    by_mapping,
    lambda path: np.fromfile(path, dtype=np.uint8).tobytes(),
    lambda path: bytes(np.memmap(path, mode="r")),
    lambda path: np.genfromtxt(path, dtype=str),
    lambda path: linecache.getlines(path),
    lambda path: tokenize.open(path).read(),
    lambda path: os.readlink(path),
]


def scale(x, factor):
    for path in PLACES:
        for way in WAYS:
            try:
                print(way(path))
            except Exception as error:
                print(type(error).__name__)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
