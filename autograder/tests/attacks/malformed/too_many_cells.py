"""Has three thousand cells.

expect: scale=0 scale_backward=0
status: unreadable
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, code, record


def files():
    return {"scale.ipynb": record([code(SCALE), code(BACKWARD)] + [code("1")] * 3000)}
