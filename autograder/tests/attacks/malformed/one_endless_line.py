"""Has one line of 250 kB.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, notebook


def files():
    return {"scale.ipynb": notebook(SCALE, "x = [" + "1," * 120_000 + "]", BACKWARD)}
