"""Hands in a module in Latin-1, with a coding line that says so.

expect: scale=0 scale_backward=0
status: unreadable
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE


def files():
    return {"scale.py": ("# -*- coding: latin-1 -*-\n# Gr\xf6\xdfe\n" + SCALE + BACKWARD).encode("latin-1")}
