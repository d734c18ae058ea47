"""Hands in an empty file.

expect: scale=0 scale_backward=0
status: unreadable
"""


def files():
    return {"scale.ipynb": b""}
