"""Hands in links to the solution and to devices: no link is followed.

expect: scale=0 scale_backward=0
status: unreadable
"""


def files():
    return {"scale.py": "@ROOT@/solutions/vol1_toys/scale.py", "scale.ipynb": "/dev/zero", "b": "@ROOT@"}
