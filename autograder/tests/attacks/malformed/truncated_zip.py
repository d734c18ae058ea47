"""Is an archive whose end is missing.

expect: scale=0 scale_backward=0
status: unreadable
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, zipped


def files():
    return {"scale.zip": zipped({"scale.py": SCALE + BACKWARD})[:-30]}
