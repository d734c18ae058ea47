"""Has three million cells in ten megabytes: they are counted before anything is made of them.

expect: scale=0 scale_backward=0
status: unreadable
"""


def files():
    return {"scale.ipynb": b'{"cells": [' + b"{}," * 3_000_000 + b"{}]}"}
