"""Has a null byte in one cell: the other ones are read.

expect: scale=0 scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, notebook


def files():
    return {"scale.ipynb": notebook(SCALE.replace("return", "return\0"), BACKWARD)}
