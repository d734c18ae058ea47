"""Hands in a module of spaces and line ends.

expect: scale=0 scale_backward=0
status: unreadable
"""


def files():
    return {"scale.py": b" \r\n\t\n" * 1000}
