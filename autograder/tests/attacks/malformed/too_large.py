"""Is a notebook of 100 MB.

expect: scale=0 scale_backward=0
status: unreadable
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, notebook


def files():
    return {"scale.ipynb": notebook(SCALE, BACKWARD) + b" " * 100_000_000}
