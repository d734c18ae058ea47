"""Has a megabyte of code.

expect: scale=0 scale_backward=0
status: unreadable
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE


def files():
    return {"scale.py": (SCALE + BACKWARD + "table = [\n" + "    0.12345,\n" * 80_000 + "]\n").encode()}
