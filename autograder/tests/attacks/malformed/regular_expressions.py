"""Holds what is slow to match: quotes, backslashes, brackets and magics without an end.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, notebook


def files():
    lines = ["\\\"" * 9_000, "'" * 19_999, "()" * 9_000, "x" + " " * 19_000 + "?", "= " * 9_000, "%" * 9_000, "x =" + " " * 19_000 + "!ls"]
    return {"scale.ipynb": notebook(SCALE, *lines, "\n".join(lines), BACKWARD)}
