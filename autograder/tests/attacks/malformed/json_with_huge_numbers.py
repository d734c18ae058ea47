"""Hands in JSON with numbers of a million digits, infinities and NaN beside right cells.

expect: scale=0 scale_backward=0
status: unreadable
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, notebook


def files():
    text = notebook(SCALE, BACKWARD).decode().rstrip().removesuffix("}")
    return {"scale.ipynb": f'{text}, "a": NaN, "b": -Infinity, "c": 1e999999, "d": {"9" * 1_000_000}}}'.encode()}
