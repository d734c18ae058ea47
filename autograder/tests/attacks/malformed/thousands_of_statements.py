"""Has as many statements and functions as fit, which all call each other.

expect: scale=0 scale_backward=0
status: unreadable
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE


def files():
    web = "".join(f"def f{i}():\n    f{i + 1}(), f{i * 7 % 4000}()\n" for i in range(4000))
    return {"scale.py": (SCALE + BACKWARD + web).encode()}
