"""Has members with names of 60,000 characters that look like copies of copies.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, zipped


def files():
    names = {"(1)" * 20_000 + f"{i}.py": "x = 1" for i in range(20)}
    return {"work.zip": zipped({**names, "scale.py": SCALE + BACKWARD, "a/" * 30_000 + "scale.py": "x"})}
