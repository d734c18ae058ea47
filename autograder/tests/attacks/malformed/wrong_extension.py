"""Is a notebook that calls itself a module, and the other way round.

expect: scale=0 scale_backward=0
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, notebook


def files():
    return {"scale.py": notebook(SCALE, BACKWARD), "scale.ipynb": (SCALE + BACKWARD).encode()}
