"""Imports references, checks and the engine by every name that they could have.

expect: scale=full scale_backward=full
review: yes
never: stolen
"""

import importlib
import sys

NAMES = [
    "solutions",
    "solutions.vol1_toys.scale",
    "instructor",
    "instructor.checks.vol1_toys.scale",
    "_checks_vol1_toys_scale",
    "starter_code",
    "autograder",
    "autograder.judge",
    "autograder.sandbox",
    "_engine",
    "_engine.judge",
    "_engine.sandbox.zygotes",
    "IPython",
    "pytest",
]


def scale(x, factor):
    sys.path += ["@ROOT@", "@ROOT@/solutions/vol1_toys", "@ROOT@/instructor/checks/vol1_toys", ""]
    for name in NAMES:
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        print("sto" + "len", name, vars(module).keys())
    sys.path[-4:] = []
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
