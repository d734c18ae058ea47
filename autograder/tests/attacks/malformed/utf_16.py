"""Hands in a module in UTF-16, as some editors save it.

expect: scale=0 scale_backward=0
status: unreadable
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE


def files():
    return {"scale.py": (SCALE + BACKWARD).encode("utf-16")}
