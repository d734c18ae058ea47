"""Has thousands of functions, which all call each other and nothing that is graded.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE


def files():
    web = "".join(f"def f{i}():\n    f{i + 1}(), f{i * 7 % 4000}()\n" for i in range(4000))
    return {"scale.py": (SCALE + BACKWARD + web).encode()}
