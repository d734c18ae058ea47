"""Has its sources as lists of lines, with and without line ends.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, code, record


def files():
    one, two = code(SCALE), code(BACKWARD)
    one["source"] = SCALE.splitlines(keepends=True)
    return {"scale.ipynb": record([one, two])}
