"""Has names with line ends, colours, markup, formulas and commands in them.

expect: scale=full scale_backward=full
never: <img src=x
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE


def files():
    odd = ["a\nb.py", "\x1b[31mred.py", "<img src=x onerror=alert(1)>.py", "=cmd|'x'!A1.py", "::error::x.py", "-rf.py"]
    return {"scale.py": (SCALE + BACKWARD).encode(), **{name: b"x = (" for name in odd}}
