"""Hands in bytes that are nothing, under the names of something.

expect: scale=0 scale_backward=0
status: unreadable
"""

import random


def files():
    noise = random.Random(0).randbytes(100_000)
    return {"scale.ipynb": noise, "scale.py": noise, "scale.zip": noise}
