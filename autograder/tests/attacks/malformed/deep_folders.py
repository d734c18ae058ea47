"""Hides its module twenty folders deep.

expect: scale=0 scale_backward=0
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE


def files():
    return {"a/" * 20 + "scale.py": (SCALE + BACKWARD).encode()}
