"""Has a hundred copies of itself: one of them is graded.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE


def files():
    text = (SCALE + BACKWARD).encode()
    return {f"scale ({i}).py": text for i in range(100)}
