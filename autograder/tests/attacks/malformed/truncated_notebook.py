"""Hands in a notebook whose end is missing.

expect: scale=0 scale_backward=0
status: unreadable
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, notebook


def files():
    return {"scale.ipynb": notebook(SCALE, BACKWARD)[:-20]}
